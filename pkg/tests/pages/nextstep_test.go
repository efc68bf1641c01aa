package pages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// causes are the texts that name no next step themselves, with who adds it.
var causes = map[string]string{
	// pkg/engage: the *Error around it has a hint.
	"not tried: ":                     "the refused permit",
	"failed":                          "the error around it",
	"the token is refused, but ":      "doubtful",
	"the deletion was accepted, but ": "doubtful",
	"too many":                        "unusable",
	"no array":                        "unusable",
	"text follows":                    "unusable",
	"not a token: the text is empty":  "unusable, or secret's FieldError",
	"not a token: %d characters, want %d to %d":                                  "unusable, or secret's FieldError",
	"not a token: character %d is white space, a control character or not ASCII": "unusable, or secret's FieldError",
	"not a token: character %d is %q":                                            "unusable, or secret's FieldError",
	"not a token: it holds the path segment %q":                                  "unusable, or secret's FieldError",
	// The ledger: an entry that cannot be read is named with what to do.
	"not a baseline": "ledger.View.Unreadable",
	"the parameter does not hold a record of this form": "ledger.Look",
	// The rotation: report.Failed adds the hint.
	"the user's list lacks the token of AWSCURRENT, which answers and is " +
		"this user's": "rotation.create",
	"the list does not show token %s yet, which an earlier attempt " +
		"created": "rotation.refusedSupply",
	"the document would be longer than %d " +
		"bytes": "rotation.refusedSupply",
	"the invocation has less than %s " +
		"left": "rotation.refusedSupply",
	"this rotation is " +
		"abandoned": "rotation.isAbandoned",
	"AWSCURRENT has moved " +
		"on": "the log line",
	"AWSCURRENT and the pending value differ in more than the token: the " +
		"secret was edited during the rotation": "rotation.abandon",
	"the pending token was created for another version: this one was made " +
		"for a test, or by hand": "rotation.abandon",
	"the ledger has no entry of this rotation: its parameters were " +
		"removed, or the version was written by hand": "rotation.abandon",
	"the token is being retired: a sweep gave this rotation up, or the " +
		"version was replaced long ago": "rotation.abandon",
	// Sentinels: whoever wraps them adds it.
	"no secret of the user holds a token": "the login that follows",
	"the secret's document is invalid":    "secret.FieldError",
	"not found":                           "awserr",
	"another change came first":           "awserr",
	"outcome unknown":                     "awserr",
	"a setting is invalid":                "settings.Error",
	"its secret cannot be read":           "sweep.deleteOrLeave",
	// Readers: errors for programs, not for operators.
	"the event is neither Amazon Connect's nor API Gateway's: %T": "ivr's answer",
	"panic: %s\n%s": "the runbook",
	"the secret was not found, or has no value":                                         "the caller",
	"reading the secret was denied":                                                     "smsource",
	"the token source is closed":                                                        "the caller",
	"the request is for another host than the token's":                                  "the caller",
	"tokensource: Config.Fetch is missing":                                              "the programmer",
	"tokensource: TTL, Timeout, MinBackoff and MaxBackoff must not be negative":         "the programmer",
	"tokensource: NewTransport needs a source":                                          "the programmer",
	"tokensource: NewTransport needs a base URL such as https://engage.ringcentral.com": "the programmer",
	"tokensource: the request has no URL":                                               "the programmer",
	"the body cannot be read twice":                                                     "the caller",
}

// TestEachErrorNamesANextStep walks over the constructors of errors of the product: a text has a
// clause after a semicolon, or wraps an error that has one, or is a cause to which another adds it.
func TestEachErrorNamesANextStep(t *testing.T) {
	seen := map[string]bool{}
	for _, path := range files(t) {
		if !isProduct(path) {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, read(t, path), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			ast.Inspect(declaration, func(n ast.Node) bool {
				if wraps(n) {
					return false
				}
				text, lacks := lacksNextStep(n, declaration)
				if !lacks {
					return true
				}
				seen[text] = true
				if causes[text] == "" {
					t.Errorf("%s: %q names no next step", set.Position(n.Pos()), text)
				}
				return true
			})
		}
	}
	for _, text := range slices.Sorted(maps.Keys(causes)) {
		if !seen[text] {
			t.Errorf("the cause %q is constructed nowhere; remove it from the list", text)
		}
	}
}

func isProduct(path string) bool {
	return strings.HasPrefix(path, "pkg/") && !strings.HasPrefix(path, "pkg/tests/") &&
		!strings.HasPrefix(path, "pkg/standins/") && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
}

// wraps reports whether a node is a call that adds a hint to the error that it is given.
func wraps(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok || nameOf(call.Fun) != "report.Failed" {
		return ok && nameOf(call.Fun) == "isAbandoned" // which has a hint of its own
	}
	hint, isConstant := call.Args[len(call.Args)-1].(*ast.BasicLit)
	return !isConstant || literal(hint) != ""
}

// lacksNextStep reports whether a node constructs an error without a next step, and its text.
func lacksNextStep(n, declaration ast.Node) (text string, lacks bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		text = constant(n.Args)
		switch nameOf(n.Fun) {
		case "errors.New", "fmt.Errorf":
			return text, !strings.Contains(text, "; ") && !strings.Contains(text, "%w")
		case "report.Failed":
			hint, ok := n.Args[len(n.Args)-1].(*ast.BasicLit)
			return text, ok && literal(hint) == ""
		}
	case *ast.CompositeLit:
		name := nameOf(n.Type)
		if name != "Error" && name != "FieldError" {
			return "", false
		}
		for _, element := range n.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch nameOf(pair.Key) {
			case "Hint":
				return "", false
			case "Reason", "Fault":
				text = constant([]ast.Expr{pair.Value})
				lacks = !strings.Contains(text, "; ")
			}
		}
		return text, lacks && !assignsHint(declaration)
	}
	return "", false
}

// assignsHint reports whether the declaration assigns a field Hint.
func assignsHint(declaration ast.Node) (found bool) {
	ast.Inspect(declaration, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok {
			for _, left := range assign.Lhs {
				found = found || strings.HasSuffix(nameOf(left), ".Hint")
			}
		}
		return !found
	})
	return found
}

// nameOf returns the text of an identifier or a selector.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	}
	return ""
}

// constant returns the string constants in the expressions, joined.
func constant(expressions []ast.Expr) string {
	var b strings.Builder
	for _, e := range expressions {
		ast.Inspect(e, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				b.WriteString(literal(text))
			}
			if name, ok := n.(*ast.Ident); ok && (name.Name == "remedy" || strings.HasPrefix(name.Name, "hint")) {
				b.WriteString("; " + name.Name)
			}
			_, nested := n.(*ast.FuncLit)
			return !nested
		})
	}
	return b.String()
}

package simulation

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	syntax "go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A safeguard is marked in the product's source by a comment
//
//	//safeguard:name verb
//
// on the line before a statement, a case or a constant, or at the end of its first line. The verb
// says how the program looks without the safeguard; the syntax tree is changed, so that a rename
// does no harm:
//
//	off     the condition of an if, a for, a case, a return or an assignment is false (the default)
//	on      that condition is true
//	term N  the Nth operand of that condition's && or || chain does not count, from 1
//	drop    the statement is not executed
//	later   the statement is executed after the next one
//	zero    the value of a constant, an assignment, a field or a return is zero
var markerForm = regexp.MustCompile(`//safeguard:([a-z0-9-]+)(?: (off|on|drop|later|zero|term [1-9]))?(?:\s|$)`)

// marker is a marked safeguard.
type marker struct {
	file       string
	line       int // of what is marked
	name, verb string
}

func (m marker) String() string { return fmt.Sprintf("%s:%d", filepath.Base(m.file), m.line) }

// markers finds the marked safeguards of the product.
func markers(t *testing.T) []marker {
	var all []marker
	for _, name := range guarded {
		files, err := filepath.Glob(filepath.Join("..", "..", name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, markersIn(file, string(text))...)
		}
	}
	return all
}

func markersIn(file, text string) []marker {
	var found []marker
	lines := strings.Split(text, "\n")
	for n, line := range lines {
		for _, match := range markerForm.FindAllStringSubmatch(line, -1) {
			m := marker{file: file, line: n + 1, name: match[1], verb: match[2]}
			for isMarker(lines[m.line-1]) { // on a line of its own
				m.line++
			}
			if m.verb == "" {
				m.verb = "off"
			}
			found = append(found, m)
		}
	}
	return found
}

func isMarker(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "//safeguard:") }

// mutant returns the file without the safeguard.
func (m marker) mutant() ([]byte, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	return m.change(text)
}

// change returns the text of the marker's file without the safeguard. It loses its comments.
func (m marker) change(text []byte) ([]byte, error) {
	files := syntax.NewFileSet()
	tree, err := parser.ParseFile(files, m.file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	c := change{marker: m, files: files}
	ast.Inspect(tree, c.visit)
	if c.err == nil && !c.done {
		c.err = fmt.Errorf("safeguard %s: nothing that %q can change begins on line %d", m.name, m.verb, m.line)
	}
	if c.err != nil {
		return nil, c.err
	}
	var out bytes.Buffer
	if err := format.Node(&out, files, tree); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// change carries out a marker's verb in a syntax tree.
type change struct {
	marker
	files *syntax.FileSet
	done  bool
	err   error
}

// marked reports whether a node begins on the marked line.
func (c *change) marked(n ast.Node) bool { return c.files.Position(n.Pos()).Line == c.line }

// visit looks for the outermost node that the verb can change.
func (c *change) visit(n ast.Node) bool {
	if n == nil || c.done || c.err != nil {
		return false
	}
	switch verb, _, _ := strings.Cut(c.verb, " "); verb {
	case "drop", "later":
		c.changeStatement(n, verb)
	case "zero":
		c.changeValue(n)
	default:
		c.changeCondition(n)
	}
	return !c.done
}

// changeStatement changes one of the statements of a block.
func (c *change) changeStatement(n ast.Node, verb string) {
	list := statements(n)
	if list == nil {
		return
	}
	i := slices.IndexFunc(*list, func(s ast.Stmt) bool { return c.marked(s) })
	switch {
	case i < 0:
	case verb == "drop":
		(*list)[i] = &ast.IfStmt{Cond: ast.NewIdent("false"), Body: &ast.BlockStmt{List: []ast.Stmt{(*list)[i]}}}
		c.done = true
	case i+1 < len(*list):
		(*list)[i], (*list)[i+1] = (*list)[i+1], (*list)[i]
		c.done = true
	default:
		c.err = fmt.Errorf("safeguard %s: no statement follows", c.name)
	}
}

func statements(n ast.Node) *[]ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return &n.List
	case *ast.CaseClause:
		return &n.Body
	}
	return nil
}

// changeValue multiplies a value by zero, so that its operands are still used.
func (c *change) changeValue(n ast.Node) {
	value := valueOf(n)
	if value == nil || !c.marked(n) {
		return
	}
	*value = &ast.BinaryExpr{X: &ast.BasicLit{Kind: syntax.INT, Value: "0"}, Op: syntax.MUL, Y: &ast.ParenExpr{X: *value}}
	c.done = true
}

func valueOf(n ast.Node) *ast.Expr {
	switch n := n.(type) {
	case *ast.ValueSpec:
		return only(n.Values)
	case *ast.AssignStmt:
		return only(n.Rhs)
	case *ast.ReturnStmt:
		return only(n.Results)
	case *ast.KeyValueExpr:
		return &n.Value
	}
	return nil
}

func only(values []ast.Expr) *ast.Expr {
	if len(values) != 1 {
		return nil
	}
	return &values[0]
}

// changeCondition changes a condition so that its operands are still used.
func (c *change) changeCondition(n ast.Node) {
	condition := conditionOf(n)
	if condition == nil || !c.marked(n) {
		return
	}
	c.done = true
	if *condition == nil {
		c.err = fmt.Errorf("safeguard %s: the loop has no condition", c.name)
		return
	}
	if number, found := strings.CutPrefix(c.verb, "term "); found {
		c.err = dropTerm(condition, number)
		return
	}
	*condition = fixed(*condition, c.verb == "on")
}

func conditionOf(n ast.Node) *ast.Expr {
	switch n := n.(type) {
	case *ast.IfStmt:
		return &n.Cond
	case *ast.ForStmt:
		return &n.Cond
	case *ast.AssignStmt:
		return only(n.Rhs)
	case *ast.KeyValueExpr:
		return &n.Value
	case *ast.CaseClause:
		return only(n.List)
	case *ast.ReturnStmt:
		return only(n.Results)
	}
	return nil
}

// fixed returns an expression that is always true or always false, and still names what x names.
func fixed(x ast.Expr, value bool) ast.Expr {
	op := syntax.LAND
	if value {
		op = syntax.LOR
	}
	return &ast.ParenExpr{X: &ast.BinaryExpr{X: ast.NewIdent(strconv.FormatBool(value)), Op: op, Y: &ast.ParenExpr{X: x}}}
}

// dropTerm takes one operand out of a chain of && or ||.
func dropTerm(condition *ast.Expr, number string) error {
	chain, ok := (*condition).(*ast.BinaryExpr)
	if !ok || chain.Op != syntax.LAND && chain.Op != syntax.LOR {
		return fmt.Errorf("the condition has no term %s", number)
	}
	var terms []*ast.Expr
	collectTerms(condition, chain.Op, &terms)
	n, err := strconv.Atoi(number)
	if err != nil || n > len(terms) {
		return fmt.Errorf("the condition has no term %s", number)
	}
	*terms[n-1] = fixed(*terms[n-1], chain.Op == syntax.LAND)
	return nil
}

func collectTerms(x *ast.Expr, op syntax.Token, terms *[]*ast.Expr) {
	if chain, ok := (*x).(*ast.BinaryExpr); ok && chain.Op == op {
		collectTerms(&chain.X, op, terms)
		collectTerms(&chain.Y, op, terms)
		return
	}
	*terms = append(*terms, x)
}

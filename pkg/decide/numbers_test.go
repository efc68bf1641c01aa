package decide_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"engage-token-rotation/pkg/decide"
)

// cases returns the cases of the source with numbers that begin with a letter.
func cases(t *testing.T, letter string) []decide.Case {
	t.Helper()
	var all []decide.Case
	for _, file := range parse(t, ".", func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Case" && strings.HasPrefix(spec.Names[0].Name, letter) {
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil || text != spec.Names[0].Name {
					t.Errorf("case %s has the number %q", spec.Names[0].Name, text)
				}
				all = append(all, decide.Case(text))
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatalf("the source has no case %s", letter)
	}
	return all
}

// parse parses the Go files of a directory that have matching names.
func parse(t *testing.T, dir string, match func(string) bool) []*ast.File {
	t.Helper()
	names, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if !match(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// examples returns the numbers in the names of the tests of a directory: those of functions, and
// those at the beginning of the names in their tables.
func examples(t *testing.T, dir string) map[decide.Case]bool {
	t.Helper()
	inFunction, inTable := regexp.MustCompile(`[A-Z][0-9]+`), regexp.MustCompile(`^"([A-Z][0-9]+) `)
	found := map[decide.Case]bool{}
	for _, file := range parse(t, dir, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if name, isTest := strings.CutPrefix(n.Name.Name, "Test"); isTest {
					for _, number := range inFunction.FindAllString(name, -1) {
						found[decide.Case(number)] = true
					}
				}
			case *ast.BasicLit:
				if m := inTable.FindStringSubmatch(n.Value); m != nil && dir == "." {
					found[decide.Case(m[1])] = true
				}
			}
			return true
		})
	}
	return found
}

func TestEveryCaseHasAnExampleWithItsNumberInTheName(t *testing.T) {
	found := map[decide.Case]bool{}
	for _, dir := range []string{".", "../rotation", "../sweep"} {
		for c := range examples(t, dir) {
			found[c] = true
		}
	}
	numbers := map[decide.Case]bool{}
	for _, letter := range []string{"C", "S", "T", "F", "R", "W"} {
		all := cases(t, letter)
		for n := range all {
			if c := decide.Case(letter + strconv.Itoa(n+1)); !slices.Contains(all, c) {
				t.Errorf("of %d cases %s none is %s", len(all), letter, c)
			}
		}
		for _, c := range all {
			numbers[c] = true
			if !found[c] {
				t.Errorf("no test has %s in its name", c)
			}
		}
	}
	for c := range found {
		if !numbers[c] {
			t.Errorf("a test is named after case %s, which does not exist", c)
		}
	}
}

package pages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page that follows an event from hop to hop.
const (
	eventPage    = "pkg/README.md"
	eventHeading = "Follow an event"
	eventLines   = 40
	eventHops    = 8 // fewer would leave a reader to guess
)

var (
	hopPattern  = regexp.MustCompile("\\[[^\\]]+\\]\\(([^)]+\\.go)\\)((?:,? (?:and )?`[^`]+`)+)")
	namePattern = regexp.MustCompile("`([^`]+)`")
)

// Each hop names a file and its functions; all of them exist there.
func TestFollowAnEvent(t *testing.T) {
	p := pageAt(t, eventPage)
	_, section, found := strings.Cut(p.text, "\n## "+eventHeading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", p.path, eventHeading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	if n := strings.Count(strings.TrimSpace(section), "\n") + 1; n > eventLines {
		t.Errorf("the section has %d lines; it may have %d", n, eventLines)
	}
	hops := 0
	for _, hop := range hopPattern.FindAllStringSubmatch(section, -1) {
		file := path.Join(path.Dir(p.path), hop[1])
		declared := functionsOf(t, file)
		for _, name := range namePattern.FindAllStringSubmatch(hop[2], -1) {
			hops++
			if !declared[name[1]] {
				t.Errorf("%s names %s in %s, which does not declare it", p.path, name[1], file)
			}
		}
	}
	if hops < eventHops {
		t.Errorf("the section has %d hops that name a file and a function; it needs %d", hops, eventHops)
	}
	for n, line := range strings.Split(section, "\n") {
		if regexp.MustCompile(`^\d+\. `).MatchString(line) && !hopPattern.MatchString(line) {
			t.Errorf("line %d of the section names no file and function: %s", n, line)
		}
	}
}

// functionsOf returns the names of the functions and methods that a file declares.
func functionsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	name := filepath.Join(root, filepath.FromSlash(file))
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	names := map[string]bool{}
	for _, declaration := range parsed.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			names[function.Name.Name] = true
		}
	}
	return names
}

package pages_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	linkPattern    = regexp.MustCompile(`!?\[[^\]]*\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	fencePattern   = regexp.MustCompile("(?ms)^```.*?^```$")
	idPattern      = regexp.MustCompile(`<a id="([a-z0-9-]+)"></a>`)
	spanPattern    = regexp.MustCompile("`[^`\n]+`")
)

// prose returns the page without its fenced blocks.
func (p page) prose() string { return fencePattern.ReplaceAllString(p.text, "") }

// anchors returns the names by which GitHub links to the page's headings and marks.
func (p page) anchors() []string {
	var names []string
	for _, heading := range headingPattern.FindAllStringSubmatch(p.prose(), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(heading[1]))
		names = append(names, name)
	}
	for _, id := range idPattern.FindAllStringSubmatch(p.text, -1) {
		names = append(names, id[1])
	}
	return names
}

func TestLinksResolve(t *testing.T) {
	together := 0
	for _, p := range pages(t) {
		for _, match := range linkPattern.FindAllStringSubmatch(p.prose(), -1) {
			together++
			target, err := url.Parse(match[1])
			if err != nil {
				t.Errorf("%s: %s: %v", p.path, match[1], err)
				continue
			}
			if target.Scheme == "https" {
				continue // the network is not asked
			}
			if target.Scheme != "" || target.Host != "" {
				t.Errorf("%s: %s is neither https nor relative", p.path, match[1])
				continue
			}
			p.checkTarget(t, target)
		}
	}
	if together < 20 {
		t.Errorf("only %d links were found; the pattern no longer fits", together)
	}
}

// checkTarget checks that a relative link leads to a file, and to a heading of it.
func (p page) checkTarget(t *testing.T, target *url.URL) {
	t.Helper()
	linked := p
	if target.Path != "" {
		path := filepath.Join(p.dir(), filepath.FromSlash(target.Path))
		relative, err := filepath.Rel(root, path)
		if err != nil || strings.HasPrefix(relative, "..") {
			t.Errorf("%s: the link %s leads out of the repository", p.path, target)
			return
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: the link %s leads nowhere", p.path, target)
			return
		}
		if target.Fragment == "" {
			return
		}
		linked = pageAt(t, filepath.ToSlash(relative))
	}
	if target.Fragment != "" && !slices.Contains(linked.anchors(), target.Fragment) {
		t.Errorf("%s: %s has no heading %q; it has %q", p.path, linked.path, target.Fragment, linked.anchors())
	}
}

var (
	makePattern   = regexp.MustCompile(`\bmake ([a-z][a-z-]*)((?: [A-Z]+=\S+)*)`)
	targetPattern = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	testPattern   = regexp.MustCompile(`\bTest[A-Z]\w+`)
	pathPattern   = regexp.MustCompile(`^(?:\./)?((?:pkg|functions|events|\.ci|\.github)/[\w./-]*)$`)
	stackPattern  = regexp.MustCompile(`\b([A-Z][a-z]+(?:[A-Z][a-z]+)+)=`)
)

// code returns the texts of the page that are code: blocks and spans.
func (p page) code() []string {
	return append(fencePattern.FindAllString(p.text, -1), spanPattern.FindAllString(p.prose(), -1)...)
}

// Names on the pages are names of things that exist: targets and variables of make, tests, files,
// and parameters of the template.
func TestNamesExist(t *testing.T) {
	makefile, template := read(t, "Makefile"), read(t, "template.yaml")
	var targets []string
	for _, match := range targetPattern.FindAllStringSubmatch(makefile, -1) {
		targets = append(targets, match[1])
	}
	tests := testNames(t)
	for _, p := range pages(t) {
		for _, code := range p.code() {
			for _, match := range makePattern.FindAllStringSubmatch(code, -1) {
				if !slices.Contains(targets, match[1]) {
					t.Errorf("%s: the Makefile has no target %q", p.path, match[1])
				}
				for assignment := range strings.FieldsSeq(match[2]) {
					if name, _, _ := strings.Cut(assignment, "="); !strings.Contains(makefile, "\n"+name+" ") {
						t.Errorf("%s: the Makefile has no variable %s", p.path, name)
					}
				}
			}
			for _, name := range testPattern.FindAllString(code, -1) {
				if !slices.Contains(tests, name) {
					t.Errorf("%s: there is no test %s", p.path, name)
				}
			}
			for _, match := range stackPattern.FindAllStringSubmatch(code, -1) {
				if match[1] != "Region" && !strings.Contains(template, "\n  "+match[1]+":\n") {
					t.Errorf("%s: template.yaml has no parameter %s", p.path, match[1])
				}
			}
			for word := range strings.FieldsSeq(strings.Trim(code, "`")) {
				match := pathPattern.FindStringSubmatch(strings.TrimSuffix(strings.Trim(word, "'\""), "/..."))
				if match == nil {
					continue
				}
				if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(match[1]))); err != nil {
					t.Errorf("%s: %s does not exist", p.path, match[1])
				}
			}
		}
	}
}

// testNames returns the names of all tests.
func testNames(t *testing.T) []string {
	t.Helper()
	var names []string
	pattern := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, path := range files(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, match := range pattern.FindAllStringSubmatch(read(t, path), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// column returns the code spans in the first column of the tables under a heading.
func (p page) column(heading string) []string {
	_, section, _ := strings.Cut(p.text, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, span := range spanPattern.FindAllString(cells[1], -1) {
			names = append(names, strings.Trim(span, "`"))
		}
	}
	return names
}

// README's table of settings is that of the code: the variables are those that package settings
// reads.
func TestSettingsAreThoseOfTheCode(t *testing.T) {
	var want []string
	pattern := regexp.MustCompile(`\bEnv\w+\s+= "([A-Z_]+)"`)
	for _, path := range files(t) {
		if filepath.Dir(path) != "pkg/settings" || strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, match := range pattern.FindAllStringSubmatch(read(t, path), -1) {
			want = append(want, match[1])
		}
	}
	got := pageAt(t, "README.md").column("Settings")
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the page has the settings %q; the code has %q", got, want)
	}
}

// The messages that "When it is stuck" quotes are those of the code, or of AWS as the stand-ins
// know it.
func TestQuotedMessagesExist(t *testing.T) {
	var sources strings.Builder
	for _, path := range files(t) {
		if strings.HasSuffix(path, ".go") && !strings.HasPrefix(path, "pkg/tests/pages/") {
			sources.WriteString(read(t, path))
		}
	}
	quoted := pageAt(t, "README.md").column("When it is stuck")
	for _, message := range quoted {
		text := strings.TrimLeft(message, "0123456789") // a number is printed by %d
		if !strings.Contains(sources.String(), text) {
			t.Errorf("README.md quotes %q, which nothing prints", message)
		}
	}
	if len(quoted) < 3 {
		t.Errorf("only %q are quoted; the table has moved", quoted)
	}
}

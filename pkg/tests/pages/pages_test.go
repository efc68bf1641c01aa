package pages_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the directory of go.mod.
const root = "../../.."

// The limits of the pages. The words are 60 % of what README.md had before it was split into pages.
const (
	readmeLines   = 300
	wordsTogether = 9500
)

// page is one *.md file.
type page struct {
	path string // below root, with slashes
	text string
}

func (p page) lines() []string { return strings.Split(strings.TrimSuffix(p.text, "\n"), "\n") }

// dir is the directory that the page's links start from.
func (p page) dir() string { return filepath.Join(root, filepath.Dir(p.path)) }

// pages returns all pages, README.md first.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, path := range files(t) {
		if strings.HasSuffix(path, ".md") {
			all = append(all, page{path, read(t, path)})
		}
	}
	slices.SortStableFunc(all, func(a, b page) int { return strings.Count(a.path, "/") - strings.Count(b.path, "/") })
	if len(all) == 0 || all[0].path != "README.md" {
		t.Fatal("README.md is missing")
	}
	return all
}

// pageAt returns one page.
func pageAt(t *testing.T, path string) page {
	t.Helper()
	return page{path, read(t, path)}
}

// files returns every file of the repository that is not built, below root and with slashes.
func files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := strings.HasPrefix(relative, ".") && relative != "." && relative != ".github" && relative != ".ci"
			if hidden || relative == "bin" || strings.HasPrefix(relative, ".github/workflows/") {
				return filepath.SkipDir
			}
			return nil
		}
		all = append(all, filepath.ToSlash(relative))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeIsShort(t *testing.T) {
	if n := len(pageAt(t, "README.md").lines()); n > readmeLines {
		t.Errorf("README.md has %d lines; move something to another page, so that it has at most %d", n, readmeLines)
	}
}

func TestPagesTogetherAreShort(t *testing.T) {
	together := 0
	for _, p := range pages(t) {
		words := len(strings.Fields(p.text))
		t.Logf("%5d words  %s", words, p.path)
		together += words
	}
	t.Logf("%5d words  together", together)
	if together > wordsTogether {
		t.Errorf("the pages have %d words together; cut them to at most %d", together, wordsTogether)
	}
}

var unwanted = regexp.MustCompile(`/(home|root|tmp|work)/|TODO|FIXME|<!-- lead|\| \? \|`)

// The pages are for every reader: they name no path of one machine, and hold no place-holder.
func TestPagesNameNoMachineAndNothingUnfinished(t *testing.T) {
	for _, p := range pages(t) {
		for n, line := range p.lines() {
			if found := unwanted.FindString(line); found != "" {
				t.Errorf("%s:%d holds %q", p.path, n+1, found)
			}
		}
	}
}

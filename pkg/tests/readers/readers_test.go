package readers_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"engage-token-rotation/pkg/tests/internal/binaries"
)

var rotations = flag.Int("rotations", 8, "how many rotations TestReadersForeign goes through")

var built binaries.Dir

func TestMain(m *testing.M) { os.Exit(built.Run(m, 16)) }

// setupDir returns the directory of other people's clients, which .ci/readers-setup prints.
func setupDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("FOREIGN_READERS")
	if dir == "" {
		t.Skip("needs other people's clients: make readers-foreign")
	}
	return dir
}

// TestReadersForeign proves that a reader which asks again after a refusal has no failed call over
// rotations, and neither has one with a cache if the retention is as long. It prints README's
// table.
func TestReadersForeign(t *testing.T) {
	commands := prepare(t, setupDir(t))
	worlds := [2]*world{newWorld(t, 0), newWorld(t, ttl)}
	var results [2]map[string]result
	var group sync.WaitGroup
	for i, w := range worlds {
		w.rotate(t.Context()) // the first token
		w.startGo()
		for name, command := range commands {
			w.start(name, command(t.Context()))
		}
		group.Go(func() {
			for range *rotations {
				w.rotate(t.Context())
			}
			results[i] = w.results()
		})
	}
	group.Wait()
	measured := 0
	for _, r := range newRows() {
		for _, key := range r.keys {
			measured++
			check(t, key, r.need, [2]result{results[0][key], results[1][key]})
		}
	}
	if measured != len(results[0]) || measured != len(results[1]) {
		t.Errorf("%d readers are in rows; the programs have %d and %d", measured, len(results[0]), len(results[1]))
	}
	printTable(t.Output(), results)
}

// check compares a reader's failed calls with the retention that its row names.
func check(t *testing.T, key string, need need, got [2]result) {
	t.Helper()
	t.Logf("%-25s %+v", key, got)
	for i, r := range got {
		if r.Calls < *rotations {
			t.Errorf("%s: %d calls in sandbox %d, fewer than rotations", key, r.Calls, i)
		}
	}
	switch without, with := got[0], got[1]; {
	case with.Failed > 0:
		t.Errorf("%s: %d calls failed although the retention is %v: %s", key, with.Failed, ttl, with.Error)
	case need == needsNone && without.Failed > 0:
		t.Errorf("%s: %d calls failed without a retention: %s", key, without.Failed, without.Error)
	case need == needsCache && without.Failed == 0:
		t.Errorf("%s: no call failed without a retention, so that this test proves nothing", key)
	}
}

const tableHead = "" +
	"| reader | cache | asks again at 401 | retention needed | failed calls at 0 | at that retention |\n" +
	"|---|---|---|---|---:|---:|\n"

// printTable writes the table in Markdown.
func printTable(w io.Writer, results [2]map[string]result) {
	fmt.Fprintf(w, "%d rotations, one every %v; caches and retention of %v\n\n", *rotations, period, ttl)
	fmt.Fprint(w, tableHead)
	for _, r := range newRows() {
		fmt.Fprintf(w, "| %s | %s |\n", r.text(), r.figures(results))
	}
}

// README has the table as it is printed. A reader that needs a retention failed without it, and
// none failed with the retention that it needs.
func TestReadmeHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), tableHead)
	if !found {
		t.Fatalf("README.md lacks\n%s", tableHead)
	}
	lines := strings.Split(table, "\n")
	for i, r := range newRows() {
		text, figures, _ := strings.Cut(lines[i], " | "+r.retention+" | ")
		if want := "| " + r.text(); text+" | "+r.retention != want {
			t.Errorf("README.md has\n%s\nwant\n%s", lines[i], want)
		}
		var without, with, calls, more int
		pattern, fields := "%d of %d | %d of %d |", []any{&without, &calls, &with, &more}
		if r.need == needsNone {
			pattern, fields = "%d of %d | the same |", fields[:2]
		}
		n, _ := fmt.Sscanf(figures, pattern, fields...)
		switch {
		case r.keys == nil && figures != "not run | not run |":
			t.Errorf("%s: %s", r.name, figures)
		case r.keys != nil && (n != len(fields) || with != 0 || r.need == needsNone && without != 0 ||
			r.need == needsCache && without == 0):
			t.Errorf("%s: %s", r.name, figures)
		}
	}
}

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
	rows := newRows()
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
			fill(t, rows, i, w.results())
		})
	}
	group.Wait()
	for _, r := range rows {
		check(t, r)
	}
	printTable(t.Output(), rows)
}

// fill stores the results of one sandbox in the rows.
func fill(t *testing.T, rows []*row, sandbox int, results map[string]result) {
	t.Helper()
	for _, r := range rows {
		got, found := results[r.key]
		if found == (r.cannotBe != "") {
			t.Errorf("%s: a result: %v; the row says %q", r.key, found, r.cannotBe)
		}
		delete(results, r.key)
		r.calls[sandbox], r.failed[sandbox], r.lastErrors[sandbox] = got.Calls, got.Failed, got.Error
	}
	for name := range results {
		t.Errorf("%s is in no row", name)
	}
}

// check compares a row's failed calls with the retention that it names.
func check(t *testing.T, r *row) {
	t.Helper()
	if r.cannotBe != "" {
		return
	}
	for i, calls := range r.calls {
		if calls < *rotations {
			t.Errorf("%s: %d calls in sandbox %d, fewer than rotations", r.key, calls, i)
		}
	}
	if r.failed[1] > 0 {
		t.Errorf("%s: %d calls failed although the retention is %v: %s", r.key, r.failed[1], ttl, r.lastErrors[1])
	}
	switch {
	case r.need == needsNone && r.failed[0] > 0:
		t.Errorf("%s: %d calls failed without a retention: %s", r.key, r.failed[0], r.lastErrors[0])
	case r.need == needsCache && r.failed[0] == 0:
		t.Errorf("%s: no call failed without a retention, so that this test proves nothing", r.key)
	}
}

// printTable writes the table in Markdown.
func printTable(w io.Writer, rows []*row) {
	fmt.Fprintf(w, "%d rotations, one every %v; caches and retention of %v\n\n", *rotations, period, ttl)
	fmt.Fprintln(w, "| reader | cache | asks again at 401 | retention needed | failed at 0 | failed at that retention |")
	fmt.Fprintln(w, "|---|---|---|---|---:|---:|")
	for _, r := range rows {
		figures := fmt.Sprintf("%d of %d | %d of %d", r.failed[0], r.calls[0], r.failed[1], r.calls[1])
		if r.cannotBe != "" {
			figures = "not run | not run"
		} else if r.need == needsNone {
			figures = fmt.Sprintf("%d of %d | %s", r.failed[0], r.calls[0], "the same")
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join([]string{r.name, r.cache, r.asksAgain, r.retention, figures}, " | "))
	}
}

package readers_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/tests/internal/binaries"
)

// recorded is the run of which README has the table.
const recorded = "testdata/measured.json"

var (
	rotations = flag.Int("rotations", 8, "how many rotations TestReadersForeign goes through")
	record    = flag.Bool("record", false, "write what TestReadersForeign finds to "+recorded)
)

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
	got := measured{Rotations: *rotations}
	var group sync.WaitGroup
	run := func(retention time.Duration, results *map[string]result) {
		w := newWorld(t, retention)
		w.rotate(t.Context()) // the first token
		w.startGo()
		for name, command := range commands {
			w.start(name, command(t.Context()))
		}
		group.Go(func() {
			for range *rotations {
				w.rotate(t.Context())
			}
			*results = w.results()
		})
	}
	run(0, &got.Without)
	run(ttl, &got.With)
	group.Wait()
	check(t, got)
	fmt.Fprintf(t.Output(), "\n%s\n", got.table())
	if *record {
		text, err := json.MarshalIndent(got, "", "  ")
		if err == nil {
			err = os.WriteFile(recorded, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// check compares the failed calls of every reader with the retention that its row names.
func check(t *testing.T, got measured) {
	t.Helper()
	readers := 0
	for _, r := range newRows() {
		for _, key := range r.keys {
			readers++
			checkReader(t, key, r.need, got)
		}
	}
	if readers != len(got.Without) || readers != len(got.With) {
		t.Errorf("%d readers are in rows; the programs have %d and %d", readers, len(got.Without), len(got.With))
	}
}

func checkReader(t *testing.T, key string, need need, got measured) {
	t.Helper()
	without, with := got.Without[key], got.With[key]
	t.Logf("%-25s %+v %+v", key, without, with)
	if least := min(without.Calls, with.Calls); least < got.Rotations {
		t.Errorf("%s: %d calls, fewer than rotations", key, least)
	}
	switch {
	case with.Failed > 0:
		t.Errorf("%s: %d calls failed although the retention is %v: %s", key, with.Failed, ttl, with.Error)
	case need == needsNone && without.Failed > 0:
		t.Errorf("%s: %d calls failed without a retention: %s", key, without.Failed, without.Error)
	case need == needsCache && without.Failed == 0:
		t.Errorf("%s: no call failed without a retention, so that this test proves nothing", key)
	}
}

// README has the table of the recorded run as this program prints it, and the record holds what
// TestReadersForeign demands of a run.
func TestReadmeHasTheTable(t *testing.T) {
	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	var got measured
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Rotations < 200 {
		t.Errorf("%s is of %d rotations, want 200", recorded, got.Rotations)
	}
	check(t, got)
	page, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := got.table(); !strings.Contains(string(page), want) {
		t.Errorf("README.md lacks\n%s", want)
	}
}

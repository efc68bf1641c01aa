package simulation

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	all    = flag.Bool("mutations", false, "TestMutations removes all safeguards, not a few of them")
	budget = flag.Int("budget", 200_000, "how many rotations TestMutations searches for a violation")
	only   = flag.String("mutation", "", "TestMutations removes the safeguards whose names match this regular expression")
)

// mutation is a safeguard that is removed.
type mutation struct {
	name string
	file string // below pkg
	old  string // must occur once
	new  string
	in   string // the profile of histories that tells soonest; empty: any
	few  bool   // it is one of those that are always removed
}

// TestMutations removes safeguards, one at a time, and expects the simulation to find a violation.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the product once for each safeguard")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command: ", err)
	}
	wanted := regexp.MustCompile(*only)
	for _, m := range mutations {
		if !wanted.MatchString(m.name) || !*all && !m.few && *only == "" {
			continue
		}
		if *profileFlag != "" {
			m.in = *profileFlag
		}
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			m.check(t)
		})
	}
}

func (m mutation) check(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay="+m.overlay(t, dir), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile the mutant: %v\n%s", err, out)
	}
	began := time.Now()
	for from := uint64(1); ; {
		out, found := m.search(t, binary, from)
		if found == 0 {
			t.Fatalf("%s: the safeguard can be removed unnoticed", m.name)
		}
		if m.sound(t, found) {
			t.Logf("%s, after %.1f s: %s", m.name, time.Since(began).Seconds(), out)
			return
		}
		from = found + 1
	}
}

// search runs the mutant and returns the first violation and its seed, or 0.
func (m mutation) search(t *testing.T, binary string, from uint64) (line string, seed uint64) {
	search := exec.Command(binary, "-test.run=^TestSimulation$", "-hunt", "-rotations="+strconv.Itoa(*budget), "-from="+strconv.FormatUint(from, 10), "-profile="+m.in)
	search.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := search.CombinedOutput()
	if err == nil {
		return "", 0
	}
	match := violationLine.FindStringSubmatch(string(out))
	if match == nil {
		t.Fatalf("%s: the mutant broke down: %v\n%s", m.name, err, out)
	}
	if seed, err = strconv.ParseUint(match[2], 10, 64); err != nil {
		t.Fatal(err)
	}
	return match[1], seed
}

var violationLine = regexp.MustCompile(`: (seed (\d+): (?:G\d|needless|other).*)`)

// sound reports whether the history is without a violation when no safeguard is missing.
func (m mutation) sound(t *testing.T, seed uint64) (good bool) {
	synctest.Test(t, func(*testing.T) {
		good = len(simulate(options{seed: seed, profile: m.in, rotations: perHistory}, nil).violations) == 0
	})
	return good
}

// overlay writes the changed file, and the file that makes the go command compile it instead.
func (m mutation) overlay(t *testing.T, dir string) string {
	path, err := filepath.Abs(filepath.Join("..", "..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s: the text to be replaced occurs %d times in pkg/%s, want once", m.name, n, m.file)
	}
	changed := filepath.Join(dir, "changed.go")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	for name, content := range map[string]string{changed: strings.Replace(string(text), m.old, m.new, 1), overlay: string(list)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

package simulation

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

var (
	allMutants = flag.Bool("mutations", false, "TestMutations removes all safeguards, not a few of them")
	budget     = flag.Int("budget", 200_000, "how many rotations TestMutations searches for a violation")
	onlyMutant = flag.String(
		"mutation",
		"",
		"TestMutations removes the safeguards whose names match this regular expression",
	)
)

// TestMutations removes safeguards, one at a time, and expects the simulation to find a violation.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the product once for each safeguard")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command: ", err)
	}
	wanted := regexp.MustCompile(*onlyMutant)
	byName := map[string]marker{}
	for _, m := range markers(t) {
		byName[m.name] = m
	}
	for _, s := range safeguards {
		if !wanted.MatchString(s.name) || !*allMutants && !s.few && *onlyMutant == "" {
			continue
		}
		if *profileFlag != "" {
			s.in = *profileFlag
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, byName[s.name])
		})
	}
}

// check compiles the product without the safeguard and looks for a violation that there is none of
// with it.
func (s safeguard) check(t *testing.T, m marker) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay="+m.overlay(t, dir), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile the mutant: %v\n%s", err, out)
	}
	began, rotations := time.Now(), 0
	for from := uint64(1); rotations < *budget; {
		found := s.search(t, binary, from, *budget-rotations)
		rotations += found.rotations
		if found.seed == 0 {
			break
		}
		if s.sound(t, found.seed) {
			t.Logf("%s: after %d rotations, %.1f s: %s", s.name, rotations, time.Since(began).Seconds(), found.line)
			return
		}
		from = found.seed + 1
	}
	t.Fatalf("%s: the safeguard can be removed unnoticed", s.name)
}

// finding is the first violation of a mutant.
type finding struct {
	seed      uint64 // 0: there is none
	rotations int    // until then
	line      string
}

var findingLine = regexp.MustCompile(`(seed (\d+) after (\d+) rotations: .*)`)

// search runs the mutant.
func (s safeguard) search(t *testing.T, binary string, from uint64, budget int) finding {
	search := exec.Command(binary, "-test.run=^TestSimulation$", "-hunt", "-rotations="+strconv.Itoa(budget),
		"-from="+strconv.FormatUint(from, 10), "-profile="+s.in)
	search.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := search.CombinedOutput()
	if err == nil {
		return finding{}
	}
	match := findingLine.FindStringSubmatch(string(out))
	if match == nil {
		t.Fatalf("%s: the mutant broke down: %v\n%s", s.name, err, out)
	}
	seed, _ := strconv.ParseUint(match[2], 10, 64)
	rotations, _ := strconv.Atoi(match[3])
	return finding{seed, rotations, match[1]}
}

// sound reports whether the history is without a violation when no safeguard is missing.
func (s safeguard) sound(t *testing.T, seed uint64) (good bool) {
	synctest.Test(t, func(*testing.T) {
		good = len(simulate(options{seed: seed, profile: s.in, rotations: perHistory}, nil).violations) == 0
	})
	return good
}

// overlay writes the changed file, and the file that makes the go command compile it instead.
func (m marker) overlay(t *testing.T, dir string) string {
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.mutant()
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, "changed.go")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	for name, content := range map[string][]byte{changed: text, overlay: list} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

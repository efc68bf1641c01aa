package bench_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The wanted ratios within one run. Others are printed and fail nothing: times depend on the
// machine.
const (
	maxRotateInit = 1.15 // of the handler that only links the same packages
	maxIVRInit    = 1.8  // of the empty handler
	minPython     = 20.0 // Python's init to ours
	maxPythonPeak = 0.40 // our peak memory to Python's
)

// subjects returns the programs, yardsticks first; the last one is Python if boto3 is found.
func subjects(t testing.TB, built programs) []subject {
	t.Helper()
	list := []subject{
		{name: "empty", path: built["empty"].path, work: idle(`{}`)},
		{name: "linkonly", path: built["linkonly"].path, work: idle(`{}`)},
		{name: "ivr", path: built["ivr"].path, work: answers},
		{name: "sweep", path: built["sweep"].path, work: sweeps},
		{name: "rotate", path: built["rotate"].path, work: rotations},
	}
	if s, ok := python(t); ok {
		list = append(list, s)
	}
	return list
}

// python finds an interpreter with boto3. It returns the interpreter's own path: a wrapper on PATH
// would be measured too.
func python(t testing.TB) (subject, bool) {
	t.Helper()
	output, err := exec.Command("python3", "-c", "import sys, boto3; print(sys.executable)").Output()
	if err != nil {
		t.Log("there is no python3 with boto3 to compare with")
		return subject{}, false
	}
	script, err := filepath.Abs(filepath.Join("testdata", "template.py"))
	if err != nil {
		t.Fatal(err)
	}
	return subject{name: "python", path: strings.TrimSpace(string(output)), args: []string{script}, work: rotations}, true
}

// testStarts prints what a start takes, and the ratios.
func testStarts(t *testing.T, built programs, rounds int) map[string]samples {
	list := subjects(t, built)
	measured := interleaved(t, rounds, start{}, list)
	var b strings.Builder
	fmt.Fprintf(&b, "\nmedians of %d cold starts, minimum and maximum in brackets; times in ms, peak memory in MiB\n\n",
		rounds)
	b.WriteString("| function | init | CPU of init | first invocation | warm invocation | peak memory | CPU in all " +
		"|\n|---|---|---|---|---|---|---|\n")
	for _, s := range list {
		m := measured[s.name]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", s.name, m.milliseconds(initOf), m.milliseconds(initCPUOf),
			m.milliseconds(firstOf),
			m.milliseconds(warmOf), m.mebibytes(peakOf), m.milliseconds(cpuTimeOf))
	}
	b.WriteString("\n" + ratios(measured))
	t.Log(b.String())
	return measured
}

// ratios compares figures of this run.
func ratios(measured map[string]samples) string {
	var b strings.Builder
	b.WriteString("| ratio | measured | wanted |\n|---|---|---|\n")
	line := func(name string, got float64, met bool, wanted string) {
		if !met {
			wanted += " **missed**"
		}
		fmt.Fprintf(&b, "| %s | %.2f | %s |\n", name, got, wanted)
	}
	init := func(name string) float64 { return measured[name].milliseconds(initOf).median }
	peak := func(name string) float64 { return measured[name].mebibytes(peakOf).median }
	upTo := func(name string, got, limit float64) {
		line(name, got, got <= limit, fmt.Sprintf("at most %.2f", limit))
	}
	upTo("init of rotate to linkonly", init("rotate")/init("linkonly"), maxRotateInit)
	upTo("init of sweep to linkonly", init("sweep")/init("linkonly"), maxRotateInit)
	upTo("init of ivr to empty", init("ivr")/init("empty"), maxIVRInit)
	if _, ok := measured["python"]; ok {
		for _, name := range []string{"rotate", "ivr"} {
			got := init("python") / init(name)
			line("init of Python to "+name, got, got >= minPython, fmt.Sprintf("at least %.0f", minPython))
			upTo("peak memory of "+name+" to Python", peak(name)/peak("python"), maxPythonPeak)
		}
	}
	return b.String()
}

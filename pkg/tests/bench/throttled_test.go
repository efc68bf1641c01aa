package bench_test

import (
	"fmt"
	"strings"
	"testing"
)

// memories are the sizes whose CPU is emulated, in MB.
var memories = []int{128, 256, 512, 1024}

// throttledRun is the measurements at a memory size; zero is the whole machine.
type throttledRun struct {
	memory   int
	measured map[string]samples
}

// testThrottled prints the time of the first invocation over TLS with the CPU of a memory size. The
// start itself has the whole CPU, as on Lambda.
func testThrottled(t *testing.T, built programs, rounds int) []throttledRun {
	list := []subject{
		{name: "unwarmed", path: built["unwarmed"].path, work: rotations},
		{name: "rotate", path: built["rotate"].path, work: rotations},
		{name: "ivr", path: built["ivr"].path, work: answers},
	}
	if s, ok := python(t); ok {
		s.rare = 5
		list = append(list, s)
	}
	runs := []throttledRun{{0, interleaved(t, rounds, start{secure: true}, list)}}
	for _, memory := range memories {
		move, err := newQuota(t, memory)
		if err != nil {
			t.Log(err)
			break
		}
		runs = append(runs, throttledRun{memory, interleaved(t, rounds, start{secure: true, throttle: move}, list)})
	}
	t.Log(throttledTable(runs, list, rounds))
	return runs
}

func throttledTable(runs []throttledRun, list []subject, rounds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nover TLS; medians of %d cold starts, minimum and maximum in brackets; times in ms, peak memory "+
		"in MiB\n\n", rounds)
	b.WriteString("| memory | function | init | first invocation | its CPU | warm invocation | start and first " +
		"rotation | peak memory |\n|---|---|---|---|---|---|---|---|\n")
	for _, run := range runs {
		name := "whole machine"
		if run.memory > 0 {
			name = fmt.Sprintf("%d MB", run.memory)
		}
		for _, s := range list {
			m := run.measured[s.name]
			whole := m.milliseconds(rotationOf).String()
			if s.name == "ivr" {
				whole = "-"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", name, s.name, m.milliseconds(initOf),
				m.milliseconds(firstOf),
				m.milliseconds(firstCPUOf), m.milliseconds(warmOf), whole, m.mebibytes(peakOf))
		}
	}
	return b.String()
}

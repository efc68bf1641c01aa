package benchmark_test

import (
	"fmt"
	"strings"
	"testing"
)

// memories are the sizes whose CPU is emulated, in MB.
var memories = []int{128, 256, 512, 1024}

// testThrottled prints what the first invocation takes with the CPU that Lambda gives at a memory size, over TLS. The
// start itself has all of the machine, as on Lambda.
func testThrottled(t *testing.T, built binaries, rounds int) {
	list := []subject{
		{name: "unwarmed", path: built["unwarmed"].path, work: rotations},
		{name: "rotate", path: built["rotate"].path, work: rotations},
		{name: "ivr", path: built["ivr"].path, work: answers},
	}
	if s, ok := python(t); ok {
		list = append(list, s)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nover TLS; medians of %d cold starts, least and most in brackets; times in ms, peak memory in MiB\n\n", rounds)
	b.WriteString("| memory | function | init | first invocation | its CPU | warm invocation | start and rotation | peak memory |\n|---|---|---|---|---|---|---|---|\n")
	row := func(name string, measured map[string]samples) {
		for _, s := range list {
			m := measured[s.name]
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", name, s.name, m.milliseconds(initOf), m.milliseconds(firstOf),
				m.milliseconds(firstCPUOf), m.milliseconds(warmOf), m.milliseconds(rotationOf), m.mebibytes(peakOf))
		}
	}
	row("whole machine", interleaved(t, rounds, start{secure: true}, list))
	for _, memory := range memories {
		move, err := newQuota(t, memory)
		if err != nil {
			t.Log(err)
			break
		}
		row(fmt.Sprintf("%d MB", memory), interleaved(t, rounds, start{secure: true, throttle: move}, list))
	}
	t.Log(b.String())
}

// Package bench measures the costs of the functions: start, memory, size, and the calls that a
// rotation waits for. It has tests only.
//
// Without flags TestBench counts: calls, the longest chains of calls that depend on one another,
// sizes. Counts do not depend on the machine, and the test fails if one is over its limit. With
// -bench-full it also measures times, which it prints and never fails on. Every ratio is one of
// medians that were measured in turns within one run.
//
// The yardsticks are in testdata: an empty handler, a handler that only links the packages of
// rotate, rotate without what it prepares at start, and AWS's order of operations in Python.
package bench_test

import (
	"flag"
	"testing"
)

var (
	full      = flag.Bool("bench-full", false, "measure times too")
	rounds    = flag.Int("rounds", 40, "how many cold starts of each function are measured, with -bench-full")
	chartPath = flag.String("chart", "", "where the chart of a full run is written, an SVG")
)

// TestBench fails on counts only, never on times.
func TestBench(t *testing.T) {
	t.Run("round trips", testRoundTrips)
	if testing.Short() {
		t.Skip("builds binaries")
	}
	built := buildAll(t, empty, linkOnly, ivr, sweep, rotate, unwarmed)
	t.Run("sizes", func(t *testing.T) { testSizes(t, built) })
	t.Run("links", func(t *testing.T) { testLinks(t, built) })
	t.Run("inits", func(t *testing.T) { testInits(t, built) })
	t.Run("binary", func(t *testing.T) { testBinary(t, built, 0) })
	if !*full {
		t.Run("starts", func(t *testing.T) { testStarts(t, built, 1) })
		return
	}
	t.Run("binary with delay", func(t *testing.T) { testBinary(t, built, callDelay) })
	var starts map[string]samples
	t.Run("starts", func(t *testing.T) { starts = testStarts(t, built, *rounds) })
	var throttled []throttledRun
	t.Run("throttled", func(t *testing.T) { throttled = testThrottled(t, built, max(1, *rounds/4)) })
	if *chartPath != "" && starts != nil {
		if err := writeChart(*chartPath, starts, throttled); err != nil {
			t.Error(err)
		}
	}
}

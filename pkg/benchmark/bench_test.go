// Package benchmark measures what a user of the functions pays for: start, memory, size, and the calls that a rotation
// waits for. It holds tests only.
package benchmark_test

import (
	"flag"
	"testing"
)

var (
	full   = flag.Bool("bench-full", false, "measure times too")
	rounds = flag.Int("rounds", 40, "how many cold starts of each function are measured, with -bench-full")
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
	t.Run("binary", func(t *testing.T) { testBinary(t, built, 0) })
	n := 1
	if *full {
		n = *rounds
	}
	t.Run("starts", func(t *testing.T) { testStarts(t, built, n) })
	if *full {
		t.Run("binary with delay", func(t *testing.T) { testBinary(t, built, callDelay) })
		t.Run("throttled", func(t *testing.T) { testThrottled(t, built, max(1, n/4)) })
	}
}

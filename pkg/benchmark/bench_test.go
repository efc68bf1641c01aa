// Package benchmark measures what a user of the functions pays for: start, memory, size, and the calls that a rotation
// waits for. It holds tests only.
package benchmark_test

import (
	"flag"
	"testing"
)

var full = flag.Bool("bench-full", false, "measure times too")

// TestBench fails on counts only, never on times.
func TestBench(t *testing.T) {
	t.Run("round trips", testRoundTrips)
}

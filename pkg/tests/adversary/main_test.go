package adversary_test

import (
	"iter"
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // much garbage, little that stays
	os.Exit(m.Run())
}

// each yields the numbers from 0 to n-1; with -short only every step-th. `make prove` tries all.
func each(n, step int) iter.Seq[int] {
	if !testing.Short() {
		step = 1
	}
	return func(yield func(int) bool) {
		for i := 0; i < n; i += step {
			if !yield(i) {
				return
			}
		}
	}
}

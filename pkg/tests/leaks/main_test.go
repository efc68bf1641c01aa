package leaks_test

import (
	"flag"
	"os"
	"testing"

	"engage-token-rotation/pkg/tests/internal/binaries"
)

// every runs all kinds of faults at every call, not a part of them.
var every = flag.Bool("every", false, "every kind of fault at every call, which takes minutes")

// leakyFunction, in the environment, makes this test binary a function that leaks on purpose.
const leakyFunction = "LEAKTEST_LEAKY_FUNCTION"

func TestMain(m *testing.M) {
	if kind := os.Getenv(leakyFunction); kind != "" {
		leak(kind)
		return
	}
	os.Exit(built.Run(m, 12))
}

var built binaries.Dir

package faults_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

var (
	whole       = flag.Bool("faults", false, "run the whole matrix")
	flowFlag    = flag.String("flow", "", "only this login flow")
	variantFlag = flag.String("variant", "", "only this variant")
	callFlag    = flag.String("call", "", "only this call, by name or number; prints what happened")
	faultFlag   = flag.String("fault", "", "only this fault")
	burstFlag   = flag.Int("burst", 0, "only bursts of this length")
	againFlag   = flag.Bool("again", false, "with -burst: strike the call itself, each time that a repetition comes to it")
	parallel    = flag.Int("cases", 0, "how many cases run at a time; 0: 24, or 64 in the whole matrix")
	verbose     = flag.Bool("log", false, "print what the functions log")
)

// binaries are the bootstrap binaries by function name.
var binaries map[string]string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if binaries, err = sandbox.Build(context.Background(), "../../..", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

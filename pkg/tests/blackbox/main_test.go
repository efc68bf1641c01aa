package blackbox_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// binaries are the functions' bootstrap binaries, built once.
var binaries map[string]string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if binaries, err = sandbox.Build(context.Background(), "../../..", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The tests wait for the function's pauses most of the time, and take no processor meanwhile.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

package sandbox_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// built is a directory with the functions' binaries, made once.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if built, err = os.MkdirTemp("", "sandbox-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(built) }()
	if _, err := sandbox.Build(context.Background(), "../../..", built); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The tests wait most of the time: for the service's retries, and for slow vendors.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func noEnvironment(string) string { return "" }

package faultmatrix_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
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
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "faultmatrix")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range []string{"rotate", "sweep"} {
		if err := build(name, filepath.Join(dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		binaries[name] = filepath.Join(dir, name)
	}
	return m.Run()
}

// build builds a function as for a deployment, but for this machine.
func build(name, path string) error {
	command := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags=-s -w", "-o", path, "../../functions/"+name)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=", "GOARCH=", "GOFLAGS=-buildvcs=false")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build functions/%s: %w\n%s", name, err, output)
	}
	return nil
}

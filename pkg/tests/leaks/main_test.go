package leaks_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// every runs all kinds of faults at every call instead of a share of them.
var every = flag.Bool("every", false, "every kind of fault at every call, which takes minutes")

// leakyFunction, in the environment, makes this test binary a function that leaks on purpose.
const leakyFunction = "LEAKTEST_LEAKY_FUNCTION"

func TestMain(m *testing.M) {
	if kind := os.Getenv(leakyFunction); kind != "" {
		leak(kind)
		return
	}
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "12") // the functions mostly wait
	}
	dir, err := os.MkdirTemp("", "leaks")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	buildDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var buildDir string

// binaries builds the functions once.
var binaries = sync.OnceValues(func() (map[string]string, error) {
	return sandbox.Build(context.Background(), filepath.Join("..", "..", ".."), buildDir)
})

func binary(t *testing.T, name string) string {
	t.Helper()
	built, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	if built[name] == "" {
		t.Fatalf("there is no binary of %s", name)
	}
	return built[name]
}

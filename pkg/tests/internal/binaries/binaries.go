// Package binaries builds the programs of the module for the tests of a package, each once.
//
//	var built binaries.Dir
//
//	func TestMain(m *testing.M) { os.Exit(built.Run(m, 16)) }
//
//	func TestSomething(t *testing.T) {
//		rotate := built.Function(t, "rotate")
//		…
package binaries

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// Dir is a directory of built programs. The zero value is ready for Run; the rest is safe for
// concurrent use.
type Dir struct {
	path string

	mu       sync.Mutex
	programs map[string]string // path by source
}

// Run runs the tests and removes afterwards what they have built. It returns the exit status.
//
// Tests that wait for functions take little CPU: parallel is how many tests run at a time unless
// the command line says so.
func (d *Dir) Run(m *testing.M, parallel int) int {
	flag.Parse()
	if !isSet("test.parallel") {
		_ = flag.Set("test.parallel", strconv.Itoa(parallel))
	}
	path, err := os.MkdirTemp("", "binaries-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(path) }()
	d.path = path
	return m.Run()
}

func isSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// Function returns the bootstrap binary of a function.
func (d *Dir) Function(t testing.TB, name string) string {
	t.Helper()
	return d.Program(t, "functions/"+name)
}

// Functions returns the directory with the bootstrap binaries of all functions, as `make build`
// arranges them.
func (d *Dir) Functions(t testing.TB) string {
	t.Helper()
	for _, name := range sandbox.Functions {
		d.Function(t, name)
	}
	return filepath.Join(d.path, "functions")
}

// Program returns the binary of a program, named by its directory below the module's root. It is
// built as a deployment builds it, but for this machine.
func (d *Dir) Program(t testing.TB, source string) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if path := d.programs[source]; path != "" {
		return path
	}
	path := filepath.Join(d.path, filepath.FromSlash(source), "bootstrap")
	if err := sandbox.BuildProgram(context.Background(), Root(t), source, path); err != nil {
		t.Fatal(err)
	}
	if d.programs == nil {
		d.programs = map[string]string{}
	}
	d.programs[source] = path
	return path
}

// Root returns the directory of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		err = os.ErrNotExist
	}
	t.Fatalf("find go.mod: %v", err)
	return ""
}

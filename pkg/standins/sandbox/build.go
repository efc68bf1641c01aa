package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// FindBinaries returns the bootstrap binaries below a directory, where `make build` puts them:
// {name}/bootstrap.
func FindBinaries(dir string) map[string]string {
	found := map[string]string{}
	for _, name := range Functions {
		path := filepath.Join(dir, name, "bootstrap")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			found[name] = path
		}
	}
	return found
}

// Build builds the functions that the module has into a directory and returns their binaries.
// module is the directory of go.mod.
func Build(ctx context.Context, module, dir string) (map[string]string, error) {
	for _, name := range Functions {
		source := filepath.Join("functions", name)
		if _, err := os.Stat(filepath.Join(module, source, "main.go")); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := BuildProgram(ctx, module, source, filepath.Join(dir, name, "bootstrap")); err != nil {
			return nil, err
		}
	}
	return FindBinaries(dir), nil
}

// buildFlags are those of a deployment; see the Makefile.
var buildFlags = []string{"-tags", "lambda.norpc", "-trimpath", "-ldflags=-s -w"}

// BuildProgram builds a program of a module as a deployment builds it, but for this machine. source
// is the program's directory below the module's, target is the file to write.
func BuildProgram(ctx context.Context, module, source, target string) error {
	target, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	args := append([]string{"build"}, buildFlags...)
	command := exec.CommandContext(ctx, "go", append(args, "-o", target, "./"+filepath.ToSlash(source))...)
	command.Dir = module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=", "GOARCH=", "GOFLAGS=-buildvcs=false")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, output)
	}
	return nil
}

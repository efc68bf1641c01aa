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

// FindBinaries returns the bootstrap binaries below a directory, where `make build` puts them: {name}/bootstrap.
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

// Build builds the functions that the module has into a directory and returns their binaries. module is the directory
// of go.mod. The flags are those of a deployment, but for this machine.
func Build(ctx context.Context, module, dir string) (map[string]string, error) {
	for _, name := range Functions {
		source := filepath.Join(module, "functions", name)
		if _, err := os.Stat(filepath.Join(source, "main.go")); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		target, err := filepath.Abs(filepath.Join(dir, name, "bootstrap"))
		if err != nil {
			return nil, err
		}
		command := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags=-s -w", "-o", target, "./functions/"+name)
		command.Dir = module
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=", "GOARCH=", "GOFLAGS=-buildvcs=false")
		if output, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build functions/%s: %w\n%s", name, err, output)
		}
	}
	return FindBinaries(dir), nil
}

package deploy_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTheModuleCanBeRenamed gives a copy of the module a path that others can import, and builds
// it.
func TestTheModuleCanBeRenamed(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the module once more: skipped with -short")
	}
	const path = "example.com/voice/rotation.v1"
	dir := checkout(t)
	run := func(name string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Dir = dir
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
		}
		return string(out)
	}
	run("sh", ".ci/module", path)
	if got := strings.TrimSpace(run("go", "list", "-m")); got != path {
		t.Errorf("the module is %s", got)
	}
	run("go", "build", "./...")
	// Imports of tests too: a package under the old path would be missing.
	for line := range strings.Lines(run("go", "list", "-deps", "-test", "./...")) {
		if strings.HasPrefix(line, "engage-token-rotation/") {
			t.Errorf("still imported: %s", line)
		}
	}
	if command := exec.CommandContext(t.Context(), "sh", ".ci/module", "not a path"); command.Run() == nil {
		t.Error("a path with spaces is accepted")
	}
}

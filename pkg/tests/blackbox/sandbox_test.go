package blackbox_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSandboxLeavesNoProcessBehind(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			program := built.Program(t, "pkg/standins/cmd/sandbox")
			functions := filepath.Join(dir, "functions")
			if err := os.CopyFS(functions, os.DirFS(built.Functions(t))); err != nil {
				t.Fatal(err)
			}
			command := exec.Command(program, "serve", "-functions", functions, "-every", "1s", "-aws-port", "0", "-engage-port",
				"0", "-env-vars", "")
			out, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = command.Process.Kill() })
			lines := bufio.NewReader(out)
			for seen := ""; !strings.Contains(seen, "finishSecret"); {
				if seen, err = lines.ReadString('\n'); err != nil {
					t.Fatalf("no rotation: %v", err)
				}
			}
			if len(processesOf(t, functions)) == 0 {
				t.Error("no process of a function is found while it runs")
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			stopped := time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() })
			rest, _ := io.ReadAll(lines)
			if err := command.Wait(); err != nil || !stopped.Stop() || !strings.HasSuffix(string(rest), "stopped\n") {
				t.Errorf("the end: %v, output %q", err, rest)
			}
			if left := processesOf(t, functions); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// processesOf returns the processes that run a program below a directory.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dir) {
			found = append(found, link+" "+target)
		}
	}
	return found
}

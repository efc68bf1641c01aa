package deploy_test

import (
	"os/exec"
	"strings"
	"testing"
)

func TestMakeWithoutGoSaysSoOnce(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("make")
	if err != nil {
		t.Skip("there is no make")
	}
	for _, target := range []string{"run", "sandbox", "test", "lint", "build"} {
		command := exec.Command(program, "-C", "../../..", "--no-print-directory", target, "GO=no-such-go")
		output, err := command.CombinedOutput()
		text := strings.TrimSpace(string(output))
		if err == nil || strings.Count(text, "\n") != 0 || !strings.Contains(text, "there is no no-such-go: install Go") {
			t.Errorf("make %s: %v\n%s", target, err, text)
		}
	}
}

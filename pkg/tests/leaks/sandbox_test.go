package leaks_test

import (
	"os/exec"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/tests/leaks"
)

// People paste the sandbox's output anywhere.
func TestTheSandboxPrintsNoSecret(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the sandbox")
	}
	program, functions := built.Program(t, "pkg/standins/cmd/sandbox"), built.Functions(t)
	for _, flow := range flows {
		t.Run(string(flow), func(t *testing.T) {
			t.Parallel()
			output, err := exec.CommandContext(t.Context(), program, "run", "-functions", functions, "-flow",
				string(flow)).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, output)
			}
			user := engagetest.DefaultUser()
			var finder leaks.Finder
			finder.Add("the password", user.Password)
			finder.Add("the JWT", user.JWT)
			finder.Add("the client secret", user.ClientSecret)
			for _, leak := range finder.Find(string(output)) {
				t.Errorf("leaked %v", leak)
			}
			// The tokens and sessions of its user begin with these texts and no others.
			for _, beginning := range []string{"aws80:", "eyJhbGciOi"} {
				if at := strings.Index(string(output), beginning); at >= 0 {
					t.Errorf("a text that begins with %q is after %q", beginning, output[max(0, at-80):at])
				}
			}
		})
	}
}

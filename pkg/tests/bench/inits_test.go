package bench_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// maxInitBytes is what the packages of this module may allocate in all before main begins. A
// pattern that is compiled there, or a table that is filled, takes more, at every cold start.
const maxInitBytes = 16 << 10

// testInits counts what the packages of this module allocate at start.
func testInits(t *testing.T, built programs) {
	for _, name := range []string{"rotate", "sweep", "ivr"} {
		// The function ends at once: there is no Runtime API at the address.
		command := exec.CommandContext(t.Context(), built[name].path)
		command.Env = []string{"GODEBUG=inittrace=1", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "AWS_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_ENDPOINT_URL=http://127.0.0.1:1",
			"TOKEN_SECRET_ID=" + tokenSecret}
		var trace bytes.Buffer
		command.Stderr = &trace
		_ = command.Run()
		ours, all := 0, 0
		for line := range strings.Lines(trace.String()) {
			path, rest, ok := strings.Cut(strings.TrimPrefix(line, "init "), " @")
			var at, took float64
			var size int
			if _, err := fmt.Sscanf(rest, "%f ms, %f ms clock, %d bytes", &at, &took, &size); !ok || err != nil {
				continue
			}
			all += size
			if strings.HasPrefix(path, "engage-token-rotation/pkg/") || path == "main" {
				ours += size
				t.Logf("%s: %s allocates %d bytes at start", name, path, size)
			}
		}
		if all == 0 {
			t.Fatalf("%s prints nothing about its start:\n%s", name, trace.String())
		}
		if ours > maxInitBytes {
			t.Errorf("%s: this module's packages allocate %d bytes at start, more than %d", name, ours, maxInitBytes)
		}
		t.Logf("%s: %d bytes of ours of %d in all", name, ours, all)
	}
}

// Package foreign starts servers that share no code with this module, in the spirit of net/http/httptest: moto for AWS,
// and an Engage Voice server in Python. A mistake that the product and the Go stand-ins share shows with them.
//
//	moto := foreign.StartMoto(t)
//	engage := foreign.StartEngage(t, foreign.Forms{Created: "bare", Listed: "json", Deleted: "true"})
//
// Nothing is installed. A test that asks for a program which is missing is skipped, or fails if the environment has
// FOREIGN_SERVERS=required; `.ci/moto-setup` brings moto. A server ends with its test.
package foreign

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Find returns where a program is, or skips the test, or fails it, where it is not on PATH.
func Find(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("FOREIGN_SERVERS") == "required" {
		t.Fatal(program + " is not on PATH")
	}
	if err != nil {
		t.Skip(program + " is not on PATH")
	}
	return path
}

// Start starts a server and returns the line that it prints once it listens: its URL. The server's standard input stays
// open for as long as the test process lives, so that one which reads it never outlives that.
func Start(t testing.TB, program string, args ...string) string {
	t.Helper()
	command := exec.Command(program, args...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	startUntilEnd(t, command)
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// startUntilEnd starts a command and kills it when the test is over.
func startUntilEnd(t testing.TB, command *exec.Cmd) {
	t.Helper()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
}

// Package foreign starts servers that share no code with this module, in the spirit of
// net/http/httptest: moto for AWS, and an Engage Voice server in Python. They find a mistake that
// the product and the Go stand-ins share.
//
//	moto := foreign.StartMoto(t)
//	engage := foreign.StartEngage(t, foreign.Forms{Created: "bare", Listed: "json", Deleted: "true"})
//
// Nothing is installed. A test that asks for a program which is missing is skipped, or fails if the
// environment has FOREIGN_SERVERS=required; `.ci/moto-setup` installs moto. A server ends with its
// test.
package foreign

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Find returns the path of a program. If it is not on PATH, Find skips the test, or fails it with
// FOREIGN_SERVERS=required.
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

// Start starts a server and returns the line that it prints once it listens: its URL. The server's
// standard input stays open while the test process lives: a server that reads it ends with that
// process.
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

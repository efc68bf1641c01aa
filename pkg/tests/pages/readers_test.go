package pages_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
	"engage-token-rotation/pkg/tests/foreign"
)

const examples = root + "/pkg/tokensource/examples"

// Each reader calls Engage, and again after a rotation that deleted the token which it holds.
func TestReadersInOtherLanguagesSurviveARotation(t *testing.T) {
	functions := functionBinaries(t)
	languages := map[string]func(*testing.T) *exec.Cmd{"Python": python, "Node.js": node, "Java": java}
	for language, prepare := range languages {
		t.Run(language, func(t *testing.T) {
			program := prepare(t)
			s := newBox(t, sandbox.Config{Binaries: functions})
			s.rotate(t)
			// PYTHONDONTWRITEBYTECODE: nothing is written beside the example.
			program.Env, program.Stderr = append(s.env, "PYTHONDONTWRITEBYTECODE=1"), os.Stderr
			in, err := program.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := program.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			if !lines.Scan() || lines.Text() != "200" {
				t.Fatalf("the first call: %q, %v", lines.Text(), lines.Err())
			}
			held := s.current(sandbox.TokenSecret)
			s.rotate(t)
			if slices.Contains(s.box.State().Users[0].Tokens, held) {
				t.Fatalf("the token %s, which the reader holds, is alive: the second call would prove nothing", held)
			}
			if _, err := in.Write([]byte("\n")); err != nil {
				t.Fatal(err)
			}
			if !lines.Scan() || lines.Text() != "200" {
				t.Errorf("the call after the rotation: %q, %v", lines.Text(), lines.Err())
			}
			if err := program.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// python runs the example with a Python that has boto3: the one beside moto, if moto has its own.
func python(t *testing.T) *exec.Cmd {
	t.Helper()
	interpreter := filepath.Join(filepath.Dir(foreign.Find(t, "moto_server")), "python3")
	if _, err := os.Stat(interpreter); err != nil {
		interpreter = foreign.Find(t, "python3")
	}
	return exec.CommandContext(t.Context(), interpreter, "testdata/read.py", examples)
}

// node runs the example with a small SDK, since npm's is not installed.
func node(t *testing.T) *exec.Cmd {
	t.Helper()
	program := optional(t, "node")
	dir := t.TempDir()
	sdk := filepath.Join(dir, "node_modules", "@aws-sdk", "client-secrets-manager")
	copyTo(t, examples+"/engage-token.mjs", filepath.Join(dir, "engage-token.mjs"))
	copyTo(t, "testdata/read.mjs", filepath.Join(dir, "read.mjs"))
	copyTo(t, "testdata/sdk.mjs", filepath.Join(sdk, "index.mjs"))
	manifest := []byte(`{"exports": "./index.mjs"}`)
	if err := os.WriteFile(filepath.Join(sdk, "package.json"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), program, filepath.Join(dir, "read.mjs"))
}

// java compiles and runs the example with a small SDK and a small Jackson.
func java(t *testing.T) *exec.Cmd {
	t.Helper()
	compiler, program := optional(t, "javac"), optional(t, "java")
	dir := t.TempDir()
	compile := exec.CommandContext(t.Context(), compiler, "-Xlint:all", "-Werror", "-d", dir,
		"-sourcepath", "testdata/java", "testdata/java/Read.java", examples+"/EngageToken.java")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exec.CommandContext(t.Context(), program, "-cp", dir, "Read")
}

// optional skips the test if a program is missing that no setup script of this repository brings.
func optional(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skip(program + " is not on PATH")
	}
	return path
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// README's Go program compiles as it is printed.
func TestTheGoReaderCompiles(t *testing.T) {
	_, program, _ := strings.Cut(pageAt(t, "README.md").text, "```go\n")
	program, _, found := strings.Cut(program, "```")
	if !found {
		t.Fatal("README.md has no Go program")
	}
	dir, err := os.MkdirTemp(".", "reader-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	source := `package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

func main() {
	ctx := context.Background()
` + program + `	_, _ = resp, err
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "vet", "./"+dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

package recipes_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"engage-token-rotation/pkg/tests/foreign"
)

const recipes = "../../tokensource/recipes/"

// stack is a recipe's CloudFormation template in moto.
type stack struct {
	*testing.T
	in  io.Writer
	out *bufio.Scanner
}

func deploy(t *testing.T, template string, parameters map[string]string) *stack {
	t.Helper()
	if testing.Short() {
		t.Skip("starts moto")
	}
	interpreter := filepath.Join(filepath.Dir(foreign.Find(t, "moto_server")), "python3")
	if _, err := os.Stat(interpreter); err != nil {
		interpreter = foreign.Find(t, "python3")
	}
	text, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), interpreter, "testdata/stack.py", recipes+template, string(text))
	c.Env = append(os.Environ(), "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	c.Stderr = os.Stderr
	s := &stack{T: t}
	if s.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewScanner(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	if !s.out.Scan() || s.out.Text() != "ready" {
		t.Fatalf("%s is not deployed: %s", template, s.out.Text())
	}
	return s
}

// ask sends an order and stores its answer.
func (s *stack) ask(order string, argument, answer any) {
	s.Helper()
	text, err := json.Marshal(map[string]any{order: argument})
	if err != nil {
		s.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, "%s\n", text); err != nil {
		s.Fatal(err)
	}
	if !s.out.Scan() {
		s.Fatalf("%s: no answer", order)
	}
	if err := json.Unmarshal(s.out.Bytes(), answer); err != nil {
		s.Fatalf("%s: %v: %s", order, err, s.out.Text())
	}
}

// send sends an event to EventBridge and returns what the rule's target gets.
func (s *stack) send(event []byte) []string {
	s.Helper()
	var messages []string
	s.ask("event", json.RawMessage(event), &messages)
	return messages
}

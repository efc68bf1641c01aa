package awstest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/tests/foreign"
)

const (
	v4 = "44444444-4444-4444-8444-444444444444"
	v5 = "55555555-5555-4555-8555-555555555555"
	v6 = "66666666-6666-4666-8666-666666666666"
	v7 = "77777777-7777-4777-8777-777777777777"
)

// TestRotationFunctionInPython runs a function of the shape of AWS's templates, with boto3, under
// RotateSecret.
func TestRotationFunctionInPython(t *testing.T) {
	if testing.Short() {
		t.Skip("boto3 takes seconds to start: skipped with -short")
	}
	p := newPython(t)
	p.create()
	previous := "one"
	for n, token := range []string{v2, v3, v4} {
		p.rotate(token, nil)
		p.labels(map[string][]string{token: {"AWSCURRENT"}, []string{v1, v2, v3}[n]: {"AWSPREVIOUS"}})
		got, err := p.get("", "")
		p.ok(err)
		if password := aws.ToString(got.SecretString); len(password) != 32 || password == previous {
			t.Errorf("rotation %d: a password of %d characters, new: %v", n+1, len(password), password != previous)
		}
		previous = aws.ToString(got.SecretString)
		p.steps("createSecret", "setSecret", "testSecret", "finishSecret")
	}
	rotated := map[string][]string{v3: {"AWSPREVIOUS"}, v4: {"AWSCURRENT"}}

	p.rotate(v5, aws.Bool(false))
	p.steps("testSecret")
	p.labels(rotated)

	p.raise = "setSecret"
	p.rotate(v6, nil)
	p.steps("createSecret", "setSecret", "createSecret", "setSecret", "createSecret", "setSecret")
	rotated[v6] = []string{"AWSPENDING"}
	p.labels(rotated)

	p.raise = ""
	_, err := p.secrets.RotateSecret(t.Context(),
		&secretsmanager.RotateSecretInput{SecretId: &p.name, ClientRequestToken: aws.String(v7)})
	p.fails(err, invalidRequest, "A previous rotation isn't complete. That rotation will be reattempted.")
	p.ok(p.server.Wait(t.Context()))
	p.steps("createSecret", "setSecret", "testSecret", "finishSecret")
	p.labels(map[string][]string{v4: {"AWSPREVIOUS"}, v6: {"AWSCURRENT"}})
}

// python is a secret and the process of its rotation function.
type python struct {
	*client
	server   *awstest.Server
	requests io.Writer
	answers  *bufio.Reader
	raise    string   // the step that fails
	invoked  []string // steps since the last call of steps
}

func newPython(t *testing.T) *python {
	t.Helper()
	p := &python{}
	p.server = awstest.New(t, &awstest.Config{Secrets: awstest.SecretsConfig{Invoke: p.invoke, RetryDelay: -1}})
	p.client = &client{T: t, secrets: secretsmanager.NewFromConfig(p.server.SDKConfig("AKIDTEST")), name: "python"}
	// boto3 is where moto is.
	interpreter := filepath.Join(filepath.Dir(foreign.Find(t, "moto_server")), "python3")
	command := exec.Command(interpreter, filepath.Join("testdata", "rotate.py"))
	command.Env = append(os.Environ(), p.server.Environment("AKIDPYTHON")...)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	p.ok(err)
	stdout, err := command.StdoutPipe()
	p.ok(err)
	p.requests, p.answers = stdin, bufio.NewReader(stdout)
	p.ok(command.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// invoke sends an event to the process and waits for its answer. Rotations run one at a time.
func (p *python) invoke(_ context.Context, _ string, payload []byte) ([]byte, error) {
	var event awstest.RotationEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	p.invoked = append(p.invoked, event.Step)
	request, err := json.Marshal(map[string]any{"event": json.RawMessage(payload), "raise": p.raise})
	if err == nil {
		_, err = p.requests.Write(append(request, '\n'))
	}
	if err != nil {
		return nil, err
	}
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	if line = bytes.TrimSpace(line); !bytes.Equal(line, []byte("null")) {
		if p.raise == "" {
			p.Errorf("%s: %s", event.Step, line)
		}
		return nil, errors.New(string(line))
	}
	return line, nil
}

// rotate starts a rotation and waits for its end.
func (p *python) rotate(token string, immediately *bool) {
	p.Helper()
	_, err := p.secrets.RotateSecret(p.Context(), &secretsmanager.RotateSecretInput{SecretId: &p.name,
		ClientRequestToken: &token, RotationLambdaARN: aws.String(function), RotateImmediately: immediately})
	p.ok(err)
	p.ok(p.server.Wait(p.Context()))
}

// steps compares the steps that were invoked since the last call.
func (p *python) steps(want ...string) {
	p.Helper()
	if !slices.Equal(p.invoked, want) {
		p.Errorf("got steps %v, want %v", p.invoked, want)
	}
	p.invoked = nil
}

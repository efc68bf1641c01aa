package blackbox_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/lambdatest"
	"engage-token-rotation/pkg/standins/sandbox"
	"engage-token-rotation/pkg/tests/internal/binaries"
)

// The versions that the sample events name.
const (
	sampleVersion    = "11111111-1111-4111-8111-111111111111"
	preflightVersion = "22222222-2222-4222-8222-222222222222"
)

// sample is a file of events/, in the order in which an operator could send them, and what its
// function answers.
type sample struct {
	event string // the file's name without .json; its first word is the function
	want  string // a pattern of the answer, or of the error
	fails bool   // the event names a token or a secret that the sandbox does not have
}

var samples = []sample{
	{event: "rotate-preflight", want: `"outcome":"preflight".*"accounts":1`},
	{event: "rotate-create", want: `"outcome":"created","fingerprint":"[0-9a-f]{12}"`},
	{event: "rotate-set", want: `"outcome":"checked"`},
	{event: "rotate-test", want: `"outcome":"verified"`},
	{event: "rotate-finish", want: `"outcome":"swapped".*"previous":"[0-9a-f]{12}".*"retiring":1`},
	{event: "ivr-first-account", want: `"accountId":"99990001".*"status":"ok"`},
	{event: "ivr-one-account", want: `"accountId":"99990001".*"status":"ok"`},
	{event: "ivr-http", want: `99990001.*"statusCode":200`},
	{event: "ivr-unknown-account", want: `"status":"not-found"`},
	{event: "sweep-dry-run", want: `"dryRun":true.*"retiring":\[\{"fingerprint":"[0-9a-f]{12}"`},
	{event: "sweep-scheduled", want: `"retiring":\[\{.*"deleted":\[\]`},
	{event: "sweep-revoke-previous", want: `"retiring":\[\].*"deleted":\["[0-9a-f]{12}"\]`},
	{event: "sweep-delete-token", want: `deleteToken 0123456789ab: .*check the fingerprint`, fails: true},
	{event: "sweep-forget", want: `forget engage/old-token: .*check`, fails: true},
}

// TestEveryMainAnswersItsSampleEvents drives the real binaries with every file of events/: a
// preflight, a rotation, and what comes after it.
func TestEveryMainAnswersItsSampleEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(binaries.Root(t), "events", "*.json"))
	if err != nil || len(files) != len(samples) {
		t.Fatalf("%d files for %d samples, %v", len(files), len(samples), err)
	}
	box, err := sandbox.Start(t.Context(), sandbox.Config{
		Binaries: sandbox.FindBinaries(built.Functions(t)), Retention: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	if _, err := box.Rotate(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := box.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		switch s.event {
		case "rotate-preflight":
			begin(t, box, "?version="+preflightVersion+"&test=true")
			s.send(t, box)
			end(t, box, preflightVersion)
			continue
		case "rotate-create":
			begin(t, box, "?version="+sampleVersion)
		}
		s.send(t, box)
		if s.event == "rotate-finish" {
			end(t, box, sampleVersion)
		}
	}
	state := box.State()
	user := state.Users[0]
	var current string
	for _, secret := range state.Secrets {
		if secret.Name == sandbox.TokenSecret {
			current = secret.Tokens["AWSCURRENT"]
		}
	}
	if want := append(slices.Clone(user.Foreign), current); !slices.Equal(user.Tokens, want) {
		t.Errorf("the vendor has the tokens %v, want %v", user.Tokens, want)
	}
	if len(state.Violations)+len(state.Leaks) > 0 {
		t.Errorf("violations %v, leaks %v", state.Violations, state.Leaks)
	}
}

func (s sample) send(t *testing.T, box *sandbox.Sandbox) {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join(binaries.Root(t), "events", s.event+".json"))
	if err != nil {
		t.Fatal(err)
	}
	function, _, _ := strings.Cut(s.event, "-")
	answer, err := box.Invoke(t.Context(), function, payload)
	text := string(answer)
	if s.fails && err != nil {
		text = err.Error()
	}
	if s.fails != (err != nil) || !regexp.MustCompile(s.want).MatchString(text) {
		t.Errorf("%s: answer %s, error %v; want %s", s.event, answer, err, s.want)
	}
}

// begin begins a rotation whose steps the test sends.
func begin(t *testing.T, box *sandbox.Sandbox, query string) {
	t.Helper()
	post(t, box, sandbox.PathBegin+query)
}

func end(t *testing.T, box *sandbox.Sandbox, version string) {
	t.Helper()
	post(t, box, sandbox.PathEnd+"?version="+version)
}

func post(t *testing.T, box *sandbox.Sandbox, path string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, box.AWSURL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s", path, response.Status)
	}
}

// TestAMainThatCannotStartAnswersWithTheReason drives the real binaries with an invalid setting: an
// invocation that only times out, or a process that only ends, would not name the setting.
func TestAMainThatCannotStartAnswersWithTheReason(t *testing.T) {
	for _, name := range []string{"rotate", "sweep"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output lambdatest.Buffer
			function, err := lambdatest.Start(context.Background(), lambdatest.Config{
				Path: built.Function(t, name), FunctionName: name, Timeout: 10 * time.Second, Stdout: &output, Stderr: &output,
				Env: map[string]string{"PREVIOUS_TOKEN_RETENTION": "soon"},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(function.Close)
			for range 2 {
				result, err := function.Invoke(t.Context(), []byte(`{}`))
				if err != nil || result.FunctionError == "" || !strings.Contains(result.ErrorMessage, "PREVIOUS_TOKEN_RETENTION") {
					t.Errorf("answer %s, %q, %v", result.Payload, result.ErrorMessage, err)
				}
			}
			if !strings.Contains(output.String(), `"level":"ERROR"`) ||
				!strings.Contains(output.String(), "PREVIOUS_TOKEN_RETENTION") {
				t.Errorf("the log does not name the setting: %s", output.String())
			}
		})
	}
}

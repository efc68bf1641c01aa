package blackbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

const (
	tokenSecret = "engage/token"
	adminSecret = "engage/admin"
)

// world is the function between an AWS and a vendor of a test's own.
type world struct {
	t        *testing.T
	flow     engage.Flow
	aws      *awstest.Server
	vendor   *engagetest.Server
	user     engagetest.User
	function *lambdatest.Function
	output   *lambdatest.Buffer
	foreign  []string
	failures []string // of the function, in order
}

// options of a world; the zero value is a vendor as documented.
type options struct {
	flow   engage.Flow     // the one that a reader uses; "": engage
	user   engagetest.User // Username "": the default one
	vendor engagetest.Config
	env    map[string]string
}

// newWorld starts all that a rotation takes, with two tokens of other programs.
func newWorld(t *testing.T, o options) *world {
	t.Helper()
	w := &world{t: t, flow: o.flow, user: o.user, output: &lambdatest.Buffer{}}
	if w.user.Username == "" {
		w.user = engagetest.DefaultUser()
	}
	o.vendor.Users = []engagetest.User{w.user}
	w.vendor = engagetest.New(t, &o.vendor)
	for range 2 {
		w.foreign = append(w.foreign, w.vendor.CreateToken(w.user.Username))
	}
	w.aws = awstest.New(t, &awstest.Config{Secrets: awstest.SecretsConfig{
		Attempts: 1, Invoke: w.invoke,
		FunctionCaller: func(string) string { return "AKIDROTATE" },
	}})
	env := map[string]string{"AWS_ENDPOINT_URL": w.aws.URL, "ENGAGE_BASE_URL": w.vendor.URL, "RINGCENTRAL_BASE_URL": w.vendor.URL}
	for name, value := range o.env {
		env[name] = value
	}
	var err error
	w.function, err = lambdatest.Start(t.Context(), lambdatest.Config{
		Path: built.Function(t, "rotate"), FunctionName: "rotate", Timeout: 30 * time.Second, Env: env,
		Credentials: lambdatest.Credentials{AccessKeyID: "AKIDROTATE", SecretAccessKey: "not-checked"},
		Stdout:      w.output, Stderr: w.output,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.function.Close)
	t.Cleanup(w.checkOutput)
	return w
}

// invoke is the service calling the function.
func (w *world) invoke(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	result, err := w.function.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	if result.FunctionError != "" {
		w.failures = append(w.failures, result.ErrorMessage)
		return nil, fmt.Errorf("%s", result.ErrorMessage)
	}
	return result.Payload, nil
}

// store creates a secret with a value.
func (w *world) store(name, value string) {
	w.t.Helper()
	if _, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err != nil {
		w.t.Fatal(err)
	}
}

// rotate runs a rotation to its end, and returns the error of the step that failed, or "".
func (w *world) rotate() (version, failure string) {
	w.t.Helper()
	w.failures = nil
	out, err := w.aws.Secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: tokenSecret, RotationLambdaARN: w.function.ARN()})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.aws.Wait(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return out.VersionId, strings.Join(w.failures, "; ")
}

// retry lets the service run the rotation again that failed, and returns its version and error.
func (w *world) retry() (version, failure string) {
	w.t.Helper()
	w.failures = nil
	_, err := w.aws.Secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: tokenSecret})
	if err == nil || !strings.Contains(err.Error(), "reattempted") {
		w.t.Fatalf("the service does not try again: %v", err)
	}
	if err := w.aws.Wait(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	version, _ = w.read(awstest.StageCurrent)
	return version, strings.Join(w.failures, "; ")
}

// read returns the value of the secret that a label names, or "".
func (w *world) read(stage string) (version, value string) {
	out, err := w.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: tokenSecret, VersionStage: stage})
	if err != nil || out.SecretString == nil {
		return "", ""
	}
	return out.VersionId, *out.SecretString
}

// currentToken returns the token of AWSCURRENT, or "".
func (w *world) currentToken() string {
	_, value := w.read(awstest.StageCurrent)
	var document struct{ APIToken string }
	_ = json.Unmarshal([]byte(value), &document)
	return document.APIToken
}

// checkAfter checks all that must be true when rotations have succeeded, within the life of one session.
func (w *world) checkAfter(version string) {
	w.t.Helper()
	if n := w.vendor.Count(engagetest.OpLogin) + w.vendor.Count(engagetest.OpExchange); n > 1 {
		w.t.Errorf("%d logins within one session's life", n)
	}
	for _, name := range w.parameters("/ledger") {
		if strings.Contains(name, "intent-") {
			w.t.Errorf("open intent %s", name)
		}
	}
	w.checkEnd(version)
}

// checkEnd checks all that must be true when a rotation has succeeded, whatever went before. The intent of a creation
// whose outcome was never known may stay for a while.
func (w *world) checkEnd(version string) {
	w.t.Helper()
	current, value := w.read(awstest.StageCurrent)
	if current != version {
		w.t.Errorf("AWSCURRENT is %s, want %s", current, version)
	}
	if pending, _ := w.read(awstest.StagePending); pending != "" && pending != version {
		w.t.Errorf("AWSPENDING is left on %s", pending)
	}
	token := w.currentToken()
	if live := w.vendor.Tokens(w.user.Username); !slices.Equal(live, append(slices.Clone(w.foreign), token)) {
		w.t.Errorf("%d tokens live, want the 2 of others and the current one, %s; the secret is %d bytes", len(live), hidden.Fingerprint(token), len(value))
	}
	w.works(token)
}

// works calls the vendor as a reader does.
func (w *world) works(text string) {
	w.t.Helper()
	token, err := engage.ParseToken(text)
	if err != nil {
		w.t.Errorf("the current token: %v", err)
		return
	}
	base, err := url.Parse(w.vendor.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{Flow: w.flow, BaseURL: base}})
	if listed, err := client.List(w.t.Context(), token); err != nil || !slices.Contains(listed, token) {
		w.t.Errorf("the current token does not work: %v", err)
	}
}

// parameters returns the names of the parameters below the prefix.
func (w *world) parameters(below string) []string {
	out, err := w.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: "/engage-token-rotation" + below, Recursive: true})
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, p := range out.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// checkUntouched checks that nothing was created or deleted, and that the secret reads as before.
func (w *world) checkUntouched(value string) {
	w.t.Helper()
	if live := w.vendor.Tokens(w.user.Username); !slices.Equal(live, w.foreign) {
		w.t.Errorf("%d tokens live, want the 2 of others", len(live))
	}
	if n := w.vendor.Count(engagetest.OpDelete); n > 0 {
		w.t.Errorf("%d deletions", n)
	}
	if _, now := w.read(awstest.StageCurrent); now != value {
		w.t.Errorf("AWSCURRENT was changed")
	}
	for _, call := range w.aws.Calls() {
		if call.Action == "PutSecretValue" || call.Action == "UpdateSecretVersionStage" {
			w.t.Errorf("%s was called", call.Action)
		}
	}
}

// checkOutput looks for secrets in what the function wrote and answered.
func (w *world) checkOutput() {
	secrets := append(w.vendor.Tokens(w.user.Username), w.user.Password, w.user.ClientSecret, w.user.JWT)
	text := w.output.String() + strings.Join(w.failures, "\n")
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret)} {
			if secret != "" && strings.Contains(text, form) {
				w.t.Errorf("a secret stands in the output:\n%s", text)
				return
			}
		}
	}
}

// document makes a secret's value of fields.
func document(fields map[string]string) string {
	text, _ := json.Marshal(fields)
	return string(text)
}

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

// deployment is the function between stand-ins for AWS and the vendor.
type deployment struct {
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

// options of a deployment; the zero value is a vendor as documented.
type options struct {
	flow   engage.Flow     // of the calls with which the test tries a token; "": engage
	user   engagetest.User // Username "": the default one
	vendor engagetest.Config
	env    map[string]string
}

// newDeployment starts everything that a rotation needs, with two tokens of other programs.
func newDeployment(t *testing.T, o options) *deployment {
	t.Helper()
	d := &deployment{t: t, flow: o.flow, user: o.user, output: &lambdatest.Buffer{}}
	if d.user.Username == "" {
		d.user = engagetest.DefaultUser()
	}
	o.vendor.Users = []engagetest.User{d.user}
	d.vendor = engagetest.New(t, &o.vendor)
	for range 2 {
		d.foreign = append(d.foreign, d.vendor.CreateToken(d.user.Username))
	}
	d.aws = awstest.New(t, &awstest.Config{Secrets: awstest.SecretsConfig{
		Attempts: 1, Invoke: d.invoke,
		FunctionCaller: func(string) string { return "AKIDROTATE" },
	}})
	env := map[string]string{"AWS_ENDPOINT_URL": d.aws.URL, "ENGAGE_BASE_URL": d.vendor.URL,
		"RINGCENTRAL_BASE_URL": d.vendor.URL}
	for name, value := range o.env {
		env[name] = value
	}
	var err error
	d.function, err = lambdatest.Start(t.Context(), lambdatest.Config{
		Path: built.Function(t, "rotate"), FunctionName: "rotate", Timeout: 30 * time.Second, Env: env,
		Credentials: lambdatest.Credentials{AccessKeyID: "AKIDROTATE", SecretAccessKey: "not-checked"},
		Stdout:      d.output, Stderr: d.output,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.function.Close)
	t.Cleanup(d.checkOutput)
	return d
}

// invoke invokes the function as the service does.
func (d *deployment) invoke(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	result, err := d.function.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	if result.FunctionError != "" {
		d.failures = append(d.failures, result.ErrorMessage)
		return nil, fmt.Errorf("%s", result.ErrorMessage)
	}
	return result.Payload, nil
}

// store creates a secret with a value.
func (d *deployment) store(name, value string) {
	d.t.Helper()
	if _, err := d.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err != nil {
		d.t.Fatal(err)
	}
}

// rotate runs a rotation to its end, and returns the error of the step that failed, or "".
func (d *deployment) rotate() (version, failure string) {
	d.t.Helper()
	d.failures = nil
	out, err := d.aws.Secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: tokenSecret,
		RotationLambdaARN: d.function.ARN()})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.aws.Wait(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return out.VersionId, strings.Join(d.failures, "; ")
}

// retry lets the service run the rotation again that failed, and returns its version and error.
func (d *deployment) retry() (version, failure string) {
	d.t.Helper()
	d.failures = nil
	_, err := d.aws.Secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: tokenSecret})
	if err == nil || !strings.Contains(err.Error(), "reattempted") {
		d.t.Fatalf("the service does not repeat the rotation: %v", err)
	}
	if err := d.aws.Wait(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	version, _ = d.read(awstest.StageCurrent)
	return version, strings.Join(d.failures, "; ")
}

// read returns the value of the secret that a label names, or "".
func (d *deployment) read(stage string) (version, value string) {
	out, err := d.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: tokenSecret, VersionStage: stage})
	if err != nil || out.SecretString == nil {
		return "", ""
	}
	return out.VersionId, *out.SecretString
}

// currentToken returns the token of AWSCURRENT, or "".
func (d *deployment) currentToken() string {
	_, value := d.read(awstest.StageCurrent)
	var document struct{ APIToken string }
	_ = json.Unmarshal([]byte(value), &document)
	return document.APIToken
}

// checkAfter checks everything that must be true after rotations that succeeded within the life of
// one session.
func (d *deployment) checkAfter(version string) {
	d.t.Helper()
	if n := d.vendor.Count(engagetest.OpLogin) + d.vendor.Count(engagetest.OpExchange); n > 1 {
		d.t.Errorf("%d logins within one session's life", n)
	}
	for _, name := range d.parameters("/ledger") {
		if strings.Contains(name, "intent-") {
			d.t.Errorf("open intent %s", name)
		}
	}
	d.checkEnd(version)
}

// checkEnd checks everything that must be true after a rotation that succeeded, whatever happened
// before. The intent of an unanswered creation may stay for a while.
func (d *deployment) checkEnd(version string) {
	d.t.Helper()
	current, value := d.read(awstest.StageCurrent)
	if current != version {
		d.t.Errorf("AWSCURRENT is %s, want %s", current, version)
	}
	if pending, _ := d.read(awstest.StagePending); pending != "" && pending != version {
		d.t.Errorf("AWSPENDING is left on %s", pending)
	}
	token := d.currentToken()
	if live := d.vendor.Tokens(d.user.Username); !slices.Equal(live, append(slices.Clone(d.foreign), token)) {
		d.t.Errorf("%d tokens live, want 2 of other programs and the current one, %s; the secret is %d bytes", len(live),
			hidden.Fingerprint(token), len(value))
	}
	d.works(token)
}

// works calls the vendor as a reader does.
func (d *deployment) works(text string) {
	d.t.Helper()
	token, err := engage.ParseToken(text)
	if err != nil {
		d.t.Errorf("the current token: %v", err)
		return
	}
	base, err := url.Parse(d.vendor.URL)
	if err != nil {
		d.t.Fatal(err)
	}
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{Flow: d.flow, BaseURL: base},
		Transport: d.vendor.Client().Transport})
	if listed, err := client.List(d.t.Context(), token); err != nil || !slices.Contains(listed, token) {
		d.t.Errorf("the current token does not work: %v", err)
	}
}

// parameters returns the names of the parameters below the prefix.
func (d *deployment) parameters(below string) []string {
	out, err := d.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: "/engage-token-rotation" +
		below, Recursive: true})
	if err != nil {
		d.t.Fatal(err)
	}
	var names []string
	for _, p := range out.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// checkUntouched checks that nothing was created or deleted, and that the secret is unchanged.
func (d *deployment) checkUntouched(value string) {
	d.t.Helper()
	if live := d.vendor.Tokens(d.user.Username); !slices.Equal(live, d.foreign) {
		d.t.Errorf("%d tokens live, want 2 of other programs", len(live))
	}
	if n := d.vendor.Count(engagetest.OpDelete); n > 0 {
		d.t.Errorf("%d deletions", n)
	}
	if _, now := d.read(awstest.StageCurrent); now != value {
		d.t.Errorf("AWSCURRENT was changed")
	}
	for _, call := range d.aws.Calls() {
		if call.Action == "PutSecretValue" || call.Action == "UpdateSecretVersionStage" {
			d.t.Errorf("%s was called", call.Action)
		}
	}
}

// checkOutput searches the function's output and answers for secrets.
func (d *deployment) checkOutput() {
	secrets := append(d.vendor.Tokens(d.user.Username), d.user.Password, d.user.ClientSecret, d.user.JWT)
	text := d.output.String() + strings.Join(d.failures, "\n")
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret),
			url.PathEscape(secret)} {
			if secret != "" && strings.Contains(text, form) {
				d.t.Errorf("a secret is in the output:\n%s", text)
				return
			}
		}
	}
}

// document returns a secret's value with the fields.
func document(fields map[string]string) string {
	text, _ := json.Marshal(fields)
	return string(text)
}

// admin returns the document of an admin secret that serves any token secret.
func admin(fields map[string]string) string { return `{"tokenSecrets":["*"],` + document(fields)[1:] }

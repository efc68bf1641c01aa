package leaks_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/lambdatest"
	"engage-token-rotation/pkg/tests/leaks"
)

const (
	tokenSecret = "engage/token"
	adminSecret = "engage/admin"
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// leakUser returns a user with credentials of which any 8 characters are found in an output.
func leakUser() engagetest.User {
	return engagetest.User{
		Username: "leak.user@example.com", Password: `Zq7&k/?#+%"ü€ w9Xr2!`, PlatformID: "aws80",
		ClientID: "exampleClientId", ClientSecret: "cs7Hk2/Lp9+Qw4=Zx8Vb",
		JWT: "eyJraWQiOiJ4In0.eyJzdWIiOiJsZWFrLXVzZXIifQ.bm90LWEtc2lnbmF0dXJl",
	}
}

// deployment is the stand-ins, the real functions, all of their output, and all secrets that went
// over a wire.
type deployment struct {
	t      *testing.T
	flow   engage.Flow
	user   engagetest.User
	aws    *awstest.Server
	engage *engagetest.Server
	wire   *wire
	rotate *lambdatest.Function
	output lambdatest.Buffer // what the functions write and answer
	env    map[string]string
}

// newDeployment makes one with a secret that has no token yet. awsFault may be nil.
func newDeployment(t *testing.T, flow engage.Flow, fault *fault, awsFault func(awstest.Call) awstest.Action,
	env map[string]string) *deployment {
	t.Helper()
	d := &deployment{t: t, flow: flow, user: leakUser()}
	d.engage = engagetest.NewServer(engagetest.Config{Users: []engagetest.User{d.user},
		Answers: engagetest.Answers{EchoURL: true}})
	d.wire = &wire{next: d.engage, fault: fault}
	for name, secret := range map[string]string{"the password": d.user.Password, "the client secret": d.user.ClientSecret,
		"the JWT": d.user.JWT} {
		d.wire.see(name, secret)
	}
	vendor := httptest.NewServer(d.wire)
	t.Cleanup(func() { vendor.CloseClientConnections(); vendor.Close() })
	d.aws = awstest.New(t, &awstest.Config{Fault: awsFault, Secrets: awstest.SecretsConfig{NewID: newID}})
	d.env = map[string]string{
		"ENGAGE_BASE_URL": vendor.URL, "RINGCENTRAL_BASE_URL": vendor.URL, "LOG_LEVEL": "DEBUG",
		"TOKEN_SECRET_ID": tokenSecret,
	}
	for _, entry := range d.aws.Environment("AKIALEAKTEST") {
		name, value, _ := strings.Cut(entry, "=")
		d.env[name] = value
	}
	maps.Copy(d.env, env)
	login, err := json.Marshal(d.user.LoginFields(flow))
	if err != nil {
		t.Fatal(err)
	}
	d.put(adminSecret, `{"tokenSecrets":["*"],`+string(login[1:]))
	d.put(tokenSecret, `{"adminSecretArn":"`+adminSecret+`","note":"stays"}`)
	d.rotate = d.start("rotate")
	return d
}

// newID makes version ids and RotationTokens. They are not UUIDs: pieces of a RotationToken would
// then be found by chance in version ids and request ids.
func newID() string {
	id := make([]byte, 36)
	for i := range id {
		id[i] = byte('g' + rand.IntN(20))
	}
	return string(id)
}

// put creates a secret, or gives it another value.
func (d *deployment) put(name, value string) {
	d.t.Helper()
	if _, err := d.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err == nil {
		return
	}
	if _, err := d.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: name,
		SecretString: &value}); err != nil {
		d.t.Fatal(err)
	}
}

// start starts a function of the product and collects its output.
func (d *deployment) start(name string) *lambdatest.Function {
	d.t.Helper()
	return d.startBinary(lambdatest.Config{Path: built.Function(d.t, name), FunctionName: name, Env: d.env})
}

func (d *deployment) startBinary(config lambdatest.Config) *lambdatest.Function {
	d.t.Helper()
	config.Stdout, config.Stderr = &d.output, &d.output
	if config.Timeout == 0 {
		config.Timeout = 20 * time.Second
	}
	f, err := lambdatest.Start(d.t.Context(), config)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(f.Close)
	return f
}

// invoke invokes a function; its answer or error is collected too.
func (d *deployment) invoke(f *lambdatest.Function, payload string) lambdatest.Result {
	d.t.Helper()
	result, err := f.Invoke(d.t.Context(), []byte(payload))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, part := range []string{string(result.Payload), result.ErrorMessage, result.ErrorType, string(result.LogTail)} {
		_, _ = io.WriteString(&d.output, part+"\n")
	}
	return result
}

// rotateOnce runs a rotation, with one repetition if it fails, as the service does.
func (d *deployment) rotateOnce() (succeeded bool) {
	d.t.Helper()
	run, err := d.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: tokenSecret,
		RotationLambdaARN: functionARN})
	if err != nil {
		if run, err = d.aws.Secrets.ResumeRotation(tokenSecret); err != nil {
			return false
		}
	}
	d.wire.see("the RotationToken", run.RotationToken)
	var failed error
	for range 2 {
		if failed = d.attempt(run); failed == nil {
			break
		}
	}
	d.aws.Secrets.EndRotation(run, failed)
	return failed == nil
}

type stepFailed string

func (s stepFailed) Error() string { return string(s) }

func (d *deployment) attempt(run awstest.Run) error {
	d.t.Helper()
	for _, step := range run.Steps {
		if result := d.invoke(d.rotate, string(run.Payload(step))); result.FunctionError != "" {
			return stepFailed(step)
		}
		if err := d.aws.Secrets.CheckRotation(run); err != nil {
			return err
		}
	}
	return nil
}

// leaks searches the collected output.
func (d *deployment) leaks() []leaks.Leak {
	d.wire.mu.Lock()
	defer d.wire.mu.Unlock()
	for _, token := range d.engage.Tokens(d.user.Username) {
		d.wire.finder.Add("an API token", token)
	}
	return d.wire.finder.Find(d.output.String())
}

// check fails the test if anything leaked.
func (d *deployment) check() {
	d.t.Helper()
	for _, leak := range d.leaks() {
		d.t.Errorf("leaked %v", leak)
	}
}

// wire is in front of the vendor: it records the secrets that pass, and breaks a call.
type wire struct {
	next  http.Handler
	fault *fault

	mu     sync.Mutex
	calls  int
	finder leaks.Finder
}

func (w *wire) see(name, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finder.Add(name, secret)
}

// count returns how many calls there were.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// ServeHTTP implements http.Handler.
func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.calls++
	fault := w.fault
	if fault != nil && fault.call != 0 && fault.call != w.calls {
		fault = nil
	}
	w.mu.Unlock()
	if fault == nil {
		w.pass(rw, r)
		return
	}
	echo := dump(r, body)
	if fault.after {
		discarded := httptest.NewRecorder()
		w.pass(discarded, r)
		echo += "\n" + discarded.Body.String()
	}
	fault.answer(rw, r, echo)
}

// pass carries out the call, and records the secrets of its answer.
func (w *wire) pass(rw http.ResponseWriter, r *http.Request) {
	copied := &copyWriter{ResponseWriter: rw}
	w.next.ServeHTTP(copied, r)
	if copied.body.Len() > 1<<20 {
		return
	}
	text := copied.body.String()
	var document map[string]any
	if json.Unmarshal([]byte(text), &document) == nil {
		for _, field := range []string{"accessToken", "refreshToken", "authToken", "access_token"} {
			if secret, ok := document[field].(string); ok {
				w.see("the "+field, secret)
			}
		}
	}
	if r.Method == http.MethodPost {
		if token, err := engage.ParseToken(strings.Trim(text, " \t\r\n\"")); err == nil {
			w.see("an API token", token.Reveal())
		}
	}
}

// copyWriter stores a copy of an answer.
type copyWriter struct {
	http.ResponseWriter
	body bytes.Buffer
}

// Write implements io.Writer.
func (c *copyWriter) Write(p []byte) (int, error) {
	if c.body.Len() <= 1<<20 {
		c.body.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (c *copyWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

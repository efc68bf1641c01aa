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

// leakUser has nothing but credentials of which every eighth part would be noticed.
func leakUser() engagetest.User {
	return engagetest.User{
		Username: "leak.user@example.com", Password: `Zq7&k/?#+%"ü€ w9Xr2!`, PlatformID: "aws80",
		ClientID: "exampleClientId", ClientSecret: "cs7Hk2/Lp9+Qw4=Zx8Vb", JWT: "eyJraWQiOiJ4In0.eyJzdWIiOiJsZWFrLXVzZXIifQ.bm90LWEtc2lnbmF0dXJl",
	}
}

// world is the stand-ins, the real functions, all that these write, and all secrets that went over a wire.
type world struct {
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

// newWorld makes a world with a secret that has no token yet. awsFault may be nil.
func newWorld(t *testing.T, flow engage.Flow, fault *fault, awsFault func(awstest.Call) awstest.Action, env map[string]string) *world {
	t.Helper()
	w := &world{t: t, flow: flow, user: leakUser()}
	w.engage = engagetest.NewServer(engagetest.Config{Users: []engagetest.User{w.user}, Answers: engagetest.Answers{EchoURL: true}})
	w.wire = &wire{next: w.engage, fault: fault}
	for name, secret := range map[string]string{"the password": w.user.Password, "the client secret": w.user.ClientSecret, "the JWT": w.user.JWT} {
		w.wire.see(name, secret)
	}
	vendor := httptest.NewServer(w.wire)
	t.Cleanup(func() { vendor.CloseClientConnections(); vendor.Close() })
	w.aws = awstest.New(t, &awstest.Config{Fault: awsFault, Secrets: awstest.SecretsConfig{NewID: newID}})
	w.env = map[string]string{
		"ENGAGE_BASE_URL": vendor.URL, "RINGCENTRAL_BASE_URL": vendor.URL, "LOG_LEVEL": "DEBUG",
		"TOKEN_SECRET_ID": tokenSecret,
	}
	for _, entry := range w.aws.Environment("AKIALEAKTEST") {
		name, value, _ := strings.Cut(entry, "=")
		w.env[name] = value
	}
	maps.Copy(w.env, env)
	login, err := json.Marshal(w.user.LoginFields(flow))
	if err != nil {
		t.Fatal(err)
	}
	w.put(adminSecret, string(login))
	w.put(tokenSecret, `{"adminSecretArn":"`+adminSecret+`","note":"stays"}`)
	w.rotate = w.start("rotate")
	return w
}

// newID makes version ids and RotationTokens. They are no UUIDs, pieces of which look like those of any other UUID: a
// RotationToken's would be found in some version id or request id by chance.
func newID() string {
	id := make([]byte, 36)
	for i := range id {
		id[i] = byte('g' + rand.IntN(20))
	}
	return string(id)
}

// put creates a secret, or gives it another value.
func (w *world) put(name, value string) {
	w.t.Helper()
	if _, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err == nil {
		return
	}
	if _, err := w.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: name, SecretString: &value}); err != nil {
		w.t.Fatal(err)
	}
}

// start starts a function of the product; what it writes is collected.
func (w *world) start(name string) *lambdatest.Function {
	w.t.Helper()
	return w.startBinary(lambdatest.Config{Path: built.Function(w.t, name), FunctionName: name, Env: w.env})
}

func (w *world) startBinary(config lambdatest.Config) *lambdatest.Function {
	w.t.Helper()
	config.Stdout, config.Stderr = &w.output, &w.output
	if config.Timeout == 0 {
		config.Timeout = 20 * time.Second
	}
	f, err := lambdatest.Start(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(f.Close)
	return f
}

// invoke invokes a function; its answer or error is collected too.
func (w *world) invoke(f *lambdatest.Function, payload string) lambdatest.Result {
	w.t.Helper()
	result, err := f.Invoke(w.t.Context(), []byte(payload))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, part := range []string{string(result.Payload), result.ErrorMessage, result.ErrorType, string(result.LogTail)} {
		_, _ = io.WriteString(&w.output, part+"\n")
	}
	return result
}

// rotateOnce runs a rotation, with one repetition where it fails, as the service does.
func (w *world) rotateOnce() (succeeded bool) {
	w.t.Helper()
	run, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: tokenSecret, RotationLambdaARN: functionARN})
	if err != nil {
		if run, err = w.aws.Secrets.ResumeRotation(tokenSecret); err != nil {
			return false
		}
	}
	w.wire.see("the RotationToken", run.RotationToken)
	var failed error
	for range 2 {
		if failed = w.attempt(run); failed == nil {
			break
		}
	}
	w.aws.Secrets.EndRotation(run, failed)
	return failed == nil
}

type stepFailed string

func (s stepFailed) Error() string { return string(s) }

func (w *world) attempt(run awstest.Run) error {
	w.t.Helper()
	for _, step := range run.Steps {
		if result := w.invoke(w.rotate, string(run.Payload(step))); result.FunctionError != "" {
			return stepFailed(step)
		}
		if err := w.aws.Secrets.CheckRotation(run); err != nil {
			return err
		}
	}
	return nil
}

// leaks searches what was collected.
func (w *world) leaks() []leaks.Leak {
	w.wire.mu.Lock()
	defer w.wire.mu.Unlock()
	for _, token := range w.engage.Tokens(w.user.Username) {
		w.wire.finder.Add("an API token", token)
	}
	return w.wire.finder.Find(w.output.String())
}

// check fails the test where anything leaked.
func (w *world) check() {
	w.t.Helper()
	for _, leak := range w.leaks() {
		w.t.Errorf("leaked %v", leak)
	}
}

// wire stands in front of the vendor: it notes the secrets that pass, and breaks a call.
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

// pass lets the call happen, and notes the secrets of its answer.
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

// copyWriter keeps a copy of an answer.
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

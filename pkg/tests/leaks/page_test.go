package leaks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/sandbox"
	"engage-token-rotation/pkg/standins/sandbox/page"
	"engage-token-rotation/pkg/tests/leaks"
)

// received collects what a browser at the sandbox's page is sent. It is safe for concurrent use.
type received struct {
	mu   sync.Mutex
	text bytes.Buffer
	came *sync.Cond
}

// Write implements io.Writer.
func (r *received) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.came.Broadcast()
	return r.text.Write(p)
}

// await waits until a text has come.
func (r *received) await(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !strings.Contains(r.text.String(), text) {
		r.came.Wait()
	}
}

// visitor is a browser at the page, and a person who knows the secrets.
type visitor struct {
	t      *testing.T
	box    *sandbox.Sandbox
	got    *received
	finder leaks.Finder
}

// ask makes a request as the page does, and collects the answer.
func (v *visitor) ask(method, path string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.box.AWSURL+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := response.Header.Write(v.got); err != nil {
		v.t.Fatal(err)
	}
	if _, err := io.Copy(v.got, response.Body); err != nil {
		v.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		v.t.Errorf("%s %s: %s", method, path, response.Status)
	}
}

// learn adds the tokens of the current versions to what is searched for.
func (v *visitor) learn() {
	v.t.Helper()
	client := secretsmanager.New(secretsmanager.Options{Region: sandbox.Region, BaseEndpoint: &v.box.AWSURL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAVISITOR", "none", "")})
	for _, name := range []string{sandbox.TokenSecret, sandbox.YardstickSecret} {
		value, err := client.GetSecretValue(v.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
		if err != nil {
			v.t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal([]byte(*value.SecretString), &document); err != nil {
			v.t.Fatal(err)
		}
		for _, field := range []string{"apiToken", "password", "clientSecret", "jwt"} {
			if text, ok := document[field].(string); ok {
				// All tokens begin with the platform, which is public.
				v.finder.Add("the "+field+" of "+name, strings.TrimPrefix(text, "aws80:"))
			}
		}
	}
}

// Nobody sees a secret at the sandbox's page, whatever they press.
func TestTheSandboxPageIsSentNoSecret(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the sandbox")
	}
	for _, flow := range flows {
		t.Run(string(flow), func(t *testing.T) {
			t.Parallel()
			box, err := sandbox.Start(t.Context(), sandbox.Config{Flow: flow,
				Binaries: sandbox.FindBinaries(built.Functions(t))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(box.Close)
			v := &visitor{t: t, box: box, got: &received{}}
			v.got.came = sync.NewCond(&v.got.mu)
			v.use()
			user := engagetest.DefaultUser()
			v.finder.Add("the password", user.Password)
			v.finder.Add("the client secret", user.ClientSecret)
			v.finder.Add("the JWT", user.JWT)
			if n := v.finder.Len(); n < 7 {
				t.Errorf("only %d secrets are searched for", n)
			}
			text := v.got.text.String()
			for _, leak := range v.finder.Find(text) {
				t.Errorf("leaked %v", leak)
			}
			for _, beginning := range []string{"aws80:", "eyJhbGciOi"} {
				if at := strings.Index(text, beginning); at >= 0 {
					t.Errorf("a text that begins with %q is after %q", beginning, text[max(0, at-80):at])
				}
			}
		})
	}
}

// use opens the page and presses everything.
func (v *visitor) use() {
	v.t.Helper()
	for _, name := range append([]string{""}, page.Files...) {
		v.ask("GET", "/"+name)
	}
	ctx, leave := context.WithCancel(v.t.Context())
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		v.watch(ctx)
	}()
	v.ask("POST", sandbox.PathYardstick+"?on=true")
	for _, fault := range []sandbox.StrikeFault{"", sandbox.LostAfter, sandbox.Answers500} {
		if fault != "" {
			v.ask("POST", sandbox.PathStrike+"?"+url.Values{"step": {"createSecret"}, "service": {"Engage"},
				"operation": {"create"}, "fault": {string(fault)}}.Encode())
		}
		v.ask("POST", sandbox.PathRotate)
		if err := v.box.Wait(v.t.Context()); err != nil {
			v.t.Fatal(err)
		}
		v.learn()
	}
	for _, path := range []string{sandbox.PathEdit, sandbox.PathForeign, sandbox.PathRetention + "?value=1h",
		sandbox.PathRotate, sandbox.PathSweep + "?later=2h", sandbox.PathSweep + "?dryRun=true", sandbox.PathDeleteCurrent} {
		v.ask("POST", path)
	}
	if err := v.box.Wait(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	for _, path := range []string{sandbox.PathView, sandbox.PathState, sandbox.PathCalls, sandbox.PathLogs,
		sandbox.PathAPI} {
		v.ask("GET", path)
	}
	v.got.await("event: readers")
	leave()
	<-watching
	if text := v.got.text.String(); !strings.Contains(text, "event: view") || !strings.Contains(text, "unclaimed") {
		v.t.Errorf("the page was not sent what happened:\n%s", text)
	}
}

// watch reads the page's events until ctx ends.
func (v *visitor) watch(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, "GET", v.box.AWSURL+sandbox.PathEvents, nil)
	if err != nil {
		v.t.Error(err)
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Error(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(v.got, response.Body) // until the visitor leaves
}

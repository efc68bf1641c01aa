package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/baseline"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/sandbox"
)

// binaries builds the functions once for all tests.
var binaries = sync.OnceValues(func() (map[string]string, error) {
	dir, err := os.MkdirTemp("", "deploy-")
	if err != nil {
		return nil, err
	}
	return sandbox.Build(context.Background(), root, dir)
})

// box is a sandbox whose functions reach AWS through a proxy that loses answers.
type box struct {
	*sandbox.Sandbox
	t *testing.T
}

func startBox(t *testing.T, config sandbox.Config) *box {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the functions' binaries")
	}
	built, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	proxy := &lossyProxy{seen: map[string]bool{}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	config.Binaries, config.Env = built, map[string]string{"AWS_ENDPOINT_URL": server.URL}
	s, err := sandbox.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	target, err := url.Parse(s.AWSURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy.target.Store(httputil.NewSingleHostReverseProxy(target))
	return &box{s, t}
}

// lossyProxy loses the answer to the first creation of each token record: the SDK sends the call
// again, and finds its own record.
type lossyProxy struct {
	target atomic.Pointer[httputil.ReverseProxy]
	mu     sync.Mutex
	seen   map[string]bool
}

func (p *lossyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Header.Get("X-Amz-Target") == "AmazonSSM.PutParameter" && p.first(body) {
		p.target.Load().ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	p.target.Load().ServeHTTP(w, r)
}

func (p *lossyProxy) first(body []byte) bool {
	var in struct {
		Name      string
		Overwrite bool
	}
	if json.Unmarshal(body, &in) != nil || in.Overwrite || !strings.Contains(in.Name, "/token-") {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.seen[in.Name] = true }()
	return !p.seen[in.Name]
}

// user is the SDK's configuration of a caller that is not one of the functions.
func (b *box) user() aws.Config {
	return aws.Config{
		Region: sandbox.Region, BaseEndpoint: aws.String(b.AWSURL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIASANDBOXUSER", SecretAccessKey: "sandbox"}, nil
		}),
	}
}

// rotate rotates and waits until the rotation succeeded or failed.
func (b *box) rotate() {
	b.t.Helper()
	if _, err := b.Rotate(b.t.Context(), ""); err != nil {
		b.t.Log(err)
	}
	b.wait()
}

func (b *box) wait() {
	b.t.Helper()
	if err := b.Wait(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// invoke invokes a function and returns its answer or its error's text.
func (b *box) invoke(function, payload string) string {
	answer, err := b.Invoke(b.t.Context(), function, []byte(payload))
	if err != nil {
		return err.Error()
	}
	return string(answer)
}

func (b *box) scenario(name sandbox.Scenario) {
	b.t.Helper()
	if err := b.SetScenario(b.t.Context(), name); err != nil {
		b.t.Fatal(err)
	}
}

// arn returns the ARN of a secret.
func (b *box) arn(name string) string {
	b.t.Helper()
	for _, s := range b.State().Secrets {
		if s.Name == name {
			return s.ARN
		}
	}
	b.t.Fatalf("no secret %s", name)
	return ""
}

// further attaches another secret, with an admin secret of its own.
func (b *box) further(prefix string) {
	b.t.Helper()
	ctx, client, user := b.t.Context(), secretsmanager.NewFromConfig(b.user()), engagetest.DefaultUser()
	login, _ := json.Marshal(user.LoginFields(""))
	create := func(name, value string) (arn string) {
		out, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
		if err != nil {
			b.t.Fatal(err)
		}
		return *out.ARN
	}
	admin := create(prefix+"admin", `{"tokenSecrets":["`+prefix+`*"],`+string(login[1:]))
	token := create(prefix+"token", fmt.Sprintf(`{"adminSecretArn":%q}`, admin))
	stacks := &secretsmanager.DescribeSecretInput{SecretId: aws.String(sandbox.TokenSecret)}
	first, err := client.DescribeSecret(ctx, stacks)
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: &token, RotationLambdaARN: first.RotationLambdaARN,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.wait()
}

// vendor returns a client of the vendor, a session of its user, and the ledger's name of that user.
func (b *box) vendor() (*engage.Client, *engage.Session, ledger.User) {
	b.t.Helper()
	base, err := url.Parse(b.EngageURL)
	if err != nil {
		b.t.Fatal(err)
	}
	user := engagetest.DefaultUser()
	credentials := engage.Credentials{
		Flow: engage.FlowEngage, Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
	}
	endpoint := engage.Endpoint{Flow: engage.FlowEngage, BaseURL: base, PlatformURL: base}
	client := engage.New(engage.Config{Endpoint: endpoint})
	session, err := client.Login(b.t.Context(), credentials)
	if err != nil {
		b.t.Fatal(err)
	}
	return client, session, ledger.NewUser(endpoint, credentials)
}

// ledger is the ledger of the sandbox.
func (b *box) ledger() *ledger.Ledger {
	return ledger.New(awsstore.NewParameters(b.user()), settings.DefaultPrefix)
}

// crash makes the intent and the token of a rotation that was killed right after its creation,
// twenty minutes ago.
func (b *box) crash() {
	b.t.Helper()
	ctx := b.t.Context()
	client, session, user := b.vendor()
	before, err := client.List(ctx, session)
	if err != nil {
		b.t.Fatal(err)
	}
	then := time.Now().Add(-20 * time.Minute)
	intent := ledger.NewIntent(b.arn(sandbox.TokenSecret), "00000000-0000-4000-8000-000000000000", "killed", then)
	intent.Until, intent.Baseline, intent.User = then.Add(time.Minute), baseline.Of(before), user
	if err := b.ledger().Begin(ctx, intent); err != nil {
		b.t.Fatal(err)
	}
	if _, err := client.Create(ctx, session, before); err != nil {
		b.t.Fatal(err)
	}
}

// deleted makes the record of a token that was deleted two hours ago. A sweep removes it.
func (b *box) deleted() {
	b.t.Helper()
	_, _, user := b.vendor()
	then := time.Now().Add(-2 * time.Hour)
	err := b.ledger().Create(b.t.Context(), ledger.Record{
		Secret: b.arn(sandbox.TokenSecret), Version: "00000000-0000-4000-8000-000000000000",
		Fingerprint: "0123456789ab", State: ledger.Deleted, CreatedAt: then, At: then, User: user,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// crashDuring kills the rotation function's process right after its next call to the vendor.
func (b *box) crashDuring(work func()) {
	b.t.Helper()
	called := len(b.Calls().Engage)
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(b.Calls().Engage) == called {
		select {
		case <-tick.C:
		case <-b.t.Context().Done():
			b.t.Fatal("the function does not call the vendor")
		}
	}
	b.KillFunction(sandbox.FunctionRotate)
	<-done
}

// current returns the value of a secret and its token.
func (b *box) current(name string) (*secret.Document, engage.Token) {
	b.t.Helper()
	client := secretsmanager.NewFromConfig(b.user())
	value, err := client.GetSecretValue(b.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		b.t.Fatal(err)
	}
	document, err := secret.Parse(*value.SecretString)
	if err != nil {
		b.t.Fatal(err)
	}
	token, err := document.Token()
	if err != nil {
		b.t.Fatal(err)
	}
	return document, token
}

// kill deletes the current token of a secret at the vendor, as a person might by mistake.
func (b *box) kill(name string) {
	b.t.Helper()
	_, token := b.current(name)
	client, session, _ := b.vendor()
	if err := client.Delete(b.t.Context(), session, token); err != nil {
		b.t.Fatal(err)
	}
}

// age makes the current token of a secret an hour older: a younger one may be refused by a vendor
// that lags behind.
func (b *box) age(name string) {
	b.t.Helper()
	document, token := b.current(name)
	older, err := document.WithToken(token, time.Now().Add(-time.Hour))
	if err != nil {
		b.t.Fatal(err)
	}
	value := older.Text().Reveal()
	in := &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value}
	_, err = secretsmanager.NewFromConfig(b.user()).PutSecretValue(b.t.Context(), in)
	if err != nil {
		b.t.Fatal(err)
	}
}

// set stores a setting in the Parameter Store.
func (b *box) set(name, value string) {
	b.t.Helper()
	path := settings.DefaultPrefix + "/settings/" + name
	_, err := ssm.NewFromConfig(b.user()).PutParameter(b.t.Context(), &ssm.PutParameterInput{
		Name: &path, Value: &value, Type: "String", Overwrite: aws.Bool(true),
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestTemplateFitsARecordedRun compares the template with what the functions do and report in the
// sandbox.
func TestTemplateFitsARecordedRun(t *testing.T) {
	t.Parallel()
	b := startBox(t, sandbox.Config{})
	b.withoutTrouble()
	b.withTrouble()
	if violations := b.State().Violations; len(violations) > 0 {
		t.Fatalf("the run broke rules of the vendor: %v", violations)
	}
	t.Run("policies", func(t *testing.T) { checkPolicies(t, b) })
	t.Run("dashboard and alarms", func(t *testing.T) { checkTelemetry(t, b) })
}

// withoutTrouble does what happens in days without trouble.
func (b *box) withoutTrouble() {
	b.t.Helper()
	if _, err := b.Preflight(b.t.Context(), ""); err != nil {
		b.t.Fatal(err)
	}
	b.wait()
	b.rotate()
	b.rotate()
	for _, payload := range []string{`{}`, `{"dryRun":true}`} {
		b.invoke(sandbox.FunctionSweep, payload)
	}
	b.invoke(sandbox.FunctionIVR, `{}`)
}

// withTrouble makes the functions use the rest of their permissions and metrics.
func (b *box) withTrouble() {
	b.t.Helper()
	b.crash()
	b.deleted()
	b.invoke(sandbox.FunctionSweep, `{}`)
	b.set("previous-token-retention", "1h")
	b.further("further/")
	b.rotate()
	b.invoke(sandbox.FunctionSweep, fmt.Sprintf(`{"revokePrevious":%q}`, b.arn(sandbox.TokenSecret)))
	b.scenario(sandbox.ScenarioLedgerDenied)
	b.rotate()
	b.scenario(sandbox.ScenarioNone)
	for _, step := range []string{"setSecret", "finishSecret"} {
		event := `{"Step":%q,"SecretId":"engage/token","ClientRequestToken":"33333333-3333-4333-8333-333333333333"}`
		b.invoke(sandbox.FunctionRotate, fmt.Sprintf(event, step))
	}
	b.kill(sandbox.TokenSecret)
	b.kill("further/token")
	b.invoke(sandbox.FunctionSweep, `{}`)
	b.invoke(sandbox.FunctionIVR, `{}`)
}

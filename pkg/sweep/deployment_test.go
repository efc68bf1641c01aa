package sweep_test

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

const (
	secretName  = "ivr/token"
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// deployment is one stack: a rotator and a sweeper over the stand-ins, in virtual time. It begins
// with one secret, which holds the login fields of the vendor's default user.
type deployment struct {
	t          *testing.T
	aws        *awstest.Server
	engage     *engagetest.Server
	user       engagetest.User
	env        map[string]string
	rotator    *rotation.Rotator
	sweeper    *sweep.Sweeper
	parameters *awsstore.Parameters
	hosts      *hosts
	arn        string        // of the first secret
	limit      time.Duration // of a sweep's invocation
	// deny refuses calls to AWS; nil refuses none.
	deny func(awstest.Call) bool
}

// hosts carries calls to the vendor, except those to a silent host, which are never answered.
type hosts struct {
	http.RoundTripper
	mu     sync.Mutex
	silent map[string]bool
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	silent := h.silent[r.URL.Host]
	h.mu.Unlock()
	if silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return h.RoundTripper.RoundTrip(r)
}

func (h *hosts) setSilent(host string, silent bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent[host] = silent
}

// deploy runs a test with a deployment of its own.
func deploy(t *testing.T, env map[string]string, test func(t *testing.T, d *deployment)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &deployment{
			t:      t,
			engage: engagetest.NewServer(engagetest.Config{Seed: 1}),
			user:   engagetest.DefaultUser(),
			env:    env,
			limit:  300 * time.Second,
		}
		d.aws = awstest.NewServer(awstest.Config{Permit: func(c awstest.Call) bool { return d.deny == nil || !d.deny(c) }})
		defer d.aws.Close()
		d.hosts = &hosts{RoundTripper: d.engage.RoundTripper(), silent: map[string]bool{}}
		d.arn = d.createSecret(secretName, loginFields(d.user, nil))
		d.restart()
		test(t, d)
	})
}

// restart makes a new rotator and sweeper from the environment.
func (d *deployment) restart() {
	d.t.Helper()
	environment, err := settings.FromEnvironment(func(name string) string { return d.env[name] })
	if err != nil {
		d.t.Fatal(err)
	}
	sdk := d.aws.SDKConfig("sweep")
	secrets := awsstore.NewSecrets(sdk)
	d.parameters = awsstore.NewParameters(sdk)
	d.rotator = rotation.New(rotation.Config{
		Secrets: secrets, Parameters: d.parameters, Settings: environment, Transport: d.hosts,
	})
	d.sweeper = sweep.New(sweep.Config{
		Secrets: secrets, Parameters: d.parameters, Settings: environment, Transport: d.hosts,
		RotationFunction: functionARN, TokenSecret: d.arn,
	})
}

// loginFields returns a document with the user's login fields and more fields.
func loginFields(u engagetest.User, more map[string]string) string {
	fields := map[string]string{"username": u.Username, "password": u.Password, "platformId": u.PlatformID}
	maps.Copy(fields, more)
	text, _ := json.Marshal(fields)
	return string(text)
}

// addUser adds a user with the password of the default one.
func (d *deployment) addUser(name string) engagetest.User {
	u := engagetest.User{Username: name, Password: d.user.Password, PlatformID: d.user.PlatformID}
	d.engage.AddUser(u)
	return u
}

func (d *deployment) createSecret(name, value string) (arn string) {
	d.t.Helper()
	out, err := d.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value})
	if err != nil {
		d.t.Fatal(err)
	}
	return out.ARN
}

// begin starts a rotation as the service does.
func (d *deployment) begin(name string) awstest.Run {
	d.t.Helper()
	run, err := d.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: name, RotationLambdaARN: functionARN})
	if err != nil {
		d.t.Fatal(err)
	}
	return run
}

func (d *deployment) step(run awstest.Run, step string) error {
	d.t.Helper()
	event, err := events.ParseRotation(run.Payload(step))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 90*time.Second) // as in the template
	defer cancel()
	_, err = d.rotator.Handle(ctx, event)
	return err
}

// steps carries out steps that are to succeed.
func (d *deployment) steps(run awstest.Run, steps ...string) {
	d.t.Helper()
	for _, step := range steps {
		if err := d.step(run, step); err != nil {
			d.t.Fatalf("%s: %v", step, err)
		}
	}
}

// rotate carries out a rotation ten minutes later and returns the new token.
func (d *deployment) rotate() string { d.t.Helper(); return d.rotateSecret(secretName) }

func (d *deployment) rotateSecret(name string) string {
	d.t.Helper()
	time.Sleep(10 * time.Minute) // within the limit of logins, past every propagation
	run := d.begin(name)
	d.steps(run, run.Steps...)
	d.aws.Secrets.EndRotation(run, nil)
	return d.token(name, awstest.StageCurrent)
}

func (d *deployment) value(name, stage string) string {
	d.t.Helper()
	out, err := d.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: name, VersionStage: stage})
	if err != nil {
		d.t.Fatal(err)
	}
	return *out.SecretString
}

func (d *deployment) token(name, stage string) string {
	d.t.Helper()
	document, err := secret.Parse(d.value(name, stage))
	if err != nil {
		d.t.Fatal(err)
	}
	token, err := document.Token()
	if err != nil {
		d.t.Fatal(err)
	}
	return token.Reveal()
}

// edit puts a value by hand.
func (d *deployment) edit(name, value string) {
	d.t.Helper()
	_, err := d.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: name, SecretString: &value})
	if err != nil {
		d.t.Fatal(err)
	}
}

// holder returns the version of the first secret that carries a label.
func (d *deployment) holder(label string) string {
	d.t.Helper()
	out, err := d.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: secretName})
	if err != nil {
		d.t.Fatal(err)
	}
	return secret.Description{Versions: out.VersionIdsToStages}.Holder(label)
}

// move moves a label by hand; an empty to removes it.
func (d *deployment) move(label, to string) {
	d.t.Helper()
	_, err := d.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: secretName, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: d.holder(label),
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// run sweeps as Lambda does, with 300 s at most.
func (d *deployment) run(payload string) (report.Sweep, error) {
	d.t.Helper()
	request, err := events.ParseSweep([]byte(payload))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), d.limit)
	defer cancel()
	began := time.Now()
	answer, err := d.sweeper.Run(ctx, request)
	if took := time.Since(began); took > d.limit-5*time.Second {
		d.t.Errorf("the sweep took %s: nothing is left for its answer", took)
	}
	return answer, err
}

// sweep sweeps without a fault.
func (d *deployment) sweep(payload string) report.Sweep {
	d.t.Helper()
	answer, err := d.run(payload)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(answer.Faults) > 0 {
		d.t.Fatalf("faults: %v", answer.Faults)
	}
	return answer
}

// about returns what an answer has of a secret, by its name.
func about(t *testing.T, answer report.Sweep, name string) *report.Secret {
	t.Helper()
	for _, s := range answer.Secrets {
		if secret.NameOf(s.Secret) == name {
			return s
		}
	}
	t.Fatalf("the answer has nothing of secret %s", name)
	return nil
}

// wantCase checks which case an answer names for a token of the first secret.
func wantCase(t *testing.T, answer report.Sweep, token, want string) {
	t.Helper()
	if got := about(t, answer, secretName).Cases[print(token)]; got != want {
		t.Errorf("case %q, want %s", got, want)
	}
}

// print returns a token's fingerprint.
func print(token string) engage.Fingerprint { return engage.Fingerprint(hidden.Fingerprint(token)) }

func (d *deployment) wantTokens(want ...string) {
	d.t.Helper()
	got := d.engage.Tokens(d.user.Username)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		d.t.Errorf("the user has tokens %v, want %v", prints(got), prints(want))
	}
}

func prints(tokens []string) []engage.Fingerprint {
	var all []engage.Fingerprint
	for _, token := range tokens {
		all = append(all, print(token))
	}
	return all
}

func (d *deployment) ledger() *ledger.Ledger {
	return ledger.New(d.parameters, cmp.Or(d.env[settings.EnvPrefix], settings.DefaultPrefix))
}

// entries returns what the ledger holds of a secret.
func (d *deployment) entries(arn string) ledger.View {
	d.t.Helper()
	all, err := d.ledger().ReadAll(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return all.Secrets[arn]
}

// record returns the record of a token of the first secret.
func (d *deployment) record(token string) ledger.Record {
	d.t.Helper()
	record, found := d.entries(d.arn).Find(print(token))
	if !found {
		d.t.Fatalf("the ledger has no record of token %s", print(token))
	}
	return record
}

// change changes the record of a token of the first secret.
func (d *deployment) change(token string, change func(*ledger.Record)) {
	d.t.Helper()
	record := d.record(token)
	change(&record)
	if err := d.ledger().Set(d.t.Context(), record); err != nil {
		d.t.Fatal(err)
	}
}

// loseLedger removes the parameters of the ledger that have the text in their name.
func (d *deployment) loseLedger(text string) {
	d.t.Helper()
	values, err := d.parameters.ListAll(
		d.t.Context(),
		cmp.Or(d.env[settings.EnvPrefix], settings.DefaultPrefix)+"/ledger",
	)
	if err != nil {
		d.t.Fatal(err)
	}
	for name := range values {
		if strings.Contains(name, text) {
			if err := d.parameters.Delete(d.t.Context(), name); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

// share rotates the first secret, and copies its token into ivr/copy, whose rotation begins. A
// sweep has seen both.
func (d *deployment) share() (shared string, ofCopy awstest.Run) {
	d.t.Helper()
	shared = d.rotate()
	d.createSecret("ivr/copy", loginFields(d.user, map[string]string{"apiToken": shared}))
	ofCopy = d.begin("ivr/copy")
	d.sweep(`{}`)
	return shared, ofCopy
}

// lose begins a rotation; its creation has its effect and is never answered. It returns the run
// and the token that the creation left.
func (d *deployment) lose() (awstest.Run, string) {
	d.t.Helper()
	time.Sleep(10 * time.Minute)
	before := d.engage.Tokens(d.user.Username)
	run := d.begin(secretName)
	d.engage.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
	if err := d.step(run, awstest.StepCreate); err == nil {
		d.t.Fatal("createSecret went on without an answer")
	}
	d.engage.SetFault(nil)
	left := slices.DeleteFunc(
		d.engage.Tokens(d.user.Username),
		func(token string) bool { return slices.Contains(before, token) },
	)
	if len(left) != 1 {
		d.t.Fatalf("the creation left %d tokens", len(left))
	}
	return run, left[0]
}

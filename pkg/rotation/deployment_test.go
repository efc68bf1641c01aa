package rotation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

const (
	secretName   = "ivr/engage-token"
	adminName    = "ivr/engage-admin"
	functionARN  = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
	functionName = "rotate"
)

// deployment is a secret, its admin secret, an Engage user and the rotator, on virtual time and in
// the process.
type deployment struct {
	t       *testing.T
	aws     *awstest.Server
	engage  *engagetest.Server
	user    engagetest.User
	env     map[string]string
	rotator *rotation.Rotator
	arn     string
	log     bytes.Buffer
}

// inDeployment runs a test in a deployment of its own. Changes to the configurations come before
// anything starts.
func inDeployment(
	t *testing.T,
	document string,
	change func(*awstest.Config, *engagetest.Config, map[string]string),
	test func(t *testing.T, w *deployment),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		awsConfig := awstest.Config{Secrets: awstest.SecretsConfig{History: 8}}
		engageConfig := engagetest.Config{Seed: 1}
		w := &deployment{t: t, user: engagetest.DefaultUser(), env: map[string]string{}}
		if change != nil {
			change(&awsConfig, &engageConfig, w.env)
		}
		w.aws, w.engage = awstest.NewServer(awsConfig), engagetest.NewServer(engageConfig)
		defer w.aws.Close()
		w.createSecret(adminName, w.loginFields())
		w.arn = w.createSecret(secretName, document)
		w.restart()
		test(t, w)
		for _, v := range w.engage.Violations() {
			t.Errorf("the vendor was sent what it should not be: %v", v)
		}
	})
}

func (w *deployment) loginFields() string {
	fields, err := json.Marshal(
		map[string]any{
			"username": w.user.Username, "password": w.user.Password, "platformId": w.user.PlatformID,
			"tokenSecrets": []string{"*"},
		},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(fields)
}

func (w *deployment) createSecret(name, value string) (arn string) {
	w.t.Helper()
	out, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ARN
}

// restart makes a new rotator, as a cold start does.
func (w *deployment) restart() {
	w.t.Helper()
	environment, err := settings.FromEnvironment(func(name string) string { return w.env[name] })
	if err != nil {
		w.t.Fatal(err)
	}
	sdk := w.aws.SDKConfig(functionName)
	w.rotator = rotation.New(rotation.Config{
		Secrets:    awsstore.NewSecrets(sdk),
		Parameters: awsstore.NewParameters(sdk),
		Settings:   environment,
		Transport:  w.engage.RoundTripper(),
		Log:        slog.New(slog.NewTextHandler(&w.log, nil)),
	})
}

// begin starts a rotation as the service does and returns its run; nothing is invoked.
func (w *deployment) begin() awstest.Run {
	w.t.Helper()
	run, err := w.aws.Secrets.BeginRotation(
		&awstest.RotateSecretInput{SecretId: secretName, RotationLambdaARN: functionARN},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

func (w *deployment) step(run awstest.Run, step events.Step) (report.Step, error) {
	w.t.Helper()
	event, err := events.ParseRotation(run.Payload(string(step)))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.rotator.Handle(w.t.Context(), event)
}

// stepWithin is step for an invocation with a time limit, as Lambda has one.
func (w *deployment) stepWithin(limit time.Duration, run awstest.Run, step events.Step) (report.Step, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	event, err := events.ParseRotation(run.Payload(string(step)))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.rotator.Handle(ctx, event)
}

// mustStep is step for one that is to succeed with an outcome.
func (w *deployment) mustStep(run awstest.Run, step events.Step, want report.Outcome) report.Step {
	w.t.Helper()
	done, err := w.step(run, step)
	if err != nil {
		w.t.Fatalf("%s: %v", step, err)
	}
	if done.Outcome != want {
		w.t.Fatalf("%s: outcome %q, want %q", step, done.Outcome, want)
	}
	return done
}

// rotate carries out a whole rotation.
func (w *deployment) rotate() awstest.Run {
	w.t.Helper()
	run := w.begin()
	for _, step := range run.Steps {
		if _, err := w.step(run, events.Step(step)); err != nil {
			w.t.Fatalf("%s: %v", step, err)
		}
	}
	w.end(run)
	return run
}

func (w *deployment) end(run awstest.Run) {
	w.t.Helper()
	if err := w.aws.Secrets.CheckRotation(run); err != nil {
		w.t.Fatalf("the service would fail the rotation: %v", err)
	}
	w.aws.Secrets.EndRotation(run, nil)
}

// value returns a version's document, or fails.
func (w *deployment) value(versionID, stage string) string {
	w.t.Helper()
	in := &awstest.GetSecretValueInput{SecretId: secretName, VersionId: versionID, VersionStage: stage}
	out, err := w.aws.Secrets.GetSecretValue(in)
	if err != nil {
		w.t.Fatalf("read version %s%s: %v", versionID, stage, err)
	}
	return *out.SecretString
}

// token returns the token that a label's version holds.
func (w *deployment) token(stage string) string {
	w.t.Helper()
	document, err := secret.Parse(w.value("", stage))
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := document.Token()
	if err != nil {
		w.t.Fatal(err)
	}
	return token.Reveal()
}

// labels returns the labels of a version.
func (w *deployment) labels(versionID string) []string {
	w.t.Helper()
	out, err := w.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: secretName})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.VersionIdsToStages[versionID]
}

// edit puts a value by hand.
func (w *deployment) edit(value string) {
	w.t.Helper()
	if _, err := w.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: secretName,
		SecretString: &value}); err != nil {
		w.t.Fatal(err)
	}
}

// ledger returns the ledger's parameters whose last path segment starts with kind.
func (w *deployment) ledger(kind string) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	token := ""
	for {
		page, err := w.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{
			Path: settings.DefaultPrefix + "/ledger", Recursive: true, NextToken: token,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range page.Parameters {
			if base := p.Name[strings.LastIndexByte(p.Name, '/')+1:]; strings.HasPrefix(base, kind) {
				found[p.Name] = p.Value
			}
		}
		if token = page.NextToken; token == "" {
			return found
		}
	}
}

func (w *deployment) wantTokens(want ...string) {
	w.t.Helper()
	got := w.engage.Tokens(w.user.Username)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("the user has tokens %v, want %v", fingerprints(got), fingerprints(want))
	}
}

func fingerprints(tokens []string) []string {
	var all []string
	for _, token := range tokens {
		all = append(all, hidden.Fingerprint(token))
	}
	return all
}

// onlyAdmin is a token secret before its first rotation.
const onlyAdmin = `{"adminSecretArn":"` + adminName + `"}`

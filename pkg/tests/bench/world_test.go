package bench_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

const (
	tokenSecret = "ivr/engage-token"
	adminSecret = "ivr/engage-login"
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// world is a secret that rotates and an Engage user.
type world struct {
	t        testing.TB
	aws      *awstest.Server
	engage   *engagetest.Server
	recorder *recorder
	close    []func()
}

// end stops what listens.
func (w *world) end() {
	for _, stop := range w.close {
		stop()
	}
	w.aws.Close()
}

// newWorld makes the stand-ins and the secrets, with the login fields inline or in the admin secret.
func newWorld(t testing.TB, flow engage.Flow, admin bool, delay time.Duration) *world {
	t.Helper()
	user := engagetest.DefaultUser()
	w := &world{t: t, recorder: &recorder{delay: delay, admin: adminSecret}}
	w.aws = awstest.NewServer(awstest.Config{})
	w.engage = engagetest.NewServer(engagetest.Config{Seed: 1, Users: []engagetest.User{user}})
	fields := user.LoginFields(flow)
	if admin {
		w.createSecret(adminSecret, fields)
		fields = map[string]string{"adminSecretArn": w.aws.Secrets.ARN(adminSecret)}
	}
	w.createSecret(tokenSecret, fields)
	return w
}

func (w *world) createSecret(name string, fields map[string]string) {
	w.t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		w.t.Fatal(err)
	}
	value := string(text)
	if _, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err != nil {
		w.t.Fatal(err)
	}
}

// refuseRefresh makes the vendor refuse refresh tokens, or accept them.
func (w *world) refuseRefresh(refuse bool) {
	w.engage.SetFault(func(c engagetest.Call) *engagetest.Fault {
		if refuse && c.Operation == engagetest.OpRefresh && c.Stage == engagetest.Before {
			return engagetest.Status(http.StatusUnauthorized)
		}
		return nil
	})
}

// rotate drives a rotation as the service does, and returns what each step called. Before each step it asks ahead what to
// do, for restarts.
func (w *world) rotate(invoke func(payload []byte) error, ahead func(step string)) total {
	w.t.Helper()
	run, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: tokenSecret, RotationLambdaARN: functionARN,
		RotationRules: &awstest.RotationRules{AutomaticallyAfterDays: 1}})
	if err != nil {
		w.t.Fatal(err)
	}
	var measured total
	for _, name := range run.Steps {
		if ahead != nil {
			ahead(name)
		}
		w.recorder.take()
		w.recorder.during(name)
		begun := time.Now()
		if err := invoke(run.Payload(name)); err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		s := step{name: name, took: time.Since(begun), calls: w.recorder.take()}
		for _, c := range s.calls {
			if c.end.IsZero() {
				w.t.Errorf("%s: %s is still under way after the step", name, c.name)
			}
		}
		measured.steps = append(measured.steps, s)
		if err := w.aws.Secrets.CheckRotation(run); err != nil {
			w.t.Fatal(err)
		}
	}
	if outcome := w.aws.Secrets.EndRotation(run, nil); outcome != awstest.Succeeded {
		w.t.Fatalf("the rotation %s", outcome)
	}
	return measured
}

// newRotator is a cold start in the process.
func (w *world) newRotator() func(payload []byte) error {
	w.t.Helper()
	environment, err := settings.FromEnvironment(func(string) string { return "" })
	if err != nil {
		w.t.Fatal(err)
	}
	sdk := w.aws.SDKConfig("rotate")
	sdk.HTTPClient = &http.Client{Transport: w.recorder.transport(w.aws.Transport())}
	rotator := rotation.New(rotation.Config{
		Secrets:    awsstore.NewSecrets(sdk),
		Parameters: awsstore.NewParameters(sdk),
		Settings:   environment,
		Transport:  w.recorder.transport(w.engage.RoundTripper()),
	})
	return func(payload []byte) error {
		event, err := rotation.ParseEvent(payload)
		if err == nil {
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
			defer cancel()
			_, err = rotator.Handle(ctx, event)
		}
		return err
	}
}

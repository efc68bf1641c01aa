package bench_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
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

// services are stand-ins with a secret that rotates and an Engage user.
type services struct {
	t        testing.TB
	aws      *awstest.Server
	engage   *engagetest.Server
	recorder *recorder
	close    []func()
}

// end closes the listeners.
func (sv *services) end() {
	for _, stop := range sv.close {
		stop()
	}
	sv.aws.Close()
}

// newServices makes the stand-ins and the secrets, with the login fields inline or in the admin
// secret.
func newServices(t testing.TB, flow engage.Flow, admin bool, delay time.Duration) *services {
	t.Helper()
	user := engagetest.DefaultUser()
	sv := &services{t: t, recorder: &recorder{delay: delay, admin: adminSecret}}
	sv.aws = awstest.NewServer(awstest.Config{})
	sv.engage = engagetest.NewServer(engagetest.Config{Seed: 1, Users: []engagetest.User{user}})
	fields := map[string]any{"tokenSecrets": []string{"*"}}
	for name, value := range user.LoginFields(flow) {
		fields[name] = value
	}
	if admin {
		sv.createSecret(adminSecret, fields)
		fields = map[string]any{"adminSecretArn": sv.aws.Secrets.ARN(adminSecret)}
	}
	sv.createSecret(tokenSecret, fields)
	return sv
}

func (sv *services) createSecret(name string, fields map[string]any) {
	sv.t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		sv.t.Fatal(err)
	}
	value := string(text)
	if _, err := sv.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err != nil {
		sv.t.Fatal(err)
	}
}

// refuseRefresh makes the vendor refuse refresh tokens, or accept them.
func (sv *services) refuseRefresh(refuse bool) {
	sv.engage.SetFault(func(c engagetest.Call) *engagetest.Fault {
		if refuse && c.Operation == engagetest.OpRefresh && c.Stage == engagetest.Before {
			return engagetest.Status(http.StatusUnauthorized)
		}
		return nil
	})
}

// rotate drives a rotation as the service does, and returns what each step called. Before each step
// it calls ahead, for restarts.
func (sv *services) rotate(invoke func(payload []byte) error, ahead func(step string)) total {
	sv.t.Helper()
	run, err := sv.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: tokenSecret,
		RotationLambdaARN: functionARN,
		RotationRules:     &awstest.RotationRules{AutomaticallyAfterDays: 1}})
	if err != nil {
		sv.t.Fatal(err)
	}
	var measured total
	for _, name := range run.Steps {
		if ahead != nil {
			ahead(name)
		}
		sv.recorder.take()
		sv.recorder.during(name)
		begun := time.Now()
		if err := invoke(run.Payload(name)); err != nil {
			sv.t.Fatalf("%s: %v", name, err)
		}
		s := step{name: name, took: time.Since(begun), calls: sv.recorder.take()}
		for _, c := range s.calls {
			if c.end.IsZero() {
				sv.t.Errorf("%s: %s is still running after the step", name, c.name)
			}
		}
		measured.steps = append(measured.steps, s)
		if err := sv.aws.Secrets.CheckRotation(run); err != nil {
			sv.t.Fatal(err)
		}
	}
	if outcome := sv.aws.Secrets.EndRotation(run, nil); outcome != awstest.Succeeded {
		sv.t.Fatalf("the rotation %s", outcome)
	}
	return measured
}

// newRotator is a cold start in the process.
func (sv *services) newRotator() func(payload []byte) error {
	sv.t.Helper()
	environment, err := settings.FromEnvironment(func(name string) string {
		if name == settings.EnvAdminSecret {
			return sv.aws.Secrets.ARN(adminSecret) // as the template sets it; "" without an admin secret
		}
		return ""
	})
	if err != nil {
		sv.t.Fatal(err)
	}
	sdk := sv.aws.SDKConfig("rotate")
	sdk.HTTPClient = &http.Client{Transport: sv.recorder.transport(sv.aws.Transport())}
	rotator := rotation.New(rotation.Config{
		Secrets:    awsstore.NewSecrets(sdk),
		Parameters: awsstore.NewParameters(sdk),
		Settings:   environment,
		Transport:  sv.recorder.transport(sv.engage.RoundTripper()),
	})
	return func(payload []byte) error {
		event, err := events.ParseRotation(payload)
		if err == nil {
			ctx, cancel := context.WithTimeout(sv.t.Context(), time.Minute)
			defer cancel()
			_, err = rotator.Handle(ctx, event)
		}
		return err
	}
}

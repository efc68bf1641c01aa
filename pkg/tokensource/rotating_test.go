package tokensource_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

const (
	readersSecret = "engage/token"
	readersHost   = "https://engage.ringcentral.com"
	rotateARN     = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// rotating is the real rotation between the stand-ins, all in the process and in virtual time.
// Every call takes a while, so that calls of the rotation and of the readers overlap.
type rotating struct {
	t      *testing.T
	aws    *awstest.Server
	engage *engagetest.Server
	ledger *ledger.Ledger
	// succeeded counts the rotations that succeeded.
	succeeded atomic.Int64
}

func newRotating(t *testing.T, retention time.Duration) *rotating {
	w := &rotating{t: t}
	w.engage = engagetest.NewServer(engagetest.Config{
		LogLength: 1,
		Fault: func(engagetest.Call) *engagetest.Fault {
			return engagetest.Delay(latency(5*time.Millisecond, 60*time.Millisecond)) // on the way there, and on the way back
		},
	})
	var rotator *rotation.Rotator
	w.aws = awstest.NewServer(awstest.Config{
		RecordLimit: 1,
		Fault: func(awstest.Call) awstest.Action {
			return awstest.Action{Delay: latency(2*time.Millisecond, 20*time.Millisecond)}
		},
		Secrets: awstest.SecretsConfig{
			DeprecatedRetention: -1,
			Events: func(e awstest.Event) {
				switch e.Name {
				case awstest.RotationSucceeded:
					w.succeeded.Add(1)
				case awstest.RotationFailed, awstest.RotationAbandoned:
					t.Errorf("%s: %s", e.Name, e.Reason)
				}
			},
			Invoke: func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				event, err := events.ParseRotation(payload)
				if err == nil {
					_, err = rotator.Handle(ctx, event)
				}
				return nil, err
			},
		},
	})
	set, err := settings.FromEnvironment(func(name string) string {
		return map[string]string{settings.EnvRetention: retention.String()}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	config := w.aws.SDKConfig("rotate")
	parameters := awsstore.NewParameters(config)
	w.ledger = ledger.New(parameters, set.Prefix)
	rotator = rotation.New(rotation.Config{
		Secrets:    awsstore.NewSecrets(config),
		Parameters: parameters,
		Settings:   set,
		Transport:  w.engage.RoundTripper(),
	})
	user := engagetest.DefaultUser()
	text, err := json.Marshal(user.LoginFields(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: readersSecret,
		SecretString: aws.String(string(text))}); err != nil {
		t.Fatal(err)
	}
	return w
}

// latency draws how long a call takes.
func latency(least, most time.Duration) time.Duration {
	return least + rand.N(most-least)
}

// rotate starts a rotation, as the service does on schedule, and waits for its end.
func (w *rotating) rotate(ctx context.Context) {
	_, err := w.aws.Secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: readersSecret, RotationLambdaARN: rotateARN})
	if err == nil {
		err = w.aws.Wait(ctx)
	}
	if err != nil {
		w.t.Errorf("rotation: %v", err)
	}
}

// sweep deletes each token at the very time that its record names.
func (w *rotating) sweep(ctx context.Context) {
	all, err := w.ledger.ReadAll(ctx)
	if err != nil {
		w.t.Errorf("sweep: %v", err)
	}
	for _, view := range all.Secrets {
		for _, record := range view.Records {
			if record.State != ledger.Retiring {
				continue
			}
			time.Sleep(time.Until(record.At))
			for _, text := range w.engage.Tokens(engagetest.DefaultUser().Username) {
				if hidden.Fingerprint(text) == string(record.Fingerprint) {
					w.engage.DeleteToken(text)
				}
			}
		}
	}
}

// fetch returns a Fetch of the secret through the SDK.
func (w *rotating) fetch() tokensource.Fetch {
	return smsource.New(secretsmanager.NewFromConfig(w.aws.SDKConfig("reader")), readersSecret)
}

// read reads the secret without the SDK, which is quicker for many reads.
func (w *rotating) read(context.Context) (hidden.String, error) {
	time.Sleep(latency(2*time.Millisecond, 20*time.Millisecond))
	out, err := w.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: readersSecret})
	if err != nil {
		return hidden.String{}, err
	}
	return hidden.New(*out.SecretString), nil
}

// vendor carries calls to Engage.
func (w *rotating) vendor() http.RoundTripper { return w.engage.RoundTripper() }

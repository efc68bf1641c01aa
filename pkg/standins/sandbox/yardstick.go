package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// The yardstick rotates a secret of its own, for a user of its own.
const (
	// FunctionYardstick is the name of the rotation by AWS's published order of operations. It is not
	// a Lambda function: it runs in the sandbox.
	FunctionYardstick = "yardstick"
	// YardstickSecret is the secret that it rotates.
	YardstickSecret = "yardstick/token"

	yardstickARN = "arn:aws:lambda:" + Region + ":" + Account + ":function:" + FunctionYardstick
)

func yardstickUser() engagetest.User {
	user := engagetest.DefaultUser()
	user.Username, user.Password = "yardstick.user@example.com", `w7&z/k?m#t+q%x"j öß`
	user.ClientID, user.ClientSecret = "yardstickClientId", "Gh5/tR8+vN2wQz4="
	user.JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ5YXJkc3RpY2sifQ.c2lnbmF0dXJl"
	return user
}

// secretOf returns the secret that a function rotates.
func secretOf(function string) string {
	if function == FunctionYardstick {
		return YardstickSecret
	}
	return TokenSecret
}

// yardstick are the running invocations of the yardstick. It is safe for concurrent use.
type yardstick struct {
	mu     sync.Mutex
	cancel context.CancelCauseFunc
}

var errKilled = errors.New("the process was killed (signal: killed)")

// kill ends the running invocation: none of its calls is sent or answered any more.
func (y *yardstick) kill() {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.cancel != nil {
		y.cancel(errKilled)
	}
}

// begin returns the context of an invocation.
func (y *yardstick) begin(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.cancel = cancel
	return ctx
}

// hasYardstick reports whether the yardstick runs beside the product.
func (sv *services) hasYardstick() bool {
	_, err := sv.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: YardstickSecret})
	return err == nil
}

// rotating returns the functions that rotate: rotate, and the yardstick if it is switched on.
func (sv *services) rotating() []string {
	if sv.hasYardstick() {
		return []string{FunctionRotate, FunctionYardstick}
	}
	return []string{FunctionRotate}
}

// setYardstick switches the yardstick on: it makes its secret, which has no token yet. Switched
// off, its secret is deleted, and its tokens.
func (s *Sandbox) setYardstick(ctx context.Context, on bool) error {
	sv := s.services.Load()
	switch {
	case on == sv.hasYardstick():
		return nil
	case !on:
		_, err := sv.aws.Secrets.DeleteSecret(&awstest.DeleteSecretInput{SecretId: YardstickSecret,
			ForceDeleteWithoutRecovery: true})
		for _, token := range sv.engage.Tokens(yardstickUser().Username) {
			sv.engage.DeleteToken(token)
		}
		return err
	}
	user := yardstickUser()
	s.witness.see("a password", user.Password)
	s.witness.see("a client secret", user.ClientSecret)
	s.witness.see("a JWT", user.JWT)
	login, err := json.Marshal(user.LoginFields(s.config.Flow))
	if err != nil {
		return err
	}
	_, err = s.client().CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String(YardstickSecret), SecretString: aws.String(string(login)),
		Description: aws.String("the yardstick's API token, rotated"),
	})
	return err
}

// invokeYardstick runs a step as an invocation of a function.
func (s *Sandbox) invokeYardstick(ctx context.Context, payload []byte) ([]byte, error) {
	var event awstest.RotationEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	i, err := s.record(FunctionYardstick, payload, func() (reply, error) {
		ctx := s.yardstick.begin(ctx)
		result, err := s.newYardstickStep(event).run(ctx)
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if err != nil {
			return reply{failed: true, message: err.Error()}, nil
		}
		answer, err := json.Marshal(result)
		return reply{payload: answer}, err
	})
	if err == nil && i.Error != "" {
		err = errors.New(i.Error)
	}
	return i.Answer, err
}

// yardstickStep is one step by the order of operations that AWS publishes for secrets of this kind,
// in its sample for InfluxDB with several users: create a token, put it, test it, move the label,
// delete the previous one; if putting it fails, delete it; if the version is AWSCURRENT already,
// all is done. It is written anew for Engage.
type yardstickStep struct {
	event   awstest.RotationEvent
	secrets *awsstore.Secrets
	client  func(*secret.Document) (*engage.Client, engage.Credentials, error)
}

func (s *Sandbox) newYardstickStep(event awstest.RotationEvent) *yardstickStep {
	y := &yardstickStep{event: event,
		secrets: awsstore.NewSecrets(s.services.Load().aws.SDKConfig(callerOf(FunctionYardstick)))}
	y.client = func(document *secret.Document) (*engage.Client, engage.Credentials, error) {
		login, err := secret.NewLogin(document, nil)
		if err != nil {
			return nil, engage.Credentials{}, err
		}
		base, err := url.Parse(s.EngageURL)
		if err != nil {
			return nil, engage.Credentials{}, err
		}
		return engage.New(engage.Config{
			Endpoint:  engage.Endpoint{Flow: login.Credentials.Flow, BaseURL: base, PlatformURL: base},
			Transport: agentTransport{agentYardstick, http.DefaultTransport},
		}), login.Credentials, nil
	}
	return y
}

// yardstickAnswer has the fields of the rotate function's answer that the timeline shows.
type yardstickAnswer struct {
	Outcome     string
	Fingerprint string   `json:",omitempty"`
	Previous    string   `json:",omitempty"`
	Deleted     []string `json:",omitempty"`
}

func (y *yardstickStep) run(ctx context.Context) (yardstickAnswer, error) {
	labels, err := y.secrets.Describe(ctx, y.event.SecretId)
	if err != nil {
		return yardstickAnswer{}, err
	}
	switch {
	case labels.Carries(y.event.ClientRequestToken, awstest.StageCurrent):
		return yardstickAnswer{Outcome: "unchanged"}, nil
	case !labels.Carries(y.event.ClientRequestToken, awstest.StagePending):
		return yardstickAnswer{}, errors.New("the version is not set as AWSPENDING for rotation")
	}
	switch y.event.Step {
	case awstest.StepCreate:
		return y.create(ctx)
	case awstest.StepTest:
		return y.test(ctx)
	case awstest.StepFinish:
		return y.finish(ctx, labels.Holder(awstest.StageCurrent))
	}
	return yardstickAnswer{Outcome: "checked"}, nil
}

func (y *yardstickStep) create(ctx context.Context) (yardstickAnswer, error) {
	current, err := y.read(ctx, "", awstest.StageCurrent)
	if err != nil {
		return yardstickAnswer{}, err
	}
	if pending, err := y.read(ctx, y.event.ClientRequestToken, ""); err == nil {
		return yardstickAnswer{Outcome: "unchanged", Fingerprint: tokenIn(pending)}, nil
	} else if !errors.Is(err, secret.ErrNotFound) {
		return yardstickAnswer{}, err
	}
	client, credentials, err := y.client(current)
	if err != nil {
		return yardstickAnswer{}, err
	}
	session, err := client.Login(ctx, credentials)
	if err != nil {
		return yardstickAnswer{}, err
	}
	token, err := client.Create(ctx, session, nil)
	if err != nil {
		return yardstickAnswer{}, err
	}
	document, err := current.WithToken(token, time.Now())
	if err != nil {
		return yardstickAnswer{}, err
	}
	err = y.secrets.PutPending(ctx, y.event.SecretId, y.event.ClientRequestToken, document.Text(),
		hidden.New(y.event.RotationToken))
	if err != nil {
		return yardstickAnswer{}, errors.Join(err, client.Delete(ctx, session, token))
	}
	return yardstickAnswer{Outcome: "created", Fingerprint: string(token.Fingerprint())}, nil
}

func (y *yardstickStep) test(ctx context.Context) (yardstickAnswer, error) {
	pending, err := y.read(ctx, y.event.ClientRequestToken, "")
	if err != nil {
		return yardstickAnswer{}, err
	}
	client, _, err := y.client(pending)
	if err != nil {
		return yardstickAnswer{}, err
	}
	token, err := pending.Token()
	if err != nil {
		return yardstickAnswer{}, err
	}
	_, err = client.List(ctx, token)
	return yardstickAnswer{Outcome: "verified", Fingerprint: string(token.Fingerprint())}, err
}

func (y *yardstickStep) finish(ctx context.Context, from string) (yardstickAnswer, error) {
	current, err := y.read(ctx, "", awstest.StageCurrent)
	if err != nil {
		return yardstickAnswer{}, err
	}
	pending, err := y.read(ctx, y.event.ClientRequestToken, "")
	if err != nil {
		return yardstickAnswer{}, err
	}
	client, _, err := y.client(pending)
	if err != nil {
		return yardstickAnswer{}, err
	}
	old, oldErr := current.Token()
	token, err := pending.Token()
	if err = errors.Join(oldErr, err); err != nil {
		return yardstickAnswer{}, err
	}
	err = y.secrets.MoveLabel(ctx, y.event.SecretId, awstest.StageCurrent, y.event.ClientRequestToken, from)
	if err != nil {
		return yardstickAnswer{}, err
	}
	result := yardstickAnswer{Outcome: "swapped", Fingerprint: string(token.Fingerprint()), Previous: tokenIn(current)}
	if old.IsZero() {
		return result, nil
	}
	if err := client.Delete(ctx, token, old); err != nil {
		return yardstickAnswer{}, err
	}
	result.Deleted = []string{string(old.Fingerprint())}
	return result, nil
}

func (y *yardstickStep) read(ctx context.Context, version, label string) (*secret.Document, error) {
	value, err := y.secrets.Get(ctx, y.event.SecretId, version, label)
	if err != nil {
		return nil, err
	}
	document, err := secret.Parse(value.Value.Reveal())
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	return document, nil
}

// tokenIn returns the fingerprint of a document's token, or "".
func tokenIn(document *secret.Document) string {
	token, err := document.Token()
	if err != nil || token.IsZero() {
		return ""
	}
	return string(token.Fingerprint())
}

package simulation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// yardstick rotates by the order of operations that AWS publishes for secrets of this kind, in its
// sample for InfluxDB with several users: create a token, put it, test it, move the label, delete
// the previous one; delete the new one where putting it fails; where the version is AWSCURRENT
// already, all is done. It is written anew for Engage.
type yardstick struct {
	h     *history
	stack *stack
}

var _ rotator = (*yardstick)(nil)

// Handle implements rotator.
func (y *yardstick) Handle(ctx context.Context, event events.Rotation) (report.Step, error) {
	labels, err := (secrets{y.h, y.stack}).Describe(ctx, event.SecretID)
	if err != nil {
		return report.Step{}, err
	}
	switch {
	case labels.Carries(event.VersionID, labelCurrent):
		return report.Step{}, nil
	case !labels.Carries(event.VersionID, labelPending):
		return report.Step{}, errors.New("the version is not set as AWSPENDING for rotation")
	}
	switch event.Step {
	case events.CreateSecret:
		err = y.create(ctx, event)
	case events.TestSecret:
		err = y.test(ctx, event)
	case events.FinishSecret:
		err = y.finish(ctx, event, labels.Holder(labelCurrent))
	}
	return report.Step{}, err
}

func (y *yardstick) create(ctx context.Context, event events.Rotation) error {
	current, err := y.read(ctx, event, "", labelCurrent)
	if err != nil {
		return err
	}
	_, err = y.read(ctx, event, event.VersionID, "")
	if err == nil || !errors.Is(err, secret.ErrNotFound) {
		return err
	}
	client, credentials, err := y.client(ctx, current)
	if err != nil {
		return err
	}
	session, err := client.Login(ctx, credentials)
	if err != nil {
		return err
	}
	token, err := client.Create(ctx, session, nil)
	if err != nil {
		return err
	}
	document, err := current.WithToken(token, time.Now())
	if err != nil {
		return err
	}
	err = (secrets{y.h, y.stack}).PutPending(ctx, event.SecretID, event.VersionID, document.Text(), event.RotationToken)
	if err != nil {
		return errors.Join(err, client.Delete(ctx, session, token))
	}
	return nil
}

func (y *yardstick) test(ctx context.Context, event events.Rotation) error {
	pending, err := y.read(ctx, event, event.VersionID, "")
	if err != nil {
		return err
	}
	client, _, err := y.client(ctx, pending)
	if err != nil {
		return err
	}
	token, err := pending.Token()
	if err != nil || token.IsZero() {
		return err
	}
	_, err = client.List(ctx, token)
	return err
}

func (y *yardstick) finish(ctx context.Context, event events.Rotation, from string) error {
	current, err := y.read(ctx, event, "", labelCurrent)
	if err != nil {
		return err
	}
	pending, err := y.read(ctx, event, event.VersionID, "")
	if err != nil {
		return err
	}
	client, _, err := y.client(ctx, pending)
	if err != nil {
		return err
	}
	old, _ := current.Token()
	token, _ := pending.Token()
	if err := (secrets{y.h, y.stack}).MoveLabel(ctx, event.SecretID, labelCurrent, event.VersionID, from); err != nil {
		return err
	}
	if old.IsZero() {
		return nil
	}
	return client.Delete(ctx, token, old)
}

func (y *yardstick) read(ctx context.Context, event events.Rotation, version, label string) (*secret.Document, error) {
	value, err := (secrets{y.h, y.stack}).Get(ctx, event.SecretID, version, label)
	if err != nil {
		return nil, err
	}
	return secret.Parse(value.Value.Reveal())
}

func (y *yardstick) client(ctx context.Context, document *secret.Document) (*engage.Client, engage.Credentials, error) {
	var admin *secret.Document
	if arn := document.AdminSecretARN(); arn != "" {
		version, err := (secrets{y.h, y.stack}).Get(ctx, arn, "", labelCurrent)
		if err != nil {
			return nil, engage.Credentials{}, err
		}
		if admin, err = secret.Parse(version.Value.Reveal()); err != nil {
			return nil, engage.Credentials{}, err
		}
	}
	login, err := secret.NewLogin(document, admin)
	if err != nil {
		return nil, engage.Credentials{}, fmt.Errorf("read the login fields: %w", err)
	}
	base := &url.URL{Scheme: "https", Host: "engage.ringcentral.com"}
	return engage.New(engage.Config{
		Endpoint:  engage.Endpoint{Flow: login.Credentials.Flow, BaseURL: base, PlatformURL: base},
		Transport: transport{y.h, y.h.vendor.RoundTripper()}, Jitter: func() float64 { return 0.5 },
	}), login.Credentials, nil
}

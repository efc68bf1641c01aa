// Package rotation rotates the permanent Engage Voice token of an AWS Secrets Manager secret, in
// the four steps that the service calls. No crash, time-out, duplicate or edit at any moment leaves
// a dead token in the secret, a live token that is not reported, or a secret that cannot be rotated
// any more.
//
// Any step may be called late, twice, concurrently with itself, or again from the start. So each
// step first reads what is there. Package decide turns what was read into a numbered case: C1 to
// C12 for createSecret, S1 to S4, T1 to T6, F1 to F9, and R1 to R23 for what is done about a
// token's record. This package reads, asks for the decision, and carries it out.
//
// # Which tokens are ours
//
// A token is ours when a creation of ours answered with it and the list before did not hold it, or
// when AWSCURRENT held it at a swap. Nothing else is put into a secret or deleted. A creation whose
// answer was lost is made again; a sweep reports what the lost one may have left.
//
// # What a crash leaves
//
// In createSecret:
//
//	before the intent       nothing
//	around the creation     an intent. The next attempt creates another token. A sweep compares the
//	                        user's list with the one in the intent and reports what appeared.
//	before the put          the token's record. The next attempt puts the same token.
//	before the record       a version that holds the token. finishSecret reads the intent instead.
//
// In setSecret and testSecret: nothing, since they write nothing but the removal of AWSPENDING.
//
// In finishSecret:
//
//	before the swap         a record that says outgoing. The token stays: AWSCURRENT holds it.
//	after the swap          the same record. The next attempt, rotation or sweep sees that AWSCURRENT
//	                        has moved, and retires the token.
//	around the deletion     a record that says outgoing or retiring. The deletion is made again.
//	before the last record  a record of a token that is gone. A believable list lacks the token, and
//	                        the record is removed.
//
// # Witnesses
//
// A list that is asked for with a token must hold that token. A token that the vendor refuses is
// dead only when it is older than the propagation time and a login of the same user is accepted. A
// deletion counts when a later list confirms it. While the vendor refuses everything, nothing is
// concluded.
//
// # Where a guard is imperfect
//
// A token that somebody copied into a second secret is kept from the next sweep on. A rotation of
// one of the secrets before that sweep deletes it. So does one between the loss of the sweep's
// note and the sweep after it.
//
// A person who moves AWSCURRENT back to a version whose token is retiring, in the seconds before
// that token is deleted, comes too late: reads may not show it yet.
package rotation

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/reading"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// Times of the protocol.
const (
	// settingsLife is how long a warm function keeps the settings.
	settingsLife = time.Minute
	// answerTime is what is kept of an invocation's time for reporting what went wrong.
	answerTime = time.Second
)

// Secrets stores the secrets, as far as a rotation uses it. Implementations are safe for concurrent
// use. Reads may lag by some seconds.
type Secrets interface {
	reading.Store
	// PutPending stores the value of a version and labels it AWSPENDING. The same value once more is
	// not an error. secret.ErrConflict: the version holds another value.
	PutPending(ctx context.Context, secretID, versionID string, value, rotationToken hidden.String) error
	// MoveLabel moves a label to version to from version from, which must carry it; an empty to
	// removes the label. secret.ErrConflict: from does not carry it.
	MoveLabel(ctx context.Context, secretID, label, to, from string) error
}

// Config configures a Rotator. Secrets and Parameters are required.
type Config struct {
	Secrets    Secrets
	Parameters ledger.Parameters
	// Settings are those of the environment; the parameters override them.
	Settings settings.Settings
	// Transport carries the calls to the vendor; nil means engage.NewTransport().
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Jitter is passed on to the vendor's client; nil means random.
	Jitter func() float64
	// Attempt names the invocation, differently for each; nil makes up a name.
	Attempt func(context.Context) string
	// Log gets detail; nil discards it.
	Log *slog.Logger
}

// Rotator carries out steps. One Rotator serves a warm function's invocations and keeps sessions
// and settings between them. It is safe for concurrent use.
type Rotator struct {
	config   Config
	settings *settings.Loader
	accounts *account.Accounts
}

// New returns a Rotator.
func New(config Config) *Rotator {
	if config.Transport == nil {
		config.Transport = engage.NewTransport()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Attempt == nil {
		config.Attempt = func(context.Context) string { return config.Now().Format(time.RFC3339Nano) }
	}
	loader := &settings.Loader{
		Environment: config.Settings, Parameters: config.Parameters, Life: settingsLife, Now: config.Now, Log: config.Log,
	}
	calls := target.Calls{Transport: config.Transport, Now: config.Now, Jitter: config.Jitter}
	accounts := &account.Accounts{Parameters: config.Parameters, Calls: calls}
	return &Rotator{config: config, settings: loader, accounts: accounts}
}

// Handle carries out one step and returns what it did, also when it failed. The error is a
// *report.Failure, and is Step.Err too.
func (r *Rotator) Handle(ctx context.Context, event events.Rotation) (report.Step, error) {
	started := r.config.Now()
	i := r.invoke(event)
	done, err := i.step(ctx)
	if i.arn != "" {
		event.SecretID = i.arn
	}
	done.Event, done.Duration = event, r.config.Now().Sub(started)
	if err != nil {
		err = done.Fail(err)
	}
	return done, err
}

// invocation is one step at work.
type invocation struct {
	*Rotator
	event  events.Rotation
	reader *reading.Reader
	ledger *ledger.Ledger
	arn    string // the secret's, as soon as it was read: the event may name the secret otherwise
}

func (r *Rotator) invoke(event events.Rotation) *invocation {
	i := &invocation{Rotator: r, event: event, ledger: ledger.New(r.config.Parameters, r.config.Settings.Prefix)}
	i.reader = &reading.Reader{
		Store: r.config.Secrets, SecretID: event.SecretID, VersionID: event.VersionID, Settings: r.settings,
		Ledger: i.ledger, Admins: target.Remembering(r.config.Secrets), Now: r.config.Now,
	}
	return i
}

func (i *invocation) step(ctx context.Context) (report.Step, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	switch i.event.Step {
	case events.CreateSecret:
		return i.create(ctx)
	case events.SetSecret:
		return i.set(ctx)
	case events.TestSecret:
		return i.test(ctx)
	case events.FinishSecret:
		return i.finish(ctx)
	}
	return report.Step{}, report.Failed("read the event", errors.New("unknown step"),
		"use createSecret, setSecret, testSecret or finishSecret")
}

// read reads what the step needs.
func (i *invocation) read(ctx context.Context, want reading.Needs) (reading.Reading, error) {
	r, err := i.reader.Read(ctx, want)
	i.arn = r.ARN
	return r, err
}

// source returns what names the user of a document of the secret.
func (i *invocation) source(r reading.Reading, document *secret.Document) account.Source {
	return account.Source{
		Store: i.reader.Admins, Settings: r.Settings, Secret: r.ARN, Version: r.VersionID, Document: document,
	}
}

// deadline returns when this invocation will have ended.
func (i *invocation) deadline(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Add(answerTime)
	}
	return i.config.Now().Add(ledger.InvocationLimit)
}

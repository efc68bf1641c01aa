// Package rotation rotates the permanent Engage Voice token of an AWS Secrets Manager secret, in the four steps that the
// service calls, so that no crash, time-out, duplicate or edit at any moment leaves a dead token in the secret, a live
// token that nobody owns, or a secret that cannot be rotated any more.
//
// # What is found, what it means, what is done
//
// Every step may be called late, twice, at the same time as itself, or again from the start. So each one first reads what
// is there, and what it finds decides. "V" is the version that the event names.
//
// createSecret
//
//	V is AWSCURRENT                  the rotation is over            nothing
//	V is not AWSPENDING              cancelled, or edited by hand    error; the next rotation starts afresh
//	V has a value                    an earlier attempt got so far   nothing
//	V is empty, token record of V    put failed or its answer lost   the recorded token, found in the list, is put where
//	                                                                 AWSCURRENT is still the version it was made beside
//	V is empty, open intent of V     killed around the creation      listed again: exactly one token appeared since the
//	                                                                 intent's listing, less than an hour ago, and no other
//	                                                                 secret of this user has an open intent: it is ours,
//	                                                                 and adopted, if V is still empty. The intent stays, in doubt, until its
//	                                                                 creation would have shown, as does any older one that
//	                                                                 the token may have come of. None appeared: a new one
//	                                                                 is created, the intent stays for a while. Several, or
//	                                                                 another intent open: in doubt; a new one is created,
//	                                                                 the intent stays until it can be told or an hour is
//	                                                                 over, and what appeared is then reported as unclaimed
//	V is empty, open intent of       killed around the creation,     the token that the older version holds is that
//	another version                  or around writing the record    intent's, and gets its record; holds it none, the one
//	                                                                 that appeared is marked for deletion. Holds it one
//	                                                                 that is not listed, dead or another user's: in doubt
//	V is empty, records of other     an earlier rotation broke off   its tokens are marked as retiring; finishSecret
//	versions of this secret                                          deletes them
//	V is empty, nothing recorded     the normal case                 log in, list, intent, create, put with the record
//	creation's answer lost           a token may exist               listed at once, adopted as above
//	put failed for certain           nobody will ever hold it        V is read again, then the token is marked, lest another
//	                                                                 attempt puts it meanwhile, and deleted; the record
//	                                                                 stays, as the list may still show the token
//	put's outcome unknown            V may hold it                   V is read again; else left to the next attempt, which
//	                                                                 finds the record
//
// setSecret
//
//	AWSCURRENT and V differ in more than the token: edited since, or made for another host or user. AWSPENDING is taken
//	from V; nothing is changed at Engage.
//
// testSecret
//
//	V has no value, or AWSCURRENT's token: a preflight (RotateImmediately=false): log in, list, accounts.
//	V's token is refused, or does not stand in its own list, for several seconds: it is dead; V loses AWSPENDING. The token
//	is not deleted here, since it may be one that the vendor's servers are slow to know, and a finishSecret that has seen
//	it answer may be about to swap it in; it goes with the next rotation or sweep.
//
// finishSecret
//
//	V is AWSCURRENT                  the swap was made               what the ledger says is due is retired
//	V is not AWSPENDING              cancelled, or edited by hand    error; its token goes with the next rotation or sweep
//	AWSCURRENT is not the version    edited by hand since            V loses AWSPENDING, the edit stays; the token goes
//	that V was made from                                             with the next rotation or sweep
//	V's token was not made for V     V was made for a test           V loses AWSPENDING
//	V's token is dead                                                V loses AWSPENDING
//	V's record says retiring         a sweep gave it up, or this is  V loses AWSPENDING
//	                                 late and V was replaced since
//	none of these                    the normal case                 the previous token is recorded as retiring, then the
//	                                                                 label moves, if AWSCURRENT is still where it was read
//	the swap failed, or its answer   it may have been made           the labels are read, until what they say is no old
//	was lost                                                         state; moved once more where they still stand
//	the swap was forestalled         edited at that moment           V loses AWSPENDING
//	after the swap                                                   retiring tokens of this secret that are due, and
//	                                                                 tokens of older versions that nobody holds, are
//	                                                                 deleted, then their records. A record stays for a
//	                                                                 while, and says so, where lists might show the token
//	                                                                 to a creation that is open
//
// # Where a guard is imperfect
//
// A token made by somebody else on the same user, between a crash during our creation and the next attempt, while our own
// creation had in fact failed, or is so late that it has not shown yet, is the only one that appeared: it is taken for ours.
// If ours does show, it is reported as unclaimed. A dedicated Engage user rules that out.
//
// A token that a person has put into a second secret is kept as long as the ledger tells that the first one may hold it: its
// record there is of the same Engage user, and could be written. Else rotating the one secret deletes the other's token.
//
// A person who moves AWSCURRENT back to a version whose token is retiring, in the very seconds before that token is
// deleted, comes too late: reads may not show it yet.
package rotation

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/settings"
)

// Times of the protocol.
const (
	// settingsLife is how long a warm function keeps the settings.
	settingsLife = time.Minute
	// reserve is what is kept of an invocation's time for telling what went wrong.
	reserve = time.Second
)

// Config configures a Rotator. Secrets and Parameters are required.
type Config struct {
	Secrets    Secrets
	Parameters ledger.Parameters
	// Settings are those of the environment; the parameters are laid over them.
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

// Report is what came of a step.
type Report struct {
	Event    Event
	Duration time.Duration
	// Outcome is one word for what was done; see the Outcome constants. Empty where the step failed.
	Outcome Outcome
	Err     error
	// Fingerprint is of the token that the version holds.
	Fingerprint engage.Fingerprint
	// Previous is of the token that was replaced; finishSecret only.
	Previous engage.Fingerprint
	// Took is how long the rotation took since its creation began; finishSecret only, zero where the ledger does not know.
	Took time.Duration
	// Deleted are the tokens that were deleted, Retiring how many are still to be, DeleteFailed how many could not be.
	Deleted      []engage.Fingerprint
	Retiring     int
	DeleteFailed int
	// Preflight is what a preflight could reach.
	Preflight *Preflight
}

// Outcome is what a step did.
type Outcome string

// The outcomes.
const (
	OutcomeCreated   Outcome = "created"
	OutcomeAdopted   Outcome = "adopted"
	OutcomeUnchanged Outcome = "unchanged" // an earlier attempt had done it
	OutcomeChecked   Outcome = "checked"
	OutcomeVerified  Outcome = "verified"
	OutcomePreflight Outcome = "preflight"
	OutcomeSwapped   Outcome = "swapped"
	OutcomeResumed   Outcome = "resumed" // the swap had been made; the retirement was gone on with
)

// Preflight is what testSecret reached when there was nothing to test yet.
type Preflight struct {
	Flow     engage.Flow `json:"flow"`
	Host     string      `json:"host"`
	Accounts int         `json:"accounts"`
	Tokens   int         `json:"tokens"`
}

// Rotator carries out steps. One Rotator serves a warm function's invocations and keeps sessions and settings between
// them. It is safe for concurrent use.
type Rotator struct {
	config   Config
	sessions engage.Sessions

	mu         sync.Mutex
	settings   settings.Settings
	settingsAt time.Time
	places     map[string]place
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
	return &Rotator{config: config, places: map[string]place{}}
}

// Handle carries out one step. The error is an *Error, and also in the report, which is complete for a failed step too.
func (r *Rotator) Handle(ctx context.Context, event Event) (Report, error) {
	started := r.config.Now()
	i := &invocation{Rotator: r, event: event}
	report, err := i.step(ctx)
	if i.current.ARN != "" {
		event.SecretID = i.current.ARN // the event may have named the secret otherwise
	}
	report.Event = event
	report.Duration = r.config.Now().Sub(started)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Op: "rotate", Err: err}
		}
		e.Step, e.Secret, e.Version = event.Step, event.SecretID, event.VersionID
		report.Err, report.Outcome, err = e, "", e
	}
	return report, err
}

func (i *invocation) step(ctx context.Context) (Report, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	switch i.event.Step {
	case CreateSecret:
		return i.create(ctx)
	case SetSecret:
		return i.set(ctx)
	case TestSecret:
		return i.test(ctx)
	case FinishSecret:
		return i.finish(ctx)
	}
	return Report{}, fail("read the event", errors.New("unknown step"), "want createSecret, setSecret, testSecret or finishSecret")
}

// loadSettings returns the settings, from the warm function's memory where they are fresh.
func (r *Rotator) loadSettings(ctx context.Context) (settings.Settings, error) {
	r.mu.Lock()
	kept, at := r.settings, r.settingsAt
	r.mu.Unlock()
	if now := r.config.Now(); !at.IsZero() && now.Sub(at) < settingsLife {
		return kept, nil
	}
	fresh, err := r.config.Settings.WithParameters(ctx, r.config.Parameters)
	if err != nil {
		return settings.Settings{}, fail("load the settings", err, "nothing was created")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settings, r.settingsAt = fresh, r.config.Now()
	return fresh, nil
}

package rotation

import (
	"context"
	"errors"
	"slices"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/reading"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// hintNothingSwapped is the next step after a failure of finishSecret before its swap.
const hintNothingSwapped = "nothing was swapped; " + report.HintRepeated

// finish is finishSecret: afterwards the version is AWSCURRENT, and the previous token is deleted,
// or recorded as retiring.
func (i *invocation) finish(ctx context.Context) (report.Step, error) {
	r, err := i.read(ctx, reading.Needs{Settings: true, Labels: true, Value: true, Required: true, Ledger: true})
	if err != nil {
		return report.Step{}, err
	}
	facts := r.Facts()
	if !facts.Usable && !facts.Current && facts.Pending {
		return report.Step{Case: decide.C4}, i.abandon(ctx, r.Version.Unusable())
	}
	record, found, r, err := i.findRecord(ctx, r)
	if err != nil {
		return report.Step{}, err
	}
	c, action := decide.Swap{
		Version: facts, ID: i.event.VersionID, Base: r.Current.ID, Record: record, Found: found, Intents: r.Entries.Intents,
	}.Decide()
	switch action {
	case decide.Resume, decide.Proceed:
		return i.retireOrSwap(ctx, r, record, c)
	case decide.RecordAndAbandon:
		if err := i.recordLost(ctx, r); err != nil {
			return report.Step{Case: c}, err
		}
		action = decide.Abandon
	}
	return i.end(ctx, r, c, action)
}

// findRecord returns the record of the version's token. It may have been written seconds ago, so
// that it is looked for again before the creation's intent counts in its place; and so is the
// record of a previous token that a rotation put, which says more than a new one would. A sweep's
// report that the token is unclaimed does not count: a version holds it.
func (i *invocation) findRecord(ctx context.Context, r reading.Reading) (ledger.Record, bool, reading.Reading, error) {
	poll := i.reader.Poll(ledger.Consistency)
	for {
		record, found := r.Entries.Find(r.Version.Token.Fingerprint())
		if !found || record.State == ledger.Unclaimed {
			record, found = ledger.Record{}, false
		}
		all := r.Facts().Current || found && i.knowsPrevious(r)
		if all || !poll.Next(ctx) { //safeguard:records-are-looked-for-again on
			return record, found, r, nil
		}
		var err error
		if r.Entries, err = i.reader.Entries(ctx, r.ARN); err != nil {
			return ledger.Record{}, false, r, err
		}
	}
}

// knowsPrevious reports whether the ledger has the record of AWSCURRENT's token, if a rotation put
// that token there.
func (i *invocation) knowsPrevious(r reading.Reading) bool {
	_, found := r.Entries.Find(r.Current.Token.Fingerprint())
	return found || r.Current.Document.TokenCreatedAt(i.config.Now()).IsZero()
}

// recordLost records a token whose record was lost, so that a later rotation or sweep retires it. A
// value without a creation time was not put by createSecret: it may be the copy of a value that a
// person wrote, made for a test. Its token is only reported.
func (i *invocation) recordLost(ctx context.Context, r reading.Reading) error {
	record := ledger.Record{
		Secret: r.ARN, Version: i.event.VersionID, Fingerprint: r.Version.Token.Fingerprint(), State: ledger.Issued,
		CreatedAt: r.Version.Document.TokenCreatedAt(i.config.Now()), Until: i.deadline(ctx),
	}
	if record.CreatedAt.IsZero() {
		record.State, record.At = ledger.Unclaimed, i.config.Now()
	}
	err := i.ledger.Set(ctx, record)
	return report.Failed("record the token, which the ledger does not name", err, report.HintRepeated)
}

// finishing is finishSecret past its first decision.
type finishing struct {
	*invocation
	seen     reading.Reading
	endpoint account.Endpoint
	record   ledger.Record // the new token's; the zero Record when it could not be written
	listed   []engage.Token
	// former is the version that AWSPREVIOUS was on before the swap.
	former string
}

func (i *invocation) retireOrSwap(ctx context.Context, r reading.Reading, record ledger.Record, c decide.Case) (
	report.Step, error) {
	e, err := i.accounts.Endpoint(ctx, i.source(r, r.Version.Document))
	if err != nil {
		return report.Step{}, err
	}
	f := &finishing{invocation: i, seen: r, endpoint: e, record: record}
	f.former = r.Labels.Holder(secret.LabelPrevious)
	done := report.Step{Case: c, Outcome: report.OutcomeResumed, Fingerprint: r.Version.Token.Fingerprint()}
	if c == decide.F1 {
		if f.listed, err = f.verify(ctx, ledger.Consistency); err != nil {
			return done, report.Failed("list the tokens", err,
				"the swap is made; the previous token is retired by the next rotation or sweep")
		}
		f.retire(ctx, f.seen.Entries.Records, &done)
		return done, nil
	}
	outgoing, err := f.prepare(ctx)
	if err != nil {
		return done, err
	}
	if done.Case, err = f.swap(ctx, c); err != nil {
		return done, err
	}
	done.Outcome, done.Previous = report.OutcomeSwapped, r.Current.Token.Fingerprint()
	f.retire(ctx, withRecord(f.seen.Entries.Records, outgoing), &done)
	if !record.CreatedAt.IsZero() {
		done.Took = i.config.Now().Sub(record.CreatedAt)
	}
	return done, nil
}

// verify lists with the new token, which the list must hold.
func (f *finishing) verify(ctx context.Context, limit time.Duration) ([]engage.Token, error) {
	return witness.Own(ctx, f.accounts.Client(f.endpoint), f.seen.Version.Token, f.reader.Poll(limit))
}

// prepare verifies the new token and records the previous one as outgoing, concurrently. The record
// does no harm when the swap is not made: the token of AWSCURRENT is never deleted, whatever its
// record says.
func (f *finishing) prepare(ctx context.Context) (outgoing ledger.Record, err error) {
	err = parallel.Do(
		func() (err error) {
			f.listed, err = f.verify(ctx, testLimit)
			return report.Failed("list with the new token", err, hintNothingSwapped)
		},
		func() (err error) { outgoing, err = f.recordOutgoing(ctx); return err },
		func() error { return f.recordLate(ctx) })
	return outgoing, err
}

// recordLate writes the record of the new token when createSecret could not. Its intent stays: a
// sweep looks whether another attempt left a token.
func (f *finishing) recordLate(ctx context.Context) error {
	if f.record.Fingerprint != "" { //safeguard:swapped-tokens-are-recorded on
		return nil
	}
	err := f.ledger.Set(ctx, ledger.Record{
		Secret: f.seen.ARN, Version: f.event.VersionID, Fingerprint: f.seen.Version.Token.Fingerprint(), State: ledger.Issued,
		CreatedAt: f.seen.Version.Document.TokenCreatedAt(f.config.Now()), Until: f.deadline(ctx), Base: f.seen.Current.ID,
		User: f.endpoint.User,
	})
	return report.Failed("record the new token", err, hintNothingSwapped)
}

// recordOutgoing returns the zero Record when AWSCURRENT has no token.
func (f *finishing) recordOutgoing(ctx context.Context) (ledger.Record, error) {
	previous := f.seen.Current.Token
	if previous.IsZero() {
		return ledger.Record{}, nil
	}
	record, known := f.seen.Entries.Find(previous.Fingerprint())
	if !known {
		record = ledger.Record{
			Secret: f.seen.ARN, Version: f.seen.Current.ID, Fingerprint: previous.Fingerprint(),
			CreatedAt: f.seen.Current.Document.TokenCreatedAt(f.config.Now()),
		}
	}
	if record.Base == "" {
		record.Version = f.seen.Current.ID // a token that was not created here may be in another version by now
	}
	record.State, record.At, record.Successor = ledger.Outgoing, f.config.Now(), f.event.VersionID
	write := f.ledger.Set
	if !known { // the read may have been too old to show a record, which says more
		write = f.ledger.Create
	}
	err := write(ctx, record)
	return record, report.Failed("record the previous token as outgoing", err, hintNothingSwapped)
}

// withRecord returns the records with one of them replaced or added.
func withRecord(records []ledger.Record, record ledger.Record) []ledger.Record {
	if record.Fingerprint == "" {
		return records
	}
	same := func(other ledger.Record) bool { return other.Fingerprint == record.Fingerprint }
	return append([]ledger.Record{record}, slices.DeleteFunc(slices.Clone(records), same)...)
}

// swap moves AWSCURRENT, provided that it is still where it was read.
func (f *finishing) swap(ctx context.Context, c decide.Case) (decide.Case, error) {
	move := func() error {
		return f.config.Secrets.MoveLabel(ctx, f.event.SecretID, secret.LabelCurrent, f.event.VersionID, f.seen.Current.ID)
	}
	poll := f.reader.Poll(ledger.Consistency)
	err := move()
	for err != nil { //safeguard:failed-swaps-are-looked-at
		// What a repeated swap answers is not documented: look at the labels instead. They may lag.
		labels, readErr := f.config.Secrets.Describe(ctx, f.event.SecretID)
		if readErr != nil {
			return decide.F8, notSwapped(err)
		}
		unmoved := labels.Holder(secret.LabelCurrent) == f.seen.Current.ID
		//safeguard:labels-are-checked-before-another-swap term 2
		ready := unmoved && labels.Carries(f.event.VersionID, secret.LabelPending)
		switch {
		case labels.Carries(f.event.VersionID, secret.LabelCurrent):
			return c, nil
		case poll.Next(ctx): //safeguard:old-labels-do-not-end-a-swap
		case ready, !poll.Over():
			return decide.F8, notSwapped(err)
		case unmoved:
			return decide.F2, labelLost()
		default:
			return decide.F9, f.abandon(ctx, reason(decide.F9, f.seen))
		}
		if ready {
			err = move()
		}
	}
	return c, nil
}

func notSwapped(err error) error {
	if errors.Is(err, secret.ErrConflict) {
		return report.Failed("move AWSCURRENT", err, "the secret is changing; the service repeats the rotation")
	}
	return report.Failed("move AWSCURRENT", err, report.HintRepeated)
}

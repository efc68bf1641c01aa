package rotation

import (
	"context"
	"errors"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
)

// finish is finishSecret: afterwards the version is AWSCURRENT, and the previous token is gone, or recorded as retiring.
func (i *invocation) finish(ctx context.Context) (Report, error) {
	if _, err := i.read(ctx, readings{calls: true, labels: true, wait: true}); err != nil {
		return Report{}, err
	}
	if i.pending.ID == "" {
		return Report{}, errNoValue()
	}
	token, err := i.pendingToken(ctx)
	if err != nil {
		return Report{}, err
	}
	current, err := i.agree(ctx)
	if err != nil {
		return Report{}, err
	}
	if current {
		return i.resume(ctx, token)
	}
	p, err := i.findPlace(ctx, i.pendingDocument)
	if err != nil {
		return Report{}, err
	}
	previous, err := i.currentDocument.Token()
	if err != nil {
		return Report{}, fail("read AWSCURRENT", err, "")
	}
	f := &finishing{invocation: i, place: p, token: token, previous: previous}
	if err := f.prepare(ctx); err != nil {
		return Report{}, err
	}
	if err := f.admit(ctx); err != nil {
		return Report{}, err
	}
	if err := f.recordRetiring(ctx); err != nil {
		return Report{}, err
	}
	if err := f.swap(ctx); err != nil {
		return Report{}, err
	}
	report := Report{Outcome: OutcomeSwapped, Fingerprint: token.Fingerprint(), Previous: previous.Fingerprint()}
	f.retire(ctx, &report)
	if !f.record.CreatedAt.IsZero() {
		report.Took = i.config.Now().Sub(f.record.CreatedAt)
	}
	return report, nil
}

// resume goes on after a swap that an earlier attempt made.
func (i *invocation) resume(ctx context.Context, token engage.Token) (Report, error) {
	p, err := i.findPlace(ctx, i.pendingDocument)
	if err != nil {
		return Report{}, err
	}
	f := &finishing{invocation: i, place: p, token: token}
	err = parallel.Do(
		func() (err error) {
			f.listed, err = p.client.List(ctx, token)
			return fail2("list the tokens", err, "the swap is made; the previous token goes with the next rotation or sweep")
		},
		func() error { return f.readLedger(ctx) })
	if err != nil {
		return Report{}, err
	}
	report := Report{Outcome: OutcomeResumed, Fingerprint: token.Fingerprint()}
	f.retire(ctx, &report)
	return report, nil
}

// finishing is finishSecret past its first reads.
type finishing struct {
	*invocation
	place           place
	token, previous engage.Token

	listed []engage.Token
	view   ledger.View
	// record is the token's own, or what stands in for it.
	record   ledger.Token
	recorded bool
	// retiring is the previous token's record; its State is empty where there is nothing to retire.
	retiring ledger.Token
}

// prepare verifies the new token and reads the ledger, side by side.
func (f *finishing) prepare(ctx context.Context) error {
	err := parallel.Do(
		func() (err error) { f.listed, err = f.verify(ctx, f.place, f.token); return err },
		func() error { return f.readLedger(ctx) })
	if err == nil && !f.recorded {
		// A token without a record may have been deleted since it was verified, and its record with it.
		f.listed, err = f.verify(ctx, f.place, f.token)
	}
	return err
}

// recordRetiring records the previous token as retiring. That does no harm where the swap does not come about: the token
// of AWSCURRENT is never deleted, whatever its record says.
func (f *finishing) recordRetiring(ctx context.Context) error {
	if f.previous.IsZero() {
		return nil
	}
	record, known := f.view.Find(f.labels.ARN, f.previous.Fingerprint())
	if !known {
		_, listed := find(f.listed, f.previous.Fingerprint())
		record = ledger.Token{
			Secret: f.labels.ARN, Version: f.current.ID, Fingerprint: f.previous.Fingerprint(),
			CreatedAt: f.currentDocument.TokenCreatedAt(), Elsewhere: !listed,
		}
	}
	record.State, record.NotBefore, record.Replaced = ledger.Retiring, f.config.Now(), false // the retention begins with the swap
	f.retiring = record
	return fail2("record the previous token as retiring", f.ledger().Set(ctx, f.place.user, record), "nothing was swapped; the function needs ssm:PutParameter there")
}

// readLedger reads the ledger and finds the token's record. It may have been written seconds ago, so that it is looked for
// again before the creation's intent stands in.
func (f *finishing) readLedger(ctx context.Context) (err error) {
	for try := 0; ; try++ {
		if f.view, err = f.ledger().Read(ctx, f.place.user); err != nil {
			return fail("read the ledger", err, "the service repeats the rotation")
		}
		// A report that the token is nobody's gives way to the creation's own record.
		if record, found := f.view.Find(f.labels.ARN, f.token.Fingerprint()); found && record.State != ledger.Unclaimed {
			f.record, f.recorded = record, true
			return nil
		}
		if !pause(ctx, try) {
			f.record = f.unrecorded()
			return nil
		}
	}
}

// unrecorded stands in for the record of a token that createSecret put and could not record; the zero Token where it has
// put none. It has just made the token under its own intent, the version's newest open one. The record itself is written by
// whoever settles that intent.
func (f *finishing) unrecorded() (record ledger.Token) {
	for _, intent := range f.view.Intents {
		if intent.Secret == f.labels.ARN && intent.Version == f.event.VersionID && !f.view.Settles(intent) {
			record = ledger.Token{State: ledger.Issued, Version: intent.Version, CreatedAt: intent.StartedAt, Base: intent.Base}
		}
	}
	return record
}

// admit decides whether the version may be swapped in. Where not, only its label goes: a late repetition of this step can
// take a version for pending that was current a moment ago, and whose token readers still have.
func (f *finishing) admit(ctx context.Context) error {
	switch {
	case f.record.Version != f.event.VersionID:
		return f.giveUp(ctx, errors.New("nothing tells that the version's token was made for it: the version was made for a test, or by hand"))
	case f.record.State != ledger.Issued:
		return f.giveUp(ctx, errors.New("the token is marked for deletion: a sweep gave the creation up, or the version was replaced long ago"))
	case f.record.Base != f.current.ID:
		return f.giveUp(ctx, errors.New("the secret was edited during the rotation; the edit stays"))
	}
	return nil
}

// sharedWithOther reports whether another secret may hold the same token, by its record.
func (f *finishing) sharedWithOther(fingerprint engage.Fingerprint) bool {
	for _, record := range f.view.Tokens {
		held := record.State == ledger.Issued || record.State == ledger.Retiring && !record.Replaced
		if held && record.Fingerprint == fingerprint && record.Secret != f.labels.ARN {
			return true
		}
	}
	return false
}

// swap moves AWSCURRENT, provided that it still stands where it was read.
func (f *finishing) swap(ctx context.Context) error {
	move := func() error {
		return f.config.Secrets.MoveLabel(ctx, f.event.SecretID, LabelCurrent, f.event.VersionID, f.current.ID)
	}
	err := move()
	for try := 0; err != nil; try++ {
		// What a repeated swap answers is not documented: look where the labels stand instead. What is seen may be old.
		labels, readErr := f.config.Secrets.Describe(ctx, f.event.SecretID)
		if readErr != nil {
			return f.notSwapped(err)
		}
		stands := labels.Holder(LabelCurrent) == f.current.ID
		ready := stands && labels.Carries(f.event.VersionID, LabelPending)
		switch {
		case labels.Carries(f.event.VersionID, LabelCurrent):
			return nil
		case pause(ctx, try):
		case ready, !sure(try):
			return f.notSwapped(err)
		case stands:
			return errLabelLost()
		default:
			return f.giveUp(ctx, errors.New("the secret was edited at the moment of the swap; the edit stays"))
		}
		if ready {
			err = move()
		}
	}
	return nil
}

func (f *finishing) notSwapped(err error) error {
	return fail("move AWSCURRENT", err, "the service repeats the rotation; the function needs secretsmanager:UpdateSecretVersionStage on the secret")
}

package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/baseline"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/reading"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// hintNothingCreated is the next step after a failure of createSecret that a repetition may remedy.
const hintNothingCreated = "nothing was created; " + report.HintRepeated

// create is createSecret: afterwards the version holds a token that the ledger knows.
func (i *invocation) create(ctx context.Context) (report.Step, error) {
	r, err := i.read(ctx, reading.Needs{Settings: true, Labels: true, Admin: true})
	if err != nil {
		return report.Step{}, err
	}
	c, action := decide.Create(r.Facts())
	if action != decide.Proceed {
		return i.end(ctx, r, c, action)
	}
	var listed []engage.Token
	a, entries, err := i.logInAndRead(ctx, r, func(a account.Account) (err error) {
		listed, err = witness.Before(ctx, a.Client, a.Session, r.Current.Token, a.Ahead)
		return report.Failed("", err, hintNothingCreated)
	})
	if err != nil {
		return report.Step{}, err
	}
	i.accounts.Remember(i.source(r, r.Current.Document), account.Endpoint{Endpoint: a.Endpoint, User: a.User})
	known, _ := entries.Find(r.Current.Token.Fingerprint())
	listed, err = witness.Check(ctx, a.Client, a.Session, r.Current.Token, known.User == a.User, a.Ahead != nil, listed)
	if err != nil {
		return report.Step{}, report.Failed("list the tokens", err, hintNothingCreated)
	}
	return i.supply(ctx, r, a, entries, listed)
}

// logInAndRead logs in, calls the vendor and meanwhile reads the secret's entries in the ledger.
func (i *invocation) logInAndRead(ctx context.Context, r reading.Reading, then func(account.Account) error) (
	a account.Account, v ledger.View, err error) {
	err = parallel.Do(
		func() (err error) {
			if a, err = i.accounts.LogIn(ctx, i.source(r, r.Current.Document), r.Current.Token); err != nil {
				return err
			}
			return then(a)
		},
		func() (err error) { v, err = i.reader.Entries(ctx, r.ARN); return err })
	return a, v, err
}

// creationTime is how much of the invocation's time a creation and the storing of its answer need
// in most cases. With less, the answer is likely to be lost.
const creationTime = 3 * time.Second

// supply puts a token into the version: one that an earlier attempt recorded, or a new one.
func (i *invocation) supply(ctx context.Context, r reading.Reading, a account.Account, v ledger.View,
	listed []engage.Token) (report.Step, error) {
	now := i.config.Now()
	c, action, record := decide.Supply{
		Version: i.event.VersionID, Base: r.Current.ID, Records: v.Records, Listed: engage.Fingerprints(listed), Now: now,
		Time: clock.Has(ctx, now, creationTime), Fits: r.Current.Document.FitsToken(),
	}.Token()
	var token engage.Token
	switch action {
	case decide.Reissue:
		token, _ = engage.Find(listed, record.Fingerprint)
	case decide.Proceed:
		var err error
		if record, token, err = i.make(ctx, r, a, listed); err != nil {
			return report.Step{Case: decide.C12}, err
		}
	default:
		return report.Step{Case: c}, refusedSupply(c, record)
	}
	done := report.Step{Case: c, Outcome: report.OutcomeCreated, Fingerprint: record.Fingerprint}
	put, err := i.put(ctx, r, record, token, action == decide.Proceed)
	if put != "" {
		done.Case = put
	}
	return done, err
}

// refusedSupply explains why nothing was put.
func refusedSupply(c decide.Case, record ledger.Record) error {
	switch c {
	case decide.C6:
		err := fmt.Errorf("the list does not show token %s yet, which an earlier attempt created", record.Fingerprint)
		return report.Failed("put the token", err, report.HintRepeated)
	case decide.C9:
		err := fmt.Errorf("the document would be longer than %d bytes", secret.MaxLength)
		return report.Failed("create a token", err, "nothing was created; shorten the secret's other fields")
	}
	err := fmt.Errorf("the invocation has less than %s left", creationTime)
	return report.Failed("create a token", err, hintNothingCreated)
}

// make creates a token: intent first.
func (i *invocation) make(ctx context.Context, r reading.Reading, a account.Account, listed []engage.Token) (
	ledger.Record, engage.Token, error) {
	intent := ledger.NewIntent(r.ARN, i.event.VersionID, i.config.Attempt(ctx), i.config.Now())
	intent.Base, intent.User, intent.Until = r.Current.ID, a.User, i.deadline(ctx)
	intent.Baseline = baseline.Of(listed)
	if err := i.ledger.Begin(ctx, intent); err != nil { //safeguard:intent-before-the-creation drop
		return ledger.Record{}, engage.Token{}, report.Failed("", err, hintNothingCreated)
	}
	if !clock.Has(ctx, i.config.Now(), creationTime/2) {
		i.endIntent(ctx, intent)
		return ledger.Record{}, engage.Token{}, refusedSupply(decide.C8, ledger.Record{})
	}
	token, err := a.Client.Create(ctx, a.Session, listed)
	if err == nil {
		record := ledger.Record{
			Secret: intent.Secret, Version: intent.Version, Fingerprint: token.Fingerprint(), State: ledger.Issued,
			CreatedAt: i.config.Now(), Until: intent.Until, Base: intent.Base, Intent: intent.ID, User: intent.User,
		}
		return record, token, nil
	}
	if !engage.OutcomeUnknown(err) { //safeguard:lost-creations-keep-their-intent on
		i.endIntent(ctx, intent) // refused before any effect
		return ledger.Record{}, engage.Token{}, report.Failed("", err, "nothing was created")
	}
	return ledger.Record{}, engage.Token{}, report.Failed("", err,
		"the service repeats the rotation with another token; if this creation left one, the sweep reports it")
}

// endIntent removes an intent that nothing waits for. One that stays is resolved by a sweep.
func (i *invocation) endIntent(ctx context.Context, intent ledger.Intent) {
	if err := i.ledger.End(ctx, intent); err != nil {
		i.config.Log.WarnContext(ctx, "an intent stays until the next rotation or sweep", "error", err.Error())
	}
}

// put stores the token in the version and writes its record, concurrently: either of them names the
// token to a later attempt. It returns the case when that is not the plain one.
func (i *invocation) put(ctx context.Context, r reading.Reading, record ledger.Record, token engage.Token,
	isNew bool) (decide.Case, error) {
	document, err := r.Current.Document.WithToken(token, record.CreatedAt)
	if err != nil {
		return decide.C9, report.Failed("put the token", err, "correct the secret's document")
	}
	var putErr, recordErr error
	_ = parallel.Do(
		func() error {
			if isNew { //safeguard:created-tokens-are-recorded
				recordErr = i.ledger.Create(ctx, record) // a late try does not undo what was written since
			}
			return nil
		},
		func() error {
			e := i.event
			putErr = i.config.Secrets.PutPending(ctx, e.SecretID, e.VersionID, document.Text(), e.RotationToken)
			return nil
		})
	if recordErr != nil {
		// The version holds the token, and finishSecret reads the intent instead.
		i.config.Log.WarnContext(ctx, "the token's record could not be written; the rotation goes on",
			"fingerprint", record.Fingerprint, "error", recordErr.Error())
	}
	if putErr == nil {
		return "", nil
	}
	return i.checkPut(ctx, token, putErr)
}

// checkPut finds out what became of a put that failed. However certain a refusal: the SDK tries
// several times, and the answer of an earlier try may have been lost.
func (i *invocation) checkPut(ctx context.Context, token engage.Token, putErr error) (decide.Case, error) {
	failure := report.Failed("put the token", putErr, "the token is recorded; the next attempt puts it")
	version, err := i.reader.Version(ctx, false)
	switch {
	case err != nil, version.ID == "":
		return decide.C11, failure
	case version.Token == token && version.Carries(secret.LabelPending):
		return "", nil
	case version.Token == token:
		return decide.C11, failure
	case errors.Is(version.Fault, secret.ErrFormat) || version.Token.IsZero():
		return decide.C4, i.abandon(ctx, version.Unusable())
	}
	return decide.C10, nil
}

package rotation

import (
	"context"
	"errors"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
)

// put stores the token in the version and writes its record, side by side: either of them tells a later attempt whose
// the token is.
func (i *invocation) put(ctx context.Context, p place, session *engage.Session, made creation) error {
	document, err := i.currentDocument.WithToken(made.token, made.record.CreatedAt)
	if err != nil {
		return i.compensate(ctx, p, session, made, fail("put the token", err, ""))
	}
	record, won := made.record, true
	var putErr error
	err = parallel.Do(
		func() (err error) {
			if !made.claimed {
				record, won, err = i.ledger().Claim(ctx, p.user, made.record)
			}
			return err
		},
		func() error {
			putErr = i.config.Secrets.PutPending(ctx, i.event.SecretID, i.event.VersionID, document.Text(), i.event.RotationToken)
			return nil
		})
	if putErr != nil {
		return i.settlePut(ctx, p, session, made, putErr)
	}
	if err != nil {
		// The version holds the token, which is as good as a record: finishSecret writes it.
		i.config.Log.WarnContext(ctx, "the token's record could not be written yet", "error", err.Error())
		return nil
	}
	if !won && record.State != ledger.Issued {
		// A sweep has given this creation up, and will delete the token.
		i.unlabel(ctx)
		return fail("put the token", ErrAbandoned, "the creation took so long that a sweep gave it up; "+hintStartAfresh)
	}
	return nil
}

// settlePut finds out what became of a put that failed.
func (i *invocation) settlePut(ctx context.Context, p place, session *engage.Session, made creation, putErr error) error {
	refused := !errors.Is(putErr, ErrOutcomeUnknown) && !errors.Is(putErr, ErrConflict)
	failure := fail("put the token", putErr, "the next attempt goes on from here")
	// However certain a refusal: the SDK tries several times, and the answer of an earlier try may have been lost.
	if err := i.readPending(ctx, false); err != nil {
		return failure
	}
	if i.pending.ID != "" {
		held, err := i.pendingToken(ctx)
		switch {
		case err != nil:
			return err
		case held == made.token && i.pending.Carries(LabelPending):
			return nil
		case held == made.token:
			return failure
		}
		// A simultaneous attempt was first: the rotation goes on with its token, and ours goes.
		if err := i.compensate(ctx, p, session, made, nil); err != nil {
			i.config.Log.WarnContext(ctx, "a token that no version holds stays until the next rotation or sweep",
				"fingerprint", made.record.Fingerprint, "error", err.Error())
		}
		return nil
	}
	if refused {
		return i.compensate(ctx, p, session, made, fail("put the token", putErr,
			"the new token was deleted again, or is by the next rotation or sweep; the function needs secretsmanager:PutSecretValue on the secret"))
	}
	return failure
}

// holds reports whether the version was seen to hold the token.
func (i *invocation) holds(token engage.Token) bool {
	if i.pendingDocument == nil {
		return false
	}
	held, err := i.pendingDocument.Token()
	return err == nil && held == token
}

// compensate deletes a token that no version will ever hold. The record says so first, lest another attempt puts the token
// while it is being deleted, and stays: the next attempt may come while the list still shows the token. It returns cause,
// or else what went wrong here; what it could not do, a later rotation or sweep does by the record.
func (i *invocation) compensate(ctx context.Context, p place, session *engage.Session, made creation, cause error) error {
	made.record.State, made.record.NotBefore, made.record.Replaced = ledger.Retiring, i.config.Now(), true
	err := i.ledger().Set(ctx, p.user, made.record)
	if err == nil {
		// One that has not seen the mark may have put it since.
		if err = i.readPending(ctx, true); err == nil && i.holds(made.token) {
			return cause
		}
	}
	if err == nil {
		err = p.client.Delete(ctx, session, made.token)
	}
	if err == nil {
		made.record.Deleted = true
		err = i.ledger().Set(ctx, p.user, made.record)
	}
	if cause != nil {
		return cause
	}
	return err
}

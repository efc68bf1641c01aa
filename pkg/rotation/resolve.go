package rotation

import (
	"context"
	"errors"
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

// resolve settles what earlier attempts at this secret have left in the ledger, as far as it can be proven, and returns
// a token of theirs that the event's version can hold. listed is a listing made after view, or view is read again.
func (i *invocation) resolve(ctx context.Context, p place, listed []engage.Token, view ledger.View) (adopted creation, found bool, err error) {
	if !i.concerned(view) {
		return creation{}, false, nil
	}
	proof, made, found, err := i.prove(ctx, p, listed, view)
	if err != nil || found {
		return made, found, err
	}
	if err := i.settleHeld(ctx, p, proof); err != nil {
		return creation{}, false, err
	}
	if err := i.excludeOthers(ctx, proof); err != nil {
		i.config.Log.WarnContext(ctx, "no token is adopted while another secret of this user cannot be read", "error", err.Error())
		return creation{}, false, i.closeIntents(ctx, p, proof)
	}
	for {
		intent, token, ok := proof.Next()
		if !ok {
			break
		}
		made, wanted, err := i.settle(ctx, p, proof, intent, token, !found)
		if err != nil {
			return creation{}, false, err
		}
		if wanted {
			adopted, found = made, true
		}
	}
	return adopted, found, i.closeIntents(ctx, p, proof)
}

// prove starts a proof by the listing, unless the ledger knows a token that was made for this very version: that one is
// returned. What another rotation of this user created before the listing, its intent preceded: read after the listing,
// the ledger tells of it. Where something may be proven, it is read once more when reads have settled.
func (i *invocation) prove(ctx context.Context, p place, listed []engage.Token, earlier ledger.View) (proof *ledger.Proof, made creation, found bool, err error) {
	book := i.ledger()
	for n, read := range []func(context.Context, ledger.User) (ledger.View, error){book.Read, book.ReadSettled} {
		view, err := read(ctx, p.user)
		if err != nil {
			return nil, creation{}, false, fail("read the ledger", err, "nothing was created")
		}
		if n > 0 { // a simultaneous attempt may have put a value that it could not record
			if err := i.readPending(ctx, false); err != nil {
				return nil, creation{}, false, err
			}
		}
		i.noteMarks(earlier, view)
		if made, found := i.reissue(view, listed); found {
			return nil, made, true, nil
		}
		proof = ledger.NewProof(view, i.labels.ARN, listed, i.config.Now())
		proof.Recall(earlier)
		if current, err := i.currentDocument.Token(); err == nil && !current.IsZero() {
			proof.Exclude(current.Fingerprint())
		}
		if !proof.Undecided() {
			break
		}
	}
	return proof, creation{}, false, nil
}

// settleHeld settles intents by what their versions hold: createSecret may have put a token that it could not record.
func (i *invocation) settleHeld(ctx context.Context, p place, proof *ledger.Proof) error {
	for _, intent := range proof.Open() {
		token, err := i.heldByVersion(ctx, intent)
		if err != nil {
			i.config.Log.WarnContext(ctx, "no token is proven while a version cannot be read", "version", intent.Version, "error", err.Error())
			proof.Keep(intent)
			continue
		}
		if !proof.Hold(intent, token.Fingerprint()) {
			continue
		}
		record := i.newRecord(ctx, intent, token)
		record.Adopted = true
		if _, err := i.claim(ctx, p, proof, record); err != nil {
			return err
		}
	}
	return nil
}

// excludeOthers excludes the tokens that other managed secrets of the user hold: somebody may have put one there by hand,
// so that the ledger does not know it.
func (i *invocation) excludeOthers(ctx context.Context, proof *ledger.Proof) error {
	if len(proof.Open()) == 0 {
		return nil
	}
	for _, arn := range proof.Secrets() {
		if arn == i.labels.ARN {
			continue
		}
		for _, label := range []string{LabelCurrent, LabelPending} {
			token, err := i.heldBy(ctx, arn, "", label)
			if err != nil {
				return fmt.Errorf("read %s of secret %s: %w", label, arn, err)
			}
			proof.Exclude(token.Fingerprint())
		}
	}
	return nil
}

// heldByVersion returns the token that an intent's version holds.
func (i *invocation) heldByVersion(ctx context.Context, intent ledger.Intent) (engage.Token, error) {
	switch {
	case intent.Version == i.current.ID:
		return i.currentDocument.Token()
	case intent.Version != i.event.VersionID:
		return i.heldBy(ctx, i.event.SecretID, intent.Version, "")
	case i.pending.ID == "" || i.pendingFault != nil:
		return engage.Token{}, nil
	}
	return i.pendingDocument.Token()
}

// concerned reports whether the ledger holds anything of this secret that an earlier attempt may have left open.
func (i *invocation) concerned(view ledger.View) bool {
	for _, intent := range view.Intents {
		if intent.Secret == i.labels.ARN {
			return true
		}
	}
	for _, record := range view.Tokens {
		if record.Secret == i.labels.ARN && record.State == ledger.Issued && record.Version == i.event.VersionID {
			return true
		}
	}
	return false
}

// noteMarks notes which of the secret's tokens are marked for deletion: a later reading may be older than it looks.
func (i *invocation) noteMarks(views ...ledger.View) {
	if i.condemned == nil {
		i.condemned = map[engage.Fingerprint]bool{}
	}
	for _, view := range views {
		for _, record := range view.Tokens {
			if record.Secret == i.labels.ARN && record.State == ledger.Retiring {
				i.condemned[record.Fingerprint] = true
			}
		}
	}
}

// reissue finds a token that was made for this very version, and recorded, but not put. The record is not written again:
// a sweep may be marking the token as retiring at this moment, and finishSecret goes by that mark. So the token can be
// put only beside the AWSCURRENT that the record names.
func (i *invocation) reissue(view ledger.View, listed []engage.Token) (creation, bool) {
	for _, record := range view.Tokens {
		if record.Secret != i.labels.ARN || record.Version != i.event.VersionID || record.State != ledger.Issued || record.Base != i.current.ID {
			continue
		}
		if token, ok := find(listed, record.Fingerprint); ok && !i.condemned[record.Fingerprint] {
			return creation{token: token, record: record, intent: ledger.Intent{ID: record.Intent}, claimed: true}, true
		}
	}
	return creation{}, false
}

// settle claims a token that was proven to come of an intent. It is adopted where one is wanted and the intent is for the
// event's version and the present AWSCURRENT; otherwise that attempt is over, and the token is marked for deletion.
func (i *invocation) settle(ctx context.Context, p place, proof *ledger.Proof, intent ledger.Intent, token engage.Token, wanted bool) (creation, bool, error) {
	// The version may be given a value by the attempt that made the token, beside the AWSCURRENT that it had read.
	wanted = wanted && i.pending.ID == "" && intent.Version == i.event.VersionID && intent.Base == i.current.ID
	record := i.newRecord(ctx, intent, token)
	record.Adopted = true
	if !wanted {
		record.State, record.NotBefore, record.Replaced = ledger.Retiring, i.config.Now(), true
	}
	won, err := i.claim(ctx, p, proof, record)
	return creation{token: token, record: record, intent: intent, claimed: true}, wanted && won, err
}

// claim records a token that was found. Where it does not win, somebody else has recorded it just now.
func (i *invocation) claim(ctx context.Context, p place, proof *ledger.Proof, record ledger.Token) (won bool, err error) {
	standing, won, err := i.ledger().Attribute(ctx, p.user, proof, record)
	if err != nil {
		return false, fail("claim a token whose creation was not answered", err, "nothing was created")
	}
	i.config.Log.InfoContext(ctx, "a token whose creation was not answered was found", "fingerprint", record.Fingerprint, "state", standing.State)
	return won, nil
}

// heldBy returns the token that a version of a secret holds; the zero Token where there is no such version, or none in it.
func (i *invocation) heldBy(ctx context.Context, secretID, version, label string) (engage.Token, error) {
	v, err := i.config.Secrets.Get(ctx, secretID, version, label)
	if errors.Is(err, ErrNotFound) {
		return engage.Token{}, nil
	}
	if err != nil {
		return engage.Token{}, err
	}
	document, err := secret.Parse(v.Value.Reveal())
	if err != nil {
		return engage.Token{}, nil // a document at fault holds no token
	}
	token, err := document.Token()
	if err != nil {
		return engage.Token{}, nil
	}
	return token, nil
}

// reportable is how many tokens of one intent a rotation records as unclaimed; SSM takes 3 of them a second. More are left
// to the sweep, which has the time, as is an intent without a baseline, of which nothing but the sweep's answer can tell.
const reportable = 20

// closeIntents removes the intents that are settled, and reports the tokens of those that never will be.
func (i *invocation) closeIntents(ctx context.Context, p place, proof *ledger.Proof) error {
	for _, intent := range proof.Settled() {
		if err := i.ledger().End(ctx, p.user, intent); err != nil {
			return fail("close an intent", err, "nothing was created")
		}
	}
	for _, expired := range proof.Expired() {
		if len(expired.Tokens) > reportable || !expired.Intent.Baseline.Known() {
			continue
		}
		if err := i.ledger().Report(ctx, p.user, expired); err != nil {
			return fail("report unclaimed tokens", err, "nothing was created")
		}
	}
	return nil
}

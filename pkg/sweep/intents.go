package sweep

import (
	"context"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// resolveIntents settles the secret's open intents as far as it can be proven, and returns the records that this made.
func (u *userSweep) resolveIntents(ctx context.Context, h *holder, report *SecretReport) []ledger.Token {
	proof := ledger.NewProof(u.view, h.arn, u.tokens, u.config.Now())
	proof.OnlyEnded = true
	var records []ledger.Token
	for _, intent := range proof.Open() {
		// A version that holds a token without a record proves whose it is, labelled or not.
		token := u.heldBy(ctx, h.arn, intent.Version)
		_, listed := u.listed[token.Fingerprint()]
		if listed && !proof.Known(token.Fingerprint()) && !intent.Baseline.Contains(token.Fingerprint()) {
			proof.Settle(intent, token.Fingerprint())
			records = u.claim(ctx, records, intent, token, ledger.Issued)
		}
	}
	for _, other := range u.holders {
		proof.Exclude(other.current.Fingerprint())
		proof.Exclude(other.pending.Fingerprint())
	}
	for {
		intent, token, ok := proof.Next()
		if !ok {
			break
		}
		records = u.claim(ctx, records, intent, token, ledger.Retiring)
	}
	for _, intent := range proof.Settled() {
		u.write(ctx, func() error { return u.ledger.End(ctx, u.user, intent) })
	}
	for _, expired := range proof.Expired() {
		report.Unclaimed = append(report.Unclaimed, expired.Tokens...)
		u.write(ctx, func() error { return u.ledger.Report(ctx, u.user, expired) })
	}
	for _, intent := range proof.Waiting() {
		report.OpenIntents = append(report.OpenIntents, OpenIntent{intent.Version, intent.StartedAt})
	}
	return records
}

// claim records a token that was found. A record that somebody else has made meanwhile goes.
func (u *userSweep) claim(ctx context.Context, records []ledger.Token, intent ledger.Intent, token engage.Token, state ledger.State) []ledger.Token {
	record := ledger.Token{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: token.Fingerprint(), State: state,
		CreatedAt: intent.StartedAt, Intent: intent.ID, Base: intent.Base, Until: intent.Until, Adopted: state == ledger.Retiring,
	}
	if state == ledger.Retiring {
		record.NotBefore = u.config.Now()
	}
	u.write(ctx, func() (err error) {
		record, _, err = u.ledger.Claim(ctx, u.user, record)
		return err
	})
	return append(records, record)
}

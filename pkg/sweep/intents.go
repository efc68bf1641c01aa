package sweep

import (
	"context"
	"fmt"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// resolveIntents settles the secret's open intents as far as it can be proven, and returns the records that this made.
func (u *userSweep) resolveIntents(ctx context.Context, h *holder, report *SecretReport) []ledger.Token {
	proof := u.newProof(h.arn)
	if u.blind {
		for _, intent := range proof.Open() {
			report.OpenIntents = append(report.OpenIntents, OpenIntent{intent.Version, intent.StartedAt})
		}
		return nil
	}
	c := claims{userSweep: u, proof: proof}
	for _, intent := range proof.Open() {
		// A version that holds a token without a record proves whose it is, labelled or not.
		token, err := u.heldBy(ctx, h.arn, intent.Version)
		if err != nil {
			u.fault(ctx, err)
			proof.Keep(intent)
			continue
		}
		if proof.Hold(intent, token.Fingerprint()) {
			c.claim(ctx, intent, token, ledger.Issued)
		}
	}
	for _, other := range u.holders {
		proof.Exclude(other.current.Fingerprint())
		proof.Exclude(other.pending.Fingerprint())
	}
	for u.whole { // else it may be the token of a secret that could not be read
		intent, token, ok := proof.Next()
		if !ok {
			break
		}
		c.claim(ctx, intent, token, ledger.Retiring)
	}
	for _, intent := range proof.Settled() {
		u.write(ctx, func() error { return u.ledger.End(ctx, u.user, intent) })
	}
	for _, expired := range proof.Expired() {
		if !expired.Intent.Baseline.Known() {
			u.fault(ctx, fmt.Errorf("whether the creation of %s for secret %s version %s made a token will never be known: the user had too many tokens to compare; look for it at the vendor",
				expired.Intent.StartedAt.Format(time.RFC3339), h.arn, expired.Intent.Version))
		}
		report.Unclaimed = append(report.Unclaimed, expired.Tokens...)
		u.write(ctx, func() error { return u.ledger.Report(ctx, u.user, expired) })
	}
	over := map[string]bool{}
	for _, expired := range proof.Expired() {
		over[expired.Intent.ID] = true
	}
	for _, intent := range proof.Waiting() {
		if over[intent.ID] {
			continue
		}
		report.OpenIntents = append(report.OpenIntents, OpenIntent{intent.Version, intent.StartedAt})
	}
	return c.records
}

// newProof starts a proof for a secret by the user's listing.
func (u *userSweep) newProof(arn string) *ledger.Proof {
	proof := ledger.NewProof(u.view, arn, u.tokens, u.config.Now())
	proof.Recall(u.earlier)
	proof.OnlyEnded = true
	return proof
}

// claims is the records that a sweep makes of tokens that it found.
type claims struct {
	*userSweep
	proof   *ledger.Proof
	records []ledger.Token
}

// claim records a token that was found. A record that somebody else has made meanwhile goes.
func (c *claims) claim(ctx context.Context, intent ledger.Intent, token engage.Token, state ledger.State) {
	record := ledger.Token{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: token.Fingerprint(), State: state,
		CreatedAt: intent.StartedAt, Intent: intent.ID, Base: intent.Base, Until: intent.Until, Adopted: true,
	}
	if state == ledger.Retiring {
		record.NotBefore, record.Replaced = c.config.Now(), true
	}
	claimed := c.write(ctx, func() (err error) {
		record, _, err = c.ledger.Attribute(ctx, c.user, c.proof, record)
		return err
	})
	if !claimed {
		c.proof.Keep(intent)
		return
	}
	c.records = append(c.records, record)
}

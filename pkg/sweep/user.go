package sweep

import (
	"context"

	"golang.org/x/time/rate"

	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/users"
	"engage-token-rotation/pkg/ledger"
)

// user is one Engage user at its turn.
type user struct {
	*run
	*users.User
	unread []string // own secrets that could not be read again

	reached   bool          // its turn came
	appeared  bool          // a token may have appeared since an intent
	left      bool          // due tokens are left to the next sweep
	turns     *rate.Limiter // for calls about single tokens
	deletions []deletion
	unasked   []ledger.Record // deleted tokens that wait for a turn to be asked
	gone      []ledger.Record // to be removed
}

// mark lists the user's tokens, decides about the records of its secrets, and plans deletions.
func (u *user) mark(ctx context.Context) {
	if !clock.Has(ctx, u.config.Now(), userTime/4) {
		return
	}
	u.reached = true
	ctx, cancel := context.WithTimeout(ctx, userTime)
	defer cancel()
	u.fault(u.ListTokens(ctx, u.entries, ""))
	for _, record := range u.Guests {
		if u.only == "" || u.only == record.Secret {
			u.consider(ctx, u.secrets.Get(record.Secret), record)
		}
	}
	if u.only == "" {
		u.sweepLeft(ctx)
	}
	for _, m := range u.Own {
		if u.only == "" || u.only == m.ARN {
			u.sweepSecret(ctx, m)
		}
	}
	u.appeared = u.only == "" && u.Listed != nil && u.creations.Appeared(u.User)
}

// sweepLeft decides about the records of secrets that are gone if they name no user and the user's
// list shows the token: the login fields, which named the user, are gone too.
func (u *user) sweepLeft(ctx context.Context) {
	for _, record := range u.index.ByUser[""] {
		_, listed := u.Listed[record.Fingerprint]
		//safeguard:records-of-gone-secrets-are-swept
		if m := u.secrets.Get(record.Secret); listed && m != nil && m.Document == nil {
			u.decide(ctx, m, record)
		}
	}
}

// sweepSecret reports a secret and decides about its records.
func (u *user) sweepSecret(ctx context.Context, m *holders.Secret) {
	view := u.entries.Secrets[m.ARN]
	u.inventory.Current(ctx, u.User, m)
	u.fault(u.sharing.Current(ctx, m, view))
	for _, record := range view.Records {
		if other := u.users.ByName[record.User]; other == nil || other == u.User { // else the record is a guest there
			u.consider(ctx, m, record)
		}
	}
}

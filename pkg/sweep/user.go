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
	u.noteShared(ctx, m, view)
	for _, record := range view.Records {
		if other := u.users.ByName[record.User]; other == nil || other == u.User { // else the record is a guest there
			u.consider(ctx, m, record)
		}
	}
}

// noteShared records the token of AWSCURRENT when no record names it and another secret holds it
// too, so that a rotation of one of them leaves the token to the sweep.
func (u *user) noteShared(ctx context.Context, m *holders.Secret, view ledger.View) {
	holding := u.secrets.Of(m.Current.Fingerprint(), m.ARN)
	if _, found := view.Find(m.Current.Fingerprint()); found || len(holding) == 0 {
		return
	}
	u.fault(u.ledger.Create(ctx, ledger.Record{
		Secret: m.ARN, Version: m.CurrentVersion, Fingerprint: m.Current.Fingerprint(), State: ledger.Outgoing,
		CreatedAt: m.CreatedAt, SharedWith: holding[0],
	}))
}

// share returns the record with the fact that another secret holds its token, or does not any more,
// and writes that. When it does not any more, the retention starts anew, because readers of that
// secret may have the token cached.
func (u *user) share(ctx context.Context, record ledger.Record) ledger.Record {
	shared := record
	shared.SharedWith = ""
	if holding := u.secrets.Of(record.Fingerprint, record.Secret); len(holding) > 0 {
		shared.SharedWith = holding[0]
	}
	if end := u.config.Now().Add(u.retention()); shared.SharedWith == "" && record.SharedWith != "" &&
		record.State == ledger.Retiring && end.After(record.At) {
		shared.At = end
	}
	if shared == record || shared.SharedWith == "" && u.secrets.Unread(record.SharedWith) ||
		record.State == ledger.Unclaimed {
		return record
	}
	u.records.Set(ctx, record, shared) // if that fails, the next sweep writes it
	return shared
}

package sweep

import (
	"context"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// sweepSecret resolves and retires what belongs to one secret, and reports it.
func (u *userSweep) sweepSecret(ctx context.Context, h *holder) {
	report := &SecretReport{
		Secret: h.arn, Retiring: []Waiting{}, OpenIntents: []OpenIntent{},
		Unclaimed: []engage.Fingerprint{}, Deleted: []engage.Fingerprint{}, DeleteFailed: []engage.Fingerprint{},
	}
	u.reportCurrent(ctx, h, report)
	records := u.resolveIntents(ctx, h, report)
	for _, record := range u.view.Tokens {
		if record.Secret == h.arn {
			records = append(records, record)
		}
	}
	for _, record := range records {
		u.sweepRecord(ctx, h, record, report)
	}
	u.answer.Secrets = append(u.answer.Secrets, report)
}

func (u *userSweep) reportCurrent(ctx context.Context, h *holder, report *SecretReport) {
	if h.current.IsZero() {
		return
	}
	report.Current.Fingerprint = h.current.Fingerprint()
	created := h.createdAt
	for _, record := range u.view.Tokens {
		if record.Fingerprint == h.current.Fingerprint() && record.Secret == h.arn && created.IsZero() {
			created = record.CreatedAt
		}
	}
	if _, alive := u.listed[h.current.Fingerprint()]; !alive {
		// It may be another user's: its own word counts.
		_, dead, err := u.ask(ctx, h, h.current)
		report.Current.Dead = err == nil && dead
	}
	if !created.IsZero() {
		report.Current.AgeSeconds = int64(u.config.Now().Sub(created).Seconds())
	}
}

// sweepRecord decides about one token.
func (u *userSweep) sweepRecord(ctx context.Context, h *holder, record ledger.Token, report *SecretReport) {
	now := u.config.Now()
	if u.heldByAny(record.Fingerprint) {
		if record.State == ledger.Retiring && record.Replaced && h.current.Fingerprint() == record.Fingerprint {
			// Put back by hand, or swapped in late: the retention begins anew when it is seen to be replaced again.
			record.Replaced = false
			u.write(ctx, func() error { return u.ledger.Set(ctx, u.user, record) })
		}
		return
	}
	f := u.locate(ctx, h, record)
	switch {
	case record.Lingers(now):
	case f.gone:
		if now.Sub(record.CreatedAt) > ledger.Propagation && now.After(record.Until) {
			u.write(ctx, func() error { return u.forget(ctx, record) })
		}
	case f.token.IsZero():
		// Neither listed nor to be asked: somebody has to look at it.
		report.Unclaimed = append(report.Unclaimed, record.Fingerprint)
	case record.State == ledger.Unclaimed:
		report.Unclaimed = append(report.Unclaimed, record.Fingerprint)
	case record.State == ledger.Retiring && !record.Replaced:
		u.condemn(ctx, h, record, u.ends(h, record), f, report)
	case record.Due(now):
		u.retire(deletion{record: record, found: f}, report)
	case record.State == ledger.Retiring && u.revoke == h.arn && record.Base != h.currentVersion:
		u.retire(deletion{record: record, found: f}, report)
	case record.State == ledger.Retiring && u.revoke == h.arn && now.Add(grace).Before(record.NotBefore):
		u.condemn(ctx, h, record, now.Add(grace), f, report) // a late finishSecret might swap it in
	case record.State == ledger.Retiring:
		report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, record.NotBefore})
	case record.State == ledger.Issued:
		u.sweepIssued(ctx, h, record, f, report)
	}
}

// sharedUnread reports whether a secret that could not be read may hold the same token, by a record of whatever user.
func (u *userSweep) sharedUnread(record ledger.Token) bool {
	for _, view := range u.views {
		for _, other := range view.Tokens {
			if other.Fingerprint == record.Fingerprint && other.Secret != "" && u.holders[other.Secret] == nil {
				return true
			}
		}
	}
	return false
}

// whereabouts is where a token was found: with what right it can be deleted. The zero whereabouts is of one that could
// neither be found nor be told to be gone.
type whereabouts struct {
	token engage.Token
	access
	gone bool
}

// locate looks for a token: in the user's list, or, where that lacks it, by its own right, since it may be of a user whom
// the secret spoke for before.
func (u *userSweep) locate(ctx context.Context, h *holder, record ledger.Token) whereabouts {
	if token, ok := u.listed[record.Fingerprint]; ok {
		return whereabouts{token: token, access: u.access}
	}
	token, err := u.heldBy(ctx, h.arn, record.Version)
	if err != nil {
		return whereabouts{}
	}
	if token.Fingerprint() != record.Fingerprint {
		return whereabouts{gone: !u.blind && !record.Elsewhere}
	}
	own, dead, err := u.ask(ctx, h, token)
	switch {
	case err != nil:
		return whereabouts{}
	case dead:
		return whereabouts{gone: true}
	}
	return whereabouts{token: token, access: own}
}

// ask lists with a token, to find out whether it lives.
func (u *userSweep) ask(ctx context.Context, h *holder, token engage.Token) (own access, dead bool, err error) {
	a, err := u.account(ctx, h)
	if err != nil {
		return access{}, false, err
	}
	own = access{u.client(a, nil), token}
	_, err = own.client.List(ctx, token)
	if engage.Rejected(err) {
		return own, true, nil
	}
	return own, false, err
}

// sweepIssued decides about a token that was made for a version and that no secret holds.
func (u *userSweep) sweepIssued(ctx context.Context, h *holder, record ledger.Token, f whereabouts, report *SecretReport) {
	if !u.config.Now().After(record.Until) {
		return // its invocation may be at work
	}
	u.condemn(ctx, h, record, u.ends(h, record), f, report)
}

// ends returns when the token of a version that is not current, or not any more, may be deleted: after the retention, since
// readers may have it cached. Nobody can tell for certain whether a version ever was current, since what was read of it may
// be some time ago.
func (u *userSweep) ends(h *holder, record ledger.Token) time.Time {
	retention := u.retention(h)
	if record.Base == "" || record.Base == h.currentVersion {
		// AWSCURRENT stands where the version was made from, or was moved back there by hand: a late finishSecret might swap
		// it in.
		retention = max(retention, grace)
	}
	return u.config.Now().Add(retention)
}

// retention is how long readers may have a token of the secret cached.
func (u *userSweep) retention(h *holder) time.Duration {
	if u.revoke == h.arn {
		return 0
	}
	return u.settings.Retention
}

// condemn marks a token for deletion, and deletes it where the time has come.
func (u *userSweep) condemn(ctx context.Context, h *holder, record ledger.Token, notBefore time.Time, f whereabouts, report *SecretReport) {
	record.State, record.NotBefore, record.Replaced = ledger.Retiring, notBefore, true
	if !u.write(ctx, func() error { return u.ledger.Set(ctx, u.user, record) }) {
		return
	}
	switch {
	case record.Due(u.config.Now()):
		u.retire(deletion{record: record, found: f}, report)
	case u.retention(h) == 0 && h.awaits(record.Version):
		u.retire(deletion{record: record, found: f, awaited: true}, report)
	default:
		report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, notBefore})
	}
}

// write changes the ledger, unless this is a dry run, and reports whether it did, or would have.
func (u *userSweep) write(ctx context.Context, change func() error) bool {
	if u.request.DryRun {
		return true
	}
	if err := change(); err != nil {
		u.fault(ctx, err)
		return false
	}
	return true
}

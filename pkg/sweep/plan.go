package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/changes"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

// deletion is a token that is to be deleted, if it still is after reading again.
type deletion struct {
	record         ledger.Record
	currentVersion string // of the record's secret, when the deletion was planned
	found          witness.Finding
}

// consider decides about a record. A deleted token that the list lacks is asked itself: beyond the
// user's turns that is done after the deletions.
func (u *user) consider(ctx context.Context, m *holders.Secret, record ledger.Record) {
	_, listed := u.Listed[record.Fingerprint]
	if record.State == ledger.Deleted && u.Listed != nil && !listed && !u.turns.Allow() {
		u.unasked = append(u.unasked, record)
		return
	}
	u.decide(ctx, m, record)
}

// decide decides about a record, writes a mark, and plans a deletion.
func (u *user) decide(ctx context.Context, m *holders.Secret, record ledger.Record) {
	record = u.sharing.Record(ctx, record, u.maybeUnread(record))
	found := u.look(ctx, m, record)
	facts := u.facts(m, record, found)
	d := decide.Record(record, facts)
	if found.Listed == decide.Unknown && u.Listed != nil && facts.Held == decide.Unheld && d.Action != decide.Forget {
		u.report.TokenUnreachable(m.ARN, record.Fingerprint)
	}
	switch d.Action {
	case decide.Write:
		if !u.records.Set(ctx, record, d.Record) {
			return
		}
		if due := decide.Record(d.Record, facts); due.Action == decide.Delete {
			d = due
		}
	case decide.Forget:
		u.gone = append(u.gone, record)
	}
	if d.Action == decide.Delete && found.Token.IsZero() {
		d.Action = decide.Keep // due, but not found at the vendor: a later sweep looks for it
	}
	if record.State != ledger.Unclaimed || found.Listed != decide.Gone {
		u.report.Decided(m.ARN, d)
	}
	if d.Action == decide.Delete {
		u.deletions = append(u.deletions, deletion{d.Record, m.CurrentVersion, found})
	}
}

// facts returns what the sweep knows about a record.
func (u *user) facts(m *holders.Secret, record ledger.Record, found witness.Finding) decide.Facts {
	f := record.Fingerprint
	facts := decide.Facts{
		Now: u.config.Now(), Listed: found.Listed, Revoke: u.only == m.ARN,
		Elsewhere: len(u.secrets.Of(f, m.ARN)) > 0 ||
			record.State != ledger.Unclaimed && u.maybeUnread(record) || u.keptByOther(record),
		Claimed:   u.claimed(record),
		Awaited:   m.PendingVersion != "" && m.PendingVersion == record.Version && m.Pending.IsZero(),
		Swappable: record.Base != "" && record.Base == m.CurrentVersion,
		Replaced: decide.Replaced(record, u.entries.Secrets[m.ARN].Records, m.CurrentVersion,
			m.Labels.Holder(secret.LabelPrevious)),
		//safeguard:all-secrets-are-read term 2
		Exclusive: u.settings.Exclusive && u.secrets.Whole() && len(u.entries.Unreadable) == 0,
	}
	switch f {
	case m.Current.Fingerprint():
		facts.Held = decide.Current
	case m.Pending.Fingerprint():
		facts.Held = decide.Pending
	}
	facts.Taken = facts.Held == decide.Unheld &&
		(record.Version == m.CurrentVersion || record.Version == m.PendingVersion && !m.Pending.IsZero())
	if !facts.Revoke {
		facts.Retention = u.retention()
	}
	return facts
}

// retention returns how long a retiring token lives.
func (r *run) retention() time.Duration {
	if r.settings.Retention == 0 {
		return 0
	}
	return r.settings.Retention + ledger.Consistency // a reader may be given the old value so long
}

// maybeUnread reports whether a secret that could not be read may hold the token: one that is known
// to have held it, or another one of the user, which was read first and then could not be. A person
// may have given it the token meanwhile.
func (u *user) maybeUnread(record ledger.Record) bool {
	unread := func(arn string) bool { return arn != record.Secret && u.secrets.Unread(arn) }
	return unread(record.SharedWith) ||
		slices.ContainsFunc(u.unread, unread) ||
		slices.ContainsFunc(u.index.ByToken[record.Fingerprint], func(r ledger.Record) bool { return unread(r.Secret) })
}

// keptByOther reports whether another secret's record keeps a token whose own time is over: that
// secret held it later.
func (u *user) keptByOther(record ledger.Record) bool {
	over := record.State == ledger.Retiring || record.State == ledger.Deleted
	return over && slices.ContainsFunc(u.index.ByToken[record.Fingerprint], func(r ledger.Record) bool {
		swapped := r.State == ledger.Outgoing && r.Successor != ""
		retained := swapped || r.State == ledger.Retiring && u.config.Now().Before(r.At)
		return retained && r.Secret != record.Secret
	})
}

// claimed reports whether another record names an unclaimed token.
func (r *run) claimed(record ledger.Record) bool {
	return record.State == ledger.Unclaimed &&
		slices.ContainsFunc(r.index.ByToken[record.Fingerprint], func(other ledger.Record) bool {
			return other.Secret != record.Secret && other.State != ledger.Unclaimed
		})
}

// look finds out what the vendor says of a record's token. A token that the secret holds is not
// asked: it stays whatever the vendor says.
func (u *user) look(ctx context.Context, m *holders.Secret, record ledger.Record) witness.Finding {
	f := record.Fingerprint
	_, listed := u.Listed[f]
	if !listed && (f == m.Current.Fingerprint() || f == m.Pending.Fingerprint()) {
		return witness.Finding{}
	}
	found, err := u.Look(ctx, u.config.Secrets, record, u.config.Now())
	if err != nil && ctx.Err() == nil { // else a later sweep looks
		u.fault(err)
	}
	return found
}

// The pace of one user's turns: a deletion is two calls, with the list that confirms it, rarely
// three, and the vendor takes 120 a minute. The first ones go at once.
const (
	atOnce = 10
	pace   = 1500 * time.Millisecond
)

// carryOut decides about the user's intents, deletes what was planned, and removes the records of
// tokens that are gone.
func (u *user) carryOut(ctx context.Context) {
	for _, m := range u.Own {
		if u.secrets.Unread(m.ARN) {
			u.unread = append(u.unread, m.ARN)
		}
	}
	if u.only == "" && u.Listed != nil { // first, since the list grows old
		u.inventory.Outcomes(u.creations.Resolve(ctx, u.User))
		u.inventory.Foreign(ctx, u.User)
	}
	for n, d := range u.deletions {
		if u.request.DryRun {
			u.report.TokenDeleted(d.record)
			continue
		}
		if rest := u.deleteOrLeave(ctx, n, d); rest != nil {
			u.leave(rest)
			break
		}
	}
	for _, record := range u.unasked {
		m := u.secrets.Get(record.Secret)
		if m != nil && !u.request.DryRun && u.turns.Wait(ctx) == nil && clock.Has(ctx, u.config.Now(), answerTime) {
			u.decide(ctx, m, record)
		}
	}
	for _, record := range u.gone {
		u.records.Remove(ctx, record)
	}
}

// deleteOrLeave carries out the user's nth deletion. When the time is over, or the vendor takes no
// more for now, it returns the deletions to leave to the next sweep.
func (u *user) deleteOrLeave(ctx context.Context, n int, d deletion) (rest []deletion) {
	if u.turns.Wait(ctx) != nil || u.records.Pace.Wait(ctx) != nil {
		return u.deletions[n:]
	}
	err := u.delete(ctx, d)
	switch {
	case err == nil:
		return nil
	case u.isOver():
		return u.deletions[n:]
	}
	u.report.TokenFailed(d.record)
	u.fault(fmt.Errorf("delete token %s of secret %s: %w; the next sweep tries again",
		d.record.Fingerprint, d.record.Secret, err))
	if engage.Retryable(err) && !engage.Disbelieved(err) {
		return u.deletions[n+1:]
	}
	return nil
}

// leave leaves deletions to the next sweep.
func (u *user) leave(rest []deletion) {
	for _, d := range rest {
		u.left = true
		u.report.TokenLeft(d.record)
	}
}

// toReadAgain returns the secrets that may hold one of the tokens: those of the user, and all of
// them for an unclaimed token.
func (u *user) toReadAgain() []string {
	if len(u.deletions) == 0 {
		return nil
	}
	var arns []string
	for _, m := range u.Own {
		arns = append(arns, m.ARN)
	}
	for _, d := range u.deletions {
		if d.record.State == ledger.Unclaimed {
			return u.secrets.ARNs()
		}
		arns = append(arns, d.record.Secret)
	}
	return arns
}

// delete deletes one token, if that is still the decision by the record and the secret as they are
// now.
func (u *user) delete(ctx context.Context, d deletion) error {
	arns := []string{d.record.Secret} // a person may put the version back at any moment
	if d.record.State == ledger.Unclaimed {
		arns = u.secrets.ARNs() // any secret may hold the token by now
	}
	u.secrets.Read(ctx, arns, u.fault)
	m := u.secrets.Get(d.record.Secret)
	if m == nil {
		return errors.New("its secret cannot be read")
	}
	standing, found, err := u.ledger.Look(ctx, d.record)
	if err != nil || !found {
		return err
	}
	again := decide.Record(standing, u.facts(m, standing, d.found))
	moved := m.CurrentVersion != d.currentVersion
	//safeguard:deletions-are-decided-again
	if again.Action != decide.Delete || moved || !changes.Same(d.record, standing) {
		u.report.Decided(m.ARN, decide.Decision{Case: again.Case, Action: decide.Keep, Record: standing})
		return nil
	}
	err = u.Delete(ctx, d.found)
	if err != nil && !engage.Unconfirmed(err) {
		return err
	}
	standing.State, standing.At = ledger.Deleted, u.config.Now()
	u.fault(u.ledger.Set(ctx, standing))
	if err == nil {
		u.report.TokenDeleted(d.record)
		return nil
	}
	u.config.Log.InfoContext(ctx, "a deletion is confirmed by a later sweep", "fingerprint", standing.Fingerprint)
	return nil
}

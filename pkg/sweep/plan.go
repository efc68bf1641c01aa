package sweep

import (
	"context"
	"errors"
	"fmt"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// plan collects the deletions of a user's turn.
type plan struct {
	*user
	deletions []deletion
}

// deletion is a token that is to be deleted, if it still is after reading again.
type deletion struct {
	record         ledger.Record
	currentVersion string // of the record's secret, when the deletion was planned
	found          witness.Finding
}

// decide decides about a record, writes a mark, and plans a deletion.
func (p *plan) decide(ctx context.Context, m *holders.Secret, record ledger.Record) {
	record = p.share(ctx, record)
	found := p.look(ctx, m, record)
	facts := p.facts(m, record, found)
	d := decide.Record(record, facts)
	if found.Listed == decide.Unknown && p.Listed != nil && facts.Held == decide.Unheld && d.Action != decide.Forget {
		p.report.About(m.ARN, func(s *report.Secret) { s.Unreachable = append(s.Unreachable, record.Fingerprint) })
	}
	switch d.Action {
	case decide.Write:
		if !p.update(ctx, record, d.Record) {
			return
		}
		if due := decide.Record(d.Record, facts); due.Action == decide.Delete {
			d = due
		}
	case decide.Forget:
		p.try(ctx, p.ledger.Remove(ctx, record))
	}
	if d.Action == decide.Delete && found.Token.IsZero() {
		d.Action = decide.Keep // due, but not found at the vendor: a later sweep looks for it
	}
	if record.State != ledger.Unclaimed || found.Listed != decide.Gone {
		p.note(m.ARN, d)
	}
	if d.Action == decide.Delete {
		p.deletions = append(p.deletions, deletion{d.Record, m.CurrentVersion, found})
	}
}

// note reports what waits.
func (p *plan) note(arn string, d decide.Decision) {
	p.report.About(arn, func(s *report.Secret) {
		f := d.Record.Fingerprint
		s.Cases[f] = string(d.Case)
		switch {
		case d.Action == decide.Delete, d.Action == decide.Forget:
		case d.Record.State == ledger.Retiring:
			s.Retiring = append(s.Retiring, report.Waiting{Fingerprint: f, NotBefore: d.Record.At})
		case d.Record.State == ledger.Unclaimed && d.Case != decide.R1:
			s.Unclaimed = append(s.Unclaimed, report.NewRemovable(f, d.Record.At))
		}
	})
}

// facts returns what the sweep knows about a record.
func (p *plan) facts(m *holders.Secret, record ledger.Record, found witness.Finding) decide.Facts {
	f := record.Fingerprint
	facts := decide.Facts{
		Now: p.config.Now(), Listed: found.Listed, Revoke: p.only == m.ARN,
		Elsewhere: len(p.secrets.Of(f, m.ARN)) > 0 || record.State != ledger.Unclaimed && p.maybeUnread(record),
		Claimed:   p.claimed(record),
		Awaited:   m.PendingVersion != "" && m.PendingVersion == record.Version && m.Pending.IsZero(),
		Swappable: record.Base != "" && record.Base == m.CurrentVersion,
		Replaced: decide.Replaced(
			record,
			p.entries.Secrets[m.ARN].Records,
			m.CurrentVersion,
			m.Labels.Holder(secret.LabelPrevious),
		),
		//safeguard:all-secrets-are-read term 2
		Exclusive: p.settings.Exclusive && p.secrets.Whole() && len(p.entries.Unreadable) == 0,
	}
	switch f {
	case m.Current.Fingerprint():
		facts.Held = decide.Current
	case m.Pending.Fingerprint():
		facts.Held = decide.Pending
	}
	facts.Taken = facts.Held == decide.Unheld &&
		(record.Version == m.CurrentVersion || record.Version == m.PendingVersion && !m.Pending.IsZero())
	if p.settings.Retention > 0 {
		facts.Retention = p.settings.Retention + ledger.Consistency // a reader may be given the old value so long
	}
	if facts.Revoke {
		facts.Retention = 0
	}
	return facts
}

// maybeUnread reports whether a secret that could not be read may hold the token.
func (r *run) maybeUnread(record ledger.Record) bool {
	if record.SharedWith != "" && r.secrets.Unread(record.SharedWith) {
		return true
	}
	for arn, view := range r.entries.Secrets {
		if arn == record.Secret || !r.secrets.Unread(arn) {
			continue
		}
		if _, found := view.Find(record.Fingerprint); found {
			return true
		}
	}
	return false
}

// claimed reports whether another record names an unclaimed token.
func (r *run) claimed(record ledger.Record) bool {
	if record.State != ledger.Unclaimed {
		return false
	}
	for arn, view := range r.entries.Secrets {
		other, found := view.Find(record.Fingerprint)
		if arn != record.Secret && found && other.State != ledger.Unclaimed {
			return true
		}
	}
	return false
}

// look finds out what the vendor says of a record's token. A token that the secret holds is not
// asked: it stays whatever the vendor says.
func (p *plan) look(ctx context.Context, m *holders.Secret, record ledger.Record) witness.Finding {
	f := record.Fingerprint
	_, listed := p.Listed[f]
	if !listed && (f == m.Current.Fingerprint() || f == m.Pending.Fingerprint()) {
		return witness.Finding{}
	}
	found, err := p.Look(ctx, record, p.entries, p.config.Now(), func() (engage.Token, error) {
		return p.tokenOf(ctx, record)
	})
	if err != nil {
		p.fault(ctx, err)
	}
	return found
}

// carryOut deletes what was planned. The marks are written by now: whoever puts or swaps a token in
// from here on sees them, and who did so before is seen when reads have caught up.
func (p *plan) carryOut(ctx context.Context) {
	if len(p.deletions) == 0 {
		return
	}
	if p.request.DryRun {
		for _, d := range p.deletions {
			p.deleted(d)
		}
		return
	}
	if err := clock.Sleep(ctx, ledger.Consistency); err != nil {
		p.fault(ctx, fmt.Errorf("delete tokens of user %s: %w; the next sweep deletes them", p.Name, err))
		return
	}
	p.secrets.Read(ctx, p.toReadAgain(), p.faults(ctx))
	for _, d := range p.deletions {
		if err := p.delete(ctx, d); err != nil {
			p.failed(ctx, d, err)
		}
	}
}

// toReadAgain returns the secrets that may hold one of the tokens: those of the user, and all of
// them for an unclaimed token.
func (p *plan) toReadAgain() []string {
	var arns []string
	for _, m := range p.own {
		arns = append(arns, m.ARN)
	}
	for _, d := range p.deletions {
		if d.record.State == ledger.Unclaimed {
			return p.secrets.ARNs()
		}
		arns = append(arns, d.record.Secret)
	}
	return arns
}

// delete deletes one token, if that is still the decision by the record and the secret as they are
// now.
func (p *plan) delete(ctx context.Context, d deletion) error {
	p.secrets.Read(ctx, []string{d.record.Secret}, p.faults(ctx)) // somebody may put the version back at any moment
	m := p.secrets.Get(d.record.Secret)
	if m == nil {
		return errors.New("its secret cannot be read")
	}
	standing, found, err := p.ledger.Look(ctx, d.record)
	if err != nil || !found {
		return err
	}
	again := decide.Record(standing, p.facts(m, standing, d.found))
	moved := m.CurrentVersion != d.currentVersion
	if again.Action != decide.Delete || moved || !same(d.record, standing) { //safeguard:deletions-are-decided-again
		p.note(m.ARN, decide.Decision{Case: again.Case, Action: decide.Keep, Record: standing})
		return nil
	}
	err = p.Delete(ctx, d.found)
	if err != nil && !engage.Unconfirmed(err) {
		return err
	}
	standing.State, standing.At = ledger.Deleted, p.config.Now()
	if setErr := p.ledger.Set(ctx, standing); setErr != nil {
		p.fault(ctx, setErr)
	}
	if err == nil {
		p.deleted(d)
		return nil
	}
	p.config.Log.InfoContext(ctx, "a deletion is confirmed by a later sweep", "fingerprint", standing.Fingerprint)
	return nil
}

func (p *plan) deleted(d deletion) {
	p.report.About(d.record.Secret, func(s *report.Secret) { s.Deleted = append(s.Deleted, d.record.Fingerprint) })
}

func (p *plan) failed(ctx context.Context, d deletion, err error) {
	f := d.record.Fingerprint
	p.report.About(d.record.Secret, func(s *report.Secret) {
		s.DeleteFailed = append(s.DeleteFailed, f)
		s.Retiring = append(s.Retiring, report.Waiting{Fingerprint: f, NotBefore: d.record.At})
	})
	p.fault(ctx, fmt.Errorf("delete token %s of secret %s: %w; the next sweep tries again", f, d.record.Secret, err))
}

// resolveIntents decides about the user's intents, and reports them.
func (u *user) resolveIntents(ctx context.Context) {
	for _, o := range u.creations.Resolve(ctx, u.User) {
		u.report.About(o.Intent.Secret, func(s *report.Secret) {
			if o.Open {
				s.OpenIntents = append(s.OpenIntents, report.OpenIntent{
					Version: o.Intent.Version, StartedAt: o.Intent.StartedAt,
				})
			}
			for _, f := range o.Appeared {
				s.Unclaimed = append(s.Unclaimed, report.NewRemovable(f, u.config.Now()))
			}
		})
	}
}

// previousToken describes the token of AWSPREVIOUS, for a secret of which the ledger knows nothing.
func (r *run) previousToken(ctx context.Context, m *holders.Secret) string {
	f := r.previous(ctx, m)
	if f == "" || r.creations.Known(f) {
		return "check the name, and whether the prefix of the ledger was changed"
	}
	return fmt.Sprintf(`%s holds token %s, which the ledger does not name; if it is yours, send %s`,
		secret.LabelPrevious, f, report.NewRemovable(f, r.config.Now()).Remove)
}

// checkRevoked returns an error when revokePrevious found nothing to revoke.
func (r *run) checkRevoked(ctx context.Context, done report.Sweep) error {
	if sum := done.Summary; sum.Deleted+sum.Retiring+sum.DeleteFailed > 0 {
		return nil
	}
	m := r.secrets.Get(r.only)
	if m == nil {
		return fmt.Errorf("revokePrevious: secret %s cannot be read; correct the faults named in the log", r.only)
	}
	return fmt.Errorf(
		"revokePrevious: the ledger knows no retiring token of secret %s; %s",
		r.only,
		r.previousToken(ctx, m),
	)
}

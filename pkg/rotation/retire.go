package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
)

// readSettles is how long after the swap a reader may still be given the previous value.
const readSettles = time.Second

// retire deletes what is due of this secret, or sets the time for it. It does not undo a good swap: a failure is told in
// the report, and the record stays for the next rotation or sweep.
func (f *finishing) retire(ctx context.Context, report *Report) {
	due, later := f.sort()
	if len(due) > 0 && f.settings.Retention > 0 {
		due, later = f.sortSettled(ctx)
	}
	if f.retiring.State != "" && f.sharedWithOther(f.retiring.Fingerprint) {
		f.config.Log.WarnContext(ctx, "another secret may hold the previous token, which is left to the sweep", "fingerprint", f.retiring.Fingerprint)
	}
	tasks := []func() error{func() error { f.endIntents(ctx); return nil }}
	for _, record := range later {
		tasks = append(tasks, func() error { return f.ledger().Set(ctx, f.place.user, record) })
	}
	report.Deleted = []engage.Fingerprint{}
	results := make([]error, len(due))
	for n, record := range due {
		tasks = append(tasks, func() error { results[n] = f.delete(ctx, record); return nil })
	}
	if err := parallel.Do(tasks...); err != nil {
		// The time written before the swap stands, which is a little later.
		f.config.Log.WarnContext(ctx, "the end of a retention could not be written", "error", err.Error())
	}
	for n, record := range due {
		if err := results[n]; err != nil {
			report.DeleteFailed++
			report.Retiring++
			f.config.Log.ErrorContext(ctx, "a token could not be deleted; the next rotation or sweep tries again",
				"fingerprint", record.Fingerprint, "error", err.Error())
			continue
		}
		report.Deleted = append(report.Deleted, record.Fingerprint)
	}
	for _, record := range f.view.Tokens {
		if record.Secret == f.labels.ARN && record.State == ledger.Retiring && !record.Due(f.config.Now()) && record.Fingerprint != f.retiring.Fingerprint {
			report.Retiring++
		}
	}
	report.Retiring += len(later)
}

// sort returns the records to delete now and those to write with the end of their retention.
func (f *finishing) sort() (due, later []ledger.Token) {
	now := f.config.Now()
	records := f.view.Tokens
	if f.retiring.State != "" {
		records = append([]ledger.Token{f.retiring}, records...)
	}
	seen := map[engage.Fingerprint]bool{f.token.Fingerprint(): true}
	for _, record := range records {
		if record.Secret != f.labels.ARN || seen[record.Fingerprint] || f.sharedWithOther(record.Fingerprint) {
			continue
		}
		seen[record.Fingerprint] = true
		if record.Version != f.event.VersionID && f.labels.Carries(record.Version, LabelPending) {
			continue // another rotation's, which looks after it
		}
		ends := record.State == ledger.Retiring && !record.Replaced || f.leftOver(record)
		if ends {
			record.State, record.NotBefore, record.Replaced = ledger.Retiring, now, true
		}
		switch {
		case record.Lingers(now):
		case ends && f.settings.Retention > 0:
			record.NotBefore = now.Add(f.settings.Retention + readSettles)
			later = append(later, record)
		case record.Due(now):
			due = append(due, record)
		}
	}
	return due, later
}

// sortSettled is sort by a settled view: somebody may have put a token back whose time was over, and another attempt have
// written just now that its retention begins anew.
func (f *finishing) sortSettled(ctx context.Context) (due, later []ledger.Token) {
	view, err := f.ledger().ReadSettled(ctx, f.place.user)
	if err == nil {
		f.view = view
		return f.sort()
	}
	f.config.Log.WarnContext(ctx, "tokens whose retention is over are left to the sweep", "error", err.Error())
	_, later = f.sort()
	return nil, later
}

// leftOver reports whether a record is of a token that an older, abandoned version was to hold. Since AWSCURRENT has
// moved, such a version cannot be swapped in any more: that swap would have to know where the label stands now.
func (f *finishing) leftOver(record ledger.Token) bool {
	if record.State != ledger.Issued {
		return false
	}
	if record.Version == f.event.VersionID {
		return true // made by a simultaneous attempt; the version holds another one
	}
	current := f.labels.Carries(record.Version, LabelCurrent) && f.retiring.State == ""
	over := f.retiring.State != "" && f.config.Now().After(record.Until)
	return !current && (over || f.record.CreatedAt.After(record.CreatedAt))
}

// delete deletes a token and then its record.
func (f *finishing) delete(ctx context.Context, record ledger.Token) error {
	if err := f.deleteToken(ctx, record); err != nil {
		return err
	}
	return f.ledger().NoteDeleted(ctx, f.place.user, f.view, record, f.config.Now())
}

func (f *finishing) deleteToken(ctx context.Context, record ledger.Token) error {
	if record.Deleted {
		return nil
	}
	if token, ok := find(f.listed, record.Fingerprint); ok {
		return f.place.client.Delete(ctx, f.token, token)
	}
	if !f.previous.IsZero() && record.Fingerprint == f.previous.Fingerprint() {
		return f.deleteElsewhere(ctx, f.previous)
	}
	if record.Elsewhere {
		return errors.New("it is another user's; the sweep deletes it by its own right")
	}
	if age := f.config.Now().Sub(record.CreatedAt); age < ledger.Propagation {
		return fmt.Errorf("the vendor's list does not show it %s after its creation", age.Round(time.Second))
	}
	token, err := f.heldBy(ctx, f.event.SecretID, record.Version, "")
	if err != nil || token.Fingerprint() != record.Fingerprint {
		return err // nil: gone
	}
	return f.deleteElsewhere(ctx, token)
}

// deleteElsewhere deletes a token that the new token's user does not list: it may be of another user, when the login
// fields were changed since, or be missing in the list for no reason that is known. A token may list and delete by its own
// right.
func (f *finishing) deleteElsewhere(ctx context.Context, token engage.Token) error {
	_, err := f.place.client.List(ctx, token)
	switch {
	case engage.Rejected(err):
		return nil // dead
	case err != nil:
		return err
	}
	return f.place.client.DeleteOwn(ctx, token, f.token)
}

// endIntents removes the intents of this secret that a record settles.
func (f *finishing) endIntents(ctx context.Context) {
	for _, intent := range f.view.Intents {
		if intent.Secret != f.labels.ARN || intent.InDoubt || !f.view.Settles(intent) && intent.ID != f.record.Intent {
			continue
		}
		if err := f.ledger().End(ctx, f.place.user, intent); err != nil {
			f.config.Log.WarnContext(ctx, "a settled intent stays until the next rotation or sweep", "error", err.Error())
		}
	}
}

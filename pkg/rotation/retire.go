package rotation

import (
	"context"
	"errors"
	"slices"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// retire does what is due about the secret's records after the swap. It does not undo a good swap:
// a failure is reported, and the record stays for the next rotation or sweep.
func (f *finishing) retire(ctx context.Context, records []ledger.Record, done *report.Step) {
	decisions := f.decide(records)
	if slices.ContainsFunc(decisions, f.restsOnReads) {
		decisions = f.lookAgain(ctx, decisions)
	}
	done.Deleted = []engage.Fingerprint{}
	failures, gone := make([]error, len(decisions)), make([]bool, len(decisions))
	tasks := []func() error{func() error { f.endIntents(ctx); return nil }}
	for n, d := range decisions {
		tasks = append(tasks, func() error { gone[n], failures[n] = f.carryOut(ctx, d); return nil })
	}
	_ = parallel.Do(tasks...)
	for n, d := range decisions {
		f.count(ctx, d, gone[n], failures[n], done)
	}
}

// decide decides about each record but the new token's.
func (f *finishing) decide(records []ledger.Record) []decide.Decision {
	var decisions []decide.Decision
	for _, record := range records {
		if record.Fingerprint == f.seen.Version.Token.Fingerprint() { //safeguard:the-new-token-stays
			continue
		}
		record = f.sinceSwap(record)
		facts := f.recordFacts(record)
		if facts.Listed == decide.Shown {
			record.User = f.endpoint.User
		}
		d := decide.Record(record, facts)
		if d.Action == decide.Write && d.Record.State == ledger.Retiring { // it may be due at once
			if due := decide.Record(d.Record, facts); due.Action == decide.Delete {
				d.Action = decide.Delete
			}
		}
		decisions = append(decisions, d)
	}
	return decisions
}

// sinceSwap returns the record as the swap leaves it, whatever another invocation has made of it
// meanwhile.
func (f *finishing) sinceSwap(record ledger.Record) ledger.Record {
	swapped := f.seen.Current.ID != f.event.VersionID && record.Fingerprint == f.seen.Current.Token.Fingerprint()
	if swapped {
		record.Successor = f.event.VersionID
	}
	if swapped || f.leftDue(record) {
		record.State = ledger.Outgoing
	}
	return record
}

// leftDue reports whether a retiring token is due, although AWSCURRENT held it when this invocation
// began: a person had put its version back.
func (f *finishing) leftDue(record ledger.Record) bool {
	due := record.State == ledger.Retiring && !f.config.Now().Before(record.At)
	return due && record.Fingerprint == f.seen.Left.Fingerprint()
}

// recordFacts returns what a rotation knows about a record after its swap.
func (f *finishing) recordFacts(record ledger.Record) decide.Facts {
	facts := decide.Facts{
		Now: f.config.Now(), Taken: record.Version == f.event.VersionID, Swappable: record.Base == f.event.VersionID,
		OneSecret: true,
	}
	previous := f.seen.Labels.Holder(secret.LabelPrevious)
	facts.Replaced = decide.Replaced(record, f.seen.Entries.Records, f.event.VersionID, f.seen.Current.ID, previous,
		f.former)
	if f.seen.Settings.Retention > 0 {
		facts.Retention = f.seen.Settings.Retention + ledger.Consistency // a reader may be given the old value so long
	}
	//safeguard:tokens-of-other-pending-versions-stay
	if record.Version != f.event.VersionID && f.seen.Labels.Carries(record.Version, secret.LabelPending) {
		facts.Held = decide.Pending // another rotation has begun, and looks after it
	}
	if _, shown := engage.Find(f.listed, record.Fingerprint); shown {
		facts.Listed = decide.Shown
	}
	return facts
}

// restsOnReads reports whether a decision deletes or gives up a token by reads that may lag. The
// token that this invocation has just replaced, and one that its version can never hold, need no
// second look.
func (f *finishing) restsOnReads(d decide.Decision) bool {
	replaced := d.Record.Fingerprint == f.seen.Current.Token.Fingerprint()
	if replaced || d.Record.Version == f.event.VersionID {
		return false
	}
	return d.Action == decide.Delete || d.Case == decide.R8 || d.Case == decide.R9
}

// lookAgain decides again by reads that show all that was written before. When they cannot be had,
// or AWSCURRENT has moved on, what rests on them is left to the next rotation or sweep. So is a
// record that is new: the labels may be older.
func (f *finishing) lookAgain(ctx context.Context, decisions []decide.Decision) []decide.Decision {
	var labels secret.Description
	var entries ledger.View
	err := clock.Sleep(ctx, ledger.Consistency)
	if err == nil {
		err = parallel.Do(
			func() (err error) { labels, err = f.reader.Describe(ctx); return err },
			func() (err error) { entries, err = f.reader.Entries(ctx, f.seen.ARN); return err })
	}
	if err == nil && labels.Holder(secret.LabelCurrent) != f.seen.Version.ID {
		err = errors.New("AWSCURRENT has moved on")
	}
	if err != nil {
		f.config.Log.WarnContext(ctx, "tokens that are due are left to the next rotation or sweep", "error", err.Error())
		return f.withoutSecondLook(decisions, entries)
	}
	f.seen.Labels, f.seen.Entries = labels, entries
	return slices.DeleteFunc(f.decide(entries.Records), func(d decide.Decision) bool {
		known := func(earlier decide.Decision) bool { return earlier.Record.Fingerprint == d.Record.Fingerprint }
		return f.restsOnReads(d) && !slices.ContainsFunc(decisions, known)
	})
}

// withoutSecondLook leaves out what rests on reads that may lag. A token that AWSCURRENT was seen
// to move away from is marked, and so is each other one that was to be deleted. A sweep may have
// noted meanwhile that another secret holds the token: the mark keeps that note.
func (f *finishing) withoutSecondLook(decisions []decide.Decision, entries ledger.View) []decide.Decision {
	for n, d := range decisions {
		switch {
		case f.restsOnReads(d) && d.Case != decide.R10:
			decisions[n].Action = decide.Keep
		case d.Action == decide.Delete:
			decisions[n].Action = decide.Write
			if standing, found := entries.Find(d.Record.Fingerprint); found {
				decisions[n].Record.SharedWith = standing.SharedWith
			}
		}
	}
	return decisions
}

// carryOut does what was decided about a record. gone reports that the token was deleted before, by
// another.
func (f *finishing) carryOut(ctx context.Context, d decide.Decision) (gone bool, err error) {
	switch d.Action {
	case decide.Write:
		return false, f.ledger.Set(ctx, d.Record)
	case decide.Delete:
		return f.delete(ctx, d.Record)
	}
	return false, nil
}

var errNotListed = errors.New(
	"the list of the new token's user lacks it: it may be another user's; the sweep looks for it",
)

// delete deletes a token and records that.
func (f *finishing) delete(ctx context.Context, record ledger.Record) (gone bool, err error) {
	client := f.accounts.Client(f.endpoint)
	token, listed := engage.Find(f.listed, record.Fingerprint)
	switch {
	case listed:
		err = client.Delete(ctx, f.seen.Version.Token, token)
	case f.isDead(ctx, client, record):
		gone = true
	default:
		err = errNotListed
	}
	if err != nil && !engage.Unconfirmed(err) { //safeguard:records-outlive-a-failed-deletion
		return false, errors.Join(err, f.ledger.Set(ctx, record))
	}
	record.State, record.At = ledger.Deleted, f.config.Now()
	return gone, errors.Join(err, f.ledger.Set(ctx, record))
}

// isDead reports whether the previous token is dead: it was deleted at the vendor before.
func (f *finishing) isDead(ctx context.Context, client *engage.Client, record ledger.Record) bool {
	if previous := f.seen.Current.Token; previous.Fingerprint() == record.Fingerprint {
		dead, err := client.Dead(ctx, previous, record.CreatedAt, f.seen.Version.Token)
		return err == nil && dead
	}
	return false
}

// count adds a decision, and whether it was carried out, to the report.
func (f *finishing) count(ctx context.Context, d decide.Decision, gone bool, err error, done *report.Step) {
	about := []any{"secretArn", f.seen.ARN, "versionId", f.event.VersionID, "fingerprint", d.Record.Fingerprint,
		"case", d.Case}
	if err != nil {
		about = append(about, "error", err.Error())
	}
	waiting := d.Record.State == ledger.Retiring && (d.Action == decide.Write || d.Action == decide.Keep)
	switch {
	case err == nil && gone:
		done.Gone = append(done.Gone, d.Record.Fingerprint)
	case err == nil && d.Action == decide.Delete:
		done.Deleted = append(done.Deleted, d.Record.Fingerprint)
	case err == nil && waiting, d.Action == decide.Delete && (engage.Unconfirmed(err) || errors.Is(err, errNotListed)):
		done.Retiring++
	case err != nil && d.Action == decide.Delete:
		done.Retiring++
		done.DeleteFailed++
		f.config.Log.ErrorContext(ctx, "a token could not be deleted; the next rotation or sweep tries again",
			about...)
	case err != nil:
		f.config.Log.WarnContext(ctx, "a record could not be written; the next rotation or sweep writes it",
			about...)
	}
}

// endIntents removes the intents that a record answers.
func (f *finishing) endIntents(ctx context.Context) {
	for _, intent := range f.seen.Entries.Intents {
		if !f.seen.Entries.Answered(intent) && intent.ID != f.record.Intent {
			continue
		}
		f.endIntent(ctx, intent)
	}
}

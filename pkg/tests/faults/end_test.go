package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/older"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
)

// lookForDead checks that AWSCURRENT holds a live token. What it reads may change meanwhile, so it
// looks again.
func (d *deployment) lookForDead(when string) {
	for _, a := range d.rotating() {
		for range 3 {
			token := tokenOf(d.services.value(a.arn))
			if token == "" || slices.Contains(d.services.live(), token) {
				break
			}
			if tokenOf(d.services.value(a.arn)) == token {
				d.verdict.add(dead, "AWSCURRENT holds a dead token "+when)
				break
			}
		}
	}
}

// lookForForeign checks that the tokens of other programs live, and that no secret holds one.
func (d *deployment) lookForForeign(when string) {
	live := d.services.live()
	for _, token := range d.foreign {
		if !slices.Contains(live, token) {
			d.verdict.add(foreignDeleted, "a foreign token is deleted "+when)
		}
	}
	for _, a := range d.rotating() {
		for _, v := range d.services.versions(a.arn) {
			if slices.Contains(d.foreign, tokenOf(v.value)) {
				d.verdict.add(foreignHeld, "a version holds a foreign token "+when)
			}
		}
	}
}

// lookForLeaked checks that every live token is foreign, or held by AWSCURRENT or AWSPENDING, or
// recorded for a version that carries AWSPENDING, or recorded as retiring and not due, or reported.
// It returns the reported ones: an intent's list lacks the token, or a record says unclaimed.
func (d *deployment) lookForLeaked(ctx context.Context, when string) (reported []string) {
	entries := d.entries(ctx)
	var held, pending []string
	for _, a := range d.rotating() {
		held = append(held, d.held(a)...)
		pending = append(pending, d.services.pending(a.arn))
	}
	for _, token := range d.services.live() {
		if slices.Contains(d.foreign, token) || slices.Contains(held, token) {
			continue
		}
		fingerprint := engage.Fingerprint(hidden.Fingerprint(token))
		switch {
		case isKept(entries, pending, fingerprint):
		case isReported(entries, fingerprint):
			reported = append(reported, token)
		default:
			d.verdict.add(leaked, fmt.Sprintf("token %s lives, and is neither held, kept nor reported %s", fingerprint, when))
		}
	}
	return reported
}

// held returns the tokens of the labelled versions that keep a token alive.
func (d *deployment) held(a *actor) []string {
	var tokens []string
	for _, v := range d.services.versions(a.arn) {
		if v.kept() {
			tokens = append(tokens, tokenOf(v.value))
		}
	}
	return tokens
}

// isKept reports whether a record keeps a token that no version holds.
func isKept(entries ledger.All, pending []string, fingerprint engage.Fingerprint) bool {
	for _, view := range entries.Secrets {
		record, found := view.Find(fingerprint)
		switch {
		case !found:
		case record.State == ledger.Issued && slices.Contains(pending, record.Version),
			record.State == ledger.Retiring && record.At.After(time.Now()):
			return true
		}
	}
	return false
}

// isReported reports whether the ledger says that the token may be left from an unanswered
// creation.
func isReported(entries ledger.All, fingerprint engage.Fingerprint) bool {
	for _, view := range entries.Secrets {
		if record, found := view.Find(fingerprint); found && record.State == ledger.Unclaimed {
			return true
		}
		for _, intent := range view.Intents {
			if intent.Baseline.Known() && !intent.Baseline.Contains(fingerprint) {
				return true
			}
		}
	}
	return false
}

func (d *deployment) parameters() *awsstore.Parameters {
	return awsstore.NewParameters(d.services.config())
}

func (d *deployment) ledger() *ledger.Ledger { return ledger.New(d.parameters(), d.services.prefix()) }

func (d *deployment) entries(ctx context.Context) ledger.All {
	all, err := d.ledger().ReadAll(ctx)
	must(err)
	for _, name := range all.Unreadable {
		d.verdict.add(other, "the ledger has an entry of an unknown form: "+name)
	}
	return all
}

// checkEnd checks what the last rotation has left: each secret holds a live token, and every other
// live token is foreign or reported. If the ledger has anything left to do, a sweep some time later
// must finish it.
func (d *deployment) checkEnd(ctx context.Context) {
	d.lookForDead("at the end")
	d.lookForForeign("at the end")
	holder := map[string]string{}
	for _, a := range d.rotating() {
		token := tokenOf(d.services.value(a.arn))
		if token == "" {
			d.verdict.add(wedged, "a secret has no token at the end")
		}
		if holder[token] != "" {
			d.verdict.add(other, "two secrets hold the same token at the end")
		}
		holder[token] = a.arn
	}
	reported := d.lookForLeaked(ctx, "at the end")
	d.verdict.reported = len(reported)
	if len(d.unfinished(ctx)) > 0 {
		d.sweepLater(ctx, reported)
	}
}

// unfinished describes the entries of the ledger that are not issued records of the current tokens.
func (d *deployment) unfinished(ctx context.Context) []string {
	var current []engage.Fingerprint
	for _, a := range d.rotating() {
		current = append(current, engage.Fingerprint(hidden.Fingerprint(tokenOf(d.services.value(a.arn)))))
	}
	var left []string
	for _, view := range d.entries(ctx).Secrets {
		for _, intent := range view.Intents {
			left = append(left, "intent "+intent.ID)
		}
		for _, record := range view.Records {
			if record.State != ledger.Issued || !slices.Contains(current, record.Fingerprint) {
				left = append(left, fmt.Sprintf("%s record of token %s", record.State, record.Fingerprint))
			}
		}
	}
	return left
}

// later is how much the ledger is made older before the last sweep: longer than an invocation can
// be at work, and than an intent is watched.
const later = decide.WatchTime + time.Hour

// sweepLater sweeps as it would be done two hours later. The sweep must delete every reported token
// that a version still holds, and name every other one with the event that deletes it. These events
// are sent, and then nothing may be left.
func (d *deployment) sweepLater(ctx context.Context, reported []string) {
	d.verdict.log("-- two hours later; the ledger has: %s", strings.Join(d.unfinished(ctx), ", "))
	must(older.Ledger(ctx, d.parameters(), d.services.prefix(), later))
	answer, err := d.sweepInProcess(ctx, `{}`)
	if err != nil {
		d.verdict.add(other, "the last sweep failed: "+err.Error())
		return
	}
	if len(answer.Faults) > 0 {
		d.verdict.add(other, "the last sweep has faults: "+strings.Join(answer.Faults, "; "))
	}
	events, deleted := d.namedBy(answer)
	for _, token := range reported {
		fingerprint := engage.Fingerprint(hidden.Fingerprint(token))
		if events[fingerprint] == "" && !slices.Contains(deleted, fingerprint) {
			d.verdict.add(leaked, fmt.Sprintf("the last sweep does not name token %s", fingerprint))
		}
	}
	for fingerprint, event := range events {
		if _, err := d.sweepInProcess(ctx, event); err != nil {
			d.verdict.add(other, fmt.Sprintf("the event that deletes token %s failed: %v", fingerprint, err))
		}
	}
	d.lookForRest(ctx)
}

// namedBy returns the events that delete the unclaimed tokens of a sweep's answer, and the tokens
// that the sweep has deleted.
func (d *deployment) namedBy(answer report.Sweep) (events map[engage.Fingerprint]string, deleted []engage.Fingerprint) {
	events = map[engage.Fingerprint]string{}
	for _, s := range answer.Secrets {
		for _, u := range s.Unclaimed {
			if events[u.Fingerprint] != "" {
				d.verdict.add(other, fmt.Sprintf("the last sweep names token %s twice", u.Fingerprint))
			}
			events[u.Fingerprint] = u.Remove
		}
		deleted = append(deleted, s.Deleted...)
	}
	return events, deleted
}

// lookForRest checks that every live token is foreign or held, and that the ledger has nothing left
// to do but to remove records of deleted tokens.
func (d *deployment) lookForRest(ctx context.Context) {
	d.lookForDead("after the last sweep")
	d.lookForForeign("after the last sweep")
	held := slices.Clone(d.foreign)
	for _, a := range d.rotating() {
		held = append(held, d.held(a)...)
	}
	for _, token := range d.services.live() {
		if !slices.Contains(held, token) {
			d.verdict.add(leaked, "token "+hidden.Fingerprint(token)+" lives after the last sweep")
		}
	}
	left := slices.DeleteFunc(d.unfinished(ctx), func(entry string) bool {
		return strings.HasPrefix(entry, string(ledger.Deleted))
	})
	if len(left) > 0 {
		d.verdict.add(unfinished, "the last sweep leaves "+strings.Join(left, ", "))
	}
}

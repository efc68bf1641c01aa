// Package unanswered finds what the creations left whose answer was not recorded: tokens that a
// version holds, which are ours, and tokens that appeared at the vendor, which are unclaimed.
package unanswered

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

// Creations are those of all secrets. RecordHeld, Index and ReadAgain are not safe for concurrent
// use; the other methods are.
type Creations struct {
	store   secret.Getter
	secrets *holders.Holders
	ledger  *ledger.Ledger
	entries ledger.All
	now     func() time.Time
	fault   func(error)

	intents map[ledger.User][]ledger.Intent

	mu       sync.Mutex
	recorded map[engage.Fingerprint]bool // tokens that a record of any secret names: whether one claims it
	held     map[string]bool             // intents whose version holds a token that is not recorded yet
}

// New returns the creations that the entries name. fault is called with what goes wrong.
func New(store secret.Getter, secrets *holders.Holders, l *ledger.Ledger, entries ledger.All, now func() time.Time,
	fault func(error)) *Creations {
	return &Creations{
		store: store, secrets: secrets, ledger: l, entries: entries, now: now, fault: fault,
		recorded: entries.Tokens(), held: map[string]bool{},
	}
}

// Known reports whether a record of any secret names the token, or a secret holds it. A token that
// a secret held stays known until the ledger is read again: its record may be newer than what was
// read.
func (c *Creations) Known(f engage.Fingerprint) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.recorded[f]
	if !known && len(c.secrets.Of(f, "")) > 0 {
		c.recorded[f], known = true, true
	}
	return known
}

func (c *Creations) note(f engage.Fingerprint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorded[f] = true
}

// RecordHeld records each token that the version of an open intent holds and that no record names:
// createSecret put it there and could not record it. It does so before any record is decided about,
// so that the same sweep retires a token of a version that carries no label any more. The entries
// get the new records. With only, it looks at that secret alone.
func (c *Creations) RecordHeld(ctx context.Context, only string) {
	for _, arn := range slices.Sorted(maps.Keys(c.entries.Secrets)) {
		view := c.entries.Secrets[arn]
		if only != "" && only != arn {
			continue
		}
		for _, intent := range view.Intents {
			record, err := c.heldBy(ctx, view, intent)
			if err == nil && record.Fingerprint == "" {
				continue
			}
			if err != nil || c.isOpen(view, intent) || !c.try(c.ledger.Create(ctx, record)) {
				c.held[intent.ID] = true
				continue
			}
			view.Records = append(view.Records, record)
			c.note(record.Fingerprint)
		}
		c.entries.Secrets[arn] = view
	}
}

// isOpen reports whether the intent's version may still be written by an attempt, which records its
// token: an intent of the version is not over, or the version carries AWSPENDING, but for no longer
// than decide.WatchTime: a cancelled rotation may leave AWSPENDING there for good.
func (c *Creations) isOpen(view ledger.View, intent ledger.Intent) bool {
	now := c.now()
	if s := c.secrets.Get(intent.Secret); s == nil ||
		s.PendingVersion == intent.Version && !now.After(intent.Until.Add(decide.WatchTime)) {
		return true
	}
	return slices.ContainsFunc(view.Intents, func(i ledger.Intent) bool {
		return i.Version == intent.Version && !i.Over(now)
	})
}

// heldBy returns the record of the token that an intent's version holds and that no record names;
// the zero Record when there is none. When intents of one version name two bases, the record names
// none. A record of another secret that calls the token unclaimed does not count: a sweep wrote it
// that could not read this secret. An error means that the version cannot be read, for now or while
// the secret is scheduled for deletion.
func (c *Creations) heldBy(ctx context.Context, view ledger.View, intent ledger.Intent) (ledger.Record, error) {
	if view.Answered(intent) || !intent.Over(c.now()) {
		return ledger.Record{}, nil
	}
	token, err := secret.TokenOf(ctx, c.store, intent.Secret, intent.Version, "")
	f := token.Fingerprint()
	_, recorded := view.Find(f)
	if err != nil || f == "" || recorded || c.recorded[f] || intent.Baseline.Contains(f) {
		return ledger.Record{}, err
	}
	base := intent.Base
	for _, other := range view.Intents {
		if other.Version == intent.Version && other.Base != base {
			base = ""
		}
	}
	return ledger.Record{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: f, State: ledger.Issued, CreatedAt: intent.StartedAt,
		Until: intent.Until, Base: base, User: intent.User,
	}, nil
}

// try passes an error to fault, and reports whether there was none.
func (c *Creations) try(err error) bool {
	if err != nil {
		c.fault(err)
	}
	return err == nil
}

package unanswered

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/users"
	"engage-token-rotation/pkg/ledger"
)

// Outcome is what became of an intent.
type Outcome struct {
	Intent ledger.Intent
	// Open reports that the intent stays.
	Open bool
	// Appeared are the tokens that were recorded as unclaimed, now.
	Appeared []engage.Fingerprint
}

// Index takes the entries that Resolve looks at.
func (c *Creations) Index(index ledger.Index) { c.intents = index.Intents }

// Appeared reports whether a token may have appeared since an intent of the user, who was listed.
// Then [Creations.ReadAgain] must come before [Creations.Resolve].
func (c *Creations) Appeared(u *users.User) bool {
	traces := c.traces(u)
	for _, intent := range c.intents[u.Name] {
		n, _, _ := decide.Intent(intent, c.about(traces, intent))
		if n == decide.W5 || n == decide.W7 {
			return true
		}
	}
	return false
}

// ReadAgain reads the ledger, when reads show all that was written before the lists were asked for:
// what was created since the first read of the ledger is in a list, but not in what was read. What
// a record named then stays known: the record of a token that was deleted may have been removed
// since, and the list may be older.
func (c *Creations) ReadAgain(ctx context.Context) (err error) {
	named := c.entries.Tokens()
	c.entries, err = c.ledger.ReadAll(ctx)
	c.recorded = c.entries.Tokens()
	maps.Copy(c.recorded, named)
	return err
}

// Resolve decides about the intents of creations as this user, who was listed, and returns what
// became of each.
func (c *Creations) Resolve(ctx context.Context, u *users.User) []Outcome {
	if len(c.intents[u.Name]) == 0 {
		return nil
	}
	var outcomes []Outcome
	traces := c.traces(u)
	for _, intent := range c.intents[u.Name] {
		outcomes = append(outcomes, c.resolve(ctx, intent, c.about(traces, intent), u.Name))
	}
	return outcomes
}

// traces returns what is known about every intent of the user.
func (c *Creations) traces(u *users.User) decide.Traces {
	t := decide.Traces{
		Now: c.now(), Known: map[engage.Fingerprint]bool{}, Listed: slices.Sorted(maps.Keys(u.Listed)),
		Believable: u.Believable, Complete: u.Complete(),
	}
	if t.Listed == nil {
		t.Listed = []engage.Fingerprint{} // the user was listed and has no token
	}
	for _, f := range t.Listed {
		if c.Known(f) {
			t.Known[f] = true
		}
	}
	return t
}

// about adds what is known about one intent.
func (c *Creations) about(t decide.Traces, intent ledger.Intent) decide.Traces {
	t.Answered, t.Held = c.entries.Secrets[intent.Secret].Answered(intent), c.held[intent.ID]
	return t
}

// resolve does what is decided about an intent.
func (c *Creations) resolve(ctx context.Context, intent ledger.Intent, t decide.Traces, user ledger.User) Outcome {
	n, action, appeared := decide.Intent(intent, t)
	outcome := Outcome{Intent: intent, Open: action == decide.Keep || action == decide.Watch}
	switch {
	case action == decide.Keep:
		return outcome
	case n == decide.W6:
		c.fault(fmt.Errorf("resolve the creation of %s for secret %s: the user has too many tokens to compare; "+
			"look at the vendor whether a token is left", intent.StartedAt.Format(time.RFC3339), intent.Secret))
	}
	for _, f := range appeared {
		record := ledger.Record{
			Secret: intent.Secret, Version: intent.Version, Fingerprint: f, State: ledger.Unclaimed,
			CreatedAt: intent.StartedAt, At: c.now(), User: user,
		}
		if !c.try(c.ledger.Create(ctx, record)) {
			return outcome
		}
		c.note(f)
		t.Known[f] = true
		outcome.Appeared = append(outcome.Appeared, f)
	}
	if action != decide.Watch {
		c.try(c.ledger.End(ctx, intent))
	}
	return outcome
}

package unanswered

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/witness"
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

// Resolve decides about the intents of creations as this user, which was listed, and returns what
// became of each.
func (c *Creations) Resolve(ctx context.Context, u *witness.User) []Outcome {
	open := c.of(u.Name)
	if len(open) == 0 {
		return nil
	}
	all := c.entries
	traces := c.traces(u, all)
	for _, intent := range open {
		if n, _, _ := decide.Intent(intent, c.about(traces, all, intent)); n != decide.W5 && n != decide.W7 {
			continue
		}
		// What was created since the first read of the ledger is in the list, but not in what was read.
		var err error
		if all, err = c.readAgain(ctx); err != nil {
			c.fault(err)
			return nil
		}
		traces = c.traces(u, all)
		break
	}
	var outcomes []Outcome
	for _, intent := range open {
		outcomes = append(outcomes, c.resolve(ctx, intent, c.about(traces, all, intent), u.Name))
	}
	return outcomes
}

// readAgain reads the ledger, when reads show all that was written by now.
func (c *Creations) readAgain(ctx context.Context) (ledger.All, error) {
	if err := clock.Sleep(ctx, ledger.Consistency); err != nil { //safeguard:unclaimed-tokens-wait drop
		return ledger.All{}, err
	}
	return c.ledger.ReadAll(ctx)
}

// of returns the intents of creations as the user, oldest first.
func (c *Creations) of(user ledger.User) []ledger.Intent {
	var open []ledger.Intent
	for _, view := range c.entries.Secrets {
		for _, intent := range view.Intents {
			if intent.User == user {
				open = append(open, intent)
			}
		}
	}
	slices.SortFunc(open, func(a, b ledger.Intent) int { return a.StartedAt.Compare(b.StartedAt) })
	return open
}

// traces returns what is known about every intent of the user.
func (c *Creations) traces(u *witness.User, all ledger.All) decide.Traces {
	t := decide.Traces{
		Now: c.now(), Known: all.Tokens(), Listed: slices.Sorted(maps.Keys(u.Listed)),
		Believable: u.Believable, Complete: u.Complete(c.entries),
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
func (c *Creations) about(t decide.Traces, all ledger.All, intent ledger.Intent) decide.Traces {
	t.Answered, t.Held = all.Secrets[intent.Secret].Answered(intent), c.held[intent.ID]
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

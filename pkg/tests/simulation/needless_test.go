package simulation

import (
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// What must not be beside the guarantees: rotations that fail although nothing goes wrong, and
// tokens that are one too many or live on although nothing goes wrong.

// checkOutcome checks that a rotation succeeds when nothing goes wrong.
func (h *history) checkOutcome(s *managed, outcome string, succeeded bool) {
	if h.nature.smooth && !succeeded {
		h.violate(needless, "the rotation of %s: %s", s, outcome)
	}
}

// checkLeftAlive checks that a finishSecret without faults has deleted the token that it replaced,
// without a retention.
func (h *history) checkLeftAlive(i *invocation) {
	t := i.replaced
	moved := i.secret.currentVersion != i.version || i.secret.movedByHand(i.began)
	if t == nil || t.lost {
		return // the invocation cannot know of it
	}
	if moved || !i.secret.presentSince(i.began) || i.dead || i.failed || i.faults > 0 || i.drag > 0 || t.copiedTo != nil ||
		i.stack.retention > 0 {
		return
	}
	swappedIn := h.byFingerprint[string(i.report.Fingerprint)]
	if t.user != swappedIn.user {
		return // which sweeps delete
	}
	if t.alive() && !h.isHeld(t.text) && h.vendor.Alive(i.secret.current) && swappedIn.alive() {
		if t.secret != i.secret {
			h.allow(leftToSweep, t)
			return
		}
		h.violate(tardy, "%s left token %s alive, which it has replaced", i, t)
	}
}

// movedByHand reports whether a person has moved AWSCURRENT since a time.
func (s *managed) movedByHand(since time.Time) bool {
	n := len(s.handMoves)
	return n > 0 && s.handMoves[n-1].After(since)
}

// checkSecondToken checks that a program makes no token for a version that has one, made from the
// same AWSCURRENT.
func (h *history) checkSecondToken(by *invocation, made *token) {
	for _, r := range by.stack.records {
		if r.State != ledger.Issued || r.Secret != by.secret.arn || r.Version != by.version || r.Base != by.base {
			continue
		}
		t := h.byFingerprint[string(r.Fingerprint)]
		if t == nil || t == made || !t.alive() || t.user != made.user {
			continue
		}
		if seen := by.began.Add(-consistency); t.listed.Before(by.began) && t.recorded.Before(seen) && !h.misled(by) {
			h.violate(tardy, "%s made token %s for version %.8s, which token %s was made for", by, made, by.version, t)
		}
	}
}

// checkAnsweredToken checks that a program makes no token for a version when an earlier attempt was
// answered with one, had all the time to record it, and could not put it.
func (h *history) checkAnsweredToken(by *invocation, made *token) {
	for _, text := range slices.Sorted(maps.Keys(h.tokens)) {
		t := h.tokens[text]
		same := t != made && t.answered && t.alive() && t.secret == by.secret && t.user == made.user
		if !same || t.by.version != by.version || t.by.base != by.base || t.held || t.lost {
			continue
		}
		undisturbed := t.by.over == nil && !t.by.dead && t.by.drag == 0 && t.by.ledgerFaults == 0
		early := t.by.ended.Before(by.began.Add(-consistency)) && t.listed.Before(by.began)
		if undisturbed && early && !h.misled(by) && !h.givenUp(t) {
			h.violate(tardy, "%s made token %s for version %.8s, which token %s was made for", by, made, by.version, t)
		}
	}
}

// givenUp reports whether a record calls the token anything but issued.
func (h *history) givenUp(t *token) bool {
	return slices.ContainsFunc(t.by.stack.of(t), func(r record) bool { return r.State != ledger.Issued })
}

// misled reports whether a list that the program asked for may have lacked tokens.
func (h *history) misled(by *invocation) bool {
	v := h.nature.witness
	return (v.lie == listsNothing || v.lie == listsNewest || v.lie == listsOldest) && by.began.Before(v.until) ||
		v.lagging > 0 && time.Since(by.began) < v.longestLag
}

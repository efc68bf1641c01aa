package simulation

import (
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
)

// G3: after the faults, one further rotation or sweep leaves exactly one live token of ours for
// each secret, plus those in retention, plus the one that a version carrying AWSPENDING is to hold;
// an unclaimed token is in the latest sweep's answer.

// checkLeaks looks for live tokens of ours that no secret holds. swept tells that sweeps have had
// the time to find all.
func (h *history) checkLeaks(swept bool) {
	for _, text := range slices.Sorted(maps.Keys(h.tokens)) {
		t := h.tokens[text]
		if s := t.owner(); s != nil && t.alive() && !h.isHeld(text) {
			h.checkLeak(s, t, swept)
		}
	}
}

// owner returns the stack that has to account for the token, or nil.
func (t *token) owner() *stack {
	switch {
	case t.swapped:
		return t.lastOf.stack
	case t.by != nil:
		return t.by.stack
	}
	return nil
}

func (h *history) checkLeak(s *stack, t *token, swept bool) {
	why := h.unaccounted(s, t, swept)
	switch {
	case why == "":
	case t.lost || h.anyCreation(t, func(c *creation) bool { return c.lost }):
		h.allow(lostRecord, t)
	case h.anyCreation(t, func(c *creation) bool { return c.hidden }):
		h.allow(hiddenByCut, t)
	case t.swapUnseen():
		h.allow(unseenSwap, t)
	case !h.reachable(s, t) && h.named(s, t):
		h.allow(unreachableUser, t)
	default:
		h.violate(leaked, "token %s of %v, made by %v: %s", t, t.secret, t.by, why)
	}
}

// swapUnseen reports whether a hand-made token was replaced by a swap whose invocation crashed, or
// whose trace a second invocation of the same step overwrote, and people have moved AWSCURRENT
// twice since: labels remember one move. A secret that is gone remembers none.
func (t *token) swapUnseen() bool {
	if t.by != nil {
		return false
	}
	if s := t.lastOf; s.isGone() && s.swept.Before(t.swappedAt.Add(consistency)) {
		return true
	}
	moves := 0
	for _, at := range t.lastOf.handMoves {
		if at.After(t.swappedAt) {
			moves++
		}
	}
	return moves >= 2
}

// isHeld reports whether a secret's AWSCURRENT or AWSPENDING holds a token.
func (h *history) isHeld(text string) bool {
	return slices.ContainsFunc(h.secrets, func(s *managed) bool { return s.current == text || s.pending == text })
}

// unaccounted returns what is wrong with a token that no secret holds, or "".
func (h *history) unaccounted(s *stack, t *token, swept bool) string {
	if !swept && (t.secret.isLeft() || t.lastOf.isLeft()) {
		return "" // of a secret that is gone, which sweeps look after
	}
	why := "no record and no intent"
	for _, r := range s.of(t) {
		if why = h.unaccountedBy(s, t, r, swept); why == "" {
			return ""
		}
	}
	if len(s.of(t)) == 0 && h.hasIntent(s, t) {
		if !swept {
			return ""
		}
		why = "an intent that no sweep resolves"
	}
	return why
}

// unaccountedBy is unaccounted for one record of the token.
func (h *history) unaccountedBy(s *stack, t *token, r record, swept bool) string {
	switch r.State {
	case ledger.Retiring:
		due := r.At
		overdue := due.Before(t.lastOfSince())
		if !swept && overdue && t.secret != t.lastOf && h.isForRotation(s, t) {
			h.allow(leftToSweep, t)
			return ""
		}
		if swept && due.Before(s.latest.began) || !swept && h.isForRotation(s, t) && overdue {
			return "retiring, and overdue"
		}
	case ledger.Unclaimed:
		if !swept {
			return ""
		}
		if !unclaimedIn(s.latest.answer, t.fingerprint) {
			return "unclaimed, and not in the sweep's answer"
		}
		h.unclaimed++
	case ledger.Issued:
		if !h.awaited(r) && (swept || !h.left(t)) {
			return "issued, and no secret is to hold it"
		}
	case ledger.Deleted:
		if swept {
			return "recorded as deleted"
		}
	default:
		if swept || !h.left(t) {
			return string(r.State)
		}
	}
	return ""
}

// isForRotation reports whether a rotation deletes the token. The sweep deletes one that was in two
// secrets, or is of another user than its secret's or behind another host.
func (h *history) isForRotation(s *stack, t *token) bool {
	return s.retention == 0 && t.copiedTo == nil && !h.left(t) && !h.nature.twoHosts
}

// lastOfSince returns when the latest version of the token's secret became AWSCURRENT.
func (t *token) lastOfSince() time.Time {
	if t.lastOf == nil {
		return t.born
	}
	return t.lastOf.since
}

// awaited reports whether the record's version carries AWSPENDING and has no value yet.
func (h *history) awaited(r record) bool {
	s := h.secretOf[r.Secret]
	return s != nil && s.pendingVersion == r.Version && s.pending == ""
}

// hasIntent reports whether the ledger has the intent of the token's creation.
func (h *history) hasIntent(s *stack, t *token) bool {
	for _, i := range s.intents {
		if truth := h.creations[i.ID]; truth != nil && truth.by == t.by {
			return true
		}
	}
	return false
}

// anyCreation reports whether the condition holds for an intent of the program that made the token.
func (h *history) anyCreation(t *token, holds func(*creation) bool) bool {
	for _, c := range h.creations {
		if c.by == t.by && holds(c) {
			return true
		}
	}
	return false
}

// named reports whether the ledger names the token or its creation.
func (h *history) named(s *stack, t *token) bool { return len(s.of(t)) > 0 || h.hasIntent(s, t) }

// reachable reports whether a secret of the stack logs in as the token's user.
func (h *history) reachable(s *stack, t *token) bool {
	return slices.ContainsFunc(s.secrets, func(m *managed) bool { return !m.isGone() && m.user.name == t.user })
}

// left reports whether the token's secret is another user's by now: then sweeps alone look after
// the token.
func (h *history) left(t *token) bool {
	of := t.secret
	if of == nil {
		of = t.lastOf
	}
	return of != nil && of.user.name != t.user
}

// isLeft reports whether the secret is gone: then sweeps alone look after its tokens.
func (s *managed) isLeft() bool { return s != nil && s.isGone() }

// checkSweeps checks that the latest sweeps found no fault, and report the secrets that are
// scheduled for deletion: a deleted secret wedges no sweep.
func (h *history) checkSweeps() {
	if h.options.yardstick {
		return
	}
	for _, stack := range h.stacks {
		i := stack.latest
		if i.failed || !whole(i.answer) {
			h.violate(wedged, "%s fails although nothing is wrong any more: %v, %v", i, i.err, i.answer.Faults)
		}
		for _, s := range stack.secrets {
			if s.isScheduled() && stack.knows(s) && !reportedAs(i.answer, s.arn, holders.Leaving) {
				h.violate(wedged, "%s does not report that %s is scheduled for deletion", i, s)
			}
		}
	}
}

// knows reports whether the ledger has an entry of the secret.
func (s *stack) knows(m *managed) bool {
	for _, r := range s.records {
		if r.Secret == m.arn {
			return true
		}
	}
	return false
}

// reportedAs reports whether a sweep's answer names the state of a secret.
func reportedAs(answer report.Sweep, arn string, state holders.State) bool {
	return slices.ContainsFunc(answer.Secrets, func(s *report.Secret) bool {
		return s.Secret == arn && s.State == string(state)
	})
}

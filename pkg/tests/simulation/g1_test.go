package simulation

import (
	"slices"
	"time"

	"engage-token-rotation/pkg/internal/holders"
)

// G1: AWSCURRENT always names a token that works; an unverified token is never swapped in; the
// token of AWSCURRENT or AWSPENDING of any secret that can be read is never deleted.

// checkVerified checks that whoever swaps a token in has seen it in its own list.
func (h *history) checkVerified(m swap) {
	if !m.by.verified[m.t.text] && !m.by.run.verified[m.t.text] {
		h.violate(unverified, "token %s of %s was not verified by the invocation that swapped it in", m.t, m.secret)
	}
}

// checkAliveAtMove checks that a token lives when it becomes AWSCURRENT's.
func (h *history) checkAliveAtMove(by *invocation, s *managed, t *token) {
	switch {
	case t.alive():
		return
	case by == nil: // a person has put a dead token there
		h.allow(deletedByHand, t)
	case t.removedByHand && by.verified[t.text]: // between verification and swap
		h.allow(deletedByHand, t)
	default:
		h.violate(dead, "token %s of %s was dead when it became AWSCURRENT's", t, s)
	}
	s.excused = t.text
}

// checkHolders checks that no secret names a token that is deleted.
func (h *history) checkHolders(by *invocation, t *token, sent time.Time) {
	for _, s := range h.secrets {
		if s.retired { // it is scheduled for deletion
			continue
		}
		if s.current == t.text {
			h.checkHolder(by, s, t, sent)
		}
		if s.pending == t.text {
			h.checkPendingHolder(by, s, t)
		}
	}
}

func (h *history) checkHolder(by *invocation, s *managed, t *token, sent time.Time) {
	s.excused = t.text // it is counted here
	switch {
	case s.byHand && s.stack == by.stack && by.unseen(s, s.since, sent):
		h.hurt(putBackTooLate, t)
	case t.copiedUnseen(by):
		h.hurt(t.copyHarm(), t)
	default:
		h.violate(dead, "token %s of %s was deleted while AWSCURRENT named it", t, s)
	}
}

// copiedUnseen reports whether a person gave the token to a second secret, and no sweep has seen
// that early enough for the program to read of it.
func (t *token) copiedUnseen(by *invocation) bool {
	if t.copiedTo == nil {
		return false
	}
	if t.copiedTo.stack != t.copiedFrom.stack {
		return true // no sweep sees the secrets of another stack
	}
	return t.copySeenAt.IsZero() || by.began.Before(t.copySeenAt.Add(consistency))
}

// copyHarm returns the kind of harm that copying the token did.
func (t *token) copyHarm() harm {
	if t.copyLost {
		return copyForgotten
	}
	return copied
}

func (h *history) checkPendingHolder(by *invocation, s *managed, t *token) {
	switch {
	case by.put == t.text:
		h.violate(dead, "%s deleted token %s, which it had put into %s", by, t, s)
	case s.pendingSince.After(by.looked[s].Add(-consistency)):
		h.allow(putWhileDeleted, t)
	case t.copiedUnseen(by):
		h.hurt(t.copyHarm(), t)
	default:
		h.violate(dead, "token %s of %s was deleted while AWSPENDING named it", t, s)
	}
}

// checkCurrent checks that AWSCURRENT names a token that works, after a further rotation.
func (h *history) checkCurrent() {
	for _, s := range h.secrets {
		if !s.isGone() && !h.vendor.Alive(s.current) && s.excused != s.current {
			h.violate(dead, "token %s of %s is dead after a further rotation", h.tokens[s.current], s)
		}
	}
}

// checkGone checks that the tokens of a secret that was deleted for good live until it counts as
// gone: the sweep may not find it for another reason.
func (h *history) checkGone(by *invocation, t *token) {
	for _, s := range h.secrets {
		missing := time.Since(s.deleted)
		switch {
		case !slices.Contains(s.held, t), s.retired, missing >= holders.GoneAfter-h.nature.skew:
		case t.copiedUnseen(by):
			h.hurt(t.copyHarm(), t)
		default:
			h.violate(dead, "token %s was deleted %v after %s, which held it; a secret counts as gone after %v",
				t, missing, s, holders.GoneAfter)
		}
	}
}

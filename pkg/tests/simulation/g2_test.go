package simulation

import "time"

// G2: only tokens that are ours by right are deleted or put into a secret. Ours by right is a token
// with which a creation of this stack was answered, or which AWSCURRENT held when this stack
// swapped it out. Nothing that led to a harm excuses it; a user who is declared exclusive and is
// not is a harm that people did to themselves.

// exclusiveWait is how long an unclaimed token of an exclusive user is left alone.
const exclusiveWait = 15 * time.Minute

// ours reports whether the token is the stack's by right.
func (t *token) ours(s *stack) bool {
	return t.by != nil && t.by.stack == s && t.answered || t.swappedBy[s]
}

// checkPutOwner checks that a token that is put into a pending version was made for the secret.
func (h *history) checkPutOwner(by *invocation, s *managed, t *token) {
	switch {
	case by.sweeping():
		h.violate(broken, "a sweep wrote to %s", s)
	case t.by == nil || t.by.stack != s.stack:
		h.violate(foreign, "%s was given the foreign token %s", s, t)
	case t.secret != s:
		h.violate(foreign, "%s was given token %s, which was made for %s", s, t, t.secret)
	}
	for _, other := range h.secrets {
		if other != s && t.copiedTo == nil && (other.current == t.text || other.pending == t.text) {
			h.violate(foreign, "%s was given token %s, which %s holds", s, t, other)
		}
	}
}

// unclaimedBy reports whether the token may be deleted as unclaimed.
func (t *token) unclaimedBy(s *stack) bool {
	return s.exclusive && !t.unclaimedSince.IsZero() && time.Since(t.unclaimedSince) >= exclusiveWait
}

// checkDeletedOwner checks that a token that is deleted was the stack's to delete.
func (h *history) checkDeletedOwner(by *invocation, t *token) {
	switch {
	case t.ours(by.stack) || h.commanded(by, t):
	case t.unclaimedBy(by.stack):
		if t.by == nil || t.by.stack != by.stack {
			h.hurt(notExclusive, t)
		}
	case t.by == nil || t.by.stack != by.stack:
		h.violate(foreign, "the foreign token %s was deleted", t)
	default:
		h.violate(foreign, "token %s was deleted, whose creation was not answered", t)
	}
}

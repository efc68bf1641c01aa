package simulation

import "time"

// G7: a reader through package tokensource has no failed call over a rotation; a reader that caches
// for T has none when the retention is at least T. So a token lives as long as the retention after
// it ceased to be AWSCURRENT's.

// checkRetention checks that a token that is deleted has lived as long as the retention.
func (h *history) checkRetention(by *invocation, t *token, sent time.Time) {
	s := t.lastOf
	if s == nil || s.stack.retention == 0 {
		t.endedEarly = true
		return
	}
	lived := time.Since(t.lastCurrent)
	if lived >= s.stack.retention-h.nature.skew {
		return
	}
	t.endedEarly = true
	switch {
	case s.revoked, by.request.RevokePrevious != "", by.request.Forget != "":
		// Of a copied token also by its other secret's record.
		h.allow(endedByOperator, t)
	case t.copiedUnseen(by):
		h.hurt(t.copyHarm(), t)
	case t.putBack && (by.unseen(s, t.currentSince, sent) || by.retiring[t.fingerprint].hid(t.renewed) && !by.sawMove(s)):
		h.hurt(putBackTooLate, t) // and perhaps rotated away again
	case t.unclaimedBy(by.stack): // counted as a harm by its owner
	case !t.swept && (t.replacedByHand || t.putBack && s.moved):
		h.allow(replacedByHand, t)
	default:
		h.violate(cutOff, "token %s of %s was deleted %v after it ceased to be AWSCURRENT's; the retention is %v",
			t, s, lived, s.stack.retention)
	}
}

// checkReader checks a call of a reader that was refused with a token in the end.
func (h *history) checkReader(r *reader, refused string) {
	s, t := r.secret, h.tokens[refused]
	switch {
	case !h.vendor.Alive(s.current): // counted with what killed it
	case r.mayMiss(t):
		h.allow(readLate, t)
	default:
		h.violate(cutOff, "a reader of %s that keeps a token for %v (tokensource: %t) was refused with %s",
			s, r.keeps, r.source != nil, t)
	}
}

// mayMiss reports whether the reader need not notice in time that the token is dead: when a
// retention was not to be kept, or a person has deleted the token, a plain cache goes on with it,
// and so does a reader that has just read the secret as it was a moment ago.
func (r *reader) mayMiss(t *token) bool {
	return r.lag > 0 && (t.endedEarly || t.removedByHand || t.died.Before(t.lastCurrent))
}

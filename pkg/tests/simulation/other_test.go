package simulation

import (
	"slices"
	"time"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
)

// What must not be, and is not a guarantee of its own.

// checkTransition checks that what is known of a token is not forgotten when its record is written
// again. The sweep notes that a token is shared, or is not any more; a record that changes at that
// very moment is retired once more.
func (h *history) checkTransition(by *invocation, before, after record) {
	settled := before.State == ledger.Retiring || before.State == ledger.Deleted
	unclaims := after.State == ledger.Unclaimed && before.State != ledger.Unclaimed
	if !unclaims && (after.State != ledger.Issued || !settled) {
		return
	}
	if t := h.byFingerprint[string(after.Fingerprint)]; by.sweeping() && t != nil && t.copiedTo != nil {
		h.allow(oldNote, t)
		return
	}
	h.violate(broken, "%s made the %s record of token %s one of an %s token", by, before.State, after.Fingerprint,
		after.State)
}

// checkRetired checks that no token is given up that a version carrying AWSPENDING holds, or is to
// hold, as far as the program's description of the secret shows it.
func (h *history) checkRetired(by *invocation, before, after record) {
	s, t := h.secretOf[after.Secret], h.byFingerprint[string(after.Fingerprint)]
	gives := before.State == ledger.Issued && after.State == ledger.Retiring
	if !gives || s == nil || t == nil || s.pendingVersion != after.Version {
		return
	}
	seen := by.labels[s].After(s.pendingBegan)
	switch {
	case s.pending == t.text && by.labels[s].After(s.pendingSince):
		h.violate(broken, "%s gave up token %s, which AWSPENDING of %s holds", by, t, s)
	case by.sweeping() && s.pending == "" && seen:
		h.violate(tardy, "%s gave up token %s, which version %.8s of %s is to hold", by, t, after.Version, s)
	}
}

// checkUnclaimed checks that a token which a record calls unclaimed appeared after the creation
// that is named, and that this creation is over.
func (h *history) checkUnclaimed(r record, t *token) {
	for _, c := range h.creations {
		if !c.StartedAt.Equal(r.CreatedAt) || c.Secret != r.Secret {
			continue
		}
		switch {
		case t.by == nil && t.born.Before(c.listed) && !t.held && len(c.by.cut) == 0:
			h.violate(broken, "token %s is called unclaimed, which is older than the creation at %v", t, c.StartedAt)
		case t.by == c.by && time.Now().Before(c.Until):
			h.violate(broken, "token %s is called unclaimed, which %s may be at work on", t, c.by)
		}
	}
}

// checkKnownToken checks that no record calls a token unclaimed that another record named before
// the sweep listed, or that was deleted while lists may still show it.
func (h *history) checkKnownToken(by *invocation, t *token) {
	switch {
	case !t.recorded.IsZero() && t.recorded.Before(by.firstListed) && t.alive() && t.claimed(by.stack):
		h.violate(broken, "%s calls token %s unclaimed, which a record named before", by, t)
	case t.retired:
		h.allow(retired, t)
	case t.deletedAt.After(by.began.Add(-propagation)) && t.deletedAt.Before(by.firstListed) && t.ours(by.stack):
		h.violate(broken, "%s calls token %s unclaimed, which was deleted a moment ago", by, t)
	}
}

// claimed reports whether a record of the stack says that the token was created there.
func (t *token) claimed(s *stack) bool {
	return t.by != nil && t.by.stack == s && slices.ContainsFunc(s.of(t), func(r record) bool {
		return r.State != ledger.Unclaimed && r.State != ledger.Deleted
	})
}

// checkBaseline checks that no creation begins with a list that lacks AWSCURRENT's token although
// that token lives and was made here.
func (h *history) checkBaseline(by *invocation) {
	if by.secret == nil {
		return
	}
	s, t := by.secret, h.tokens[by.secret.current]
	shown, cut := by.cut[s.user.name]
	if !cut || t == nil || !t.alive() || t.secret != s || t.user != s.user.name || t.recorded.IsZero() || t.lost {
		return
	}
	if by.base == s.currentVersion && !slices.Contains(shown, t.text) {
		h.violate(broken, "%s begins a creation by a list that lacks AWSCURRENT's token %s", by, t)
	}
}

// checkDeletedRecord checks that a token is recorded as deleted only when the vendor has accepted
// its deletion.
func (h *history) checkDeletedRecord(by *invocation, before, after record) {
	t := h.byFingerprint[string(after.Fingerprint)]
	if t == nil || after.State != ledger.Deleted || before.State == ledger.Deleted {
		return
	}
	if t.alive() && !by.accepted[t.text] {
		h.violate(broken, "%s recorded token %s as deleted, which the vendor did not delete", by, t)
	}
}

// checkTestCall checks that testSecret calls the vendor for no version that a person has cancelled.
func (h *history) checkTestCall(c *call) {
	if c.service != vendor || c.by.step != awstest.StepTest {
		return
	}
	at, ok := c.by.secret.cancelled[c.by.version]
	if ok && c.by.began.Sub(at) > consistency {
		h.violate(broken, "%s calls the vendor for version %.8s, which a person cancelled", c.by, c.by.version)
	}
}

// checkCancelledPut checks that no program goes on with a version that a person has cancelled.
func (h *history) checkCancelledPut(by *invocation, s *managed, version string) {
	const inFlight = 10 * time.Second // an attempt that began before may not have seen it
	if at, ok := s.cancelled[version]; ok && by.began.Sub(at) > inFlight {
		h.violate(broken, "%s goes on with version %.8s of %s, which a person cancelled", by, version, s)
	}
}

// checkPutState checks that a token that is put into a version may still be put.
func (h *history) checkPutState(by *invocation, s *managed, t *token, sent time.Time) {
	if by.knewGivenUp(t, sent) {
		h.violate(broken, "%s was given token %s, which the ledger has given up", s, t)
	}
}

// checkSwap checks that a version may be swapped in.
func (h *history) checkSwap(m swap) {
	s := m.secret
	if m.by.sweeping() {
		h.violate(broken, "a sweep moved AWSCURRENT of %s", s)
	}
	if s.current == m.before.current {
		h.violate(broken, "the rotation of %s put token %s in the place of itself", s, m.t)
	}
	if m.by.knewGivenUp(m.t, m.sent) {
		h.violate(broken, "token %s, which the ledger has given up, became %s's", m.t, s)
	}
	at, ok := s.cancelled[s.currentVersion]
	seen := m.by.described.After(at) && m.sent.After(m.by.describedAt)
	if ok && (m.by.began.Sub(at) > consistency || seen) {
		h.violate(broken, "%s swaps version %.8s of %s in, which a person cancelled", m.by, s.currentVersion, s)
	}
}

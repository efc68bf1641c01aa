package simulation

import (
	"slices"
	"time"
)

// G6: an edit of the secret during a rotation is never lost or overwritten.

// checkEdits checks that a swap undoes no change of a person.
func (h *history) checkEdits(m swap) {
	s := m.secret
	if s.fields != m.before.fields {
		h.violate(lostEdit, "the swap of %s undid the edit of %v before", s, time.Since(m.before.since))
	}
	bases := s.bases[s.currentVersion]
	if m.before.byHand && !slices.Contains(bases, m.before.currentVersion) {
		h.violate(
			lostEdit,
			"the swap of %s undid version %.8s, which a person wrote or put back after versions %.8s were read",
			s,
			m.before.currentVersion,
			bases,
		)
	}
}

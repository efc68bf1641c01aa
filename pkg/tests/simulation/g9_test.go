package simulation

import (
	"strings"
)

// G9: losing any part of the ledger, or all of it, kills no live token and wedges nothing: at worst
// tokens live on. So every dead current token and every wedged secret of a history in which a
// person removed entries counts as G9's; see violate.

// loseEntry removes one entry of the ledger, as a person does who tidies up.
func (h *history) loseEntry(s *managed) {
	if entries := h.parameters.below(s.stack.ledgerPath()); len(entries) > 0 {
		name := entries[h.random.IntN(len(entries))].name
		h.logf("a person removes %s", name)
		h.forget(s.stack, name)
	}
}

// loseLedger removes the whole ledger of a stack.
func (h *history) loseLedger(s *managed) {
	h.logf("a person removes the ledger of stack %s", s.stack.name)
	var names []string
	for _, entry := range h.parameters.below(s.stack.prefix) {
		if !strings.Contains(entry.name, "/logins/") {
			names = append(names, entry.name)
		}
	}
	for _, name := range names {
		h.forget(s.stack, name)
	}
}

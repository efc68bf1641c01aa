package simulation

import "slices"

// commanded reports whether an operator told the sweep to delete the token.
func (h *history) commanded(by *invocation, t *token) bool {
	if string(by.request.DeleteToken) == t.fingerprint {
		return true
	}
	return slices.ContainsFunc(h.secrets, func(s *managed) bool {
		return by.retires(s) && (s.current == t.text || s.pending == t.text || slices.Contains(s.held, t))
	})
}

package simulation

// commanded reports whether an operator told the sweep to delete the token.
func (h *history) commanded(by *invocation, t *token) bool {
	return string(by.request.DeleteToken) == t.fingerprint
}

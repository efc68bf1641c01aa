package secret

import "strings"

// Serves reports whether an admin secret may be used for a token secret. Its field tokenSecrets is
// a list of ARNs and names, which may end in "*". Without the field, it serves a token secret only
// if own is true: if the stack was deployed with both secrets.
func (d *Document) Serves(tokenSecretARN string, own bool) bool {
	if d.tokenSecrets == nil {
		return own
	}
	for _, pattern := range d.tokenSecrets {
		if matches(pattern, tokenSecretARN) || matches(pattern, NameOf(tokenSecretARN)) {
			return true
		}
	}
	return false
}

// matches reports whether the text equals the pattern, or begins with what is before its
// final "*".
func matches(pattern, text string) bool {
	if start, ok := strings.CutSuffix(pattern, "*"); ok {
		return !strings.Contains(start, "*") && strings.HasPrefix(text, start)
	}
	return pattern == text
}

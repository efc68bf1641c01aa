package secret

import "strings"

// Serves reports whether an admin secret may be used for a token secret, by the field tokenSecrets:
// a list of ARNs and names, each with "*" at its end at most. Without the field it may.
func (d *Document) Serves(tokenSecretARN string) bool {
	if d.tokenSecrets == nil {
		return true
	}
	for _, pattern := range d.tokenSecrets {
		if matches(pattern, tokenSecretARN) || matches(pattern, NameOf(tokenSecretARN)) {
			return true
		}
	}
	return false
}

// matches reports whether the text is the pattern, or begins with what is before its final "*".
func matches(pattern, text string) bool {
	if start, ok := strings.CutSuffix(pattern, "*"); ok {
		return !strings.Contains(start, "*") && strings.HasPrefix(text, start)
	}
	return pattern == text
}

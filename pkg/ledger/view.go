package ledger

import (
	"encoding/hex"
	"encoding/json"
	"engage-token-rotation/pkg/engage"
	"slices"
	"strings"
)

// View is what the ledger holds of one user at one moment.
type View struct {
	Intents []Intent // oldest first
	Tokens  []Token  // oldest first
	// Unreadable names parameters that hold no record. They are left alone; while there are any, nothing that rests on
	// having seen all intents can be proven.
	Unreadable []string
}

// Secrets returns the ARNs of the secrets that the records name, sorted.
func (v View) Secrets() []string {
	var secrets []string
	for _, t := range v.Tokens {
		if t.Secret != "" {
			secrets = append(secrets, t.Secret)
		}
	}
	for _, i := range v.Intents {
		secrets = append(secrets, i.Secret)
	}
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

// Find returns the record of a token and a secret.
func (v View) Find(secret string, fingerprint engage.Fingerprint) (Token, bool) {
	i := slices.IndexFunc(v.Tokens, func(t Token) bool { return t.Secret == secret && t.Fingerprint == fingerprint })
	if i < 0 {
		return Token{}, false
	}
	return v.Tokens[i], true
}

// Settles reports whether a token record names the intent, so that it can be removed.
func (v View) Settles(intent Intent) bool {
	return !intent.InDoubt && slices.ContainsFunc(v.Tokens, func(t Token) bool { return t.Intent == intent.ID })
}

// mayMistake reports whether a creation is open of which a token may seem to have come that did not, or that has been
// found to have come of it already: by a listing, or, where it is in doubt, by what its version holds.
func (v View) mayMistake(t Token) bool {
	return slices.ContainsFunc(v.Intents, func(i Intent) bool {
		ends := i.ID == t.Intent && !t.Adopted // with the record
		byVersion := i.Secret == t.Secret && i.Version == t.Version
		return !ends && (byVersion || !i.InDoubt) && i.Baseline.Known() && !i.Baseline.Contains(t.Fingerprint) && !v.Settles(i)
	})
}

func parse(values map[string]string) View {
	var v View
	for name, value := range values {
		kind := name[strings.LastIndexByte(name, '/')+1:]
		switch {
		case strings.HasPrefix(kind, intentKind):
			var i Intent
			if json.Unmarshal([]byte(value), &i) == nil && kind == intentKind+i.ID {
				v.Intents = append(v.Intents, i)
				continue
			}
		case strings.HasPrefix(kind, tokenKind):
			var t Token
			if json.Unmarshal([]byte(value), &t) == nil && t.valid() && kind == t.name() {
				v.Tokens = append(v.Tokens, t)
				continue
			}
		}
		v.Unreadable = append(v.Unreadable, name)
	}
	slices.SortFunc(v.Intents, func(a, b Intent) int {
		if c := a.StartedAt.Compare(b.StartedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	slices.SortFunc(v.Tokens, func(a, b Token) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(string(a.Fingerprint)+a.Secret, string(b.Fingerprint)+b.Secret)
	})
	slices.Sort(v.Unreadable)
	return v
}

func (t Token) valid() bool {
	switch t.State {
	case Issued, Retiring, Unclaimed, Stray:
		_, err := hex.DecodeString(string(t.Fingerprint))
		return err == nil && len(t.Fingerprint) == 12
	}
	return false
}

package engage

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"engage-token-rotation/pkg/hidden"
)

// Limits of a permanent API token's length in bytes. The vendor shows "<platform>:<uuid>" and, in
// older samples, a bare uuid, but promises neither.
const (
	MinTokenLength = 16
	MaxTokenLength = 256
)

// Token is a permanent API token. It prints as its fingerprint, never as its value. The zero Token
// stands for none. Tokens are comparable with ==, and are safe for concurrent use.
type Token struct {
	value       hidden.String
	fingerprint Fingerprint
}

// ParseToken returns the text as a Token if it can be a permanent API token: printable ASCII
// without white space, quotes, '<', '{', '}' or '\', of 16 to 256 characters, without "." and ".."
// as path segments, which a URL would resolve away. The error names the fault and does not hold the
// text.
func ParseToken(text string) (Token, error) {
	switch {
	case text == "":
		return Token{}, fmt.Errorf("not a token: the text is empty")
	case len(text) < MinTokenLength || len(text) > MaxTokenLength:
		return Token{}, fmt.Errorf("not a token: %d characters, want %d to %d", len(text), MinTokenLength, MaxTokenLength)
	}
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\'', '`', '<', '>', '{', '}', '\\', ',':
			return Token{}, fmt.Errorf("not a token: character %d is %q", i+1, c)
		default:
			if c <= ' ' || c >= 0x7f {
				return Token{}, fmt.Errorf("not a token: character %d is white space, a control character or not ASCII", i+1)
			}
		}
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment == "." || segment == ".." {
			return Token{}, fmt.Errorf("not a token: it holds the path segment %q", segment)
		}
	}
	return Token{hidden.New(text), Fingerprint(hidden.Fingerprint(text))}, nil
}

// Reveal returns the token's value.
func (t Token) Reveal() string { return t.value.Reveal() }

// IsZero reports whether t is the zero Token.
func (t Token) IsZero() bool { return t.value.IsZero() }

// Fingerprint returns the name of the token in logs, errors and the ledger, or "" for the zero
// Token.
func (t Token) Fingerprint() Fingerprint { return t.fingerprint }

// Find returns the one of the tokens that has the fingerprint.
func Find(tokens []Token, fingerprint Fingerprint) (token Token, found bool) {
	for _, token := range tokens {
		if token.Fingerprint() == fingerprint {
			return token, true
		}
	}
	return Token{}, false
}

// Fingerprints returns the fingerprints of the tokens, in their order.
func Fingerprints(tokens []Token) []Fingerprint {
	all := make([]Fingerprint, len(tokens))
	for n, token := range tokens {
		all[n] = token.Fingerprint()
	}
	return all
}

// Fingerprint is the first 12 hex digits of the SHA-256 of a token.
type Fingerprint string

// String implements [fmt.Stringer] and returns the fingerprint.
func (t Token) String() string {
	if t.IsZero() {
		return "no token"
	}
	return "token " + string(t.Fingerprint())
}

// Format implements [fmt.Formatter]: every verb prints the fingerprint.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// GoString implements [fmt.GoStringer].
func (t Token) GoString() string { return t.String() }

// LogValue implements [slog.LogValuer].
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText implements [encoding.TextMarshaler] and returns the fingerprint.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON implements [json.Marshaler] and returns the fingerprint.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

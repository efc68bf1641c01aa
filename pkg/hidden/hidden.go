// Package hidden holds text that must not be printed: passwords, client secrets, JWTs, access and refresh tokens.
//
// A [String] gives its text to [String.Reveal] alone. Every way by which Go prints or encodes a value (the verbs of
// package fmt, log/slog, encoding/json, encoding.TextMarshaler) gives a fixed placeholder, also when the String stands
// in a field of another struct; what goes round all methods, as reflection and wrong verbs do, finds a pointer. It does
// not protect memory: whoever reads the process reads the text.
package hidden

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Placeholder is what a String prints instead of its text.
const Placeholder = "[hidden]"

// String is text that does not print. The zero String is empty. Strings are comparable with ==, and are safe for
// concurrent use.
type String struct {
	// text is a handle since a wrong verb, such as %w, makes package fmt print plain fields past every method. Equal texts
	// have equal handles; the zero handle stands for no text.
	text unique.Handle[string]
}

// New hides text.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{unique.Make(text)}
}

// Reveal returns the text. Search for its callers to see where a secret leaves.
func (s String) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.text.Value()
}

// IsZero reports whether the text is empty.
func (s String) IsZero() bool { return s == String{} }

// Format implements [fmt.Formatter]: every verb prints the placeholder.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Placeholder) }

// String implements [fmt.Stringer].
func (s String) String() string { return Placeholder }

// GoString implements [fmt.GoStringer].
func (s String) GoString() string { return Placeholder }

// LogValue implements [slog.LogValuer].
func (s String) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText implements [encoding.TextMarshaler].
func (s String) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

// MarshalJSON implements [json.Marshaler].
func (s String) MarshalJSON() ([]byte, error) { return []byte(`"` + Placeholder + `"`), nil }

// FingerprintLength is the number of hex digits of a fingerprint.
const FingerprintLength = 12

// Fingerprint returns the first 12 hex digits of the SHA-256 of text: enough to tell tokens apart, and safe to print
// for text of high entropy such as an API token. Do not print the fingerprint of a password: it can be guessed from.
func Fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:FingerprintLength/2])
}

// Package hidden holds text that must not be printed: passwords, client secrets, JWTs, access and
// refresh tokens.
//
// Only [String.Reveal] returns the text of a [String]. Every way in which Go prints or encodes a
// value (the verbs of package fmt, log/slog, encoding/json, encoding.TextMarshaler) gives a fixed
// placeholder, also when the String is a field of another struct. Reflection and wrong verbs, which
// bypass all methods, find a pointer. Memory is not protected: a program that can read the
// process's memory can read the text.
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

// String is text that does not print. The zero String is empty. Strings are comparable with ==, and
// are safe for concurrent use.
type String struct {
	// text is a handle because a wrong verb, such as %w, makes package fmt print plain fields and call
	// no method. Equal texts have equal handles; the zero handle is the empty text.
	text unique.Handle[string]
}

// New returns a String that hides text.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{unique.Make(text)}
}

// Reveal returns the text. Its callers are the places where a secret leaves the process.
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

// Fingerprint returns the first 12 hex digits of the SHA-256 of text: enough to distinguish tokens,
// and safe to print for text of high entropy such as an API token. Do not print the fingerprint of
// a password: a password can be guessed, and its fingerprint confirms the guess.
func Fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	var digits [FingerprintLength]byte
	hex.Encode(digits[:], sum[:FingerprintLength/2])
	return string(digits[:])
}

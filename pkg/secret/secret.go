// Package secret reads and changes the JSON document that a managed secret holds.
//
// A rotation changes the field apiToken, may set apiTokenCreatedAt, and keeps every other byte of
// the document: unknown fields, their order, white space, and numbers too big for a float64. Errors
// name the invalid field and never hold a value. Reading is strict, because a guess could send a
// password to the wrong host: a known field that occurs twice, has other capitals, is not a string,
// or is not text is refused.
package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
)

// The fields of the document that this product knows.
const (
	FieldToken          = "apiToken"
	FieldTokenCreatedAt = "apiTokenCreatedAt"
	FieldAdminSecretARN = "adminSecretArn"
	FieldLoginFlow      = "loginFlow"
	FieldUsername       = "username"
	FieldPassword       = "password"
	FieldPlatformID     = "platformId"
	FieldClientID       = "clientId"
	FieldClientSecret   = "clientSecret"
	FieldJWT            = "jwt"
	FieldBaseURL        = "baseUrl"
	// FieldTokenSecrets is a list; every other field is a string.
	FieldTokenSecrets = "tokenSecrets"
)

var knownFields = []string{
	FieldToken, FieldTokenCreatedAt, FieldAdminSecretARN, FieldLoginFlow, FieldUsername, FieldPassword,
	FieldPlatformID, FieldClientID, FieldClientSecret, FieldJWT, FieldBaseURL, FieldTokenSecrets,
}

// ErrFormat is wrapped by every [FieldError]: the document is invalid, and a retry does not help.
var ErrFormat = errors.New("the secret's document is invalid")

// FieldError is an invalid field, or an invalid document if Field is empty.
type FieldError struct {
	Field string
	Fault string // what is wrong and what to do; never holds the value
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return "secret: " + e.Fault
	}
	return fmt.Sprintf("secret: field %q %s", e.Field, e.Fault)
}

// Unwrap returns ErrFormat.
func (e *FieldError) Unwrap() error { return ErrFormat }

// member is a member of the object, by its place in the text: from its name's opening quote to the
// end of its value.
type member struct {
	field            string // the known field that it is; "" for another
	name, value, end int
}

// Document is a parsed document. It is immutable and safe for concurrent use, and prints as a
// placeholder.
type Document struct {
	text    hidden.String
	members []member // in their order
	// tokenSecrets is nil when the field is absent.
	tokenSecrets []string
}

// Parse reads a document: one JSON object.
func Parse(text string) (*Document, error) {
	start := skipSpace(text, 0)
	switch {
	case strings.TrimSpace(text) == "":
		return nil, &FieldError{Fault: "the value is empty; store a JSON object with the login fields or adminSecretArn"}
	case text[start] != '{':
		return nil, &FieldError{Fault: "the value is not a JSON object; store one such as {\"adminSecretArn\":\"...\"}"}
	case !json.Valid([]byte(text)):
		return nil, invalid(text)
	}
	d := &Document{text: hidden.New(text), members: make([]member, 0, 8)}
	for m := range membersOf(text, start) {
		if err := d.add(m, text); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// invalid says what is wrong with a text that is not JSON: the place of a syntax error, and not the
// decoder's own text, which may quote the document.
func invalid(text string) error {
	var (
		first  json.RawMessage
		syntax *json.SyntaxError
	)
	err := json.NewDecoder(strings.NewReader(text)).Decode(&first)
	if err == nil {
		return &FieldError{Fault: "text follows the JSON object; store the object alone"}
	}
	at := len(text)
	if errors.As(err, &syntax) {
		at = int(syntax.Offset)
	}
	return &FieldError{Fault: fmt.Sprintf("the value is not valid JSON near byte %d; correct it there", at)}
}

// add checks a member and adds it.
func (d *Document) add(m member, text string) error {
	name, raw := unquote(m.nameIn(text)), text[m.value:m.end]
	known, ok := knownField(name)
	switch {
	case !ok:
	case known != name:
		return &FieldError{Field: known, Fault: "is written with other capitals; write it as here"}
	case d.find(name) != nil:
		return &FieldError{Field: name, Fault: "occurs twice; keep one"}
	case raw == "null":
	case !isText(raw):
		return &FieldError{Field: name,
			Fault: "holds what is not text: half of a surrogate pair, or bytes that are not UTF-8; write it anew"}
	case name == FieldTokenSecrets:
		d.tokenSecrets = []string{}
		if err := json.Unmarshal([]byte(raw), &d.tokenSecrets); err != nil {
			return &FieldError{Field: name, Fault: "is not a list of strings; write ARNs or names, such as [\"engage/*\"]"}
		}
	case raw[0] != '"':
		return &FieldError{Field: name, Fault: "is not a string; put its value in quotes"}
	}
	m.field = known
	d.members = append(d.members, m)
	return nil
}

// find returns the member that is a known field, or nil.
func (d *Document) find(field string) *member {
	i := slices.IndexFunc(d.members, func(m member) bool { return m.field == field })
	if i < 0 {
		return nil
	}
	return &d.members[i]
}

// read returns the value of a known field of one string, and whether the document has it.
func (d *Document) read(field string) (value string, ok bool) {
	m, text := d.find(field), d.text.Reveal()
	if m == nil || text[m.value] != '"' { // null
		return "", false
	}
	return unquote(text[m.value:m.end]), true
}

// knownField returns the known field of that name, whatever its capitals: JSON readers that do not
// tell them apart would take it for the field.
func knownField(name string) (known string, ok bool) {
	for _, known := range knownFields {
		if strings.EqualFold(name, known) {
			return known, true
		}
	}
	return "", false
}

// Text returns the whole document, to be stored. It holds secrets.
func (d *Document) Text() hidden.String { return d.text }

// String implements [fmt.Stringer] without any of the content.
func (d *Document) String() string { return hidden.Placeholder }

// GoString implements [fmt.GoStringer].
func (d *Document) GoString() string { return hidden.Placeholder }

// MarshalJSON implements [json.Marshaler].
func (d *Document) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden.Placeholder + `"`), nil }

// Token returns the permanent API token, or the zero Token if the document has none yet (absent,
// null or empty).
func (d *Document) Token() (engage.Token, error) {
	value := d.field(FieldToken)
	if value == "" {
		return engage.Token{}, nil
	}
	token, err := engage.ParseToken(value)
	if err != nil {
		return engage.Token{}, &FieldError{Field: FieldToken,
			Fault: "is " + err.Error() + "; remove the field, and the next rotation creates one"}
	}
	return token, nil
}

// TokenCreatedAt returns when the token was made, or the zero time when the document does not say,
// not in RFC 3339, or names a time after now, by more than clocks differ.
func (d *Document) TokenCreatedAt(now time.Time) time.Time {
	at, err := time.Parse(time.RFC3339, d.field(FieldTokenCreatedAt))
	if err != nil || at.Sub(now) > engage.Propagation {
		return time.Time{}
	}
	return at
}

// AdminSecretARN returns the ARN or name of the secret with the login fields, or "" if this one has
// them.
func (d *Document) AdminSecretARN() string { return d.field(FieldAdminSecretARN) }

func (d *Document) field(name string) string {
	value, _ := d.read(name)
	return value
}

// WithToken returns the document with apiToken and apiTokenCreatedAt set and every other byte as it
// was. A new field goes to the end of the object. The same arguments give the same bytes.
func (d *Document) WithToken(token engage.Token, createdAt time.Time) (*Document, error) {
	if token.IsZero() {
		return nil, &FieldError{Field: FieldToken, Fault: "would be set to the zero token; rotate again"}
	}
	changed, err := d.set(FieldToken, token.Reveal())
	if err != nil {
		return nil, err
	}
	return changed.set(FieldTokenCreatedAt, createdAt.UTC().Format(time.RFC3339))
}

func (d *Document) set(name, value string) (*Document, error) {
	quoted, err := quote(value)
	if err != nil {
		return nil, err
	}
	text := d.text.Reveal()
	if m := d.find(name); m != nil {
		return Parse(text[:m.value] + quoted + text[m.end:])
	}
	added := `"` + name + `":` + quoted
	closing := strings.LastIndexByte(text, '}')
	last := len(strings.TrimRight(text[:closing], " \t\r\n"))
	if len(d.members) == 0 {
		return Parse(text[:last] + added + text[last:])
	}
	return Parse(text[:last] + "," + added + text[last:])
}

func quote(value string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "", fmt.Errorf("secret: encode: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// EqualExceptToken reports whether the documents hold the same members, byte for byte and in the
// same order, apart from apiToken and apiTokenCreatedAt: that is, whether neither was edited since
// one was made from the other.
func (d *Document) EqualExceptToken(other *Document) bool {
	ours, theirs := d.text.Reveal(), other.text.Reveal()
	return slices.EqualFunc(d.others(), other.others(), func(a, b member) bool {
		return a.nameIn(ours) == b.nameIn(theirs) && ours[a.value:a.end] == theirs[b.value:b.end]
	})
}

// others returns the members other than the token's.
func (d *Document) others() []member {
	return slices.DeleteFunc(slices.Clone(d.members), func(m member) bool {
		return m.field == FieldToken || m.field == FieldTokenCreatedAt
	})
}

// nameIn returns the member's name in its quotes.
func (m member) nameIn(text string) string { return text[m.name:endOfString(text, m.name)] }

// MaxLength is how many bytes a secret's value may have at Secrets Manager.
const MaxLength = 65_536

// FitsToken reports whether the document is short enough to hold any token.
func (d *Document) FitsToken() bool {
	const members = len(`,"":"","":"2006-01-02T15:04:05Z"`) + len(FieldToken) + len(FieldTokenCreatedAt)
	return len(d.text.Reveal())+members+engage.MaxTokenLength <= MaxLength
}

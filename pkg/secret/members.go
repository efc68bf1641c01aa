package secret

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// member is the place of one member in the text of a JSON object: its name, in quotes, begins at start,
// its value at value, and the value ends before end.
type member struct{ start, nameEnd, value, end int }

// name returns the member's name.
func (m member) name(text string) string { return unquote(text[m.start:m.nameEnd]) }

// raw returns the member's value as it is written.
func (m member) raw(text string) string { return text[m.value:m.end] }

// unquote returns the text of a valid JSON string.
func unquote(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 && isASCII(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	_ = json.Unmarshal([]byte(quoted), &text) // it is valid
	return text
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// members returns the members of a text that is a valid JSON object, and where its brace ends.
func members(text string) (all []member, open int) {
	at := skipSpace(text, 0) + 1
	open = at
	for {
		at = skipSpace(text, at)
		if text[at] == ',' {
			at = skipSpace(text, at+1)
		}
		if text[at] == '}' {
			return all, open
		}
		m := member{start: at, nameEnd: skipString(text, at)}
		m.value = skipSpace(text, skipSpace(text, m.nameEnd)+1)
		m.end = skipValue(text, m.value)
		all, at = append(all, m), m.end
	}
}

func skipSpace(text string, at int) int {
	for text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r' {
		at++
	}
	return at
}

// skipString returns where the string that begins at a quote ends.
func skipString(text string, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// skipValue returns where a value ends.
func skipValue(text string, at int) int {
	depth := 0
	for {
		switch text[at] {
		case '"':
			at = skipString(text, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\t', '\n', '\r':
			at++
		default: // a number, true, false or null
			at += strings.IndexAny(text[at:], ",:}] \t\n\r")
		}
		if depth == 0 {
			return at
		}
	}
}

// syntaxError returns what is wrong with a text that is not a JSON object.
func syntaxError(text string) error {
	if strings.TrimSpace(text) == "" {
		return &FieldError{Fault: "the value is empty; store a JSON object with the login fields or adminSecretArn"}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return &FieldError{Fault: "the value is not a JSON object; store one such as {\"adminSecretArn\":\"...\"}"}
	}
	for dec.More() {
		var raw json.RawMessage
		if name, err := dec.Token(); err != nil || name == nil || dec.Decode(&raw) != nil {
			return notJSON(dec)
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON(dec)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &FieldError{Fault: "text follows the JSON object; store the object alone"}
	}
	return notJSON(dec)
}

package secret

import (
	"encoding/json"
	"iter"
	"strings"
)

// space is what JSON takes for white space.
const space = " \t\r\n"

// membersOf yields the members of the object that begins at open, in a text that is valid JSON.
func membersOf(text string, open int) iter.Seq[member] {
	return func(yield func(member) bool) {
		for at := skipSpace(text, open+1); text[at] != '}'; {
			m := member{name: at}
			colon := skipSpace(text, endOfString(text, at))
			m.value = skipSpace(text, colon+1)
			m.end = endOfValue(text, m.value)
			if !yield(m) {
				return
			}
			if at = skipSpace(text, m.end); text[at] == ',' {
				at = skipSpace(text, at+1)
			}
		}
	}
}

func skipSpace(text string, at int) int {
	for at < len(text) && strings.IndexByte(space, text[at]) >= 0 {
		at++
	}
	return at
}

// endOfString returns where the string ends whose opening quote is at a place.
func endOfString(text string, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// endOfValue returns where the value of a member ends that begins at a place.
func endOfValue(text string, at int) int {
	switch text[at] {
	case '"':
		return endOfString(text, at)
	case '{', '[':
	default:
		return at + strings.IndexAny(text[at:], ",}"+space)
	}
	for depth := 0; ; at++ {
		switch text[at] {
		case '"':
			at = endOfString(text, at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
}

// unquote returns the text of a string with its quotes, which is valid JSON.
func unquote(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var text string
	_ = json.Unmarshal([]byte(raw), &text) // which cannot fail
	return text
}

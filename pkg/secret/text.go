package secret

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// isText reports whether a JSON value holds no escape of half a surrogate pair, and valid UTF-8
// alone. A decoder replaces anything else by U+FFFD: another password would be sent than is stored.
func isText(raw string) bool {
	if !utf8.ValidString(raw) {
		return false
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++ // what is escaped
		first, ok := escaped(raw[i:])
		if !ok || !utf16.IsSurrogate(first) {
			continue
		}
		const second = len("uD800\\") // from one u to the next
		if i+second >= len(raw) || raw[i+second-1] != '\\' {
			return false
		}
		other, ok := escaped(raw[i+second:])
		if !ok || utf16.DecodeRune(first, other) == utf8.RuneError {
			return false
		}
		i += second
	}
	return true
}

// escaped reads "u" and four hex digits.
func escaped(raw string) (rune, bool) {
	if len(raw) < 5 || raw[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(raw[1:5], 16, 16)
	return rune(n), err == nil
}

package secret

import "strings"

// maxIDLength is more than the longest ARN of a secret.
const maxIDLength = 600

// IsID reports whether the text has the form of a secret's ARN or name. Such a text is safe to
// print.
func IsID(text string) bool {
	if len(text) > maxIDLength {
		return false
	}
	if !strings.HasPrefix(text, "arn:") {
		return isName(text)
	}
	parts := strings.SplitN(text, ":", 7) // arn:aws:secretsmanager:region:account:secret:name
	if len(parts) != 7 || parts[2] != "secretsmanager" || parts[5] != "secret" || !strings.HasPrefix(parts[1], "aws") {
		return false
	}
	return only(parts[1], lower+"-") && only(parts[3], lower+digits+"-") && only(parts[4], digits) &&
		len(parts[4]) == 12 && isName(parts[6])
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

func isName(text string) bool { return only(text, lower+upper+digits+"/_+=.@!-") }

// IsVersionID reports whether the text has the form of a version's id, which is a
// ClientRequestToken of 32 to 64 characters.
func IsVersionID(text string) bool {
	return len(text) >= 32 && len(text) <= 64 && only(text, lower+upper+digits+"_.:+/=-")
}

// only reports whether the text is of these characters alone, and of one at least. It is not a
// regular expression, which would be compiled at each cold start.
func only(text, characters string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(characters, r) }) < 0
}

// NameOf returns the name in a secret's ARN, without the six random characters that Secrets Manager
// appends, or the name itself. So a secret has one name however it is referred to. (A partial ARN,
// without the six characters, of a name that itself ends like them is the one exception.)
func NameOf(id string) string {
	if !strings.HasPrefix(id, "arn:") {
		return id
	}
	name := id[strings.LastIndexByte(id, ':')+1:]
	cut := len(name) - arnSuffix
	if cut > 0 && name[cut] == '-' && only(name[cut+1:], lower+upper+digits) {
		return name[:cut]
	}
	return name
}

// arnSuffix is the length of what an ARN has after the secret's name: a hyphen and six characters.
const arnSuffix = 7

// IsARN reports whether the text has the form of a secret's full ARN.
func IsARN(text string) bool {
	return strings.HasPrefix(text, "arn:") && IsID(text) && NameOf(text) != text[strings.LastIndexByte(text, ':')+1:]
}

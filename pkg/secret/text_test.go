package secret_test

import (
	"errors"
	"strings"
	"testing"

	"engage-token-rotation/pkg/secret"
)

// A decoder would replace them, and another password would be sent than is stored.
func TestALoginFieldThatIsNotTextIsNamed(t *testing.T) {
	for _, value := range []string{
		`\ud83d`, `\ude00`, `a\ud83db`, `\ud83d\ud83d`, `\ude00\ud83d`, `\ud83dx\ude00`, `\ud83d\n`, `\ud83d\u0041`, `\uD83D`,
		`\ud83d\\ude00`, "a\xffb", "\xed\xa0\xbd",
	} {
		for _, field := range []string{secret.FieldPassword, secret.FieldUsername, secret.FieldJWT, secret.FieldToken} {
			_, err := secret.Parse(`{"` + field + `":"` + value + `"}`)
			if !errors.Is(err, secret.ErrFormat) || !strings.Contains(err.Error(), `field "`+field+`" holds what is not text`) {
				t.Errorf("%s %q: %v", field, value, err)
			}
		}
		if _, err := secret.Parse(`{"note":"` + value + `"}`); err != nil {
			t.Errorf("unknown field %q: %v", value, err)
		}
	}
	for value, want := range map[string]string{
		`\ud83d\ude00`: "😀", `\uD83D\uDE00x`: "😀x", `\\ud83d`: `\ud83d`, `\ufffd`: "\ufffd", "\ufffd": "\ufffd", `\"\\`: `"\`,
		`\u00e4\u0000`: "ä\x00",
	} {
		login, err := secret.NewLogin(parse(t, `{"loginFlow":"legacy","username":"u","password":"`+value+`"}`), nil)
		if err != nil || login.Credentials.Password.Reveal() != want {
			t.Errorf("%s: %q, %v", value, login.Credentials.Password.Reveal(), err)
		}
	}
}

package engage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestWhatCanBeAToken(t *testing.T) {
	for name, text := range map[string]string{
		"documented": tokenA, "bare uuid": tokenC, "shortest": strings.Repeat("a",
			engage.MinTokenLength), "longest": strings.Repeat("a", engage.MaxTokenLength),
		"dots": "aaaa.bbbb.cccc.dddd", "slashes": "aaaa/bbbb/cccc/dddd", "percent": "aaaa%2e%2e%2fdddd",
		"hidden dots": "aaaa/.../bbbb/cccc",
	} {
		token, err := engage.ParseToken(text)
		if err != nil || token.Reveal() != text || token.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoToken(t *testing.T) {
	body := "c2353445-bc74-af1a-2850-1d55a371c0a9"
	cases := map[string]struct{ text, want string }{
		"empty":              {"", "not a token: the text is empty"},
		"too short":          {"c2353445-bc74-a", "not a token: 15 characters, want 16 to 256"},
		"too long":           {strings.Repeat("a", 257), "not a token: 257 characters, want 16 to 256"},
		"a space":            {"aws80 " + body, "not a token: character 6 is white space, a control character or not ASCII"},
		"a newline":          {body + "\n", "not a token: character 37 is white space, a control character or not ASCII"},
		"a tab":              {"\t" + body, "not a token: character 1 is white space, a control character or not ASCII"},
		"NUL":                {body + "\x00", "not a token: character 37 is white space, a control character or not ASCII"},
		"DEL":                {body + "\x7f", "not a token: character 37 is white space, a control character or not ASCII"},
		"an escape":          {"\x1b[0m" + body, "not a token: character 1 is white space, a control character or not ASCII"},
		"not ASCII":          {body + "é", "not a token: character 37 is white space, a control character or not ASCII"},
		"not UTF-8":          {body + "\xff", "not a token: character 37 is white space, a control character or not ASCII"},
		"a quote":            {`"` + body, `not a token: character 1 is '"'`},
		"a web page":         {"<html>" + body, `not a token: character 1 is '<'`},
		"a brace":            {"{" + body, `not a token: character 1 is '{'`},
		"a closing brace":    {body + "}", `not a token: character 37 is '}'`},
		"a backslash":        {body + `\`, `not a token: character 37 is '\\'`},
		"a comma":            {body + "," + body, `not a token: character 37 is ','`},
		"a parent segment":   {body + "/../" + body, `not a token: it holds the path segment ".."`},
		"begins with dots":   {"../" + body, `not a token: it holds the path segment ".."`},
		"ends with dots":     {body + "/..", `not a token: it holds the path segment ".."`},
		"a segment of a dot": {body + "/./" + body, `not a token: it holds the path segment "."`},
	}
	for name, c := range cases {
		token, err := engage.ParseToken(c.text)
		if err == nil || err.Error() != c.want || !token.IsZero() {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		token := w.create(t, session)
		type nested struct {
			Token       engage.Token
			Credentials engage.Credentials
			Session     *engage.Session
			Hidden      hidden.String
			Map         map[string]engage.Token
			Slice       []engage.Token
		}
		value := nested{
			token,
			w.credentials,
			session,
			w.credentials.Password,
			map[string]engage.Token{"a": token},
			[]engage.Token{token},
		}
		secrets := []string{
			token.Reveal(),
			token.Reveal()[6:14],
			w.user.Password,
			w.user.ClientSecret,
			w.user.JWT,
			"eyJhbGciOiJSUzI1NiJ9",
		}
		var printed bytes.Buffer
		for _, v := range []any{value, &value, token, &token, session, engage.New(engage.Config{}), w.credentials,
			&w.credentials, error(&engage.Error{Operation: "x"})} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f", "%p"} {
				fmt.Fprintf(&printed, verb+"\n", v)
			}
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(encoded)
		asKey, err := json.Marshal(map[engage.Token]int{token: 1})
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(asKey)
		for _, handler := range []slog.Handler{slog.NewJSONHandler(&printed, nil), slog.NewTextHandler(&printed, nil)} {
			slog.New(handler).
				Info("x", "value", value, "token", token, "session", session, "credentials", w.credentials, slog.Group("g",
					"pointer", &token))
		}
		for _, secret := range secrets {
			if at := strings.Index(printed.String(), secret); at >= 0 {
				t.Errorf("printed a secret: ...%s", printed.String()[max(0, at-60):at])
			}
		}
		if !strings.Contains(printed.String(), string(token.Fingerprint())) {
			t.Error("the fingerprint is not printed")
		}
	})
}

func TestAFingerprintNamesAToken(t *testing.T) {
	a, _ := engage.ParseToken(tokenA)
	b, _ := engage.ParseToken(tokenB)
	if len(a.Fingerprint()) != hidden.FingerprintLength || a.Fingerprint() == b.Fingerprint() {
		t.Errorf("fingerprints %q and %q", a.Fingerprint(), b.Fingerprint())
	}
	if zero := (engage.Token{}); zero.Fingerprint() != "" || zero.String() != "no token" {
		t.Errorf("the zero token prints as %q, %q", zero.Fingerprint(), zero)
	}
}

func TestEqualUsersHaveEqualNames(t *testing.T) {
	base := credentialsOf(engagetest.DefaultUser(), engage.FlowEngage)
	ringCentral := credentialsOf(engagetest.DefaultUser(), engage.FlowRingCentral)
	same := func(c engage.Credentials, change func(*engage.Credentials)) bool {
		changed := c
		change(&changed)
		return changed.User() == c.User()
	}
	for name, got := range map[string]bool{
		"another case":     same(base, func(c *engage.Credentials) { c.Username = " API.User@Example.com " }),
		"another password": same(base, func(c *engage.Credentials) { c.Password = hidden.New("x") }),
		"another JWT of the same subject": same(ringCentral,
			func(c *engage.Credentials) { c.JWT = hidden.New("e30.eyJzdWIiOiJleGFtcGxlIiwiaWF0IjoxfQ.x") }),
		"another client secret": same(ringCentral,
			func(c *engage.Credentials) { c.ClientSecret = hidden.New("x") }),
	} {
		if !got {
			t.Errorf("%s makes another user", name)
		}
	}
	for name, got := range map[string]bool{
		"another name":   same(base, func(c *engage.Credentials) { c.Username = "other@example.com" }),
		"another client": same(ringCentral, func(c *engage.Credentials) { c.ClientID = "x" }),
		"another subject": same(ringCentral,
			func(c *engage.Credentials) { c.JWT = hidden.New("e30.eyJzdWIiOiJvdGhlciJ9.x") }),
		"an unreadable JWT": same(ringCentral, func(c *engage.Credentials) { c.JWT = hidden.New("unreadable") }),
	} {
		if got {
			t.Errorf("%s is the same user", name)
		}
	}
	if strings.Contains(ringCentral.User(), "eyJ") {
		t.Error("the name of a user holds the JWT")
	}
}

func TestATokenIsFoundByItsFingerprint(t *testing.T) {
	var tokens []engage.Token
	for _, text := range []string{tokenA, tokenC} {
		token, err := engage.ParseToken(text)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	for n, fingerprint := range engage.Fingerprints(tokens) {
		if token, found := engage.Find(tokens, fingerprint); !found || token != tokens[n] {
			t.Errorf("%s found: %t, %s", fingerprint, found, token)
		}
	}
	if token, found := engage.Find(tokens[:1], tokens[1].Fingerprint()); found || !token.IsZero() {
		t.Errorf("a token that is not there is found: %s", token)
	}
}

package secret_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
)

const (
	oldToken = "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"
	newToken = "aws80:0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"
)

var created = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))

const stamp = "2026-03-01T11:00:00Z"

func token(t testing.TB, text string) engage.Token {
	t.Helper()
	made, err := engage.ParseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func parse(t testing.TB, text string) *secret.Document {
	t.Helper()
	document, err := secret.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return document
}

func TestWithTokenChangesTheTokenAndNothingElse(t *testing.T) {
	cases := map[string]struct{ before, after string }{
		"absent, empty object": {`{}`, `{"apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"absent, blank object": {"{ \n }", "{\"apiToken\":\"NEW\",\"apiTokenCreatedAt\":\"AT\" \n }"},
		"absent": {`{"adminSecretArn":"a"}`,
			`{"adminSecretArn":"a","apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"absent, indented": {"{\n  \"adminSecretArn\": \"a\"\n}\n",
			"{\n  \"adminSecretArn\": \"a\",\"apiToken\":\"NEW\",\"apiTokenCreatedAt\":\"AT\"\n}\n"},
		"present": {`{"x":1,"apiToken":"OLD","apiTokenCreatedAt":"old","y":2}`,
			`{"x":1,"apiToken":"NEW","apiTokenCreatedAt":"AT","y":2}`},
		"present, no time": {`{"apiToken" : "OLD" , "y":2}`, `{"apiToken" : "NEW" , "y":2,"apiTokenCreatedAt":"AT"}`},
		"null": {`{"apiToken":null,"apiTokenCreatedAt":null}`,
			`{"apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"empty":        {`{"apiToken":""}`, `{"apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"escaped name": {`{"api\u0054oken":"OLD"}`, `{"api\u0054oken":"NEW","apiTokenCreatedAt":"AT"}`},
		"time first": {`{"apiTokenCreatedAt":"old","apiToken":"OLD"}`,
			`{"apiTokenCreatedAt":"AT","apiToken":"NEW"}`},
		"big numbers": {`{"n":123456789012345678901234567890,"f":1.10,"e":1E+400,"z":-0}`,
			`{"n":123456789012345678901234567890,"f":1.10,"e":1E+400,"z":-0,"apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"HTML and escapes": {`{"a":"<&>\u2028\/é\ud83d\ude00"}`,
			`{"a":"<&>\u2028\/é\ud83d\ude00","apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"nested fields of ours": {`{"a":{"apiToken":"inner"},"b":[{"apiToken":1}]}`,
			`{"a":{"apiToken":"inner"},"b":[{"apiToken":1}],"apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"duplicates of others": {`{"a":1,"a":2}`, `{"a":1,"a":2,"apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
		"braces in a string":   {`{"a":"}","b":"{"}`, `{"a":"}","b":"{","apiToken":"NEW","apiTokenCreatedAt":"AT"}`},
	}
	replace := strings.NewReplacer("NEW", newToken, "OLD", oldToken, "AT", stamp)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := parse(t, replace.Replace(c.before))
			after, err := before.WithToken(token(t, newToken), created)
			if err != nil {
				t.Fatal(err)
			}
			want := c.after
			want = strings.ReplaceAll(strings.ReplaceAll(want, "NEW", newToken), `"AT"`, `"`+stamp+`"`)
			if got := after.Text().Reveal(); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if got, err := after.Token(); err != nil || got.Reveal() != newToken {
				t.Errorf("token %v, %v", got, err)
			}
			if !after.TokenCreatedAt(time.Now()).Equal(created) {
				t.Errorf("created at %v", after.TokenCreatedAt(time.Now()))
			}
			if !after.EqualExceptToken(before) || !before.EqualExceptToken(after) {
				t.Error("counts as edited")
			}
			again, err := before.WithToken(token(t, newToken), created)
			if err != nil || again.Text() != after.Text() {
				t.Error("the same arguments give other bytes")
			}
		})
	}
}

func TestWithTokenRefusesNoToken(t *testing.T) {
	if _, err := parse(t, `{}`).WithToken(engage.Token{}, created); !errors.Is(err, secret.ErrFormat) {
		t.Errorf("error %v", err)
	}
}

func TestInvalidDocumentsNameTheFault(t *testing.T) {
	for text, want := range map[string]string{
		"": "secret: the value is empty; store a JSON object with the login fields or " +
			"adminSecretArn",
		" \n": "secret: the value is empty; store a JSON object with the login fields or " +
			"adminSecretArn",
		"null":                          `secret: the value is not a JSON object; store one such as {"adminSecretArn":"..."}`,
		`"hunter2"`:                     `secret: the value is not a JSON object; store one such as {"adminSecretArn":"..."}`,
		"hunter2":                       `secret: the value is not a JSON object; store one such as {"adminSecretArn":"..."}`,
		"[1]":                           `secret: the value is not a JSON object; store one such as {"adminSecretArn":"..."}`,
		`{"password":"hunter2"`:         "secret: the value is not valid JSON near byte 21; correct it there",
		`{"password":hunter2}`:          "secret: the value is not valid JSON near byte 13; correct it there",
		`{"password":"hunter2",}`:       "secret: the value is not valid JSON near byte 23; correct it there",
		`{hunter2}`:                     "secret: the value is not valid JSON near byte 2; correct it there",
		`{"a":1}{"b":2}`:                "secret: text follows the JSON object; store the object alone",
		`{"a":1} hunter2`:               "secret: text follows the JSON object; store the object alone",
		`{"password":1}`:                `secret: field "password" is not a string; put its value in quotes`,
		`{"password":["hunter2"]}`:      `secret: field "password" is not a string; put its value in quotes`,
		`{"apiToken":{}}`:               `secret: field "apiToken" is not a string; put its value in quotes`,
		`{"apiToken":true}`:             `secret: field "apiToken" is not a string; put its value in quotes`,
		`{"baseUrl":"a","baseUrl":"b"}`: `secret: field "baseUrl" occurs twice; keep one`,
		`{"jwt":null,"jwt":"hunter2"}`:  `secret: field "jwt" occurs twice; keep one`,
		`{"jwt":"a","j\u0077t":"b"}`:    `secret: field "jwt" occurs twice; keep one`,
		`{"ApiToken":"hunter2"}`:        `secret: field "apiToken" is written with other capitals; write it as here`,
		`{"USERNAME":1,"username":"u"}`: `secret: field "username" is written with other capitals; write it as here`,
		`{"pa\u017fsword":"hunter2"}`:   `secret: field "password" is written with other capitals; write it as here`,
	} {
		_, err := secret.Parse(text)
		if err == nil || !errors.Is(err, secret.ErrFormat) {
			t.Errorf("%q: error %v", text, err)
			continue
		}
		if err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: the error holds the value", text)
		}
	}
}

func TestAnInvalidTokenIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"apiToken":"hunter2"}`: `secret: field "apiToken" is not a token: 7 characters, want 16 to 256; ` +
			`remove the field, and the next rotation creates one`,
		`{"apiToken":"PASTE YOUR TOKEN HERE"}`: `secret: field "apiToken" is not a token: character 6 is white space, a ` +
			`control character or not ASCII; remove the field, and the next rotation creates one`,
	} {
		if _, err := parse(t, text).Token(); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{}`, `{"apiToken":null}`, `{"apiToken":""}`} {
		if got, err := parse(t, text).Token(); err != nil || !got.IsZero() {
			t.Errorf("%s: %v, %v; want no token", text, got, err)
		}
	}
}

func TestAnInvalidTimeIsUnknown(t *testing.T) {
	for _, text := range []string{`{}`, `{"apiTokenCreatedAt":"yesterday"}`, `{"apiTokenCreatedAt":""}`,
		`{"apiTokenCreatedAt":null}`} {
		if at := parse(t, text).TokenCreatedAt(time.Now()); !at.IsZero() {
			t.Errorf("%s: %v", text, at)
		}
	}
}

func TestAnyEditButTheTokensIsSeen(t *testing.T) {
	const base = `{"username":"u","note":{"a":[1, 2]},"apiToken":"` + oldToken + `"}`
	for name, other := range map[string]string{
		"a value":         `{"username":"v","note":{"a":[1, 2]}}`,
		"a number's form": `{"username":"u","note":{"a":[1.0, 2]}}`,
		"order":           `{"note":{"a":[1, 2]},"username":"u"}`,
		"a field more":    `{"username":"u","note":{"a":[1, 2]},"more":null}`,
		"a field less":    `{"username":"u"}`,
		"an escape":       `{"username":"\u0075","note":{"a":[1, 2]}}`,
	} {
		if parse(t, base).EqualExceptToken(parse(t, other)) {
			t.Errorf("%s: counts as equal", name)
		}
	}
	for name, other := range map[string]string{
		"another token":          strings.Replace(base, oldToken, newToken, 1),
		"no token":               `{"username":"u","note":{"a":[1, 2]}}`,
		"the token first":        `{"apiToken":"x","username":"u","apiTokenCreatedAt":"y","note":{"a":[1, 2]}}`,
		"white space in between": "{\n\"username\" :\t\"u\", \"note\": {\"a\":[1, 2]} }",
	} {
		if !parse(t, base).EqualExceptToken(parse(t, other)) {
			t.Errorf("%s: counts as edited", name)
		}
	}
}

func TestADocumentDoesNotPrint(t *testing.T) {
	document := parse(t, `{"password":"hunter2","apiToken":"`+oldToken+`","other":"hunter3"}`)
	encoded, err := json.Marshal(map[string]any{"d": document})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "d", document, "e", *document)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "d", document, "e", *document)
	printed := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		printed += fmt.Sprintf(verb+verb, document, *document)
	}
	for _, part := range []string{"hunter", "c2353445", "68756e74"} {
		if strings.Contains(printed, part) {
			t.Errorf("prints %q: %s", part, printed)
		}
	}
}

package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/secret"
)

// FuzzDocument: an accepted document keeps every byte but the token's, and a refused one gives an
// error that names the fault.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		``, `{}`, "{ \n }", `null`, `[]`, `"x"`, `{"apiToken":"` + oldToken + `"}`, `{"apiToken":null,"a":1}`,
		`{"n":123456789012345678901234567890,"e":1E+400,"f":-0.10,"x":{"y":[1,{"z":null}]},"apiToken" : "old" , ` +
			`"u":"\u2028<&>"}`,
		`{"api\u0054oken":"x","apiTokenCreatedAt":"2026-01-01T00:00:00Z"}`, `{"a":1,"a":2,"A":3}`, "{\"\xff\":\"\xfe\"}",
		`{"":""}`, `{"a":"}"}`,
		`{"username":"u","password":"p","platformId":"aws80","baseUrl":"https://engage.ringcentral.com"}`, `{"a":"\ud800"}`,
		"\ufeff{}", `{"a":1} `, `{"a":1}x`,
		`{"loginFlow":"ringcentral","clientId":"c","clientSecret":"s","jwt":"j"}`,
		strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50),
	} {
		f.Add(text)
	}
	first, second := token(f, oldToken), token(f, newToken)
	at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		before, err := secret.Parse(text)
		if err != nil {
			if !errors.Is(err, secret.ErrFormat) || before != nil {
				t.Fatalf("%v, %v", before, err)
			}
			return
		}
		if before.Text().Reveal() != text {
			t.Fatal("the text has changed")
		}
		_, _ = secret.NewLogin(before, nil)
		_, _ = before.Token()
		_ = before.TokenCreatedAt(time.Now())
		after, err := before.WithToken(second, at)
		if err != nil {
			t.Fatalf("no token can be set: %v", err)
		}
		if got, err := after.Token(); err != nil || got != second || !after.TokenCreatedAt(time.Now()).Equal(at) {
			t.Fatalf("the token was not set: %v, %v", got, err)
		}
		if !after.EqualExceptToken(before) || !before.EqualExceptToken(after) || !before.EqualExceptToken(before) {
			t.Fatal("counts as edited")
		}
		checkKept(t, text, after.Text().Reveal())
		there, err := after.WithToken(first, at.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		back, err := there.WithToken(second, at)
		if err != nil || back.Text() != after.Text() {
			t.Fatal("setting another token and back changes the text")
		}
	})
}

// checkKept compares the members and the bytes around them by other means than the package's.
func checkKept(t *testing.T, before, after string) {
	t.Helper()
	old, changed := members(t, before), members(t, after)
	_, hadToken := old[secret.FieldToken]
	_, hadTime := old[secret.FieldTokenCreatedAt]
	for _, name := range []string{secret.FieldToken, secret.FieldTokenCreatedAt} {
		delete(old, name)
		delete(changed, name)
	}
	if len(old) != len(changed) {
		t.Fatalf("%d other members, before %d", len(changed), len(old))
	}
	for name, raw := range old {
		if !bytes.Equal(raw, changed[name]) {
			t.Fatalf("member %q: %s, before %s", name, changed[name], raw)
		}
	}
	if hadToken || hadTime {
		return
	}
	// Both were added in one place: the text before and after it is the old one.
	prefix := 0
	for prefix < len(before) && before[prefix] == after[prefix] {
		prefix++
	}
	if !strings.HasSuffix(after, before[prefix:]) {
		t.Fatalf("%q became %q", before, after)
	}
}

func members(t *testing.T, text string) map[string]json.RawMessage {
	t.Helper()
	var found map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%q is not a JSON object: %v", text, err)
	}
	return found
}

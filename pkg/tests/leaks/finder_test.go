package leaks_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/tests/leaks"
)

const (
	aToken    = "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"
	aPassword = `Zq7&k/?#+%"ü€ w9Xr2!`
)

// A finder that finds nothing proves nothing: every form is leaked here on purpose.
func TestTheFinderFindsEveryForm(t *testing.T) {
	inJSON := func(text string) string {
		b, _ := json.Marshal(map[string]string{"a": "see " + text + " there"})
		return string(b)
	}
	encodings := map[string]func(string) string{
		"plain":           func(s string) string { return s },
		"JSON":            inJSON,
		"JSON in JSON":    func(s string) string { return inJSON(inJSON(s)) },
		"query":           func(s string) string { return url.Values{"password": {s}}.Encode() },
		"path":            func(s string) string { return "/token/" + url.PathEscape(s) },
		"%20":             func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
		"twice":           func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
		"hex":             func(s string) string { return hex.EncodeToString([]byte("before " + s + " after")) },
		"upper hex":       func(s string) string { return fmt.Sprintf("%X", s) },
		"spaced hex":      func(s string) string { return fmt.Sprintf("% x", s) },
		"%q":              func(s string) string { return fmt.Sprintf("%q %+q", s, s) },
		"bytes":           func(s string) string { return fmt.Sprint([]byte("x" + s)) },
		"base64 at 0":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte("abc" + s + "xyz")) },
		"base64 at 1":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte("a" + s + "xyz")) },
		"base64 at 2":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte("ab" + s)) },
		"base64url":       func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("user:" + s)) },
		"8 characters":    func(s string) string { return "..." + s[8:16] + "..." },
		"the last 8":      func(s string) string { return "****" + s[len(s)-8:] },
		"cut in the line": func(s string) string { return s[:12] + "\n" + s[12:] },
	}
	for _, secret := range []string{aToken, aPassword} {
		for name, encode := range encodings {
			var finder leaks.Finder
			finder.Add("a secret", secret)
			leaked := "some text before it " + encode(secret) + " and after"
			leaks := finder.Find(leaked)
			if len(leaks) == 0 {
				t.Errorf("%s: not found in %s", name, leaked)
			}
			for _, leak := range leaks {
				if strings.Contains(leak.String(), secret) {
					t.Errorf("%s: the report leaks it again", name)
				}
			}
		}
	}
}

func TestTheFinderFindsNothingElse(t *testing.T) {
	var finder leaks.Finder
	finder.Add("a token", aToken)
	token, _ := engage.ParseToken(aToken)
	for _, innocent := range []string{"", "short", token.String(), string(token.Fingerprint()), "aws80:", "c235344",
		aToken[:7], "0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"} {
		if leaks := finder.Find(innocent); leaks != nil {
			t.Errorf("%q: %v", innocent, leaks)
		}
	}
	if finder.Add("nothing", ""); finder.Len() != 1 {
		t.Errorf("%d secrets", finder.Len())
	}
}

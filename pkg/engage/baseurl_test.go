package engage_test

import (
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
)

func TestBaseURLsAreMadeEqual(t *testing.T) {
	for text, want := range map[string]string{
		"https://engage.ringcentral.com":      "https://engage.ringcentral.com",
		"https://engage.ringcentral.com/":     "https://engage.ringcentral.com",
		"https://portal.vacd.biz/api":         "https://portal.vacd.biz",
		"https://portal.vacd.biz/api/":        "https://portal.vacd.biz",
		"HTTPS://Engage.RingCentral.COM:443/": "https://engage.ringcentral.com",
		"https://engage.ringcentral.com:8443": "https://engage.ringcentral.com:8443",
		"http://127.0.0.1:8080":               "http://127.0.0.1:8080",
		"http://localhost:80":                 "http://localhost",
		"http://[::1]:8080":                   "http://[::1]:8080",
		"http://[::1]":                        "http://[::1]",
		"https://[2001:DB8::1]":               "https://[2001:db8::1]",
		"https://xn--80ak6aa92e.example":      "https://xn--80ak6aa92e.example",
		"http://host.docker.internal:9000":    "http://host.docker.internal:9000",
	} {
		base, err := engage.ParseBaseURL(text)
		if err != nil || base.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, base, err, want)
		}
	}
}

// Each of these could be read as one host by a person and as another by a program.
func TestDeceptiveBaseURLsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "does not start with https://",
		"engage.ringcentral.com":       "does not start with https://",
		"//engage.ringcentral.com":     "does not start with https://",
		"ftp://engage.ringcentral.com": "does not start with https://",
		"javascript:alert(1)":          "does not start with https://",
		"https:engage.ringcentral.com": "names no host",
		"https://":                     "names no host",
		"https:///api":                 "names no host",
		"https://:443":                 "names no host",
		"https://engage.ringcentral.com@evil.example":      "holds user info",
		"https://user:pw@engage.ringcentral.com":           "holds user info",
		"https://@engage.ringcentral.com":                  "holds user info",
		"https://engage.ringcentral.com:443@evil.example":  "holds user info",
		"https://engage.ringcentral.com.":                  "trailing dot",
		"https://engage.ringcentral.com.:443":              "trailing dot",
		"https://engage.ringcentral.com:":                  "names an empty port",
		"https://engage.ringcentral.com:0":                 "names no port",
		"https://engage.ringcentral.com:65536":             "names no port",
		"https://engage.ringcentral.com:0443":              "names no port",
		"https://engage.ringcentral.com:https":             "is not a URL",
		"https://engage.ringcentral.com:-1":                "is not a URL",
		"https://engage.ringcentral.com/voice/api":         "holds a path",
		"https://engage.ringcentral.com//":                 "holds a path",
		"https://engage.ringcentral.com/api/../x":          "holds a path",
		"https://engage.ringcentral.com?host=evil.example": "holds a query",
		"https://engage.ringcentral.com?":                  "holds a query",
		"https://engage.ringcentral.com#@evil.example":     "holds a query or a fragment",
		"https://engage.ringcentral.com#":                  "holds a query or a fragment",
		`https://engage.ringcentral.com\@evil.example`:     "backslash",
		`https:\\engage.ringcentral.com`:                   "backslash",
		"https://engage.ringcentral%2ecom":                 "an escape",
		"https://engage.ringcentral.com%00.evil.example":   "an escape",
		"https://[fe80::1%25eth0]":                         "an escape",
		"https://engagе.ringcentral.com":                   "outside ASCII", // a Cyrillic letter
		"https://engage。ringcentral。com":                   "outside ASCII", // full stops that IDNA maps to dots
		"https://engage.ringcentral.com\u200b":             "outside ASCII",
		"https://ｅngage.ringcentral.com":                   "outside ASCII",
		" https://engage.ringcentral.com":                  "white space",
		"https://engage.ringcentral.com\r\nHost: evil":     "white space",
		"https://engage.ringcentral.com\tevil.example":     "white space",
		"https://engage.ringcentral.com\x00":               "white space",
		"https://*.ringcentral.com":                        "there are no wildcards",
		"https://engage.ringcentral.com;evil.example":      "there are no wildcards",
		"https://evil.example,engage.ringcentral.com":      "there are no wildcards",
		"https://[::1": "is not a URL",
		"https://::1":  "is not a URL",
	} {
		base, err := engage.ParseBaseURL(text)
		if err == nil {
			t.Errorf("%q accepted as %v", text, base)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one that says %q", text, err, want)
		}
		if strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "engage") {
			t.Errorf("the error holds the text: %v", err)
		}
	}
}

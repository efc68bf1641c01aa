package engage_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
)

// canned is a transport that answers each login properly and everything else so.
type canned struct {
	status int
	header http.Header
	body   string
}

// RoundTrip implements http.RoundTripper.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := c
	if strings.HasPrefix(r.URL.Path, "/api/auth/login/") {
		answer = canned{status: 200, body: `{"accessToken":"access","refreshToken":"refresh"}`}
	}
	header := answer.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: answer.status,
		Header:     header,
		Body:       io.NopCloser(strings.NewReader(answer.body)),
		Request:    r,
	}, nil
}

// at returns a client and a session for an answer.
func at(t *testing.T, answer canned) (*engage.Client, *engage.Session) {
	client := engage.New(engage.Config{
		Endpoint:  engage.Endpoint{Flow: engage.FlowEngage, BaseURL: mustURL("https://engage.ringcentral.com")},
		Transport: answer, Attempts: 1, LoginAttempts: 1, Jitter: func() float64 { return 0 },
	})
	session, err := client.Login(
		context.Background(),
		engage.Credentials{Username: "u", Password: hidden.New("p"), PlatformID: "x"},
	)
	if err != nil {
		t.Fatal(err)
	}
	return client, session
}

// checkToken fails if the token cannot be one, by a rule written anew here.
func checkToken(t *testing.T, token engage.Token, answer string) {
	t.Helper()
	text := token.Reveal()
	if len(text) < 16 || len(text) > 256 || strings.ContainsAny(text, " \t\r\n\"'`<>{}\\,") {
		t.Fatalf("took %q for a token", text)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			t.Fatalf("took %q for a token", text)
		}
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment == ".." || segment == "." {
			t.Fatalf("took %q for a token", text)
		}
	}
	if !strings.Contains(answer, `\`) && !strings.Contains(answer, text) {
		t.Fatalf("token %q is not in the answer %q", text, answer)
	}
}

// checkError fails if an error shows the answer: eight characters in a row of a text that
// reads like a token.
func checkError(t *testing.T, err error, answer string) {
	t.Helper()
	if err == nil {
		return
	}
	if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
		t.Fatalf("error %q", err.Error())
	}
	const marked = "c2353445-bc74"
	if strings.Contains(answer, marked) && strings.Contains(err.Error(), marked[:8]) {
		t.Fatalf("the error shows the answer: %v", err)
	}
}

// FuzzCreated: an answer to a creation gives a token of the answer, or an error that leaves the
// outcome open.
func FuzzCreated(f *testing.F) {
	for _, body := range []string{
		tokenA, `"` + tokenA + `"`, " \r\n" + tokenC + "\n", `"\u0061ws80:c2353445-bc74-af1a-2850-1d55a371c0a9"`, "",
		"true", "null", "<html>" + tokenA, `{"token":"` + tokenA + `"}`,
		`["` + tokenA + `"]`, tokenA + "\x00", "../../" + tokenA, `"` + tokenA, strings.Repeat("a", 300), "\ufeff" + tokenA,
		"é" + tokenA, tokenA + "\n" + tokenB,
	} {
		f.Add(200, body)
	}
	f.Add(401, "Jwt is expired")
	f.Add(500, `{"errorCode":"access.denied.exception","requestUri":"/voice/api/v1/admin/token/`+tokenA+`"}`)
	f.Add(302, "")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		client, session := at(t, canned{status: status, body: body})
		token, err := client.Create(context.Background(), session, nil)
		checkError(t, err, body)
		switch {
		case err == nil && status <= 299:
			checkToken(t, token, body)
		case err == nil:
			t.Fatalf("a token out of status %d", status)
		case !token.IsZero():
			t.Fatal("a token and an error")
		case status <= 299 && !engage.OutcomeUnknown(err):
			t.Fatalf("the outcome counts as known: %v", err)
		}
	})
}

// FuzzList: an answer to a listing gives tokens of the answer, each once, or an error.
func FuzzList(f *testing.F) {
	for _, body := range []string{
		`["` + tokenA + `","` + tokenB + `"]`, `{ "` + tokenA + `", "` + tokenB + `" }`, `[]`, `{}`,
		`{ "` + tokenA + `", }`, `["x"]`, `[null,"` + tokenA + `"]`, "", "null", "true",
		`{"a":"b"}`, `[["` + tokenA + `"]]`, "<html>", `["` + tokenA + `"`, `{"` + tokenA + `"]`,
		`["` + tokenA + `" "` + tokenB + `"]`, `["../` + tokenA + `"]`, "[\"" + tokenA + "\x00\"]",
		`["` + tokenA + `","` + tokenA + `"]`, `[1]`, `[,]`, `{,}`, strings.Repeat("[", 100), `["` + tokenA + `",]`,
		`["` + tokenA + `" , "` + tokenC + `" ]`, "[\v]", `["\ud800aaaaaaaaaaaaaaaa"]`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		client, session := at(t, canned{status: 200, body: body})
		tokens, err := client.List(context.Background(), session)
		checkError(t, err, body)
		if err != nil && tokens != nil {
			t.Fatal("tokens and an error")
		}
		seen := map[engage.Token]bool{}
		for _, token := range tokens {
			checkToken(t, token, body)
			if seen[token] {
				t.Fatalf("%v stands twice", token)
			}
			seen[token] = true
		}
		checkAgainstJSON(t, body, tokens, err)
		accounts, err := client.Accounts(context.Background(), session)
		checkError(t, err, body)
		if err != nil && accounts != nil {
			t.Fatal("accounts and an error")
		}
		deleted, _ := engage.ParseToken(tokenB)
		checkError(t, client.Delete(context.Background(), session, deleted), body)
	})
}

// checkAgainstJSON fails if a list that begins with a bracket is read otherwise than
// encoding/json reads it.
func checkAgainstJSON(t *testing.T, body string, got []engage.Token, err error) {
	t.Helper()
	text := strings.Trim(body, " \t\r\n")
	if !strings.HasPrefix(text, "[") {
		return
	}
	var entries []string
	if json.Unmarshal([]byte(text), &entries) != nil {
		if err == nil {
			t.Fatalf("%q is taken for a list", body)
		}
		return
	}
	var want []engage.Token
	for _, entry := range entries {
		if token, err := engage.ParseToken(entry); err == nil && !slices.Contains(want, token) {
			want = append(want, token)
		}
	}
	switch {
	case err != nil && (len(want) > 0 || len(entries) == 0):
		t.Fatalf("%q is refused: %v", body, err)
	case err == nil && !slices.Equal(got, want):
		t.Fatalf("%d tokens in %q, want %d", len(got), body, len(want))
	}
}

// FuzzRetryAfter: for any text of the header the wait is zero or up to a day.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"", "0", "5", "-5", " 7 ", "21", "86400", "99999999999999999999", "1e9", "0x10",
		"5.5", "Wed, 21 Oct 2065 07:28:00 GMT", "Wed, 21 Oct 1965 07:28:00 GMT",
		"Wed, 31 Feb 2065 07:28:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "soon", "\x00", "５"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		client, session := at(t, canned{status: 429, header: http.Header{"Retry-After": {value}}, body: "{}"})
		_, err := client.List(context.Background(), session)
		e, ok := err.(*engage.Error)
		if !ok || e.Status != 429 || !e.Retryable || e.OutcomeUnknown {
			t.Fatalf("error %v", err)
		}
		if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour {
			t.Fatalf("wait %v for %q", e.RetryAfter, value)
		}
	})
}

// FuzzLogin: an answer to a login gives a session that can be sent, or an error that shows nothing
// of it.
func FuzzLogin(f *testing.F) {
	for _, body := range []string{
		`{"accessToken":"a.b.c","refreshToken":"r"}`, `{"accessToken":""}`, `{"accessToken":"a\r\nX-Evil: 1"}`,
		`{"accessToken":"é"}`, `{"accessToken":1}`, `{"accessToken":"a","refreshToken":"\u0000"}`,
		`{"authToken":"` + tokenC + `"}`, `{"access_token":"p"}`, "", "null", "[]", "<html>",
		`{"error":"invalid_grant","error_description":"x"}`, `{"errorCode":"a.exception"}`,
	} {
		f.Add(200, body)
		f.Add(401, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		for _, flow := range flows {
			client := engage.New(engage.Config{
				Endpoint: engage.Endpoint{
					Flow:        flow,
					BaseURL:     mustURL("https://engage.ringcentral.com"),
					PlatformURL: mustURL("https://platform.ringcentral.com"),
				},
				Transport: same{status, body}, Attempts: 1, LoginAttempts: 1,
			})
			session, err := client.Login(
				context.Background(),
				engage.Credentials{Flow: flow, Username: "u", Password: hidden.New("p"), JWT: hidden.New("a.b.c")},
			)
			checkError(t, err, body)
			if (err == nil) != (session != nil) || err == nil && status > 299 {
				t.Fatalf("%v, %v", session, err)
			}
			if session != nil {
				_, err := client.List(context.Background(), session)
				checkError(t, err, body)
			}
		}
	})
}

// same answers every request alike, and refuses headers that net/http would refuse.
type same struct {
	status int
	body   string
}

// RoundTrip implements http.RoundTripper.
func (s same) RoundTrip(r *http.Request) (*http.Response, error) {
	for name, values := range r.Header {
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") {
				panic("header " + name + " breaks the request")
			}
		}
	}
	return &http.Response{
		StatusCode: s.status,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(s.body)),
		Request:    r,
	}, nil
}

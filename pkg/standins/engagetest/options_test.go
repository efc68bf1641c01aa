package engagetest_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

// fixed returns a NewToken that gives the texts, one after the other.
func fixed(texts ...string) func() string {
	next := 0
	return func() string {
		next++
		return texts[next-1]
	}
}

func TestAnswerForms(t *testing.T) {
	const a, b = "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9", "aws80:0ab26445-53ca-12c2-0185-4c33b642a023"
	tests := []struct {
		name    string
		answers engagetest.Answers
		method  string
		path    string
		status  int
		body    string
	}{
		{"create, bare", engagetest.Answers{}, "POST", "token", 200, "NEW"},
		{"create, quoted", engagetest.Answers{Create: engagetest.CreateQuoted}, "POST", "token", 200, `"NEW"`},
		{
			"create, bare in white space",
			engagetest.Answers{Create: engagetest.CreateBareSpaced},
			"POST",
			"token",
			200,
			" \r\nNEW\n\n",
		},
		{
			"create, quoted in white space",
			engagetest.Answers{Create: engagetest.CreateQuotedSpaced},
			"POST",
			"token",
			200,
			"\n  \"NEW\" \n",
		},
		{"list, JSON, no order", engagetest.Answers{}, "GET", "token", 200, `["` + b + `","` + a + `"]`},
		{
			"list, JSON, oldest first",
			engagetest.Answers{Order: engagetest.OrderOldestFirst},
			"GET",
			"token",
			200,
			`["` + a + `","` + b + `"]`,
		},
		{
			"list, JSON, newest first",
			engagetest.Answers{Order: engagetest.OrderNewestFirst},
			"GET",
			"token",
			200,
			`["` + b + `","` + a + `"]`,
		},
		{
			"list, the vendor's braces",
			engagetest.Answers{List: engagetest.ListBraces, Order: engagetest.OrderOldestFirst},
			"GET",
			"token",
			200,
			"{\n  \"" + a + "\",\n  \"" + b + "\"\n}",
		},
		{"delete, boolean body", engagetest.Answers{}, "DELETE", "token/" + a, 200, "true"},
		{"delete, empty body", engagetest.Answers{Delete: engagetest.DeleteEmpty}, "DELETE", "token/" + a, 200, ""},
		{"delete, no content", engagetest.Answers{Delete: engagetest.DeleteNoContent}, "DELETE", "token/" + a, 204, ""},
		{"delete unknown, not found", engagetest.Answers{}, "DELETE", "token/unknown", 404, "*"},
		{"delete unknown, gone", engagetest.Answers{UnknownDelete: 410}, "DELETE", "token/unknown", 410, "*"},
		{"delete unknown, as if done", engagetest.Answers{UnknownDelete: 200}, "DELETE", "token/unknown", 200, "false"},
		{"delete unknown, denied", engagetest.Answers{UnknownDelete: 403}, "DELETE", "token/unknown", 403, "*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, engagetest.Config{Answers: test.answers, NewToken: fixed(a, b, "NEW")})
			c.server.CreateToken(c.user.Username)
			c.server.CreateToken(c.user.Username)
			got := c.send(test.method, voice+test.path, "", "Authorization", c.bearer())
			if got.status != test.status || test.body != "*" && got.body != test.body {
				t.Errorf("answer %d %q, want %d %q", got.status, got.body, test.status, test.body)
			}
		})
	}
}

func TestDeadTokenIsAnsweredAsChosen(t *testing.T) {
	for _, status := range []int{401, 403} {
		c := newClient(t, engagetest.Config{Answers: engagetest.Answers{DeadToken: status}})
		token := c.server.CreateToken(c.user.Username)
		c.server.DeleteToken(token)
		want(t, c.send("GET", voice+"token", "", "X-Auth-Token", token), status, "errorCode")
	}
}

func TestBareTokens(t *testing.T) {
	c := newClient(t, engagetest.Config{BareTokens: true})
	if token := c.server.CreateToken(c.user.Username); len(token) != 36 || strings.Contains(token, ":") {
		t.Errorf("token %q is not a bare UUID", token)
	}
}

func TestSameSeedSameTokens(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	run := func(seed uint64) string {
		c := newClient(t, engagetest.Config{Seed: seed, Now: func() time.Time { return now }})
		return c.bearer() + c.server.CreateToken(c.user.Username)
	}
	if first, second := run(7), run(7); first != second {
		t.Error("one seed made two different runs")
	}
	if first, second := run(0), run(0); first == second {
		t.Error("two runs without a seed are the same")
	}
}

func TestPropagation(t *testing.T) {
	tests := []struct {
		name    string
		lags    engagetest.Propagation
		deleted bool   // look at a deleted token instead of a new one
		auth    string // by which the list is fetched: "bearer" or "token"
		before  bool   // is it seen, or accepted, while the lag lasts
	}{
		{
			"a new token is not listed",
			engagetest.Propagation{NewUnlisted: engagetest.Lag{Calls: 2}},
			false,
			"bearer",
			false,
		},
		{
			"a new token is not listed for a while",
			engagetest.Propagation{NewUnlisted: engagetest.Lag{For: time.Minute}},
			false,
			"bearer",
			false,
		},
		{"a new token is rejected", engagetest.Propagation{NewRejected: engagetest.Lag{Calls: 2}}, false, "token", false},
		{
			"a new token is rejected for a while",
			engagetest.Propagation{NewRejected: engagetest.Lag{For: time.Minute}},
			false,
			"token",
			false,
		},
		{
			"a deleted token is still listed",
			engagetest.Propagation{DeletedListed: engagetest.Lag{Calls: 2}},
			true,
			"bearer",
			true,
		},
		{
			"a deleted token is still listed for a while",
			engagetest.Propagation{DeletedListed: engagetest.Lag{For: time.Minute}},
			true,
			"bearer",
			true,
		},
		{
			"a deleted token still works",
			engagetest.Propagation{DeletedAccepted: engagetest.Lag{Calls: 2}},
			true,
			"token",
			true,
		},
		{
			"a deleted token still works for a while",
			engagetest.Propagation{DeletedAccepted: engagetest.Lag{For: time.Minute}},
			true,
			"token",
			true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			c := newClient(t, engagetest.Config{Propagation: test.lags, Now: func() time.Time { return now }})
			bearer := c.bearer()
			token := c.send("POST", voice+"token", "", "Authorization", bearer).body
			if test.deleted {
				want(t, c.send("DELETE", voice+"token/"+token, "", "Authorization", bearer), 200, "true")
			}
			seen := func() bool {
				if test.auth == "token" {
					return c.send("GET", voice+"token", "", "X-Auth-Token", token).status == 200
				}
				return strings.Contains(c.send("GET", voice+"token", "", "Authorization", bearer).body, token)
			}
			if first, second := seen(), seen(); first != test.before || second != test.before {
				t.Errorf("during the lag: %v, %v, want %v", first, second, test.before)
			}
			now = now.Add(time.Minute)
			if after := seen(); after == test.before {
				t.Errorf("after the lag: %v, want %v", after, !test.before)
			}
			if alive := c.server.Alive(token); alive == test.deleted {
				t.Errorf("Alive says %v", alive)
			}
		})
	}
}

func TestFlowsThatAreNotServedAreNotFound(t *testing.T) {
	c := newClient(t, engagetest.Config{Flows: []engage.Flow{engage.FlowRingCentral}})
	want(t, c.engageLogin(c.user.Password), 404, "<html>")
	want(t, c.legacyLogin(), 404, "<html>")
	bearer := "Bearer " + c.exchange().field(t, "accessToken")
	want(t, c.send("GET", voice+"token", "", "Authorization", bearer), 200, "[]")
	want(t, c.send("GET", legacy+"token", "", "Authorization", bearer), 404, "")
}

func TestLimits(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		name string
		form engagetest.RetryAfterForm
		want string
	}{
		{"seconds", engagetest.RetryAfterSeconds, "60"},
		{"date", engagetest.RetryAfterDate, now.Add(time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")},
		{"none", engagetest.RetryAfterNone, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, engagetest.Config{
				Now: func() time.Time { return now }, Answers: engagetest.Answers{RetryAfter: test.form},
				Limits: engagetest.Limits{Exchanges: -1, Logins: 1, TokenCalls: 1},
			})
			bearer := c.bearer()
			again := c.engageLogin(c.user.Password)
			want(t, again, 429, "errorCode")
			if got := again.header.Get("Retry-After"); got != test.want {
				t.Errorf("Retry-After %q, want %q", got, test.want)
			}
			want(t, c.send("GET", voice+"accounts", "", "Authorization", bearer), 200, "")
			want(t, c.send("GET", voice+"accounts", "", "Authorization", bearer), 429, "")
			for range 7 {
				want(t, c.exchange(), 200, "")
			}
		})
	}
}

func TestEchoURLGivesThePasswordBack(t *testing.T) {
	c := newClient(t, engagetest.Config{Answers: engagetest.Answers{EchoURL: true}})
	want(t, c.engageLogin("hunter22"), 401, "hunter22")
}

func TestEditList(t *testing.T) {
	c := newClient(t, engagetest.Config{EditList: func(user string, tokens []string) []string {
		return append(slices.Repeat(tokens, 2), "\x07../accounts")
	}})
	token := c.server.CreateToken(c.user.Username)
	want(
		t,
		c.send("GET", voice+"token", "", "Authorization", c.bearer()),
		200,
		`["`+token+`","`+token+`","\u0007../accounts"]`,
	)
}

func TestLoginsAreCounted(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := newClient(t, engagetest.Config{LogLength: 3, Now: func() time.Time { return now }})
	c.engageLogin(c.user.Password)
	now = now.Add(time.Second)
	c.engageLogin("wrong")
	now = now.Add(time.Second)
	c.exchange()
	now = now.Add(time.Second)
	refresh := c.legacyLogin()
	c.form("/api/auth/token/refresh", url.Values{"refresh_token": {refresh.field(t, "authToken")}})
	if n := c.server.LoginCount(c.user.Username); n != 4 {
		t.Errorf("%d logins, want 4: with the failed one, the exchange as one, without the refresh", n)
	}
	times := c.server.Logins(c.user.Username)
	if len(times) != 3 || !times[2].Equal(now) || !times[0].Equal(now.Add(-2*time.Second)) {
		t.Errorf("the latest 3 logins are %v", times)
	}
}

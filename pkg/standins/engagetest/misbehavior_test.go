package engagetest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/engagetest"
)

// crowd returns a client of a user with four tokens, and these, oldest first.
func crowd(t *testing.T, config engagetest.Config) (*client, []string) {
	t.Helper()
	c := newClient(t, config)
	var tokens []string
	for range 4 {
		tokens = append(tokens, c.server.CreateToken(c.user.Username))
	}
	return c, tokens
}

func TestEverythingIsRefusedUntilItIsSwitchedOff(t *testing.T) {
	for _, status := range []int{401, 403} {
		c, tokens := crowd(t, engagetest.Config{})
		bearer := c.bearer()
		calls := map[string]func() answer{
			"login":         func() answer { return c.engageLogin(c.user.Password) },
			"legacy login":  c.legacyLogin,
			"list":          func() answer { return c.send("GET", voice+"token", "", "Authorization", bearer) },
			"list by token": func() answer { return c.send("GET", voice+"token", "", "X-Auth-Token", tokens[0]) },
			"accounts":      func() answer { return c.send("GET", voice+"accounts", "", "Authorization", bearer) },
			"create":        func() answer { return c.send("POST", voice+"token", "", "Authorization", bearer) },
			"delete":        func() answer { return c.send("DELETE", voice+"token/"+tokens[1], "", "Authorization", bearer) },
		}
		c.server.SetMisbehavior(engagetest.Misbehavior{Refuse: status})
		for name, call := range calls {
			if got := call(); got.status != status || !strings.Contains(got.body, "errorCode") {
				t.Errorf("%s: answer %d %s, want %d", name, got.status, got.body, status)
			}
		}
		if got := c.server.Tokens(c.user.Username); !slices.Equal(got, tokens) {
			t.Errorf("%d tokens, want the %d of before", len(got), len(tokens))
		}
		c.server.SetMisbehavior(engagetest.Misbehavior{})
		for name, call := range calls {
			if got := call(); got.status != 200 {
				t.Errorf("%s, switched off: answer %d %s", name, got.status, got.body)
			}
		}
	}
}

func TestAPITokensAloneAreRefused(t *testing.T) {
	for _, status := range []int{401, 403} {
		c, tokens := crowd(t, engagetest.Config{Misbehavior: engagetest.Misbehavior{RefuseTokens: status}})
		want(t, c.send("GET", voice+"token", "", "X-Auth-Token", tokens[0]), status, "errorCode")
		want(t, c.send("DELETE", voice+"token/"+tokens[0], "", "X-Auth-Token", tokens[1]), status, "errorCode")
		want(t, c.send("GET", voice+"token", "", "Authorization", c.bearer()), 200, tokens[0])
		session := c.legacyLogin().field(t, "authToken")
		want(t, c.send("GET", legacy+"token", "", "X-Auth-Token", session), 200, tokens[0])
		c.server.SetMisbehavior(engagetest.Misbehavior{})
		want(t, c.send("GET", voice+"token", "", "X-Auth-Token", tokens[0]), 200, tokens[0])
	}
}

func TestListsLie(t *testing.T) {
	texts := fixed("aws80:token-3-of-four", "aws80:token-1-of-four", "aws80:token-4-of-four", "aws80:token-2-of-four")
	for _, test := range []struct {
		name  string
		wrong engagetest.Misbehavior
		shown []int // by creation
	}{
		{"empty", engagetest.Misbehavior{List: engagetest.ListEmpty, Keep: 2}, nil},
		{"newest 2", engagetest.Misbehavior{List: engagetest.ListNewest, Keep: 2}, []int{2, 3}},
		{"oldest 1", engagetest.Misbehavior{List: engagetest.ListOldest, Keep: 1}, []int{0}},
		{"newest 0", engagetest.Misbehavior{List: engagetest.ListNewest}, nil},
		{"oldest 9", engagetest.Misbehavior{List: engagetest.ListOldest, Keep: 9}, []int{0, 1, 2, 3}},
	} {
		for _, order := range []engagetest.ListOrder{
			engagetest.OrderByText, engagetest.OrderOldestFirst, engagetest.OrderNewestFirst,
		} {
			t.Run(test.name, func(t *testing.T) {
				c, tokens := crowd(t, engagetest.Config{NewToken: texts, Answers: engagetest.Answers{Order: order}})
				texts = fixed(tokens...)
				list := func() string { return c.send("GET", voice+"token", "", "X-Auth-Token", tokens[1]).body }
				check := func(body string, shown []int) {
					t.Helper()
					for n, token := range tokens {
						if got := strings.Contains(body, token); got != slices.Contains(shown, n) {
							t.Errorf("order %d: token %d of 4 shown: %v", order, n+1, got)
						}
					}
				}
				c.server.SetMisbehavior(test.wrong)
				check(list(), test.shown)
				check(list(), test.shown)
				test.wrong.Calls = 2
				c.server.SetMisbehavior(test.wrong)
				check(list(), test.shown)
				want(t, c.send("GET", voice+"accounts", "", "X-Auth-Token", tokens[1]), 200, "")
				check(list(), test.shown)
				check(list(), []int{0, 1, 2, 3})
			})
		}
	}
}

func TestDeletionsLie(t *testing.T) {
	for name, test := range map[string]struct {
		lie    engagetest.DeleteLie
		status int
		body   string
	}{
		"ignored":      {engagetest.DeleteIgnored, 200, "true"},
		"error body":   {engagetest.DeleteErrorBody, 200, `{"errorCode":"access.denied.exception"`},
		"false":        {engagetest.DeleteFalse, 200, "false"},
		"404 web page": {engagetest.DeleteNotFoundPage, 404, "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			c, tokens := crowd(t, engagetest.Config{})
			for _, by := range []string{tokens[0], tokens[1]} { // as itself, and by another
				c.server.SetMisbehavior(engagetest.Misbehavior{Delete: test.lie, Calls: 1})
				want(t, c.send("DELETE", voice+"token/"+tokens[0], "", "X-Auth-Token", by), test.status, test.body)
				if !c.server.Alive(tokens[0]) {
					t.Fatal("the token is deleted")
				}
			}
			want(t, c.send("DELETE", voice+"token/"+tokens[0], "", "X-Auth-Token", tokens[1]), 200, "true")
			if c.server.Alive(tokens[0]) {
				t.Error("the token lives when the lie is over")
			}
		})
	}
}

func TestCreationsAnswerWithAnOldToken(t *testing.T) {
	for name, test := range map[string]struct {
		lie  engagetest.CreateLie
		made int
	}{"nothing is made": {engagetest.CreateNothing, 0}, "one is made": {engagetest.CreateAnswersOld, 1}} {
		t.Run(name, func(t *testing.T) {
			c, tokens := crowd(t, engagetest.Config{Misbehavior: engagetest.Misbehavior{Create: test.lie, Calls: 1}})
			create := func() string { return c.send("POST", voice+"token", "", "Authorization", c.bearer()).body }
			if got := create(); !slices.Contains(tokens, got) {
				t.Errorf("answer %s, want an old token", got)
			}
			if got := len(c.server.Tokens(c.user.Username)) - len(tokens); got != test.made {
				t.Errorf("%d made, want %d", got, test.made)
			}
			if got := create(); slices.Contains(tokens, got) || !c.server.Alive(got) {
				t.Errorf("the lie is not over: %s", got)
			}
			alone := newClient(t, engagetest.Config{Misbehavior: engagetest.Misbehavior{Create: test.lie}})
			if got := alone.send("POST", voice+"token", "", "Authorization", alone.bearer()).body; !alone.server.Alive(got) {
				t.Errorf("without an old token: %s", got)
			}
		})
	}
}

func TestTokensAreCapped(t *testing.T) {
	c, tokens := crowd(t, engagetest.Config{Limits: engagetest.Limits{Tokens: 4}})
	create := func() answer { return c.send("POST", voice+"token", "", "Authorization", c.bearer()) }
	want(t, create(), http.StatusBadRequest, `"errorCode":"token.limit.exception"`)
	if made := c.server.CreateToken(c.user.Username); made != "" {
		t.Error("another program of the user makes one all the same")
	}
	if got := c.server.Tokens(c.user.Username); !slices.Equal(got, tokens) {
		t.Errorf("%d tokens, want the 4 of before", len(got))
	}
	c.server.SetLimits(engagetest.Limits{Tokens: 4, RemoveOldest: true})
	made := create()
	want(t, made, 200, "aws80:")
	if got := c.server.Tokens(c.user.Username); !slices.Equal(got, append(slices.Clone(tokens[1:]), made.body)) {
		t.Error("the oldest token was not removed for the new one")
	}
	want(t, c.send("GET", voice+"token", "", "X-Auth-Token", tokens[0]), 401, "")
	c.server.SetLimits(engagetest.Limits{})
	want(t, create(), 200, "aws80:")
	if got := len(c.server.Tokens(c.user.Username)); got != 5 {
		t.Errorf("%d tokens without a cap, want 5", got)
	}
}

// A fault at stage Before comes first, and then the misbehavior is not used up; one at stage After
// sees its answer.
func TestFaultsAndMisbehaviorCombine(t *testing.T) {
	c, tokens := crowd(t, engagetest.Config{})
	list := func() answer { return c.send("GET", voice+"token", "", "X-Auth-Token", tokens[0]) }
	c.server.SetMisbehavior(engagetest.Misbehavior{List: engagetest.ListEmpty, Calls: 1})
	c.server.SetFault(engagetest.Once(engagetest.OpList, 1, engagetest.Before, engagetest.Status(503)))
	want(t, list(), 503, "")
	want(t, list(), 200, "[]")
	want(t, list(), 200, tokens[0])
	c.server.SetMisbehavior(engagetest.Misbehavior{Refuse: 403, Calls: 1})
	var seen int
	c.server.SetFault(func(call engagetest.Call) *engagetest.Fault {
		if call.Stage == engagetest.After {
			seen = call.Status
		}
		return nil
	})
	want(t, list(), 403, "")
	if calls := c.server.Calls(); seen != 403 || calls[len(calls)-1].Status != 403 {
		t.Errorf("the hook saw %d, the log %d", seen, calls[len(calls)-1].Status)
	}
}

// Lags of up to two minutes pass by the server's clock alone, each by itself.
func TestLagsOfTwoMinutesPassByTheClockOfTheServer(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	lag := func(n time.Duration) engagetest.Lag { return engagetest.Lag{For: n * 30 * time.Second} }
	c := newClient(t, engagetest.Config{Now: func() time.Time { return now }, Propagation: engagetest.Propagation{
		NewUnlisted: lag(1), NewRejected: lag(2), DeletedListed: lag(3), DeletedAccepted: lag(4),
	}})
	bearer := c.bearer()
	token := c.send("POST", voice+"token", "", "Authorization", bearer).body
	look := func() (listed, accepted bool) {
		listed = strings.Contains(c.send("GET", voice+"token", "", "Authorization", bearer).body, token)
		return listed, c.send("GET", voice+"token", "", "X-Auth-Token", token).status == 200
	}
	steps := func(want ...[2]bool) {
		t.Helper()
		for n, w := range want {
			if listed, accepted := look(); listed != w[0] || accepted != w[1] {
				t.Errorf("after %d s: listed %v, accepted %v; want %v", 30*n, listed, accepted, w)
			}
			now = now.Add(30 * time.Second)
		}
	}
	steps([2]bool{false, false}, [2]bool{true, false}, [2]bool{true, true})
	want(t, c.send("DELETE", voice+"token/"+token, "", "Authorization", bearer), 200, "true")
	steps([2]bool{true, true}, [2]bool{true, true}, [2]bool{true, true}, [2]bool{false, true}, [2]bool{false, false})
}

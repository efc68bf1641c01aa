package engage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

// faults are the vendor's documented errors, and what else a host may answer.
var faults = map[string]func() *engagetest.Answer{
	"expired": func() *engagetest.Answer { return engagetest.Text(401, "Jwt is expired") },
	"bad credentials": func() *engagetest.Answer {
		return engagetest.JSON(
			401,
			`{"errorCode":"invalid.credentials.exception","generalMessage":"Bad credentials",`+
				`"requestUri":"/secret","timestamp":1}`,
		)
	},
	"forbidden": func() *engagetest.Answer {
		return engagetest.JSON(
			403,
			`{"errorCode":"access.denied.exception","generalMessage":"Access is denied","requestUri":"/secret","timestamp":1}`,
		)
	},
	"429 seconds":             func() *engagetest.Answer { return engagetest.TooManyRequests("42") },
	"429 without Retry-After": func() *engagetest.Answer { return engagetest.TooManyRequests("") },
	"HTML":                    func() *engagetest.Answer { return engagetest.HTML(200) },
	"HTML 502":                func() *engagetest.Answer { return engagetest.HTML(502) },
	"HTML 404":                func() *engagetest.Answer { return engagetest.HTML(404) },
	"empty":                   func() *engagetest.Answer { return engagetest.Empty(200) },
	"redirect": func() *engagetest.Answer {
		return engagetest.Redirect(302,
			"https://elsewhere.example/secret")
	},
	"invalid grant": func() *engagetest.Answer {
		return engagetest.JSON(400, `{"error":"invalid_grant","error_description":"secret"}`)
	},
}

const (
	remedyEngage = "check username, password and platformId in the secret, and that the user is not locked"
	remedyLegacy = "check username and password in the secret, and that the user is not locked"
	remedyGrant  = "check clientId, clientSecret and jwt in the secret, " +
		"and that the JWT has not expired and is for this client"
	remedyExchange = "check that the RingCentral user of the JWT has access to RingCX (Engage Voice)"
	remedyWait     = "the next attempt follows by itself; spread the rotations of this user if it recurs"
	remedyHost     = "check that the base URL names the vendor's API host"
	remedyRedirect = "set the base URL to the host that it points to, if that is the vendor's"
	remedyBaseURL  = "check the base URL and the login flow"
	remedyPasses   = "the next attempt follows by itself; if this goes on, look at the vendor's status page"
	remedyDead     = "the user was locked, or lacks the permission; look at the user in the vendor's administration"
	remedyCreate   = "the user needs permission to make API tokens"
)

// What the operator reads for each error of a login, by flow.
func TestErrorsOfALogin(t *testing.T) {
	type want struct{ fault, text string }
	logins := []struct {
		flow      engage.Flow
		operation engagetest.Operation
		name      string
		remedy    string
		lacks     string
	}{
		{engage.FlowEngage, engagetest.OpLogin, "login", remedyEngage, "the answer holds no access token"},
		{engage.FlowRingCentral, engagetest.OpGrant, "JWT grant", remedyGrant, "the answer holds no access token"},
		{engage.FlowRingCentral, engagetest.OpExchange, "exchange", remedyExchange, "the answer holds no access token"},
		{engage.FlowLegacy, engagetest.OpLogin, "login", remedyLegacy, "the answer holds no auth token"},
	}
	for _, login := range logins {
		for _, want := range []want{
			{"expired", "the access token has expired (HTTP 401); " + login.remedy},
			{"bad credentials", "the login was refused (HTTP 401 invalid.credentials.exception); " + login.remedy},
			{"forbidden", "the login was denied access (HTTP 403 access.denied.exception); " + login.remedy},
			{"429 seconds", "too many requests (HTTP 429 too.many.requests.exception); retry after 42s; " + remedyWait},
			{"429 without Retry-After", "too many requests (HTTP 429 too.many.requests.exception); " + remedyWait},
			{"HTML", "the answer is a web page (HTTP 200); " + remedyHost},
			{"HTML 502", "the vendor's server failed, with a web page (HTTP 502); " + remedyPasses},
			{"HTML 404", "the request was refused, with a web page (HTTP 404); " + remedyBaseURL},
			{"empty", login.lacks + " (HTTP 200); " + remedyHost},
			{"redirect",
				"the host answered with a redirect, which is not followed with credentials (HTTP 302); " + remedyRedirect},
			{"invalid grant", "the request was refused (HTTP 400 invalid_grant); " + login.remedy},
		} {
			t.Run(fmt.Sprintf("%s %s %s", login.flow, login.operation, want.fault), func(t *testing.T) {
				inFlow(t, login.flow, func(t *testing.T, w *vendorAndClient) {
					w.answer(login.operation, faults[want.fault])
					_, err := w.client.Login(t.Context(), w.credentials)
					checkText(t, err, "engage: "+login.name+": "+want.text)
				})
			})
		}
	}
}

// What the operator reads for each error of a token call, by flow and call.
func TestErrorsOfATokenCall(t *testing.T) {
	type want struct{ fault, text string }
	calls := []struct {
		operation engagetest.Operation
		name      string
		remedy    string
		lacks     string
		call      func(*vendorAndClient, *engage.Session) error
	}{
		{engagetest.OpList, "list tokens", remedyDead, "the answer is not a list of tokens",
			func(w *vendorAndClient, s *engage.Session) error {
				_, err := w.client.List(context.Background(), s)
				return err
			}},
		{engagetest.OpCreate, "create token", remedyCreate, "the answer is not a token: the text is empty",
			func(w *vendorAndClient, s *engage.Session) error {
				_, err := w.client.Create(context.Background(), s, nil)
				return err
			}},
		{engagetest.OpAccounts, "get accounts", remedyDead, "the answer is not a list of accounts",
			func(w *vendorAndClient, s *engage.Session) error {
				_, err := w.client.Accounts(context.Background(), s)
				return err
			}},
		{engagetest.OpDelete, "delete token", remedyDead, "",
			func(w *vendorAndClient, s *engage.Session) error {
				token, _ := engage.ParseToken(tokenA)
				return w.client.Delete(context.Background(), s, token)
			}},
	}
	for _, flow := range flows {
		for _, call := range calls {
			for _, want := range []want{
				{"expired", "the access token has expired (HTTP 401); " + call.remedy},
				{"bad credentials", "the session was refused (HTTP 401 invalid.credentials.exception); " + call.remedy},
				{"forbidden", "the session was denied access (HTTP 403 access.denied.exception); " + call.remedy},
				{"429 seconds", "too many requests (HTTP 429 too.many.requests.exception); retry after 42s; " + remedyWait},
				{"429 without Retry-After", "too many requests (HTTP 429 too.many.requests.exception); " + remedyWait},
				{"HTML", "the answer is a web page (HTTP 200); " + remedyHost},
				{"HTML 502", "the vendor's server failed, with a web page (HTTP 502); " + remedyPasses},
				{"empty", call.lacks + " (HTTP 200); " + remedyHost},
				{"redirect",
					"the host answered with a redirect, which is not followed with credentials (HTTP 302); " + remedyRedirect},
			} {
				if want.fault == "empty" && call.lacks == "" {
					continue // a deletion may be answered with nothing
				}
				t.Run(fmt.Sprintf("%s %s %s", flow, call.name, want.fault), func(t *testing.T) {
					inFlow(t, flow, func(t *testing.T, w *vendorAndClient) {
						session := w.login(t)
						w.answer(call.operation, faults[want.fault])
						checkText(t, call.call(w, session), "engage: "+call.name+": "+want.text)
					})
				})
			}
		}
	}
}

func TestErrorsOfATokenCallWithADeadToken(t *testing.T) {
	for _, status := range []int{401, 403} {
		w := connect(t, engage.FlowEngage, engagetest.Config{Answers: engagetest.Answers{DeadToken: status}})
		dead, err := engage.ParseToken(tokenA)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.client.List(t.Context(), dead)
		if !engage.Rejected(err) || engage.Retryable(err) || engage.OutcomeUnknown(err) {
			t.Errorf("%d: error %v; want a refusal for good", status, err)
		}
	}
}

func inFlow(t *testing.T, flow engage.Flow, test func(t *testing.T, w *vendorAndClient)) {
	t.Helper()
	eachOf(t, []engage.Flow{flow}, test)
}

func checkText(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	var e *engage.Error
	if !errors.As(err, &e) {
		t.Fatalf("a %T", err)
	}
	if e.Host == "" && e.Reason != "the request cannot be built" {
		t.Errorf("the error names no host: %v", err)
	}
	if got := strings.Replace(err.Error(), " at "+e.Host, "", 1); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "secret/") ||
		strings.Contains(err.Error(), "https://") {
		t.Errorf("the error holds the answer or a URL: %v", err)
	}
}

// The vendor's error code is kept if it looks like one, and dropped otherwise: it may be any text.
func TestOnlyAnErrorCodeThatLooksLikeOneIsPrinted(t *testing.T) {
	for _, body := range []string{
		`{"errorCode":"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"}`, `{"errorCode":"c2353445bc74.exception"}`,
		`{"errorCode":"` + strings.Repeat("a",
			60) + `.exception"}`, `{"errorCode":{"c2353445":1}}`, `{"errorCode":"c2353445 is wrong.exception"}`,
		`{"error":"c2353445"}`, `["c2353445"]`, `c2353445`,
		`{"generalMessage":"c2353445","requestUri":"/voice/api/v1/admin/token/c2353445"}`,
	} {
		bubble(t, func(t *testing.T, w *vendorAndClient) {
			w.answer(engagetest.OpLogin, func() *engagetest.Answer { return engagetest.JSON(403, body) })
			_, err := w.client.Login(t.Context(), w.credentials)
			checkText(t, err, "engage: login: the login was denied access (HTTP 403); "+remedyEngage)
		})
	}
}

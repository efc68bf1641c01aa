package engage_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestALoginGivesASessionForAllCalls(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		token := w.create(t, session)
		for name, auth := range map[string]engage.Auth{"the session": session, "the token itself": token} {
			listed, err := w.client.List(t.Context(), auth)
			if err != nil || len(listed) != 1 || listed[0] != token {
				t.Errorf("listed with %s: %v, %v; want %v", name, listed, err, token)
			}
			accounts, err := w.client.Accounts(t.Context(), auth)
			want := engage.Account{AccountID: "99990001", AccountName: "Example Sub-Account", MainAccountID: "99990000"}
			if err != nil || len(accounts) != 1 || accounts[0] != want {
				t.Errorf("accounts with %s: %v, %v; want %v", name, accounts, err, want)
			}
		}
		if err := w.client.Delete(t.Context(), session, token); err != nil {
			t.Errorf("delete: %v", err)
		}
		if w.server.Alive(token.Reveal()) {
			t.Error("the token lives on")
		}
		if logins := w.server.LoginCount(w.user.Username); logins != 1 {
			t.Errorf("%d logins, want 1", logins)
		}
	})
}

func TestATokenCanDeleteOthersOfItsUserAndItself(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		first, second := w.create(t, session), w.create(t, session)
		if err := w.client.Delete(t.Context(), first, second); err != nil {
			t.Errorf("delete another token: %v", err)
		}
		if err := w.client.DeleteOwn(t.Context(), first, session); err != nil {
			t.Errorf("delete itself: %v", err)
		}
		if left := w.server.Tokens(w.user.Username); len(left) != 0 {
			t.Errorf("%d tokens left", len(left))
		}
	})
}

func TestEachLoginRequestTakesAPermit(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		w.login(t)
		if w.permits.Load() != 1 {
			t.Errorf("%d permits for one login, want 1", w.permits.Load())
		}
		operation := loginOperation(w.credentials.Flow)
		w.server.SetFault(engagetest.Once(operation, 1, engagetest.Before, engagetest.Drop()))
		w.login(t)
		if w.permits.Load() != 3 {
			t.Errorf("%d permits after a login that was tried twice, want 3", w.permits.Load())
		}
	})
}

func TestARefusedPermitSendsNothing(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		enough := errors.New("five logins within this minute")
		w.config.Permit = func(context.Context) error { return enough }
		_, err := engage.New(w.config).Login(t.Context(), w.credentials)
		if !errors.Is(err, enough) || !engage.Retryable(err) || engage.OutcomeUnknown(err) {
			t.Errorf("error %v; want the retryable refusal", err)
		}
		if calls := w.server.Calls(); len(calls) != 0 {
			t.Errorf("sent %v", calls)
		}
	})
}

// loginOperation is the call at which a login gives its session.
func loginOperation(flow engage.Flow) engagetest.Operation {
	if flow == engage.FlowRingCentral {
		return engagetest.OpExchange
	}
	return engagetest.OpLogin
}

func TestASessionThatIsAboutToEndIsRefreshedWithoutALogin(t *testing.T) {
	for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowRingCentral} {
		t.Run(string(flow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := connect(t, flow, engagetest.Config{})
				session := w.login(t)
				for round := range 3 { // each refresh token is good for one use
					time.Sleep(4*time.Minute + 45*time.Second)
					if _, err := w.client.List(t.Context(), session); err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
				}
				if got := w.server.Count(engagetest.OpRefresh); got != 3 {
					t.Errorf("%d refreshes, want 3", got)
				}
				if logins := w.server.LoginCount(w.user.Username); logins != 1 {
					t.Errorf("%d logins, want 1", logins)
				}
			})
		})
	}
}

func TestALegacySessionLivesAnHourAndThenLogsInAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, engage.FlowLegacy, engagetest.Config{})
		session := w.login(t)
		time.Sleep(59 * time.Minute)
		if _, err := w.client.List(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := w.client.List(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if logins := w.server.LoginCount(w.user.Username); logins != 2 {
			t.Errorf("%d logins, want 2", logins)
		}
	})
}

// An access token can end before its time by the vendor's clock: then the answer reports it, and
// the call is made again.
func TestJwtIsExpiredRenewsTheSessionAndRepeatsTheCall(t *testing.T) {
	expired := func() *engagetest.Answer { return engagetest.Text(401, "Jwt is expired") }
	calls := map[string]struct {
		operation engagetest.Operation
		call      func(*vendorAndClient, *engage.Session) error
	}{
		"list": {
			engagetest.OpList,
			func(w *vendorAndClient, s *engage.Session) error {
				_, err := w.client.List(context.Background(), s)
				return err
			},
		},
		"create": {engagetest.OpCreate, func(w *vendorAndClient, s *engage.Session) error {
			_, err := w.client.Create(context.Background(), s, nil)
			return err
		}},
		"accounts": {engagetest.OpAccounts, func(w *vendorAndClient, s *engage.Session) error {
			_, err := w.client.Accounts(context.Background(), s)
			return err
		}},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			eachFlow(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.server.SetFault(engagetest.Once(call.operation, 1, engagetest.Before, engagetest.Respond(expired())))
				if err := call.call(w, session); err != nil {
					t.Fatal(err)
				}
				refreshes, logins := 1, 1
				if w.credentials.Flow == engage.FlowLegacy {
					refreshes, logins = 0, 2
				}
				if got := w.server.Count(engagetest.OpRefresh); got != refreshes {
					t.Errorf("%d refreshes, want %d", got, refreshes)
				}
				if got := w.server.LoginCount(w.user.Username); got != logins {
					t.Errorf("%d logins, want %d", got, logins)
				}
				if want := min(1, w.server.Count(engagetest.OpCreate)); len(w.server.Tokens(w.user.Username)) != want {
					t.Errorf("%d tokens, want %d", len(w.server.Tokens(w.user.Username)), want)
				}
			})
		})
	}
}

func TestASessionThatEndsForEverIsRenewedOnce(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.Text(401, "Jwt is expired") })
		_, err := w.client.List(t.Context(), session)
		if !engage.Rejected(err) {
			t.Errorf("error %v, want a refusal", err)
		}
		if got := w.server.Count(engagetest.OpList); got != 2 {
			t.Errorf("%d list calls, want 2", got)
		}
	})
}

// A fresh session that is refused for another reason would be refused again, at the price of a
// login.
func TestAFreshSessionThatIsRefusedIsNotRenewed(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.Text(401, "Jwt verification fails") })
		if _, err := w.client.List(t.Context(), session); !engage.Rejected(err) {
			t.Errorf("error %v, want a refusal", err)
		}
		if w.permits.Load() != 1 || w.server.Count(engagetest.OpRefresh) != 0 {
			t.Errorf("%d permits and %d refreshes, want 1 and 0", w.permits.Load(), w.server.Count(engagetest.OpRefresh))
		}
	})
}

func TestARefusedRefreshFallsBackToALogin(t *testing.T) {
	for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowRingCentral} {
		t.Run(string(flow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := connect(t, flow, engagetest.Config{})
				session := w.login(t)
				time.Sleep(5 * time.Minute)
				w.answer(engagetest.OpRefresh, func() *engagetest.Answer { return engagetest.Text(401, "no") })
				if _, err := w.client.List(t.Context(), session); err != nil {
					t.Fatal(err)
				}
				if w.permits.Load() != 2 {
					t.Errorf("%d permits, want 2: the login after the refresh takes one", w.permits.Load())
				}
				// The refresh token was used: the next renewal does not send it again.
				w.faultless()
				time.Sleep(5 * time.Minute)
				if _, err := w.client.List(t.Context(), session); err != nil {
					t.Fatal(err)
				}
				if got := w.server.Count(engagetest.OpRefresh); got != 2 {
					t.Errorf("%d refreshes, want 2", got)
				}
			})
		})
	}
}

func TestSimultaneousCallsOfAnEndedSessionRenewItOnce(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		time.Sleep(2 * time.Hour)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := w.client.List(t.Context(), session); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		renewals := w.server.Count(engagetest.OpRefresh) + w.server.LoginCount(w.user.Username) - 1
		if renewals != 1 {
			t.Errorf("%d renewals, want 1", renewals)
		}
	})
}

func TestAFailedRenewalOfACreationIsKnownToHaveMadeNothing(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		time.Sleep(2 * time.Hour)
		w.server.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Drop() })
		_, err := w.client.Create(t.Context(), session, nil)
		if err == nil || engage.OutcomeUnknown(err) {
			t.Errorf("error %v, outcome unknown %v; no creation was sent", err, engage.OutcomeUnknown(err))
		}
		if got := w.server.Count(engagetest.OpCreate); got != 0 {
			t.Errorf("%d creations sent", got)
		}
	})
}

func TestAWarmFunctionSharesTheSessionOfAUser(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		var sessions engage.Sessions
		for range 3 {
			session, err := sessions.Login(t.Context(), w.client, w.credentials)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.client.List(t.Context(), session); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if w.permits.Load() != 1 {
			t.Errorf("%d logins, want one", w.permits.Load())
		}
	})
}

func TestChangedCredentialsNeverMeetAnOldSession(t *testing.T) {
	changes := map[string]func(*engage.Credentials){
		"user name":     func(c *engage.Credentials) { c.Username += "x" },
		"password":      func(c *engage.Credentials) { c.Password = hidden.New("another") },
		"platform id":   func(c *engage.Credentials) { c.PlatformID = "aws81" },
		"client id":     func(c *engage.Credentials) { c.ClientID += "x" },
		"client secret": func(c *engage.Credentials) { c.ClientSecret = hidden.New("another") },
		"JWT":           func(c *engage.Credentials) { c.JWT = hidden.New("a.b.c") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				var sessions engage.Sessions
				first, err := sessions.Login(t.Context(), w.client, w.credentials)
				if err != nil {
					t.Fatal(err)
				}
				changed := w.credentials
				change(&changed)
				second, err := sessions.Login(t.Context(), w.client, changed)
				if err == nil && second == first {
					t.Error("the session of the old credentials was given")
				}
			})
		})
	}
}

func TestSessionsOfDifferentHostsAreKeptApart(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		var sessions engage.Sessions
		other := w.config
		other.Endpoint.BaseURL = mustURL("https://ringcx.ringcentral.com")
		first, err1 := sessions.Login(t.Context(), w.client, w.credentials)
		second, err2 := sessions.Login(t.Context(), engage.New(other), w.credentials)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if first == second {
			t.Error("one session for two hosts")
		}
	})
}

func TestASessionThatCannotBeRenewedIsForgotten(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		var sessions engage.Sessions
		if _, err := sessions.Login(t.Context(), w.client, w.credentials); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		w.server.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Status(503) })
		if _, err := sessions.Login(t.Context(), w.client, w.credentials); err == nil {
			t.Fatal("no error")
		}
		w.faultless()
		if _, err := sessions.Login(t.Context(), w.client, w.credentials); err != nil {
			t.Errorf("after the fault: %v", err)
		}
	})
}

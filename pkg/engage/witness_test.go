package engage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

// everything refuses every call with a status, logins included.
func everything(status int) func(engagetest.Call) *engagetest.Fault {
	return func(c engagetest.Call) *engagetest.Fault {
		if c.Stage == engagetest.After {
			return nil
		}
		return engagetest.Status(status)
	}
}

// to answers every call of an operation with a text, without any effect.
func to(operation engagetest.Operation, status int, text string) func(engagetest.Call) *engagetest.Fault {
	return func(c engagetest.Call) *engagetest.Fault {
		if c.Operation != operation || c.Stage == engagetest.After {
			return nil
		}
		return engagetest.Respond(engagetest.Text(status, text))
	}
}

// kind is what a caller can find out about an error.
type kind struct{ disbelieved, unconfirmed, retryable, unknown, rejected bool }

func kindOf(err error) kind {
	return kind{engage.Disbelieved(err), engage.Unconfirmed(err), engage.Retryable(err), engage.OutcomeUnknown(err),
		engage.Rejected(err)}
}

func checkKind(t *testing.T, err error, want kind) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if got := kindOf(err); got != want {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	if strings.Contains(err.Error(), "aws80:") || len(err.Error()) > 400 {
		t.Errorf("the error holds a token or is too long: %v", err)
	}
}

func TestAListByATokenMustHoldThatToken(t *testing.T) {
	for name, body := range map[string]string{"empty": "[]", "others only": `["` + tokenB + `"]`} {
		t.Run(name, func(t *testing.T) {
			eachFlow(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				token := w.create(t, session)
				w.server.SetFault(to(engagetest.OpList, 200, body))
				listed, err := w.client.List(t.Context(), token)
				checkKind(t, err, kind{disbelieved: true, retryable: true})
				checkText(t, err, "engage: list tokens: the list lacks the token that it was asked for with (HTTP 200); "+
					"the next attempt asks again")
				if listed != nil {
					t.Error("a list that is not believed is returned")
				}
				if _, err := w.client.List(t.Context(), session); err != nil {
					t.Errorf("a session's list: %v; nothing more can be demanded of it", err)
				}
				w.faultless()
				if _, err := w.client.List(t.Context(), token); err != nil {
					t.Errorf("a list that holds the token: %v", err)
				}
			})
		})
	}
}

func TestACreationThatAnswersWithAListedTokenIsRefused(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		old := w.create(t, session)
		listed, err := w.client.List(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{old.Reveal(), `"` + old.Reveal() + `"`} {
			w.server.SetFault(to(engagetest.OpCreate, 200, text))
			token, err := w.client.Create(t.Context(), session, listed)
			checkKind(t, err, kind{disbelieved: true, retryable: true, unknown: true})
			if !token.IsZero() {
				t.Error("the token of the list is taken for a new one")
			}
		}
		w.faultless()
		token, err := w.client.Create(t.Context(), session, listed)
		if err != nil || token == old {
			t.Errorf("%v, %v", token, err)
		}
	})
}

// deletions are the ways to delete a token: by the session, by another token, and by the token's
// own right.
var deletions = map[string]func(w *vendorAndClient, session *engage.Session, other, token engage.Token) error{
	"by a session": func(w *vendorAndClient, session *engage.Session, _, token engage.Token) error {
		return w.client.Delete(context.Background(), session, token)
	},
	"by another token": func(w *vendorAndClient, _ *engage.Session, other, token engage.Token) error {
		return w.client.Delete(context.Background(), other, token)
	},
	"as itself, confirmed by a session": func(w *vendorAndClient, session *engage.Session, _, token engage.Token) error {
		return w.client.DeleteOwn(context.Background(), token, session)
	},
	"as itself, confirmed by another token": func(w *vendorAndClient, _ *engage.Session, other, token engage.Token) error {
		return w.client.DeleteOwn(context.Background(), token, other)
	},
}

// deletionTest tests one way to delete the token; del does it.
type deletionTest func(t *testing.T, w *vendorAndClient, way string, token engage.Token, del func() error)

// eachDeletion runs the test for each way to delete, with two tokens at the server.
func eachDeletion(t *testing.T, config engagetest.Config, test deletionTest) {
	t.Helper()
	for name, del := range deletions {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := connect(t, engage.FlowEngage, config)
				session := w.login(t)
				other, token := w.create(t, session), w.create(t, session)
				test(t, w, name, token, func() error { return del(w, session, other, token) })
			})
		})
	}
}

func TestADeletionIsConfirmedInEveryForm(t *testing.T) {
	for name, form := range map[string]engagetest.DeleteForm{
		"200 true": engagetest.DeleteTrue, "200 empty": engagetest.DeleteEmpty, "204": engagetest.DeleteNoContent,
	} {
		t.Run(name, func(t *testing.T) {
			config := engagetest.Config{Answers: engagetest.Answers{Delete: form}}
			eachDeletion(t, config, func(t *testing.T, w *vendorAndClient, name string, token engage.Token, del func() error) {
				if err := del(); err != nil || w.server.Alive(token.Reveal()) {
					t.Errorf("%v; alive %v", err, w.server.Alive(token.Reveal()))
				}
				want := 2
				if name == "by another token" {
					want = 1
				}
				if got := w.server.Count(engagetest.OpList); got != want {
					t.Errorf("%d lists, want %d", got, want)
				}
			})
		})
	}
}

func TestADeletionThatContradictsItselfIsNotConfirmed(t *testing.T) {
	failed := kind{unknown: true}
	contradicts := kind{disbelieved: true, retryable: true, unknown: true}
	accepted := kind{unconfirmed: true, retryable: true}
	cases := map[string]struct {
		status int
		body   string
		want   kind
	}{
		"200 with an error body": {200, `{"errorCode":"access.denied.exception","requestUri":"/` + tokenA + `"}`, failed},
		"200 with an object":     {200, `{"deleted":true}`, failed},
		"200 with an array":      {200, `["` + tokenA + `"]`, failed},
		"200 with a web page":    {200, "<!DOCTYPE html><html></html>", failed},
		"204 with a web page":    {202, "<html>", failed},
		"false":                  {200, "false", contradicts},
		"quoted false":           {200, `"false"`, contradicts},
		"404":                    {404, "", contradicts},
		"404 web page":           {404, "<html>not found</html>", contradicts},
		"410":                    {410, "gone", contradicts},
		"true without effect":    {200, "true", accepted},
		"empty without effect":   {200, "", accepted},
		"text without effect":    {200, "done", accepted},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			eachDeletion(t, engagetest.Config{}, func(t *testing.T, w *vendorAndClient, _ string, token engage.Token,
				del func() error) {
				w.server.SetFault(to(engagetest.OpDelete, c.status, c.body))
				checkKind(t, del(), c.want)
				w.faultless()
				if err := del(); err != nil || w.server.Alive(token.Reveal()) {
					t.Errorf("when the fault is over: %v; alive %v", err, w.server.Alive(token.Reveal()))
				}
			})
		})
	}
}

// A vendor that answers nothing but refusals has deleted nothing, whatever was asked.
func TestWhileEverythingIsRefusedNothingIsConcluded(t *testing.T) {
	for _, status := range []int{401, 403} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			eachDeletion(t, engagetest.Config{}, func(t *testing.T, w *vendorAndClient, _ string, token engage.Token,
				del func() error) {
				w.server.SetFault(everything(status))
				checkKind(t, del(), kind{rejected: true})
				// The deletion is answered as if the token were gone, the rest is refused.
				for answer, want := range map[string]kind{
					"false": {disbelieved: true, retryable: true, unknown: true},
					"true":  {unconfirmed: true, retryable: true},
				} {
					w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
						if c.Operation == engagetest.OpDelete {
							return to(engagetest.OpDelete, 200, answer)(c)
						}
						return everything(status)(c)
					})
					checkKind(t, del(), want)
				}
				if !w.server.Alive(token.Reveal()) {
					t.Error("the token is gone")
				}
			})
		})
	}
}

// An empty list by a session, or lists that all answer [], confirm nothing.
func TestEmptyListsConfirmNoDeletion(t *testing.T) {
	eachDeletion(t, engagetest.Config{}, func(t *testing.T, w *vendorAndClient, _ string, token engage.Token,
		del func() error) {
		w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if f := to(engagetest.OpList, 200, "[]")(c); f != nil {
				return f
			}
			return to(engagetest.OpDelete, 200, "true")(c)
		})
		checkKind(t, del(), kind{unconfirmed: true, retryable: true})
		if !w.server.Alive(token.Reveal()) {
			t.Error("the token is gone")
		}
	})
}

// A list that is cut after the oldest token holds the one that asks, and lacks the one to delete.
// Together with a deletion that finds nothing it proves nothing: the token still answers.
func TestACutListDoesNotConfirmThatATokenWasNotFound(t *testing.T) {
	for name, lie := range map[string]engagetest.DeleteLie{
		"false": engagetest.DeleteFalse, "404 web page": engagetest.DeleteNotFoundPage,
	} {
		t.Run(name, func(t *testing.T) {
			config := engagetest.Config{}
			eachDeletion(t, config, func(t *testing.T, w *vendorAndClient, _ string, token engage.Token, del func() error) {
				w.server.SetMisbehavior(engagetest.Misbehavior{Delete: lie, List: engagetest.ListOldest, Keep: 1})
				checkKind(t, del(), kind{disbelieved: true, retryable: true, unknown: true})
				if !w.server.Alive(token.Reveal()) {
					t.Error("the token is gone")
				}
			})
		})
	}
}

func TestATokenThatIsGoneAlreadyIsDeleted(t *testing.T) {
	for _, answer := range []int{404, 410, 200} {
		t.Run(fmt.Sprint(answer), func(t *testing.T) {
			config := engagetest.Config{Answers: engagetest.Answers{UnknownDelete: answer}}
			eachDeletion(t, config, func(t *testing.T, w *vendorAndClient, name string, token engage.Token, del func() error) {
				w.server.DeleteToken(token.Reveal())
				err := del()
				if strings.HasPrefix(name, "as itself") {
					checkKind(t, err, kind{rejected: true}) // a dead token is refused: Dead finds out
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestADeletionThatListsShowLateIsUnconfirmedUntilThen(t *testing.T) {
	for name, lags := range map[string]engagetest.Propagation{
		"listed": {DeletedListed: engagetest.Lag{For: engage.Propagation}},
		"listed and accepted": {
			DeletedListed: engagetest.Lag{For: engage.Propagation}, DeletedAccepted: engagetest.Lag{For: time.Minute},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := engagetest.Config{Propagation: lags}
			eachDeletion(t, config, func(t *testing.T, w *vendorAndClient, way string, token engage.Token, del func() error) {
				err := del()
				checkKind(t, err, kind{unconfirmed: true, retryable: true})
				if !strings.Contains(err.Error(), "the deletion was accepted, but ") {
					t.Error(err)
				}
				if w.server.Alive(token.Reveal()) {
					t.Error("the token lives")
				}
				time.Sleep(engage.Propagation)
				if err := del(); err != nil && !strings.HasPrefix(way, "as itself") {
					t.Errorf("when the lag is over: %v", err)
				}
			})
		})
	}
}

// The deletion had its effect; what follows fails.
func TestADeletionThatCannotBeConfirmedSaysWhy(t *testing.T) {
	eachDeletion(t, engagetest.Config{}, func(t *testing.T, w *vendorAndClient, _ string, _ engage.Token,
		del func() error) {
		w.server.SetFault(to(engagetest.OpList, 503, "busy"))
		err := del()
		checkKind(t, err, kind{unconfirmed: true, retryable: true})
		if !strings.Contains(err.Error(), ": list tokens: the vendor's server failed (HTTP 503)") {
			t.Error(err)
		}
	})
	eachDeletion(t, engagetest.Config{}, func(t *testing.T, w *vendorAndClient, _ string, _ engage.Token,
		del func() error) {
		w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation != engagetest.OpList {
				return nil
			}
			return engagetest.Delay(time.Hour)
		})
		err := del()
		checkKind(t, err, kind{unconfirmed: true, retryable: true})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the cause is lost: %v", err)
		}
	})
}

func TestATokenDoesNotConfirmItsOwnDeletion(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		token := w.create(t, w.login(t))
		var none *engage.Session
		dead := func(token engage.Token, other engage.Auth) func() error {
			return func() error { _, err := w.client.Dead(t.Context(), token, time.Time{}, other); return err }
		}
		for name, del := range map[string]func() error{
			"Delete by itself":          func() error { return w.client.Delete(t.Context(), token, token) },
			"DeleteOwn by itself":       func() error { return w.client.DeleteOwn(t.Context(), token, token) },
			"DeleteOwn without another": func() error { return w.client.DeleteOwn(t.Context(), token, nil) },
			"DeleteOwn, no session":     func() error { return w.client.DeleteOwn(t.Context(), token, none) },
			"DeleteOwn, the zero token": func() error { return w.client.DeleteOwn(t.Context(), token, engage.Token{}) },
			"DeleteOwn of no token":     func() error { return w.client.DeleteOwn(t.Context(), engage.Token{}, token) },
			"Dead by itself":            dead(token, token),
			"Dead without another":      dead(token, nil),
			"Dead of no token":          dead(engage.Token{}, token),
		} {
			err := del()
			if err == nil {
				t.Errorf("%s: no error", name)
				continue
			}
			checkKind(t, err, kind{})
		}
		if w.server.Count(engagetest.OpDelete)+w.server.Count(engagetest.OpUnknown) != 0 {
			t.Error("something was sent")
		}
	})
}

func TestDeadIsBelievedOnlyOfARefusedOldTokenWhileAnotherCredentialIsAccepted(t *testing.T) {
	unsure := kind{disbelieved: true, retryable: true}
	type setting struct {
		age    time.Duration
		before func(w *vendorAndClient, token engage.Token)
		fault  func(engagetest.Call) *engagetest.Fault
		dead   bool
		want   kind // zero: no error
	}
	gone := func(w *vendorAndClient, token engage.Token) { w.server.DeleteToken(token.Reveal()) }
	apiTokens := func(c engagetest.Call) *engagetest.Fault {
		if c.Auth != "x-auth-token" {
			return nil
		}
		return everything(401)(c)
	}
	for name, c := range map[string]setting{
		"gone":                        {age: time.Hour, before: gone, dead: true},
		"gone, just old enough":       {age: engage.Propagation, before: gone, dead: true},
		"gone, but young":             {age: engage.Propagation - time.Second, before: gone, want: unsure},
		"gone, of a time to come":     {age: -time.Hour, before: gone, want: unsure},
		"alive":                       {age: time.Hour},
		"401 to everything":           {age: time.Hour, fault: everything(401), want: unsure},
		"403 to everything":           {age: time.Hour, fault: everything(403), want: unsure},
		"gone, 401 to everything":     {age: time.Hour, before: gone, fault: everything(401), want: unsure},
		"401 to API tokens":           {age: time.Hour, fault: apiTokens, want: unsure},
		"503":                         {age: time.Hour, fault: everything(503), want: kind{retryable: true, unknown: true}},
		"alive, but its list is []":   {age: time.Hour, fault: to(engagetest.OpList, 200, "[]"), want: unsure},
		"the list cannot be a list":   {age: time.Hour, fault: to(engagetest.OpList, 200, "true"), want: kind{unknown: true}},
		"gone, and the other refused": {age: time.Hour, before: gone, fault: othersRefused(), want: unsure},
	} {
		for _, by := range []string{"session", "token"} {
			if by == "session" && name == "gone, and the other refused" {
				continue
			}
			t.Run(name+", other is a "+by, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *vendorAndClient) {
					session := w.login(t)
					token, second := w.create(t, session), w.create(t, session)
					var other engage.Auth = session
					if by == "token" {
						other = second
					}
					if c.before != nil {
						c.before(w, token)
					}
					w.server.SetFault(c.fault)
					dead, err := w.client.Dead(t.Context(), token, time.Now().Add(-c.age), other)
					if dead != c.dead {
						t.Errorf("dead %v, want %v", dead, c.dead)
					}
					if c.want == (kind{}) {
						if err != nil {
							t.Error(err)
						}
						return
					}
					checkKind(t, err, c.want)
				})
			})
		}
	}
}

// othersRefused refuses every call by an API token.
func othersRefused() func(engagetest.Call) *engagetest.Fault {
	return func(c engagetest.Call) *engagetest.Fault {
		if c.Stage == engagetest.After || c.Auth != "x-auth-token" {
			return nil
		}
		return engagetest.Status(403)
	}
}

// A refusal that ends or begins while Dead asks is not taken for the token's death.
func TestARefusalOfEverythingThatEndsMeanwhileIsNotADeath(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		token, other := w.create(t, session), w.create(t, session)
		for _, believed := range []engage.Auth{session, other} {
			w.server.SetPropagation(engagetest.Propagation{})
			w.server.SetFault(engagetest.Once(engagetest.OpList, 1, engagetest.Before, engagetest.Status(401)))
			dead, err := w.client.Dead(t.Context(), token, time.Time{}, believed)
			if dead || !engage.Disbelieved(err) {
				t.Errorf("dead %v, %v; the list still shows the token", dead, err)
			}
		}
	})
}

// One refusal and one empty list are not a death if the token answers right after.
func TestATokenThatAnswersAgainIsNotDead(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		token := w.create(t, session)
		w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
			switch {
			case c.Stage == engagetest.After:
				return nil
			case c.Auth == "bearer":
				return engagetest.Respond(engagetest.TokenList())
			case w.server.Count(engagetest.OpList) == 1:
				return engagetest.Status(401)
			}
			return nil
		})
		if dead, err := w.client.Dead(t.Context(), token, time.Time{}, session); dead || err != nil {
			t.Errorf("dead %v, %v", dead, err)
		}
		if n := w.server.Count(engagetest.OpList); n != 3 {
			t.Errorf("%d lists, want 3", n)
		}
	})
}

// A deletion whose answer is lost is sent again; the second answer is then "not found".
func TestADeletionWhoseAnswerIsLostIsRepeatedAndConfirmed(t *testing.T) {
	for name, fault := range map[string]func() *engagetest.Fault{
		"reset": engagetest.Drop, "503": func() *engagetest.Fault { return engagetest.Status(503) },
	} {
		for _, stage := range []engagetest.Stage{engagetest.Before, engagetest.After} {
			t.Run(fmt.Sprintf("%s %s", name, stage), func(t *testing.T) {
				config := engagetest.Config{}
				eachDeletion(t, config, func(t *testing.T, w *vendorAndClient, way string, token engage.Token, del func() error) {
					w.server.SetFault(engagetest.Once(engagetest.OpDelete, 1, stage, fault()))
					err := del()
					if strings.HasPrefix(way, "as itself") && stage == engagetest.After {
						checkKind(t, err, kind{rejected: true})
					} else if err != nil {
						t.Error(err)
					}
					if w.server.Alive(token.Reveal()) {
						t.Error("the token lives")
					}
				})
			})
		}
	}
}

package engage_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestRetryAfterIsHonoured(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }
	cases := map[string]struct {
		header func() string
		want   time.Duration
	}{
		"seconds":        {func() string { return "7" }, 7 * time.Second},
		"date":           {func() string { return date(9 * time.Second) }, 9 * time.Second},
		"zero":           {func() string { return "0" }, 800 * time.Millisecond},
		"absent":         {func() string { return "" }, 800 * time.Millisecond},
		"nonsense":       {func() string { return "soon" }, 800 * time.Millisecond},
		"negative":       {func() string { return "-5" }, 800 * time.Millisecond},
		"a date gone by": {func() string { return date(-time.Hour) }, 800 * time.Millisecond},
		"too big":        {func() string { return "99999999999999999999" }, 800 * time.Millisecond},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.server.SetFault(
					engagetest.Once(
						engagetest.OpList,
						1,
						engagetest.Before,
						engagetest.Respond(engagetest.TooManyRequests(c.header())),
					),
				)
				waited := took(func() {
					if _, err := w.client.List(t.Context(), session); err != nil {
						t.Error(err)
					}
				})
				if waited != c.want {
					t.Errorf("waited %v, want %v", waited, c.want)
				}
			})
		})
	}
}

func TestALongRetryAfterIsTheCallersToWaitOut(t *testing.T) {
	for header, want := range map[string]time.Duration{"21": 21 * time.Second, "3600": time.Hour,
		"999999": 24 * time.Hour} {
		bubble(t, func(t *testing.T, w *vendorAndClient) {
			session := w.login(t)
			w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.TooManyRequests(header) })
			var err error
			if waited := took(func() { _, err = w.client.List(t.Context(), session) }); waited != 0 {
				t.Errorf("waited %v", waited)
			}
			var e *engage.Error
			if !errors.As(err, &e) || e.RetryAfter != want || !e.Retryable {
				t.Errorf("error %v, want a retryable one that names %v", err, want)
			}
		})
	}
}

func TestTheVendorsLimitOnExchangesIsBorne(t *testing.T) {
	for name, form := range map[string]engagetest.RetryAfterForm{"seconds": engagetest.RetryAfterSeconds,
		"date": engagetest.RetryAfterDate, "absent": engagetest.RetryAfterNone} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := connect(t, engage.FlowRingCentral, engagetest.Config{Answers: engagetest.Answers{RetryAfter: form}})
				for range 5 {
					w.login(t)
				}
				_, err := w.client.Login(t.Context(), w.credentials)
				var e *engage.Error
				if !errors.As(err, &e) || e.Status != 429 || !e.Retryable || e.Operation != "exchange" {
					t.Errorf("error %v, want a retryable 429 of the exchange", err)
				}
				if form != engagetest.RetryAfterNone && (e.RetryAfter < 50*time.Second || e.RetryAfter > time.Minute) {
					t.Errorf("retry after %v, want what is left of the minute", e.RetryAfter)
				}
				time.Sleep(time.Minute)
				w.login(t)
			})
		})
	}
}

func TestWhatMayBeRepeatedIsTriedThreeTimesWithBackOff(t *testing.T) {
	for name, fault := range map[string]func() *engagetest.Fault{
		"reset": engagetest.Drop, "500": func() *engagetest.Fault { return engagetest.Status(500) },
		"408": func() *engagetest.Fault { return engagetest.Status(408) },
	} {
		t.Run(name, func(t *testing.T) {
			eachFlow(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.server.SetFault(func(c engagetest.Call) *engagetest.Fault { return fault() })
				var err error
				waited := took(func() { _, err = w.client.List(t.Context(), session) })
				if err == nil || !engage.Retryable(err) || w.server.Count(engagetest.OpList) != 3 {
					t.Errorf("error %v after %d tries, want a retryable one after 3", err, w.server.Count(engagetest.OpList))
				}
				if waited != 600*time.Millisecond {
					t.Errorf("backed off for %v, want 200ms and 400ms", waited)
				}
			})
		})
	}
}

func TestALoginIsTriedTwiceAtTheMost(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		w.answer(loginOperation(w.credentials.Flow), func() *engagetest.Answer { return engagetest.Text(503, "busy") })
		if _, err := w.client.Login(t.Context(), w.credentials); !engage.Retryable(err) {
			t.Errorf("error %v, want a retryable one", err)
		}
		if got := w.server.Count(loginOperation(w.credentials.Flow)); got != 2 || w.permits.Load() != 2 {
			t.Errorf("%d logins with %d permits, want 2 and 2", got, w.permits.Load())
		}
	})
}

func TestRefusedCredentialsAreNotTriedAgain(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		w.answer(
			loginOperation(w.credentials.Flow),
			func() *engagetest.Answer { return engagetest.Text(401, "Bad credentials") },
		)
		if _, err := w.client.Login(t.Context(), w.credentials); !engage.Rejected(err) || engage.Retryable(err) {
			t.Errorf("error %v, want a refusal for good", err)
		}
		if w.permits.Load() != 1 {
			t.Errorf("%d permits, want 1: a second try might lock the user", w.permits.Load())
		}
	})
}

func TestNoCallOutlivesItsDeadline(t *testing.T) {
	faults := map[string]func() *engagetest.Fault{
		"no answer": func() *engagetest.Fault { return engagetest.Delay(time.Hour) },
		"drip":      func() *engagetest.Fault { return engagetest.Respond(engagetest.Drip(tokenA, time.Minute)) },
		"429":       func() *engagetest.Fault { return engagetest.Respond(engagetest.TooManyRequests("15")) },
		"500":       func() *engagetest.Fault { return engagetest.Status(500) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			eachFlow(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
					if c.Stage != engagetest.Before {
						return nil
					}
					return fault()
				})
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				calls := map[string]func() error{
					"list":   func() error { _, err := w.client.List(ctx, session); return err },
					"create": func() error { _, err := w.client.Create(ctx, session, nil); return err },
					"login":  func() error { _, err := w.client.Login(ctx, w.credentials); return err },
				}
				started := time.Now()
				for operation, call := range calls {
					if err := call(); err == nil {
						t.Errorf("%s: no error", operation)
					}
				}
				if over := time.Since(started); over > 3*time.Second {
					t.Errorf("returned after %v, the deadline was 3s", over)
				}
			})
		})
	}
}

func TestACallIsBoundedWithoutADeadline(t *testing.T) {
	for name, fault := range map[string]func() *engagetest.Fault{
		"no answer": func() *engagetest.Fault { return engagetest.Delay(time.Hour) },
		"drip":      func() *engagetest.Fault { return engagetest.Respond(engagetest.Drip(tokenA, time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
					if c.Stage == engagetest.After {
						return nil
					}
					return fault()
				})
				var err error
				waited := took(func() { _, err = w.client.Create(t.Context(), session, nil) })
				if waited != 15*time.Second {
					t.Errorf("ended after %v, want the call's 15s", waited)
				}
				checkText(t, err, "engage: create token: no answer in time"+map[string]string{"drip": " (HTTP 200)"}[name]+
					"; "+remedyPasses)
				if !errors.Is(err, context.DeadlineExceeded) || !engage.OutcomeUnknown(err) {
					t.Errorf("error %v; want context.DeadlineExceeded, outcome unknown", err)
				}
			})
		})
	}
}

func TestACancelledCallIsNotSent(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		before := len(w.server.Calls())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := w.client.Create(ctx, session, nil)
		if !errors.Is(err, context.Canceled) || engage.OutcomeUnknown(err) {
			t.Errorf("error %v; want context.Canceled, nothing sent", err)
		}
		if len(w.server.Calls()) != before {
			t.Error("something was sent")
		}
	})
}

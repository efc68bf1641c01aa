package account_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/engagetest"
)

const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"

// world is a warm function with one secret, whose login fields are in an admin secret.
type world struct {
	t        *testing.T
	server   *engagetest.Server
	accounts *account.Accounts
	source   account.Source
	current  engage.Token
	reads    int // of the admin secret
}

// Get implements secret.Getter.
func (w *world) Get(_ context.Context, _, _, _ string) (secret.Version, error) {
	w.reads++
	user := engagetest.DefaultUser()
	value := fmt.Sprintf(`{"tokenSecrets":["*"],"username":%q,"password":%q,"platformId":%q}`,
		user.Username, user.Password, user.PlatformID)
	return secret.Version{ARN: arn, Value: hidden.New(value)}, nil
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, server: engagetest.NewServer(engagetest.Config{})}
		w.current = w.create()
		s, err := settings.FromEnvironment(func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		document, err := secret.Parse(`{"adminSecretArn":"engage/admin"}`)
		if err != nil {
			t.Fatal(err)
		}
		w.source = account.Source{Store: w, Settings: s, Secret: arn, Version: "v1", Document: document}
		w.accounts = &account.Accounts{Parameters: memstore.New(), Calls: target.Calls{
			Transport: w.server.RoundTripper(), Now: time.Now, Jitter: func() float64 { return 0 },
		}}
		test(t, w)
	})
}

func (w *world) create() engage.Token {
	w.t.Helper()
	token, err := engage.ParseToken(w.server.CreateToken(engagetest.DefaultUser().Username))
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func TestTheCurrentTokenListsDuringTheLogin(t *testing.T) {
	slow := engagetest.Once(engagetest.OpLogin, 1, engagetest.Before, engagetest.Delay(5*time.Second))
	empty := engagetest.Once(engagetest.OpList, 1, engagetest.Before, engagetest.Respond(engagetest.TokenList()))
	for name, test := range map[string]struct {
		prepare func(*world)
		lists   int  // how many lists the vendor is asked for
		ahead   bool // the list is taken
	}{
		"at once":                      {func(*world) {}, 1, true},
		"not when the login took long": {func(w *world) { w.server.SetFault(slow) }, 1, false},
		"not when the list is empty":   {func(w *world) { w.server.SetFault(empty) }, 1, false},
		"not when the token is dead":   {func(w *world) { w.server.DeleteToken(w.current.Reveal()) }, 1, false},
		"not without a token":          {func(w *world) { w.current = engage.Token{} }, 0, false},
		"not when the session is kept": {func(w *world) {
			if _, err := w.accounts.LogIn(w.t.Context(), w.source, engage.Token{}); err != nil {
				w.t.Fatal(err)
			}
		}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				test.prepare(w)
				a, err := w.accounts.LogIn(t.Context(), w.source, w.current)
				if err != nil || a.Session == nil || slices.Contains(a.Ahead, w.current) != test.ahead {
					t.Errorf("%v, ahead %d tokens", err, len(a.Ahead))
				}
				if got := w.server.Count(engagetest.OpList); got != test.lists {
					t.Errorf("%d lists, want %d", got, test.lists)
				}
				if got := w.server.Count(engagetest.OpLogin); got != 1 {
					t.Errorf("%d logins, want 1", got)
				}
			})
		})
	}
}

func TestALoginThatIsNotMadeListsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		user := engagetest.DefaultUser()
		counter := logins.New(w.accounts.Parameters, w.source.Settings.Prefix, time.Now)
		for range logins.Max {
			if err := counter.Acquire(t.Context(), target.LoginKey(engage.Credentials{Username: user.Username})); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // too short to wait for the next login
		defer cancel()
		_, err := w.accounts.LogIn(ctx, w.source, w.current)
		var tooMany *logins.TooMany
		if !errors.As(err, &tooMany) || w.server.Count(engagetest.OpList)+w.server.Count(engagetest.OpLogin) != 0 {
			t.Errorf("%v, %d lists", err, w.server.Count(engagetest.OpList))
		}
	})
}

func TestALoginThatFailsEndsTheList(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpLogin {
				return engagetest.Status(http.StatusUnauthorized)
			}
			return engagetest.Delay(time.Minute)
		})
		began := time.Now()
		a, err := w.accounts.LogIn(t.Context(), w.source, w.current)
		if !engage.Rejected(err) || time.Since(began) > time.Second || a.Client == nil {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		var failure *report.Failure
		if !errors.As(err, &failure) || failure.Op != "log in with the fields of secret "+arn {
			t.Errorf("%v names no operation", err)
		}
	})
}

func TestOneRotationReadsTheEndpointOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 2 {
			e, err := w.accounts.Endpoint(t.Context(), w.source)
			if err != nil || e.User == "" || w.reads != 1 {
				t.Errorf("%v, user %q, %d reads of the admin secret", err, e.User, w.reads)
			}
		}
		for n := range 65 { // more rotations than are remembered
			next := w.source
			next.Version = fmt.Sprintf("w%d", n)
			if _, err := w.accounts.Endpoint(t.Context(), next); err != nil || w.reads != 2+n {
				t.Fatalf("%v, %d reads after the rotation of %s", err, w.reads, next.Version)
			}
		}
		if _, err := w.accounts.Endpoint(t.Context(), w.source); err != nil || w.reads != 67 {
			t.Errorf("%v, %d reads: the first rotation should be forgotten by now", err, w.reads)
		}
	})
}

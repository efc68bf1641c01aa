package witness_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/standins/engagetest"
)

const other = "other@example.com"

// listing is a rotation's list of the tokens ahead of a creation.
type listing struct {
	server  *engagetest.Server
	current engage.Token
	ours    bool  // the ledger names the current token as this user's
	permit  error // the answer to whether a login may be made
	kept    bool  // a session is kept: nobody logs in
}

func (l listing) list(t *testing.T) ([]engage.Token, error) {
	t.Helper()
	user := engagetest.DefaultUser()
	base, err := engage.ParseBaseURL("https://engage.ringcentral.com")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := engage.Endpoint{Flow: engage.FlowEngage, BaseURL: base}
	credentials := engage.Credentials{
		Flow: engage.FlowEngage, Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
	}
	calls := target.Calls{Transport: l.server.RoundTripper(), Now: time.Now, Jitter: func() float64 { return 0 },
		Permit: func(context.Context) error { return l.permit }}
	var client *engage.Client
	var session *engage.Session
	if l.kept {
		if session, err = calls.Client(endpoint).Login(t.Context(), credentials); err != nil {
			t.Fatal(err)
		}
	}
	ahead, err := witness.LogIn(t.Context(), calls, endpoint, l.current, func(c *engage.Client) (err error) {
		if client = c; !l.kept {
			session, err = c.Login(t.Context(), credentials)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	listed, err := witness.Before(t.Context(), client, session, l.current, ahead)
	if err != nil {
		return nil, err
	}
	return witness.Check(t.Context(), client, session, l.current, l.ours, ahead != nil, listed)
}

func TestTheListAheadOfACreationIsTheUsers(t *testing.T) {
	slow := func(after int) func(engagetest.Call) *engagetest.Fault {
		return engagetest.Once(engagetest.OpLogin, after, engagetest.Before, engagetest.Delay(5*time.Second))
	}
	for name, test := range map[string]struct {
		prepare func(*listing)
		lists   int // how many lists the vendor is asked for
	}{
		"during the login":              {func(*listing) {}, 1},
		"after a login that took long":  {func(l *listing) { l.server.SetFault(slow(1)) }, 2},
		"after a kept session":          {func(l *listing) { l.kept = true }, 1},
		"twice without a current token": {func(l *listing) { l.current = engage.Token{} }, 2},
		"by the session of a new user": {func(l *listing) {
			l.ours = false
			l.current = tokenOf(t, l.server.CreateToken(other))
		}, 3},
		"by the session when the current token is dead": {func(l *listing) {
			l.server.DeleteToken(l.current.Reveal())
		}, 4},
		"by the session after an empty list": {func(l *listing) {
			empty := engagetest.Respond(engagetest.TokenList())
			l.server.SetFault(engagetest.Once(engagetest.OpList, 1, engagetest.Before, empty))
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newListing(t)
				test.prepare(&l)
				listed, err := l.list(t)
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range l.server.Tokens(engagetest.DefaultUser().Username) {
					if !slices.Contains(listed, tokenOf(t, text)) {
						t.Error("the list lacks a token of the user")
					}
				}
				if got := l.server.Count(engagetest.OpList); got != test.lists {
					t.Errorf("%d lists, want %d", got, test.lists)
				}
			})
		})
	}
}

func TestALoginThatIsNotMadeListsNothing(t *testing.T) {
	l := newListing(t)
	l.permit = errors.New("five a minute")
	if _, err := l.list(t); !errors.Is(err, l.permit) || l.server.Count(engagetest.OpList) != 0 {
		t.Errorf("%v, %d lists", err, l.server.Count(engagetest.OpList))
	}
}

func TestALoginThatFailsEndsTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListing(t)
		l.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpLogin {
				return engagetest.Status(http.StatusUnauthorized)
			}
			return engagetest.Delay(time.Minute)
		})
		began := time.Now()
		if _, err := l.list(t); !engage.Rejected(err) || time.Since(began) > time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func newListing(t *testing.T) listing {
	t.Helper()
	user, another := engagetest.DefaultUser(), engagetest.DefaultUser()
	another.Username = other
	l := listing{server: engagetest.NewServer(engagetest.Config{Users: []engagetest.User{user, another}}), ours: true}
	l.server.CreateToken(user.Username)
	l.current = tokenOf(t, l.server.CreateToken(user.Username))
	return l
}

func tokenOf(t *testing.T, text string) engage.Token {
	t.Helper()
	token, err := engage.ParseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

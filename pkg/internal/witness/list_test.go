package witness_test

import (
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
	ours    bool // the ledger names the current token as this user's
	ahead   bool // the current token lists while the login is under way
}

func (l listing) list(t *testing.T) []engage.Token {
	t.Helper()
	user := engagetest.DefaultUser()
	base, err := engage.ParseBaseURL("https://engage.ringcentral.com")
	if err != nil {
		t.Fatal(err)
	}
	client := target.Calls{
		Transport: l.server.RoundTripper(), Now: time.Now, Jitter: func() float64 { return 0 },
	}.Client(engage.Endpoint{Flow: engage.FlowEngage, BaseURL: base})
	session, err := client.Login(t.Context(), engage.Credentials{
		Flow: engage.FlowEngage, Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
	})
	if err != nil {
		t.Fatal(err)
	}
	var ahead []engage.Token
	if l.ahead {
		ahead, _ = client.List(t.Context(), l.current)
	}
	listed, err := witness.Before(t.Context(), client, session, l.current, ahead)
	if err == nil {
		listed, err = witness.Check(t.Context(), client, session, l.current, l.ours, ahead != nil, listed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return listed
}

func TestTheListAheadOfACreationIsTheUsers(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*listing)
		lists   int // how many lists the vendor is asked for
	}{
		"during the login":              {func(*listing) {}, 1},
		"after the login":               {func(l *listing) { l.ahead = false }, 1},
		"twice without a current token": {func(l *listing) { l.current, l.ahead = engage.Token{}, false }, 2},
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
				listed := l.list(t)
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

func newListing(t *testing.T) listing {
	t.Helper()
	user, another := engagetest.DefaultUser(), engagetest.DefaultUser()
	another.Username = other
	server := engagetest.NewServer(engagetest.Config{Users: []engagetest.User{user, another}})
	server.CreateToken(user.Username)
	return listing{server: server, current: tokenOf(t, server.CreateToken(user.Username)), ours: true, ahead: true}
}

func tokenOf(t *testing.T, text string) engage.Token {
	t.Helper()
	token, err := engage.ParseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

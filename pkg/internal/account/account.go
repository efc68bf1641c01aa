// Package account logs in as a secret's Engage user, and remembers where a document's calls go.
package account

import (
	"context"
	"sync"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

const (
	// afterLogin is how much of an invocation's time must be left after a wait for a permitted login.
	afterLogin = 20 * time.Second
	// aheadLife is how old a list may be that was asked for while a login was under way.
	aheadLife = 3 * time.Second
)

// Accounts keeps the sessions of a warm function, and where calls went. It is safe for concurrent
// use. Parameters and Calls are required.
type Accounts struct {
	// Parameters is where logins are counted.
	Parameters ledger.Parameters
	// Calls is how calls to the vendor are made, but for a login, which needs a permit.
	Calls target.Calls

	sessions  engage.Sessions
	mu        sync.Mutex
	endpoints map[string]Endpoint
}

// Source is what names the user of a rotation.
type Source struct {
	// Store is where the admin secret is read.
	Store    secret.Getter
	Settings settings.Settings
	// Secret is the token secret's ARN, and Version the version that is to get a token.
	Secret, Version string
	// Document is the token secret's value.
	Document *secret.Document
}

// Account is a user as which a login was made.
type Account struct {
	target.Target
	Client  *engage.Client
	Session *engage.Session
	// Ahead is what the current token listed during the login, if anything.
	Ahead []engage.Token
}

// LogIn logs in as the source's user, or returns the session that is kept. During the login it
// lists with the current token, which may be zero. The Client is set also when the login failed,
// and nil when the login fields could not be read. Errors are of type *report.Failure.
func (a *Accounts) LogIn(ctx context.Context, s Source, current engage.Token) (Account, error) {
	t, err := target.Read(ctx, s.Store, s.Settings, s.Secret, s.Document)
	if err != nil {
		return Account{}, report.Failed("read the login fields", err, "nothing was created")
	}
	counter, key := logins.New(a.Parameters, s.Settings.Prefix, a.Calls.Now), target.LoginKey(t.Credentials)
	calls := a.Calls
	calls.Permit = func(ctx context.Context) error { return counter.Permit(ctx, key, afterLogin) }
	account := Account{Target: t}
	account.Ahead, err = listAhead(ctx, calls, t.Endpoint, current, func(client *engage.Client) (err error) {
		account.Client = client
		account.Session, err = a.sessions.Login(ctx, client, t.Credentials)
		counter.Failed(ctx, key, err)
		return err
	})
	return account, report.Failed("log in with the fields of secret "+t.Holder, err, "nothing was created")
}

// listAhead calls logIn with a way to make calls, and as soon as a login is permitted also lists
// with the current token, so that neither waits for the other. Without a login, without a current
// token or a believable answer, or if all this took long, ahead is nil. The error is logIn's.
func listAhead(ctx context.Context, calls target.Calls, endpoint engage.Endpoint, current engage.Token,
	logIn func(*engage.Client) error) (ahead []engage.Token, err error) {
	begun := make(chan bool, 1) // the first value counts: whether a login was permitted
	begin := func(permitted bool) {
		select {
		case begun <- permitted:
		default:
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var asked time.Time
	client, permit := calls.Client(endpoint), calls.Permit
	calls.Permit = func(ctx context.Context) error {
		err := permit(ctx)
		begin(err == nil)
		return err
	}
	err = parallel.Do(
		func() error {
			if <-begun && !current.IsZero() {
				asked = calls.Now()
				ahead, _ = client.List(ctx, current) // holds the token, or is an error
			}
			return nil
		},
		func() error {
			defer begin(false)
			err := logIn(calls.Client(endpoint))
			if err != nil {
				cancel()
			}
			return err
		})
	if calls.Now().Sub(asked) > aheadLife {
		ahead = nil
	}
	return ahead, err
}

package rotation

import (
	"context"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// account is a logged-in user.
type account struct {
	target.Target
	client  *engage.Client
	session *engage.Session
	ahead   []engage.Token // what the current token listed during the login, if anything
}

// logIn logs in, which no step does but createSecret, a preflight, and testSecret when it must know
// whether a token is dead. During the login the current token, which may be zero, is listed with.
func (i *invocation) logIn(ctx context.Context, r reading, current engage.Token) (account, error) {
	t, err := target.Read(ctx, i.admins, r.settings, r.arn(), r.current.document)
	if err != nil {
		return account{}, report.Failed("read the login fields", err, "nothing was created")
	}
	counter, key := logins.New(i.config.Parameters, r.settings.Prefix, i.config.Now), target.LoginKey(t.Credentials)
	calls := i.calls()
	calls.Permit = func(ctx context.Context) error { return counter.Permit(ctx, key, afterLogin) }
	a := account{Target: t}
	a.ahead, err = witness.LogIn(ctx, calls, t.Endpoint, current, func(client *engage.Client) (err error) {
		a.client = client
		a.session, err = i.sessions.Login(ctx, client, t.Credentials)
		counter.Failed(ctx, key, err)
		return err
	})
	return a, report.Failed("log in with the fields of secret "+t.Holder, err, "nothing was created")
}

// logInAndRead logs in, calls the vendor and meanwhile reads the secret's entries in the ledger.
func (i *invocation) logInAndRead(ctx context.Context, r reading, then func(account) error) (
	a account, v ledger.View, err error) {
	err = parallel.Do(
		func() (err error) {
			if a, err = i.logIn(ctx, r, r.current.token); err != nil {
				return err
			}
			return then(a)
		},
		func() (err error) { v, err = i.readLedger(ctx, r.arn()); return err })
	return a, v, err
}

func (i *invocation) calls() target.Calls {
	return target.Calls{Transport: i.config.Transport, Now: i.config.Now, Jitter: i.config.Jitter}
}

// afterLogin is how much of an invocation's time must be left after a wait for a permitted login.
const afterLogin = 20 * time.Second

// endpoint is where a document's calls go, without the login fields.
type endpoint struct {
	engage.Endpoint
	user ledger.User
}

// findEndpoint returns where the document's calls go. Within one rotation a warm function remembers
// it, so that testSecret and finishSecret need not read the admin secret for it.
func (i *invocation) findEndpoint(ctx context.Context, r reading, document *secret.Document) (endpoint, error) {
	if e, ok := i.recall(document); ok {
		return e, nil
	}
	t, err := target.Read(ctx, i.admins, r.settings, r.arn(), document)
	if err != nil {
		return endpoint{}, report.Failed("read the login fields", err, "the service repeats the rotation")
	}
	e := endpoint{t.Endpoint, t.User}
	i.remember(document, e)
	return e, nil
}

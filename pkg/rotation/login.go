package rotation

import (
	"context"
	"errors"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
)

// warm reports whether a login is likely not needed.
func (r *Rotator) warm() bool { return r.sessions.Warm(r.config.Now()) }

// logIn logs in, which no step does but createSecret and a preflight, and then calls the vendor; meanwhile it reads the
// ledger.
func (i *invocation) logIn(ctx context.Context, history ledger.LoginHistory, then func(place, *engage.Session) error) (place, *engage.Session, ledger.View, error) {
	count := counted{now: i.config.Now, acquire: func(ctx context.Context, user ledger.User) error {
		for {
			err := i.loginCounter().Acquire(ctx, history, account.LoginKey(i.currentDocument, user))
			history = nil // good for one login
			var tooMany *ledger.TooManyLogins
			if !errors.As(err, &tooMany) || !i.sleepUntil(ctx, tooMany.Until) {
				return err
			}
		}
	}}
	// Who logs in is known by the admin secret's name: the login is counted while that secret is being read.
	if i.currentDocument.AdminSecretARN() != "" && !i.warm() {
		count.ahead(ctx, "")
	}
	a, err := i.readAccount(ctx, i.currentDocument)
	if err != nil {
		count.wait()
		return place{}, nil, ledger.View{}, err
	}
	p := i.newPlace(a.Endpoint, a.User, func(ctx context.Context) error { return count.permit(ctx, a.User) })
	var (
		view    ledger.View
		session *engage.Session
	)
	err = parallel.Do(
		func() (err error) {
			if session, err = i.sessions.Login(ctx, p.client, a.Credentials); err != nil {
				return fail("log in", err, "nothing was created")
			}
			return then(p, session)
		},
		func() (err error) {
			view, err = i.ledger().Read(ctx, p.user)
			return fail2("read the ledger", err, "nothing was created; the function needs ssm:GetParametersByPath there")
		})
	count.wait()
	return p, session, view, err
}

// afterLogin is how much of an invocation's time must be left after a wait for the permission to log in.
const afterLogin = 20 * time.Second

// sleepUntil waits where the invocation has the time for it, and reports whether it did.
func (i *invocation) sleepUntil(ctx context.Context, at time.Time) bool {
	wait := at.Sub(i.config.Now())
	deadline, ok := ctx.Deadline()
	if !ok || i.config.Now().Add(wait+afterLogin).After(deadline) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// counted counts logins, the first of them ahead of time where ahead was called.
type counted struct {
	acquire func(context.Context, ledger.User) error
	now     func() time.Time
	first   chan error
	since   time.Time // when ahead was called
}

// ahead starts counting a login.
func (c *counted) ahead(ctx context.Context, user ledger.User) {
	c.first, c.since = make(chan error, 1), c.now()
	first := c.first
	go func() {
		err := errors.New("the count of logins panicked")
		defer func() {
			_ = recover() // its value may hold anything
			first <- err
		}()
		err = c.acquire(ctx, user)
	}()
}

// permit returns when a login is counted, or may not be.
func (c *counted) permit(ctx context.Context, user ledger.User) error {
	if first := c.first; first != nil {
		c.first = nil
		if err := <-first; err != nil || c.now().Sub(c.since) <= ledger.LoginMargin-engage.PermitLife {
			return err
		}
		// The login would come so much later than it was counted that the count would be wrong.
	}
	return c.acquire(ctx, user)
}

// wait waits for a count that nobody has asked for, so that no call outlives the invocation.
func (c *counted) wait() {
	if c.first != nil {
		<-c.first
	}
}

package rotation

import (
	"context"
	"errors"
	"time"

	"engage-token-rotation/pkg/account"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/parallel"
	"engage-token-rotation/pkg/secret"
)

const hintStartAfresh = "start a new rotation (aws secretsmanager rotate-secret)"

// create is createSecret: afterwards the version holds a token that the ledger knows.
func (i *invocation) create(ctx context.Context) (Report, error) {
	history, err := i.read(ctx, readings{calls: true, labels: true, logins: !i.warm()})
	if err != nil {
		return Report{}, err
	}
	if err := i.awaitLabel(ctx); err != nil {
		return Report{}, err
	}
	if i.pending.ID != "" || i.labels.Carries(i.event.VersionID, LabelCurrent) {
		return i.unchanged(ctx)
	}
	if _, err := i.currentDocument.Token(); err != nil {
		return Report{}, fail("read AWSCURRENT", err, "nothing was created")
	}
	var listed []engage.Token
	p, session, view, err := i.logIn(ctx, history, func(p place, session *engage.Session) (err error) {
		listed, err = p.client.List(ctx, session)
		return fail2("list the tokens", err, "nothing was created")
	})
	if err != nil {
		return Report{}, err
	}
	made, found, err := i.resolve(ctx, p, listed, view)
	if err != nil {
		return Report{}, err
	}
	if !found {
		if made, err = i.make(ctx, p, session, listed); err != nil {
			return Report{}, err
		}
	}
	if err := i.put(ctx, p, session, made); err != nil {
		return Report{}, err
	}
	i.remember(i.currentDocument, p)
	report := Report{Outcome: OutcomeCreated, Fingerprint: made.record.Fingerprint}
	if made.claimed {
		report.Outcome = OutcomeAdopted
	}
	return report, nil
}

// awaitLabel checks that the version carries AWSPENDING or AWSCURRENT. The description may be some seconds old, so that it
// is asked for again before the rotation is called abandoned.
func (i *invocation) awaitLabel(ctx context.Context) (err error) {
	for try := 0; ; try++ {
		if i.labels.Carries(i.event.VersionID, LabelPending) || i.labels.Carries(i.event.VersionID, LabelCurrent) {
			return nil
		}
		if !pause(ctx, try) {
			return fail("check the version", ErrAbandoned, "the version does not carry AWSPENDING: the rotation was cancelled, or the secret edited by hand; "+hintStartAfresh)
		}
		if i.labels, err = i.config.Secrets.Describe(ctx, i.event.SecretID); err != nil {
			return fail("describe the secret", err, "the service repeats the rotation")
		}
	}
}

func (i *invocation) unchanged(ctx context.Context) (Report, error) {
	if i.pending.ID == "" {
		return Report{Outcome: OutcomeUnchanged}, nil // current, but not to be read yet
	}
	token, err := i.pendingToken(ctx)
	return Report{Outcome: OutcomeUnchanged, Fingerprint: token.Fingerprint()}, err
}

// warm reports whether a login is likely not needed.
func (r *Rotator) warm() bool { return r.sessions.Warm(r.config.Now()) }

// logIn logs in, which no step does but createSecret and a preflight, and then calls the vendor; meanwhile it reads the
// ledger.
func (i *invocation) logIn(ctx context.Context, history ledger.LoginHistory, then func(place, *engage.Session) error) (place, *engage.Session, ledger.View, error) {
	count := counted{now: i.config.Now, acquire: func(ctx context.Context, user ledger.User) error {
		err := i.loginCounter().Acquire(ctx, history, account.LoginKey(i.currentDocument, user))
		history = nil // good for one login
		var tooMany *ledger.TooManyLogins
		if errors.As(err, &tooMany) && i.sleepUntil(ctx, tooMany.Until) {
			return i.loginCounter().Acquire(ctx, nil, account.LoginKey(i.currentDocument, user))
		}
		return err
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
		if err := <-first; err != nil || c.now().Sub(c.since) <= ledger.LoginMargin {
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

// creation is a token that is to be put, with its record.
type creation struct {
	token  engage.Token
	record ledger.Token
	// intent is the intent that the record settles.
	intent ledger.Intent
	// claimed tells that the token was found instead of made, and its record written.
	claimed bool
}

// make creates a token: intent first.
func (i *invocation) make(ctx context.Context, p place, session *engage.Session, listed []engage.Token) (creation, error) {
	intent := ledger.NewIntent(i.labels.ARN, i.event.VersionID, i.config.Attempt(ctx), i.config.Now())
	intent.Base = i.current.ID
	intent.Until = i.deadline(ctx)
	intent.Baseline = ledger.NewBaseline(listed)
	if err := i.ledger().Begin(ctx, p.user, intent); err != nil {
		return creation{}, fail("write the intent", err, "nothing was created; the function needs ssm:PutParameter there")
	}
	token, err := p.client.Create(ctx, session)
	if err == nil {
		return creation{token: token, record: i.newRecord(ctx, intent, token), intent: intent}, nil
	}
	if !engage.OutcomeUnknown(err) {
		// Refused before any effect. An intent that cannot be removed is resolved by the next attempt.
		_ = i.ledger().End(ctx, p.user, intent)
		return creation{}, fail("create a token", err, "")
	}
	made, found, findErr := i.findLost(ctx, p, session)
	if findErr != nil || !found {
		return creation{}, fail("create a token", err, "whether a token was made is found out by the next attempt")
	}
	return made, nil
}

func (i *invocation) newRecord(ctx context.Context, intent ledger.Intent, token engage.Token) ledger.Token {
	return ledger.Token{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: token.Fingerprint(), State: ledger.Issued,
		CreatedAt: intent.StartedAt, Intent: intent.ID, Base: intent.Base, Until: i.deadline(ctx),
	}
}

// findLost lists again, until the token whose creation was not answered shows up.
func (i *invocation) findLost(ctx context.Context, p place, session *engage.Session) (creation, bool, error) {
	for try := 0; ; try++ {
		listed, err := p.client.List(ctx, session)
		if err != nil {
			return creation{}, false, err
		}
		view, err := i.ledger().Read(ctx, p.user)
		if err != nil {
			return creation{}, false, err
		}
		made, found, err := i.resolve(ctx, p, listed, view)
		if found || err != nil || !pause(ctx, try) {
			return made, found, err
		}
	}
}

// put stores the token in the version and writes its record, side by side: either of them tells a later attempt whose
// the token is.
func (i *invocation) put(ctx context.Context, p place, session *engage.Session, made creation) error {
	document, err := i.currentDocument.WithToken(made.token, made.record.CreatedAt)
	if err != nil {
		return i.compensate(ctx, p, session, made, fail("put the token", err, ""))
	}
	record, won := made.record, true
	var putErr error
	err = parallel.Do(
		func() (err error) {
			if !made.claimed {
				record, won, err = i.ledger().Claim(ctx, p.user, made.record)
			}
			return err
		},
		func() error {
			putErr = i.config.Secrets.PutPending(ctx, i.event.SecretID, i.event.VersionID, document.Text(), i.event.RotationToken)
			return nil
		})
	if putErr != nil {
		return i.settlePut(ctx, p, session, made, putErr)
	}
	if err != nil {
		// The version holds the token, which is as good as a record: finishSecret writes it.
		i.config.Log.WarnContext(ctx, "the token's record could not be written yet", "error", err.Error())
		return nil
	}
	if !won && record.State != ledger.Issued {
		// A sweep has given this creation up, and will delete the token.
		i.unlabel(ctx)
		return fail("put the token", ErrAbandoned, "the creation took so long that a sweep gave it up; "+hintStartAfresh)
	}
	return nil
}

// settlePut finds out what became of a put that failed.
func (i *invocation) settlePut(ctx context.Context, p place, session *engage.Session, made creation, putErr error) error {
	refused := !errors.Is(putErr, ErrOutcomeUnknown) && !errors.Is(putErr, ErrConflict)
	failure := fail("put the token", putErr, "the next attempt goes on from here")
	if err := i.readPending(ctx, !refused); err != nil {
		return failure
	}
	if i.pending.ID != "" {
		held, err := i.pendingToken(ctx)
		switch {
		case err != nil:
			return err
		case held == made.token && i.pending.Carries(LabelPending):
			return nil
		case held == made.token:
			return failure
		}
		// A simultaneous attempt was first: the rotation goes on with its token, and ours goes.
		if err := i.compensate(ctx, p, session, made, nil); err != nil {
			i.config.Log.WarnContext(ctx, "a token that no version holds stays until the next rotation or sweep",
				"fingerprint", made.record.Fingerprint, "error", err.Error())
		}
		return nil
	}
	if refused {
		return i.compensate(ctx, p, session, made, fail("put the token", putErr,
			"the new token was deleted again, or is by the next rotation or sweep; the function needs secretsmanager:PutSecretValue on the secret"))
	}
	return failure
}

// compensate deletes a token that no version will ever hold, and then its record. It returns cause, or else what went
// wrong here; what it could not do, a later rotation or sweep does by the record.
func (i *invocation) compensate(ctx context.Context, p place, session *engage.Session, made creation, cause error) error {
	err := p.client.Delete(ctx, session, made.token)
	if err == nil {
		err = i.ledger().Forget(ctx, p.user, made.record)
	}
	if cause != nil {
		return cause
	}
	return err
}

// unlabel takes AWSPENDING from the version.
func (i *invocation) unlabel(ctx context.Context) error {
	err := i.config.Secrets.MoveLabel(ctx, i.event.SecretID, LabelPending, "", i.event.VersionID)
	if errors.Is(err, ErrConflict) {
		return nil // it has lost the label already
	}
	return fail2("remove AWSPENDING", err, "the function needs secretsmanager:UpdateSecretVersionStage on the secret")
}

// pendingToken returns the token that the version holds. A value without one was not put by a rotation, and would fail
// every attempt: the version is given up.
func (i *invocation) pendingToken(ctx context.Context) (engage.Token, error) {
	fault := i.pendingFault
	if fault == nil {
		token, err := i.pendingDocument.Token()
		if err == nil && !token.IsZero() {
			return token, nil
		}
		if fault = err; fault == nil {
			fault = &secret.FieldError{Field: secret.FieldToken, Fault: "is missing in the version"}
		}
	}
	if !i.pending.Carries(LabelPending) || i.pending.Carries(LabelCurrent) {
		return engage.Token{}, fail("read the version", fault, "")
	}
	return engage.Token{}, i.giveUp(ctx, fault)
}

package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// invocation is one step at work, and what it has read. Nothing is read twice.
type invocation struct {
	*Rotator
	event Event

	settings settings.Settings
	labels   Description // createSecret and finishSecret only
	current  Version
	pending  Version // ID is empty where the version has no value
	// The documents of both; pendingDocument is nil where the version has no value, or one that is no document.
	currentDocument, pendingDocument *secret.Document
	// pendingFault is what is wrong with the version's value.
	pendingFault error
	// condemned are the secret's tokens that were seen to be marked for deletion.
	condemned map[engage.Fingerprint]bool
}

// place is where a secret's calls go and whose they are, with a client for them.
type place struct {
	endpoint engage.Endpoint
	user     ledger.User
	client   *engage.Client
}

// readings says what a step needs to know.
type readings struct {
	calls  bool // the vendor is going to be called, which takes the settings
	labels bool // describe the secret
	wait   bool // the version has a value, or will have one within seconds
	logins bool // read the logins of the last minute ahead
}

// read reads what the step needs, side by side.
func (i *invocation) read(ctx context.Context, want readings) (history ledger.LoginHistory, err error) {
	var load, describe, logins func() error
	if want.calls {
		load = func() (err error) { i.settings, err = i.loadSettings(ctx); return err }
	}
	if want.labels {
		describe = func() (err error) {
			i.labels, err = i.config.Secrets.Describe(ctx, i.event.SecretID)
			return fail2("describe the secret", err, "the function needs secretsmanager:DescribeSecret on it")
		}
	}
	if want.logins {
		logins = func() (err error) {
			history, err = i.loginCounter().History(ctx)
			return fail2("count logins", err, "nothing was created; the function needs ssm:GetParametersByPath there")
		}
	}
	err = parallel.Do(
		load,
		describe,
		func() error { return i.readCurrent(ctx) },
		func() error { return i.readPending(ctx, want.wait) },
		logins,
	)
	return history, err
}

// fail2 is fail for an error that may be nil.
func fail2(op string, err error, hint string) error {
	if err == nil {
		return nil
	}
	return fail(op, err, hint)
}

func (i *invocation) readCurrent(ctx context.Context) (err error) {
	i.current, err = i.config.Secrets.Get(ctx, i.event.SecretID, "", LabelCurrent)
	if errors.Is(err, ErrNotFound) {
		return fail("read AWSCURRENT", err, "store the login fields, or adminSecretArn, as the secret's value before its first rotation")
	}
	if err != nil {
		return fail("read AWSCURRENT", err, "the function needs secretsmanager:GetSecretValue on the secret")
	}
	i.currentDocument, err = secret.Parse(i.current.Value.Reveal())
	return fail2("read AWSCURRENT", err, "")
}

// readPending reads the event's version. All operations are eventually consistent, so that a value which was put may not
// be found for some seconds: with wait it is asked for again.
func (i *invocation) readPending(ctx context.Context, wait bool) (err error) {
	for try := 0; ; try++ {
		i.pending, err = i.config.Secrets.Get(ctx, i.event.SecretID, i.event.VersionID, "")
		if !errors.Is(err, ErrNotFound) || !wait || !pause(ctx, try) {
			break
		}
	}
	if errors.Is(err, ErrNotFound) {
		i.pending = Version{}
		return nil
	}
	if err != nil {
		return fail("read the version", err, "the function needs secretsmanager:GetSecretValue on the secret")
	}
	i.pendingDocument, i.pendingFault = secret.Parse(i.pending.Value.Reveal())
	return nil
}

// pauses are the waits between reads that may be stale: some four seconds in all.
var pauses = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}

// sure reports whether the pauses are over, so that what is still read is no old state.
func sure(try int) bool { return try >= len(pauses) }

// pause waits before the next try, and reports false where there is to be none.
func pause(ctx context.Context, try int) bool {
	if sure(try) {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pauses[try]+time.Second {
		return false
	}
	timer := time.NewTimer(pauses[try])
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// readAccount reads where the document's calls go and whose they are.
func (i *invocation) readAccount(ctx context.Context, document *secret.Document) (account.Account, error) {
	read := func(ctx context.Context, secretID string) (hidden.String, error) {
		version, err := i.config.Secrets.Get(ctx, secretID, "", LabelCurrent)
		return version.Value, err
	}
	a, err := account.Read(ctx, read, i.settings, document)
	return a, fail2("read the login fields", err, "")
}

// newPlace makes a client; permit may be nil where nobody logs in.
func (i *invocation) newPlace(endpoint engage.Endpoint, user ledger.User, permit func(context.Context) error) place {
	return place{endpoint: endpoint, user: user, client: engage.New(engage.Config{
		Endpoint: endpoint, Transport: i.config.Transport, Permit: permit, Now: i.config.Now, Jitter: i.config.Jitter,
	})}
}

// findPlace returns where the document's calls go. Within one rotation a warm function remembers it, so that testSecret
// and finishSecret need not read the admin secret for it.
func (i *invocation) findPlace(ctx context.Context, document *secret.Document) (place, error) {
	if p, ok := i.recall(document); ok {
		return i.newPlace(p.endpoint, p.user, nil), nil
	}
	a, err := i.readAccount(ctx, document)
	if err != nil {
		return place{}, err
	}
	p := i.newPlace(a.Endpoint, a.User, nil)
	i.remember(document, p)
	return p, nil
}

func (i *invocation) placeKey(document *secret.Document) string {
	return fmt.Sprintf("%s %s %s %s", i.event.SecretID, i.event.VersionID, document.AdminSecretARN(), secret.NewBaseURL(document, nil))
}

func (i *invocation) recall(document *secret.Document) (place, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p, ok := i.places[i.placeKey(document)]
	return p, ok
}

// maxPlaces bounds what a warm function remembers; a rotation needs one.
const maxPlaces = 64

func (i *invocation) remember(document *secret.Document, p place) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.places) >= maxPlaces {
		clear(i.places)
	}
	i.places[i.placeKey(document)] = place{endpoint: p.endpoint, user: p.user}
}

func (i *invocation) ledger() *ledger.Ledger {
	return ledger.New(i.config.Parameters, i.config.Settings.Prefix)
}

func (i *invocation) loginCounter() *ledger.Logins {
	return ledger.NewLogins(i.config.Parameters, i.config.Settings.Prefix, i.config.Now)
}

// deadline returns when this invocation will have ended.
func (i *invocation) deadline(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Add(reserve)
	}
	return i.config.Now().Add(maxInvocation)
}

// maxInvocation is the longest that Lambda lets an invocation run.
const maxInvocation = 15 * time.Minute

func find(tokens []engage.Token, fingerprint engage.Fingerprint) (engage.Token, bool) {
	for _, token := range tokens {
		if token.Fingerprint() == fingerprint {
			return token, true
		}
	}
	return engage.Token{}, false
}

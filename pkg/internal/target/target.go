// Package target finds out where a secret's calls go: which Engage host, which user, which login
// fields.
package target

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// Target is where a secret's calls go. Its login fields do not print.
type Target struct {
	Endpoint engage.Endpoint
	// User is the ledger's name for the user.
	User        ledger.User
	Credentials engage.Credentials
	// Holder is the ARN of the secret with the login fields: the admin secret, or the token secret.
	Holder string
	// Overrides are the settings that fields of the secrets override.
	Overrides []settings.Effective
}

// AdminID returns the ARN or name of the admin secret with the document's login fields: what the
// document names, or else the stack's own when the document has no login field; "" when there is
// none.
func AdminID(s settings.Settings, document *secret.Document) string {
	if id := document.AdminSecretARN(); id != "" || document.HasLoginField() {
		return id
	}
	return s.AdminSecret
}

// Read reads the admin secret of a token secret, if any, and returns the token secret's target.
func Read(
	ctx context.Context,
	store secret.Getter,
	s settings.Settings,
	tokenSecretARN string,
	document *secret.Document,
) (Target, error) {
	admin, arn, err := readAdmin(ctx, store, AdminID(s, document))
	if err != nil {
		return Target{}, err
	}
	if admin != nil && !admin.Serves(tokenSecretARN, isOwn(s, arn, tokenSecretARN)) {
		return Target{}, fmt.Errorf("the admin secret %s does not serve the token secret %s; add \"%s\" to the list "+
			"in the admin secret's field %s", arn, tokenSecretARN, secret.NameOf(tokenSecretARN), secret.FieldTokenSecrets)
	}
	holder := tokenSecretARN
	if admin != nil {
		holder = arn
	}
	login, err := secret.NewLogin(document, admin)
	if err != nil {
		return Target{}, fmt.Errorf("secret %s: %w", holder, err)
	}
	endpoint, err := s.Endpoint(login.Credentials.Flow, login.BaseURL)
	if err != nil {
		return Target{}, fmt.Errorf("secret %s: %w", holder, err)
	}
	t := Target{
		Endpoint: endpoint, User: ledger.NewUser(endpoint, login.Credentials), Credentials: login.Credentials, Holder: holder,
	}
	if login.BaseURL != "" {
		t.Overrides = []settings.Effective{{
			Setting: secret.FieldBaseURL, Value: endpoint.BaseURL.String(), Source: settings.SourceSecret,
			Secret: tokenSecretARN,
		}}
	}
	return t, nil
}

// Remembering returns a store that reads each secret once by the same label or version, for one
// sweep: many token secrets share an admin secret. It is safe for concurrent use.
func Remembering(store secret.Getter) secret.Getter {
	return &remembering{store: store, known: map[[3]string]*remembered{}}
}

type remembering struct {
	store secret.Getter
	mu    sync.Mutex
	known map[[3]string]*remembered
}

// remembered is a read that the first caller makes. Others wait for done: no lock is held during
// the call, so that time goes on in a bubble of testing/synctest.
type remembered struct {
	done    chan struct{}
	version secret.Version
	err     error
}

// Get implements secret.Getter.
func (r *remembering) Get(ctx context.Context, secretID, versionID, label string) (secret.Version, error) {
	key := [3]string{secretID, versionID, label}
	r.mu.Lock()
	read, known := r.known[key]
	if !known {
		read = &remembered{done: make(chan struct{}), err: errors.New("the read broke off; the next sweep reads again")}
		r.known[key] = read
	}
	r.mu.Unlock()
	if known {
		<-read.done
		return read.version, read.err
	}
	defer close(read.done)
	read.version, read.err = r.store.Get(ctx, secretID, versionID, label)
	return read.version, read.err
}

// isOwn reports whether the stack was deployed with both secrets, as far as its environment names
// them. An environment that names neither is not a stack's: it is a local run.
func isOwn(s settings.Settings, adminARN, tokenARN string) bool {
	if s.AdminSecret == "" && s.TokenSecret == "" {
		return true
	}
	is := func(arn, id string) bool { return arn == id || secret.NameOf(arn) == id }
	return is(adminARN, s.AdminSecret) && (s.TokenSecret == "" || is(tokenARN, s.TokenSecret))
}

// readAdmin returns nil when id is empty.
func readAdmin(ctx context.Context, store secret.Getter, id string) (*secret.Document, string, error) {
	if id == "" {
		return nil, "", nil
	}
	if !secret.IsID(id) {
		return nil, "", &secret.FieldError{Field: secret.FieldAdminSecretARN, Fault: "is not the ARN or name of a secret"}
	}
	version, err := store.Get(ctx, id, "", secret.LabelCurrent)
	if errors.Is(err, secret.ErrNotFound) {
		err = fmt.Errorf("%w; store the login fields there, or correct %s", err, secret.FieldAdminSecretARN)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the admin secret %s: %w", id, err)
	}
	admin, err := secret.Parse(version.Value.Reveal())
	if err != nil {
		return nil, "", fmt.Errorf("read the admin secret %s: %w", id, err)
	}
	return admin, version.ARN, nil
}

// LoginKey returns who logs in, for the count of logins: the user by its name at the vendor, so
// that one user counts once, whatever host, flow or admin secret its logins go by.
func LoginKey(credentials engage.Credentials) string { return logins.Key("user", credentials.User()) }

// Calls is how calls to the vendor are made.
type Calls struct {
	Transport http.RoundTripper
	Now       func() time.Time
	Jitter    func() float64
	// Permit is asked before each login; see [engage.Config].
	Permit func(context.Context) error
}

// Client returns a client for an endpoint.
func (c Calls) Client(endpoint engage.Endpoint) *engage.Client {
	return engage.New(engage.Config{
		Endpoint: endpoint, Transport: c.Transport, Permit: c.Permit, Now: c.Now, Jitter: c.Jitter,
	})
}

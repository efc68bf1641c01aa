package account

import (
	"context"
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// maxEndpoints bounds what a warm function remembers; a rotation needs one.
const maxEndpoints = 64

// Endpoint is where a document's calls go, without the login fields.
type Endpoint struct {
	engage.Endpoint
	User ledger.User
}

// Endpoint returns where the document's calls go. Within one rotation a warm function remembers it,
// so that testSecret and finishSecret need not read the admin secret for it.
func (a *Accounts) Endpoint(ctx context.Context, s Source) (Endpoint, error) {
	if e, ok := a.recall(s); ok {
		return e, nil
	}
	t, err := target.Read(ctx, s.Store, s.Settings, s.Secret, s.Document)
	if err != nil {
		return Endpoint{}, report.Failed("read the login fields", err, report.HintRepeated)
	}
	e := Endpoint{t.Endpoint, t.User}
	a.Remember(s, e)
	return e, nil
}

// Client returns a client for calls that need no login.
func (a *Accounts) Client(e Endpoint) *engage.Client { return a.Calls.Client(e.Endpoint) }

// Remember keeps where the document's calls go, for the later steps of the rotation.
func (a *Accounts) Remember(s Source, e Endpoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.endpoints == nil || len(a.endpoints) >= maxEndpoints {
		a.endpoints = map[string]Endpoint{}
	}
	a.endpoints[s.key()] = e
}

func (a *Accounts) recall(s Source) (Endpoint, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.endpoints[s.key()]
	return e, ok
}

func (s Source) key() string {
	return fmt.Sprintf("%s %s %s %s", s.Secret, s.Version, s.Document.AdminSecretARN(),
		secret.NewBaseURL(s.Document, nil))
}

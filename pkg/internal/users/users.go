// Package users finds out as which Engage user each managed secret logs in, and lists the tokens of
// these users.
package users

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// concurrency is how many secrets' login fields are read at a time.
const concurrency = 32

// User is an Engage user with the secrets that log in as it.
type User struct {
	*witness.User
	// Own are the secrets that log in as the user, by ARN. There is at least one.
	Own []*holders.Secret
	// Guests are the user's records of secrets that log in as another user by now.
	Guests []ledger.Record
}

// Users are those as which the managed secrets log in.
type Users struct {
	All      []*User // by name
	ByName   map[ledger.User]*User
	BySecret map[string]*User // by the ARN of each secret whose login fields could be read
}

// Finder holds what users are found by. All fields are required.
type Finder struct {
	Store    secret.Getter
	Secrets  *holders.Holders
	Settings settings.Settings
	// Records are all that name a user.
	Records map[ledger.User][]ledger.Record
	// Calls is how calls to the vendor are made, and Parameters hold the counts of logins.
	Calls      target.Calls
	Parameters ledger.Parameters
	// Report gets the settings that secrets override.
	Report *report.Builder
	// Fault is called with what went wrong.
	Fault func(error)
}

// Find finds the users of the secrets that were read.
func (f *Finder) Find(ctx context.Context) *Users {
	found := &Users{ByName: map[ledger.User]*User{}, BySecret: map[string]*User{}}
	secrets := f.Secrets.All()
	targets := f.targets(ctx, secrets)
	for _, m := range secrets {
		t, ok := targets[m.ARN]
		if !ok {
			continue
		}
		u := found.ByName[t.User]
		if u == nil {
			u = &User{User: f.witness(t)}
			found.ByName[t.User] = u
		}
		u.Own = append(u.Own, m)
		found.BySecret[m.ARN] = u
	}
	for _, name := range slices.Sorted(maps.Keys(found.ByName)) {
		u := found.ByName[name]
		for _, record := range u.Records {
			if found.BySecret[record.Secret] != u && f.Secrets.Get(record.Secret) != nil {
				u.Guests = append(u.Guests, record)
			}
		}
		found.All = append(found.All, u)
	}
	return found
}

// targets reads the secrets' login fields, and returns their targets by ARN.
func (f *Finder) targets(ctx context.Context, secrets []*holders.Secret) map[string]target.Target {
	var mu sync.Mutex
	targets, store := map[string]target.Target{}, target.Remembering(f.Store)
	parallel.Each(concurrency, secrets, func(m *holders.Secret) {
		t, err := target.Read(ctx, store, f.Settings, m.ARN, m.Document)
		if err != nil {
			f.Fault(fmt.Errorf("read the login fields of secret %s: %w", m.ARN, err))
			return
		}
		f.Report.Settings(t.Overrides)
		mu.Lock()
		defer mu.Unlock()
		targets[m.ARN] = t
	})
	return targets
}

// witness returns the user of a target, not listed yet.
func (f *Finder) witness(t target.Target) *witness.User {
	return &witness.User{
		Name: t.User, Target: t, Records: f.Records[t.User], Calls: f.Calls,
		Counter: logins.New(f.Parameters, f.Settings.Prefix, f.Calls.Now),
	}
}

// String names the user by its secrets, for an operator.
func (u *User) String() string {
	if len(u.Own) == 1 {
		return "the user of secret " + u.Own[0].ARN
	}
	return fmt.Sprintf("the user of secret %s and %d more", u.Own[0].ARN, len(u.Own)-1)
}

// ListTokens lists the user's tokens: with a current token that the ledger's entries name as the
// user's, or else after a login. (After an edit of the login fields AWSCURRENT may hold another
// user's token.) The token of the secret except, an ARN or a name, is to be deleted: it cannot
// confirm its own deletion.
func (u *User) ListTokens(ctx context.Context, entries ledger.All, except string) error {
	var recorded, known []engage.Token
	for _, m := range u.Own {
		known = append(known, m.Current)
		if m.ARN == except || secret.NameOf(m.ARN) == except {
			continue
		}
		record, found := entries.Secrets[m.ARN].Find(m.Current.Fingerprint())
		if !found || record.User != u.Name { //safeguard:lists-are-of-the-right-user
			continue
		}
		recorded = append(recorded, m.Current)
	}
	if err := u.List(ctx, recorded, known); err != nil {
		return fmt.Errorf("list the tokens of %s: %w", u, err)
	}
	return nil
}

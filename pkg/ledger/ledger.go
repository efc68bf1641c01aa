// Package ledger keeps what a crash must not erase: which creations were begun (intents) and which tokens are ours
// (token records). It lives in SSM parameters below {prefix}/ledger/{user}/, one parameter for each record, since the
// Parameter Store has no compare-and-swap: two writers never share a parameter. The one atomic guard that it has, that a
// parameter is created only once, decides every race that matters: whoever creates the record of a token first decides
// what becomes of the token ([Ledger.Claim]).
//
// Records hold fingerprints, never a token. A value stays under the standard tier's 4,096 characters for a user with
// several hundred tokens; see [Baseline].
package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
)

// Parameters is the store of the records. Implementations are safe for concurrent use, and bear throttling: SSM takes 3
// PutParameter calls a second.
type Parameters interface {
	// Create stores a new parameter, and reports false where the name is taken.
	Create(ctx context.Context, name, value string) (created bool, err error)
	// Set stores a parameter, new or not.
	Set(ctx context.Context, name, value string) error
	// Get returns a parameter's value; ok is false where there is none.
	Get(ctx context.Context, name string) (value string, ok bool, err error)
	// List returns name and value of every parameter directly below the path, which has no trailing slash.
	List(ctx context.Context, path string) (map[string]string, error)
	// ListAll is List over all levels below the path.
	ListAll(ctx context.Context, path string) (map[string]string, error)
	// Delete removes a parameter; an unknown name is no error.
	Delete(ctx context.Context, name string) error
}

// User names an Engage user in the ledger: a digest of host and user name.
type User string

// NewUser returns the ledger's name for the user of these credentials at this endpoint.
func NewUser(endpoint engage.Endpoint, credentials engage.Credentials) User {
	return User(digest(16, endpoint.BaseURL.Host, credentials.User()))
}

// digest returns n hex digits over the parts, which cannot run into one another.
func digest(n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])[:n]
}

// Ledger reads and writes the records below one prefix. It is safe for concurrent use.
type Ledger struct {
	parameters Parameters
	path       string
}

// New returns the ledger below a prefix, which has no trailing slash.
func New(parameters Parameters, prefix string) *Ledger {
	return &Ledger{parameters: parameters, path: prefix + "/ledger"}
}

const (
	intentKind = "intent-"
	tokenKind  = "token-"
)

func (l *Ledger) intentName(user User, id string) string {
	return l.path + "/" + string(user) + "/" + intentKind + id
}

func (l *Ledger) tokenName(user User, t Token) string {
	return l.path + "/" + string(user) + "/" + t.name()
}

// name is the last part of the parameter's name.
func (t Token) name() string { return tokenKind + string(t.Fingerprint) + "-" + digest(8, t.Secret) }

// Read returns the records of a user.
func (l *Ledger) Read(ctx context.Context, user User) (View, error) {
	path := l.path + "/" + string(user)
	values, err := l.parameters.List(ctx, path)
	if err != nil {
		return View{}, fmt.Errorf("read the ledger under %s: %w", path, err)
	}
	return parse(values), nil
}

// ReadsSettle is how long reads of the Parameter Store and of Secrets Manager may lack what was written before, at the most
// that is reckoned with. AWS documents both as eventually consistent and names no time; users saw seconds.
const ReadsSettle = 4 * time.Second

// Settle waits until reads show all that is written by now. It fails where the context ends before.
func Settle(ctx context.Context) error {
	return sleep(ctx, ReadsSettle)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for reads of AWS: %w", ctx.Err())
	}
}

// ReadSettled returns the records of a user, when all that were written before the call are among them.
func (l *Ledger) ReadSettled(ctx context.Context, user User) (View, error) {
	if err := Settle(ctx); err != nil {
		return View{}, err
	}
	return l.Read(ctx, user)
}

// ReadAll returns the records of all users.
func (l *Ledger) ReadAll(ctx context.Context) (map[User]View, error) {
	values, err := l.parameters.ListAll(ctx, l.path)
	if err != nil {
		return nil, fmt.Errorf("read the ledger under %s: %w", l.path, err)
	}
	byUser := map[User]map[string]string{}
	for name, value := range values {
		user, _, _ := strings.Cut(strings.TrimPrefix(name, l.path+"/"), "/")
		if byUser[User(user)] == nil {
			byUser[User(user)] = map[string]string{}
		}
		byUser[User(user)][name] = value
	}
	views := make(map[User]View, len(byUser))
	for user, values := range byUser {
		views[user] = parse(values)
	}
	return views, nil
}

// Begin writes an intent. Nothing may be created unless it returned nil.
func (l *Ledger) Begin(ctx context.Context, user User, i Intent) error {
	value, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode the intent: %w", err)
	}
	name := l.intentName(user, i.ID)
	if err := l.parameters.Set(ctx, name, string(value)); err != nil {
		return fmt.Errorf("write the intent %s: %w", name, err)
	}
	return nil
}

// End removes an intent.
func (l *Ledger) End(ctx context.Context, user User, i Intent) error {
	name := l.intentName(user, i.ID)
	if err := l.parameters.Delete(ctx, name); err != nil {
		return fmt.Errorf("remove the intent %s: %w", name, err)
	}
	return nil
}

// Claim creates the record of a token. Where another record of the same token and secret is there first, Claim returns
// that one and won is false: what it says goes, unless it says that the token is nobody's. Of any number of simultaneous
// claims one wins.
func (l *Ledger) Claim(ctx context.Context, user User, t Token) (record Token, won bool, err error) {
	value, err := json.Marshal(t)
	if err != nil {
		return Token{}, false, fmt.Errorf("encode the record: %w", err)
	}
	name := l.tokenName(user, t)
	created, err := l.parameters.Create(ctx, name, string(value))
	if err != nil {
		return Token{}, false, fmt.Errorf("create the record %s: %w", name, err)
	}
	if created {
		return t, true, nil
	}
	other, found, err := l.Look(ctx, user, t)
	if err != nil {
		return Token{}, false, err
	}
	if !found {
		return Token{}, false, fmt.Errorf("the record %s was there and is gone: try again", name)
	}
	if t.State.claimed() && !other.State.claimed() {
		// A report of what could not be proven was first. Whoever knows whose the token is knows better.
		err := l.Set(ctx, user, t)
		return t, err == nil, err
	}
	// An answer that was lost makes the repeated creation find its own record.
	own, err := json.Marshal(other)
	return other, string(own) == string(value), err
}

// Look returns the record of a token and secret as it stands.
func (l *Ledger) Look(ctx context.Context, user User, t Token) (record Token, found bool, err error) {
	name := l.tokenName(user, t)
	value, found, err := l.parameters.Get(ctx, name)
	if err != nil {
		return Token{}, false, fmt.Errorf("read the record %s: %w", name, err)
	}
	if !found {
		return Token{}, false, nil
	}
	if err := json.Unmarshal([]byte(value), &record); err != nil || !record.valid() {
		return Token{}, false, fmt.Errorf("the parameter %s holds no record; remove it", name)
	}
	return record, true, nil
}

// Set writes the record of a token over the one that may be there.
func (l *Ledger) Set(ctx context.Context, user User, t Token) error {
	value, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	name := l.tokenName(user, t)
	if err := l.parameters.Set(ctx, name, string(value)); err != nil {
		return fmt.Errorf("write the record %s: %w", name, err)
	}
	return nil
}

// NoteDeleted notes that the vendor has deleted the token, at the time. Lists may show it for a while: where it might be
// taken for the work of an open creation the record stays, and tells that; else it goes, see [Ledger.Forget].
func (l *Ledger) NoteDeleted(ctx context.Context, user User, view View, t Token, at time.Time) error {
	if t.Deleted || t.Secret == "" || !view.mayMistake(t) {
		return l.Forget(ctx, user, view, t)
	}
	t.State, t.NotBefore, t.Replaced, t.Deleted = Retiring, at, true, true
	return l.Set(ctx, user, t)
}

// Forget removes the intent that a token came of, where the view still has it, and then the token's record: without the
// record a remaining intent would look open, and whatever appeared since as its work. An adopted token's intent is in doubt
// and stays.
func (l *Ledger) Forget(ctx context.Context, user User, view View, t Token) error {
	for _, intent := range view.Intents {
		if intent.ID != t.Intent || t.Adopted {
			continue
		}
		if err := l.End(ctx, user, intent); err != nil {
			return err
		}
	}
	return l.Remove(ctx, user, t)
}

// Remove removes the record of a token that came of no intent; see Forget.
func (l *Ledger) Remove(ctx context.Context, user User, t Token) error {
	name := l.tokenName(user, t)
	if err := l.parameters.Delete(ctx, name); err != nil {
		return fmt.Errorf("remove the record %s: %w", name, err)
	}
	return nil
}

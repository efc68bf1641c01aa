// Package ledger keeps what a crash must not erase: which creations were begun (intents) and which
// tokens were created or replaced here (records).
//
// It is stored in SSM parameters below {prefix}/ledger/{secret}/, where {secret} is a digest of the
// secret's ARN. So a rotation reads the entries of its own secret alone, and its cost does not grow
// with the number of other secrets. Each record and each intent is a parameter of its own, because
// the Parameter Store has no compare-and-swap: two writers never share a parameter. An entry holds
// fingerprints, never a token, and stays under the 4,096 characters of the standard tier.
//
// # What a token goes through
//
// An intent is written before a creation. A crash after it leaves the intent, with the list of
// tokens from before the creation; a sweep records what appeared since as unclaimed.
//
// A creation's answer is recorded as issued. A crash after that leaves a record whose version does
// not hold the token: the next attempt at the same version puts the token there; if none comes, a
// later rotation or sweep retires the token.
//
// A token is recorded as outgoing, with the version that is to replace it, before AWSCURRENT moves
// away from it; as retiring when that was seen; and as deleted when the vendor has answered that it
// deleted it. A crash at any of these moments leaves a record from which the next rotation or sweep
// goes on. The decisions are in package decide.
//
// # Loss
//
// The loss of any entry, or of all, costs no live token: what is not recorded is never deleted. At
// worst a token lives on, and the sweep reports it.
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

// Parameters stores the entries. Implementations are safe for concurrent use, and repeat throttled
// calls: SSM takes 3 PutParameter calls a second. Reads may lag by some seconds.
type Parameters interface {
	// Create stores a new parameter, and returns false when the name is taken.
	Create(ctx context.Context, name, value string) (created bool, err error)
	// Set stores a parameter, new or not.
	Set(ctx context.Context, name, value string) error
	// Get returns a parameter's value; ok is false when there is none.
	Get(ctx context.Context, name string) (value string, ok bool, err error)
	// List returns name and value of every parameter directly below the path, which has no trailing
	// slash.
	List(ctx context.Context, path string) (map[string]string, error)
	// ListDated is List, with the time at which the service stored each parameter.
	ListDated(ctx context.Context, path string) (map[string]Dated, error)
	// ListAll is List over all levels below the path.
	ListAll(ctx context.Context, path string) (map[string]string, error)
	// Delete removes a parameter; an unknown name is not an error.
	Delete(ctx context.Context, name string) error
}

// Dated is a parameter's value and the time at which it was stored, by the service's clock, which
// no writer can choose.
type Dated struct {
	Value string
	At    time.Time
}

// User names an Engage user at one host: a digest of both.
type User string

// NewUser returns the name of the user with these credentials at this endpoint. One user behind two
// hosts has two names: what the list of one lacks says nothing about the other.
func NewUser(endpoint engage.Endpoint, credentials engage.Credentials) User {
	return User(digest(idLength, endpoint.BaseURL.Host, credentials.User()))
}

// digest returns n hex digits over the parts, which cannot run into one another.
func digest(n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])[:n]
}

// Ledger reads and writes the entries below one prefix. It is safe for concurrent use.
type Ledger struct {
	parameters Parameters
	path       string
}

// New returns the ledger below a prefix, which has no trailing slash.
func New(parameters Parameters, prefix string) *Ledger {
	return &Ledger{parameters: parameters, path: prefix + "/ledger"}
}

func (l *Ledger) secretPath(secret string) string { return l.path + "/" + digest(idLength, secret) }

func (l *Ledger) recordName(r Record) string { return l.secretPath(r.Secret) + "/" + r.name() }

func (l *Ledger) intentName(i Intent) string { return l.secretPath(i.Secret) + "/" + i.name() }

// name returns the last part of the parameter's name.
func (r Record) name() string { return recordKind + string(r.Fingerprint) }

// recordKind begins the last part of a record's name.
const recordKind = "token-"

// name returns the last part of the parameter's name.
func (i Intent) name() string { return "intent-" + i.ID }

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// Read returns the entries of a secret.
func (l *Ledger) Read(ctx context.Context, secret string) (View, error) {
	path := l.secretPath(secret)
	values, err := l.parameters.List(ctx, path)
	if err != nil {
		return View{}, fmt.Errorf("read the ledger under %s: %w", path, err)
	}
	var view View
	for name, value := range values {
		view.add(name, value)
	}
	view.sort()
	return view, nil
}

// All holds the entries of all secrets.
type All struct {
	Secrets    map[string]View // by ARN
	Unreadable []string        // parameters that hold no entry of a known form
	// Missing holds since when Secrets Manager does not find a secret, by ARN.
	Missing map[string]time.Time
}

// Tokens returns the tokens that records name, and whether one of the records claims the token:
// whether it says anything but unclaimed.
func (a All) Tokens() map[engage.Fingerprint]bool {
	tokens := map[engage.Fingerprint]bool{}
	for _, view := range a.Secrets {
		for _, record := range view.Records {
			tokens[record.Fingerprint] = tokens[record.Fingerprint] || record.State != Unclaimed
		}
	}
	return tokens
}

// ReadAll returns the entries of all secrets.
func (l *Ledger) ReadAll(ctx context.Context) (All, error) {
	values, err := l.parameters.ListAll(ctx, l.path)
	if err != nil {
		return All{}, fmt.Errorf("read the ledger under %s: %w", l.path, err)
	}
	all := All{Secrets: map[string]View{}, Missing: map[string]time.Time{}}
	var every View
	for name, value := range values {
		if name != l.cursorName() {
			every.add(name, value)
		}
		if lastPart(name) == missingName {
			all.addMissing(value)
		}
	}
	every.sort()
	all.Unreadable = every.Unreadable
	for _, record := range every.Records {
		view := all.Secrets[record.Secret]
		view.Records = append(view.Records, record)
		all.Secrets[record.Secret] = view
	}
	for _, intent := range every.Intents {
		view := all.Secrets[intent.Secret]
		view.Intents = append(view.Intents, intent)
		all.Secrets[intent.Secret] = view
	}
	return all, nil
}

// Begin writes an intent. Nothing may be created unless it returned nil.
func (l *Ledger) Begin(ctx context.Context, i Intent) error {
	return l.set(ctx, "write the intent", l.intentName(i), i)
}

// End removes an intent.
func (l *Ledger) End(ctx context.Context, i Intent) error {
	return l.remove(ctx, "remove the intent", l.intentName(i))
}

// Set writes a record over the one that may be there.
func (l *Ledger) Set(ctx context.Context, r Record) error {
	r.Form = form
	return l.set(ctx, "write the record", l.recordName(r), r)
}

// Create writes a record unless there is one of the same token and secret.
func (l *Ledger) Create(ctx context.Context, r Record) error {
	r.Form = form
	name := l.recordName(r)
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	if _, err := l.parameters.Create(ctx, name, string(value)); err != nil {
		return fmt.Errorf("write the record %s: %w", name, err)
	}
	return nil
}

// Look returns the record of a token and secret as it is now.
func (l *Ledger) Look(ctx context.Context, r Record) (record Record, found bool, err error) {
	name := l.recordName(r)
	value, found, err := l.parameters.Get(ctx, name)
	if err != nil {
		return Record{}, false, fmt.Errorf("read the record %s: %w", name, err)
	}
	if !found {
		return Record{}, false, nil
	}
	if record, err = decodeRecord(name, value); err != nil {
		return Record{}, false, fmt.Errorf("read the record %s: %w; remove the parameter", name, err)
	}
	return record, true, nil
}

// Remove removes the record of a token.
func (l *Ledger) Remove(ctx context.Context, r Record) error {
	return l.remove(ctx, "remove the record", l.recordName(r))
}

// cursorName names the parameter with the user at which the next sweep begins.
func (l *Ledger) cursorName() string { return l.path + "/cursor" }

// Cursor returns the user at which the next sweep begins, or "".
func (l *Ledger) Cursor(ctx context.Context) (User, error) {
	value, _, err := l.parameters.Get(ctx, l.cursorName())
	if err != nil {
		return "", fmt.Errorf("read the cursor %s: %w", l.cursorName(), err)
	}
	return User(value), nil
}

// SetCursor stores the user at which the next sweep begins; "" removes the parameter.
func (l *Ledger) SetCursor(ctx context.Context, user User) error {
	if user == "" { // SSM stores no empty value
		return l.remove(ctx, "remove the cursor", l.cursorName())
	}
	if err := l.parameters.Set(ctx, l.cursorName(), string(user)); err != nil {
		return fmt.Errorf("write the cursor %s: %w", l.cursorName(), err)
	}
	return nil
}

func (l *Ledger) set(ctx context.Context, operation, name string, entry any) error {
	value, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	if err := l.parameters.Set(ctx, name, string(value)); err != nil {
		return fmt.Errorf("%s %s: %w", operation, name, err)
	}
	return nil
}

func (l *Ledger) remove(ctx context.Context, operation, name string) error {
	if err := l.parameters.Delete(ctx, name); err != nil {
		return fmt.Errorf("%s %s: %w", operation, name, err)
	}
	return nil
}

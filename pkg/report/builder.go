package report

import (
	"slices"
	"strings"
	"sync"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/settings"
)

// Builder collects a report. It is safe for concurrent use.
type Builder struct {
	mu    sync.Mutex
	sweep Sweep
	byARN map[string]*Secret
}

// NewBuilder returns a Builder of an empty report.
func NewBuilder(dryRun bool) *Builder {
	return &Builder{
		sweep: Sweep{DryRun: dryRun, Secrets: []*Secret{}, Users: []*User{}},
		byARN: map[string]*Secret{},
	}
}

// About changes the report of a secret.
func (b *Builder) About(arn string, change func(*Secret)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.byARN[arn]
	if s == nil {
		s = &Secret{
			Secret: arn, Retiring: []Waiting{}, OpenIntents: []OpenIntent{}, Unclaimed: []Removable{},
			Deleted: []engage.Fingerprint{}, DeleteFailed: []engage.Fingerprint{}, Cases: map[engage.Fingerprint]string{},
		}
		b.byARN[arn] = s
		b.sweep.Secrets = append(b.sweep.Secrets, s)
	}
	change(s)
}

// User adds the report of a user.
func (b *Builder) User(name ledger.User, foreign int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.Users = append(b.sweep.Users, &User{User: name, Foreign: foreign})
}

// NotReached adds a user whose turn did not come.
func (b *Builder) NotReached(name ledger.User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.NotReached = append(b.sweep.NotReached, name)
}

// Left adds a user with due tokens that are left to the next sweep.
func (b *Builder) Left(name ledger.User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.Left = append(b.sweep.Left, name)
}

// Fault adds what went wrong.
func (b *Builder) Fault(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.Faults = append(b.sweep.Faults, err.Error())
}

// Deleted adds tokens that an operator named.
func (b *Builder) Deleted(tokens []engage.Fingerprint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.Deleted = append(b.sweep.Deleted, tokens...)
}

// Settings adds settings in use.
func (b *Builder) Settings(settings []settings.Effective) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.Settings = append(b.sweep.Settings, settings...)
}

// Unreadable adds ledger parameters that hold no entry of a known form.
func (b *Builder) Unreadable(names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep.Unreadable = append(b.sweep.Unreadable, names...)
}

// Sweep returns the report as it is, in the order of its names, whatever came first.
func (b *Builder) Sweep() Sweep {
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.SortFunc(b.sweep.Secrets, func(a, b *Secret) int { return strings.Compare(a.Secret, b.Secret) })
	slices.SortFunc(b.sweep.Users, func(a, b *User) int { return strings.Compare(string(a.User), string(b.User)) })
	slices.Sort(b.sweep.Faults)
	b.sweep.Summary = b.sweep.summary()
	return b.sweep
}

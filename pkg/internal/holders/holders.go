// Package holders reads the managed secrets and knows which of them hold which token.
package holders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/secret"
)

// concurrency is how many secrets are read at a time.
const concurrency = 32

// Store reads the secrets. Implementations are safe for concurrent use. Reads may lag by some
// seconds.
type Store interface {
	secret.Getter
	// Describe returns the secret's ARN and its labelled versions. secret.ErrNotFound: the secret does
	// not exist.
	Describe(ctx context.Context, secretID string) (secret.Description, error)
	// List returns the ARNs of the secrets that the rotation function rotates; of those with any
	// rotation function when function is empty.
	List(ctx context.Context, function string) ([]string, error)
}

// Secret is a managed secret as it was read.
type Secret struct {
	ARN            string
	Labels         secret.Description
	CurrentVersion string
	PendingVersion string           // "" when AWSPENDING is on no version but AWSCURRENT's
	Document       *secret.Document // of AWSCURRENT
	Current        engage.Token
	Pending        engage.Token
	CreatedAt      time.Time // of the current token; zero when the document does not say
}

// Holders holds the secrets that were read. It is safe for concurrent use.
type Holders struct {
	store Store
	now   func() time.Time

	mu      sync.Mutex
	read    map[string]*Secret                     // by ARN
	unread  map[string]bool                        // secrets that could not be read
	byToken map[engage.Fingerprint]map[string]bool // the secrets that hold a token
	listed  bool                                   // Secrets Manager has named all secrets of the stack
	missing map[string]time.Time                   // since when a secret is not found
	leaving map[string]bool                        // secrets that are scheduled for deletion
}

// New returns Holders that have read nothing yet. missing holds since when earlier sweeps did not
// find a secret, by ARN.
func New(store Store, missing map[string]time.Time, now func() time.Time) *Holders {
	since := map[string]time.Time{}
	maps.Copy(since, missing)
	return &Holders{
		store: store, now: now, missing: since, leaving: map[string]bool{},
		read: map[string]*Secret{}, unread: map[string]bool{}, byToken: map[engage.Fingerprint]map[string]bool{},
	}
}

// Find lists the secrets that the rotation function rotates, and reads them and the known ones.
// Each failure is passed to fault.
func (h *Holders) Find(ctx context.Context, function string, known []string, fault func(error)) {
	listed, err := h.store.List(ctx, function)
	if err != nil {
		fault(fmt.Errorf("list the secrets: %w; secrets without an entry in the ledger are not swept", err))
	}
	h.listed = err == nil
	h.Read(ctx, append(listed, known...), fault)
}

// Read reads secrets anew. One that cannot be read may hold any of its tokens. Each failure is
// passed to fault.
func (h *Holders) Read(ctx context.Context, arns []string, fault func(error)) {
	arns = slices.Compact(slices.Sorted(slices.Values(arns)))
	parallel.Each(concurrency, arns, func(arn string) {
		s, err := h.readSecret(ctx, arn)
		switch {
		case errors.Is(err, errLeaving): //safeguard:scheduled-secrets-are-no-fault
		case errors.Is(err, errMissing):
			s = h.miss(arn)
		case err != nil:
			fault(err)
		}
		h.note(arn, err)
		h.set(arn, s)
	})
}

// readSecret reads a secret's labels and values. Reads may lag: when they contradict one another,
// the secret is left for the next sweep.
func (h *Holders) readSecret(ctx context.Context, arn string) (*Secret, error) {
	s := &Secret{ARN: arn}
	var err error
	s.Labels, err = h.store.Describe(ctx, arn)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return nil, errMissing
	case err != nil:
		return nil, fmt.Errorf("describe secret %s: %w", arn, err)
	case s.Labels.Scheduled:
		return nil, errLeaving
	}
	current, err := h.store.Get(ctx, arn, "", secret.LabelCurrent)
	if err != nil {
		return nil, fmt.Errorf("read AWSCURRENT of secret %s: %w", arn, err)
	}
	if current.ID != s.Labels.Holder(secret.LabelCurrent) {
		return nil, fmt.Errorf("read secret %s: AWSCURRENT is moving; the next sweep looks again", arn)
	}
	s.CurrentVersion = current.ID
	if s.Document, err = secret.Parse(current.Value.Reveal()); err == nil {
		s.Current, err = s.Document.Token()
	}
	if err != nil {
		return nil, fmt.Errorf("read AWSCURRENT of secret %s: %w; correct the value", arn, err)
	}
	s.CreatedAt = s.Document.TokenCreatedAt(h.now())
	if pending := s.Labels.Holder(secret.LabelPending); pending != "" && pending != current.ID {
		s.PendingVersion = pending
		if s.Pending, err = secret.TokenOf(ctx, h.store, arn, pending, ""); err != nil {
			return nil, fmt.Errorf("read AWSPENDING of secret %s: %w", arn, err)
		}
	}
	return s, nil
}

// set replaces what is known of a secret; nil for one that could not be read.
func (h *Holders) set(arn string, s *Secret) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.read[arn]; old != nil {
		delete(h.byToken[old.Current.Fingerprint()], arn)
		delete(h.byToken[old.Pending.Fingerprint()], arn)
	}
	if s == nil {
		h.unread[arn] = true
		delete(h.read, arn)
		return
	}
	h.read[arn] = s
	delete(h.unread, arn)
	for _, token := range []engage.Token{s.Current, s.Pending} {
		f := token.Fingerprint()
		if h.byToken[f] == nil {
			h.byToken[f] = map[string]bool{}
		}
		h.byToken[f][arn] = true
	}
}

// Get returns a secret, or nil when it could not be read.
func (h *Holders) Get(arn string) *Secret {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.read[arn]
}

// All returns the secrets that were read and exist, by ARN.
func (h *Holders) All() []*Secret {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*Secret
	for _, arn := range slices.Sorted(maps.Keys(h.read)) {
		if s := h.read[arn]; s.Document != nil {
			all = append(all, s)
		}
	}
	return all
}

// ARNs returns the ARNs of the secrets that were read, sorted.
func (h *Holders) ARNs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.read))
}

// Of returns the secrets whose AWSCURRENT or AWSPENDING holds the token, other than except, sorted.
func (h *Holders) Of(f engage.Fingerprint, except string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f == "" {
		return nil
	}
	var all []string
	for arn := range h.byToken[f] {
		if arn != except {
			all = append(all, arn)
		}
	}
	slices.Sort(all)
	return all
}

// Unread reports whether the secret could not be read.
func (h *Holders) Unread(arn string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unread[arn]
}

// Whole reports whether every secret of the stack was read.
func (h *Holders) Whole() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.listed && len(h.unread) == 0
}

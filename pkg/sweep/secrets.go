package sweep

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
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/secret"
)

// managed is a secret as it was read.
type managed struct {
	arn            string
	labels         secret.Description
	currentVersion string
	pendingVersion string
	document       *secret.Document // of AWSCURRENT
	current        engage.Token
	pending        engage.Token
	createdAt      time.Time // of the current token; zero when the document does not say
}

// secrets holds all secrets of the sweep. It is safe for concurrent use.
type secrets struct {
	mu      sync.Mutex
	read    map[string]*managed                    // by ARN
	unread  map[string]bool                        // secrets that could not be read
	byToken map[engage.Fingerprint]map[string]bool // the secrets that hold a token
	// listed reports that Secrets Manager named all secrets of the stack.
	listed bool
}

func newSecrets() *secrets {
	return &secrets{
		read: map[string]*managed{}, unread: map[string]bool{}, byToken: map[engage.Fingerprint]map[string]bool{},
	}
}

// get returns a secret, or nil when it could not be read.
func (s *secrets) get(arn string) *managed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[arn]
}

func (s *secrets) set(arn string, m *managed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.read[arn]; old != nil {
		delete(s.byToken[old.current.Fingerprint()], arn)
		delete(s.byToken[old.pending.Fingerprint()], arn)
	}
	if m == nil {
		s.unread[arn] = true
		delete(s.read, arn)
		return
	}
	s.read[arn] = m
	delete(s.unread, arn)
	for _, token := range []engage.Token{m.current, m.pending} {
		f := token.Fingerprint()
		if s.byToken[f] == nil {
			s.byToken[f] = map[string]bool{}
		}
		s.byToken[f][arn] = true
	}
}

// whole reports whether every secret of the stack was read.
func (s *secrets) whole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listed && len(s.unread) == 0
}

// holders returns the secrets that hold the token, other than except, sorted.
func (s *secrets) holders(f engage.Fingerprint, except string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == "" {
		return nil
	}
	var all []string
	for arn := range s.byToken[f] {
		if arn != except {
			all = append(all, arn)
		}
	}
	slices.Sort(all)
	return all
}

// all returns the secrets that were read, by ARN.
func (s *secrets) all() []*managed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*managed
	for _, arn := range slices.Sorted(maps.Keys(s.read)) {
		all = append(all, s.read[arn])
	}
	return all
}

// isUnread reports whether the secret could not be read.
func (s *secrets) isUnread(arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unread[arn]
}

// readSecrets finds and reads all secrets.
func (r *run) readSecrets(ctx context.Context) {
	r.secrets = newSecrets()
	arns := map[string]bool{}
	for arn := range r.entries.Secrets {
		arns[arn] = true
	}
	if r.config.TokenSecret != "" {
		arns[r.config.TokenSecret] = true
	}
	listed, err := r.config.Secrets.List(ctx, r.config.RotationFunction)
	if err != nil {
		r.fault(ctx, fmt.Errorf("list the secrets: %w; secrets without an entry in the ledger are not swept", err))
	}
	r.secrets.listed = err == nil
	for _, arn := range listed {
		arns[arn] = true
	}
	r.readAll(ctx, slices.Sorted(maps.Keys(arns)))
}

// readAll reads secrets anew. One that cannot be read may hold any of its tokens.
func (r *run) readAll(ctx context.Context, arns []string) {
	parallel.Each(concurrency, arns, func(arn string) {
		m, err := r.readSecret(ctx, arn)
		if err != nil {
			r.fault(ctx, err)
		}
		r.secrets.set(arn, m)
	})
}

// readSecret reads a secret's labels and values. Reads may lag: when they contradict one another,
// the secret is left for the next sweep.
func (r *run) readSecret(ctx context.Context, arn string) (*managed, error) {
	m := &managed{arn: arn}
	var err error
	if m.labels, err = r.config.Secrets.Describe(ctx, arn); err != nil {
		return nil, fmt.Errorf("describe secret %s: %w", arn, err)
	}
	current, err := r.config.Secrets.Get(ctx, arn, "", secret.LabelCurrent)
	if err != nil {
		return nil, fmt.Errorf("read AWSCURRENT of secret %s: %w", arn, err)
	}
	if current.ID != m.labels.Holder(secret.LabelCurrent) {
		return nil, fmt.Errorf("read secret %s: AWSCURRENT is moving; the next sweep looks again", arn)
	}
	m.currentVersion = current.ID
	if m.document, err = secret.Parse(current.Value.Reveal()); err == nil {
		m.current, err = m.document.Token()
	}
	if err != nil {
		return nil, fmt.Errorf("read AWSCURRENT of secret %s: %w; correct the value", arn, err)
	}
	m.createdAt = m.document.TokenCreatedAt(r.config.Now())
	m.pendingVersion = m.labels.Holder(secret.LabelPending)
	if m.pendingVersion == "" || m.pendingVersion == current.ID {
		m.pendingVersion = ""
		return m, nil
	}
	m.pending, err = secret.TokenOf(ctx, r.config.Secrets, arn, m.pendingVersion, "")
	if err != nil {
		return nil, fmt.Errorf("read AWSPENDING of secret %s: %w", arn, err)
	}
	return m, nil
}

// find returns the ARN of a secret that an operator names.
func (r *run) find(ctx context.Context, field, id string) (string, error) {
	d, err := r.config.Secrets.Describe(ctx, id)
	if err != nil {
		return "", fmt.Errorf("find the secret that %s names: %w; check its name", field, err)
	}
	return d.ARN, nil
}

// targetOf returns where the calls of a secret go.
func (r *run) targetOf(ctx context.Context, m *managed) (target.Target, error) {
	t, err := target.Read(ctx, r.config.Secrets, r.settings, m.arn, m.document)
	if err != nil {
		return target.Target{}, fmt.Errorf("read the login fields of secret %s: %w", m.arn, err)
	}
	return t, nil
}

func (r *run) calls() target.Calls {
	return target.Calls{Transport: r.config.Transport, Now: r.config.Now, Jitter: r.config.Jitter}
}

var errNoToken = errors.New("no version of its secret holds the token any more")

// Package memstore is a parameter store in memory, for tests of what is built on ledger.Parameters.
package memstore

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// Store keeps parameters in memory. It is safe for concurrent use; its fields are for a test to
// look at and change while no call is under way.
type Store struct {
	mu     sync.Mutex
	Values map[string]string
	// Stored holds when each parameter was stored by Create or Set.
	Stored map[string]time.Time
	// Now is the store's clock.
	Now func() time.Time
	// Fail is returned by every call whose kind ("create", "set", "get", "list", "delete") it has.
	Fail map[string]error
}

var _ ledger.Parameters = (*Store)(nil)

// New returns an empty store on the real clock.
func New() *Store {
	return &Store{
		Values: map[string]string{}, Stored: map[string]time.Time{}, Now: time.Now, Fail: map[string]error{},
	}
}

// Create implements ledger.Parameters.
func (s *Store) Create(_ context.Context, name, value string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail["create"] != nil {
		return false, s.Fail["create"]
	}
	if _, taken := s.Values[name]; taken {
		return false, nil
	}
	s.put(name, value)
	return true, nil
}

// Set implements ledger.Parameters.
func (s *Store) Set(_ context.Context, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail["set"] == nil {
		s.put(name, value)
	}
	return s.Fail["set"]
}

func (s *Store) put(name, value string) { s.Values[name], s.Stored[name] = value, s.Now() }

// Get implements ledger.Parameters.
func (s *Store) Get(_ context.Context, name string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.Values[name]
	return value, ok, s.Fail["get"]
}

// List implements ledger.Parameters.
func (s *Store) List(ctx context.Context, path string) (map[string]string, error) {
	values, err := s.ListAll(ctx, path)
	maps.DeleteFunc(values, func(name, _ string) bool {
		return strings.Contains(strings.TrimPrefix(name, path+"/"), "/")
	})
	return values, err
}

// ListDated implements ledger.Parameters.
func (s *Store) ListDated(ctx context.Context, path string) (map[string]ledger.Dated, error) {
	values, err := s.List(ctx, path)
	s.mu.Lock()
	defer s.mu.Unlock()
	dated := map[string]ledger.Dated{}
	for name, value := range values {
		dated[name] = ledger.Dated{Value: value, At: s.Stored[name]}
	}
	return dated, err
}

// ListAll implements ledger.Parameters.
func (s *Store) ListAll(_ context.Context, path string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail["list"] != nil {
		return nil, s.Fail["list"]
	}
	values := maps.Clone(s.Values)
	maps.DeleteFunc(values, func(name, _ string) bool { return !strings.HasPrefix(name, path+"/") })
	return values, nil
}

// Delete implements ledger.Parameters.
func (s *Store) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail["delete"] == nil {
		delete(s.Values, name)
	}
	return s.Fail["delete"]
}

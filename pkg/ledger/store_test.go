package ledger_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/engagetest"
)

// shelf is a parameter store in memory.
type shelf struct {
	mu     sync.Mutex
	values map[string]string
	// fail holds the failure of each kind of call: "create", "set", "get", "list", "delete".
	fail map[string]error
}

func newShelf() *shelf { return &shelf{values: map[string]string{}, fail: map[string]error{}} }

func (s *shelf) Create(_ context.Context, name, value string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail["create"] != nil {
		return false, s.fail["create"]
	}
	if _, taken := s.values[name]; taken {
		return false, nil
	}
	s.values[name] = value
	return true, nil
}

func (s *shelf) Set(_ context.Context, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail["set"] == nil {
		s.values[name] = value
	}
	return s.fail["set"]
}

func (s *shelf) Get(_ context.Context, name string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[name]
	return value, ok, s.fail["get"]
}

func (s *shelf) List(ctx context.Context, path string) (map[string]string, error) {
	values, err := s.ListAll(ctx, path)
	maps.DeleteFunc(values, func(name, _ string) bool { return strings.Contains(strings.TrimPrefix(name, path+"/"), "/") })
	return values, err
}

func (s *shelf) ListAll(_ context.Context, path string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail["list"] != nil {
		return nil, s.fail["list"]
	}
	values := maps.Clone(s.values)
	maps.DeleteFunc(values, func(name, _ string) bool { return !strings.HasPrefix(name, path+"/") })
	return values, nil
}

func (s *shelf) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail["delete"] == nil {
		delete(s.values, name)
	}
	return s.fail["delete"]
}

const (
	user    = ledger.User("0123456789abcdef")
	arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
	version = "0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"
)

var (
	start     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("broken")
)

// tokens makes n tokens.
func tokens(t testing.TB, n int) []engage.Token {
	t.Helper()
	server := engagetest.NewServer(engagetest.Config{Seed: 7})
	made := make([]engage.Token, n)
	for i := range made {
		token, err := engage.ParseToken(server.CreateToken(engagetest.DefaultUser().Username))
		if err != nil {
			t.Fatal(err)
		}
		made[i] = token
	}
	return made
}

func record(token engage.Token, state ledger.State) ledger.Record {
	return ledger.Record{Form: 1, Secret: arn, Version: version, Fingerprint: token.Fingerprint(), State: state, CreatedAt: start}
}

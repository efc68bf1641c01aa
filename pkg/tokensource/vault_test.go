package tokensource_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/tokensource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("secrets manager is down")

// vault is a secret with a latency, which can be rotated and can fail.
type vault struct {
	latency time.Duration

	mu    sync.Mutex
	text  string
	err   error
	reads int
}

func newVault(latency time.Duration) *vault { return &vault{latency: latency, text: document(1)} }

func (v *vault) fetch(ctx context.Context) (hidden.String, error) {
	v.mu.Lock()
	v.reads++
	text, err := v.text, v.err // as of the moment of the request
	v.mu.Unlock()
	select {
	case <-time.After(v.latency):
	case <-ctx.Done():
		return hidden.String{}, ctx.Err()
	}
	return hidden.New(text), err
}

func (v *vault) rotate(n int) { v.set(document(n), nil) }

func (v *vault) set(text string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text, v.err = text, err
}

func (v *vault) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.reads
}

// nth returns the token that the vault holds after rotate(n).
func nth(t testing.TB, n int) engage.Token {
	t.Helper()
	return tokenOf(t, document(n))
}

func wantToken(t *testing.T, source *tokensource.Source, n int) {
	t.Helper()
	token, err := source.Token(t.Context())
	if err != nil || token != nth(t, n) {
		t.Fatalf("Token: %v, %v; want token %d", token, err, n)
	}
}

func wantReads(t *testing.T, v *vault, n int) {
	t.Helper()
	if got := v.count(); got != n {
		t.Fatalf("the secret was read %d times, want %d", got, n)
	}
}

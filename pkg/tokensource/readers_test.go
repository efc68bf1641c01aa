package tokensource_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/tokensource"
)

var rotations = flag.Int("rotations", 5, "how many rotations TestReaders goes through for each retention")

const (
	period  = 6 * time.Hour    // from one rotation to the next
	busy    = 10 * time.Second // from the start of a rotation, in which readers call about twice a second
	readers = 16               // goroutines of each kind
)

// TestReaders proves that a rotation fails no call of its readers: 64 goroutines call Engage while
// the token is rotated over and over. Through tokensource no call fails, even if the previous token
// is deleted at once. A cache that keeps the token for a time has failed calls unless the retention
// is as long.
func TestReaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	retentions := []time.Duration{0, 5 * time.Minute, time.Hour}
	kinds := make([][]*kind, len(retentions))
	t.Run("retention", func(t *testing.T) {
		for i, retention := range retentions {
			t.Run(retention.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { kinds[i] = runReaders(t, retention) })
			})
		}
	})
	fmt.Fprintf(t.Output(), "%d rotations for each retention, one every %v of virtual time\n\n", *rotations, period)
	fmt.Fprintf(t.Output(), "| retention | reader (%d goroutines each) | calls | failed | reads of the secret "+
		"|\n|---|---|---:|---:|---:|\n", readers)
	for i, retention := range retentions {
		for _, k := range kinds[i] {
			failed := k.failed.Load()
			fmt.Fprintf(t.Output(), "| %v | %s | %d | %d | %d |\n", retention, k.name, k.calls.Load(), failed, k.reads.Load())
			switch {
			case retention >= k.needs && failed != 0:
				t.Errorf("retention %v, %s: %d calls failed", retention, k.name, failed)
			case retention < k.needs && failed == 0:
				t.Errorf("retention %v, %s: no call failed, so that this test proves nothing", retention, k.name)
			}
		}
	}
}

// kind is a way to read the secret, and its results.
type kind struct {
	name  string
	needs time.Duration // the retention without which calls fail
	// client returns a goroutine's caller of Engage.
	client func(k *kind) caller

	calls, failed, reads atomic.Int64
}

// caller makes one call and reports whether Engage accepted it.
type caller func(context.Context) bool

func runReaders(t *testing.T, retention time.Duration) []*kind {
	w := newRotating(t, retention)
	shared := newSourceCaller(w, 5*time.Minute)
	var sharedOnce caller
	kinds := []*kind{
		{name: "tokensource, TTL 5 min, one for all", client: func(k *kind) caller {
			if sharedOnce == nil {
				sharedOnce = shared(k)
			}
			return sharedOnce
		}},
		{name: "tokensource, TTL 1 h, one for each", client: newSourceCaller(w, time.Hour)},
		{name: "plain cache, TTL 5 min", needs: 5 * time.Minute, client: newPlainCaller(w, 5*time.Minute)},
		{name: "plain cache, TTL 1 h", needs: time.Hour, client: newPlainCaller(w, time.Hour)},
	}
	w.rotate(t.Context()) // the first token
	first := time.Now().Add(period)
	end := first.Add(time.Duration(*rotations)*period - time.Minute)

	var group sync.WaitGroup
	for _, k := range kinds {
		for range readers {
			call := k.client(k)
			group.Go(func() {
				for time.Now().Before(end) {
					k.calls.Add(1)
					if !call(t.Context()) {
						k.failed.Add(1)
					}
					time.Sleep(untilNextCall(time.Since(first)))
				}
			})
		}
	}
	for n := range *rotations {
		time.Sleep(time.Until(first.Add(time.Duration(n) * period)))
		w.rotate(t.Context())
		w.sweep(t.Context())
	}
	group.Wait()
	if got := w.succeeded.Load(); got != int64(*rotations)+1 {
		t.Errorf("%d rotations succeeded, want %d", got, *rotations+1)
	}
	return kinds
}

// untilNextCall draws a pause: short around a rotation, else minutes.
func untilNextCall(sinceFirst time.Duration) time.Duration {
	phase := (sinceFirst + 10*period) % period
	quiet := period - 2*time.Second - phase
	if phase < busy || quiet <= 0 {
		return 100*time.Millisecond + rand.N(time.Second)
	}
	return min(10*time.Minute+rand.N(50*time.Minute), quiet+rand.N(time.Second))
}

// newSourceCaller calls through a Transport.
func newSourceCaller(w *rotating, ttl time.Duration) func(*kind) caller {
	return func(k *kind) caller {
		source := newSource(w.t, tokensource.Config{Fetch: counted(k, w.fetch()), TTL: ttl})
		base, _ := url.Parse(readersHost)
		transport, err := tokensource.NewTransport(source, base, w.vendor())
		if err != nil {
			w.t.Fatal(err)
		}
		return func(ctx context.Context) bool {
			return askAccounts(ctx, w.t, transport, engage.Token{})
		}
	}
}

// newPlainCaller keeps the token for a time, whatever Engage answers: as readers without
// tokensource do.
func newPlainCaller(w *rotating, ttl time.Duration) func(*kind) caller {
	return func(k *kind) caller {
		fetch := counted(k, w.read)
		var token engage.Token
		var expires time.Time
		return func(ctx context.Context) bool {
			if !time.Now().Before(expires) {
				text, err := fetch(ctx)
				if err != nil {
					w.t.Errorf("read the secret: %v", err)
					return false
				}
				document, err := secret.Parse(text.Reveal())
				if err != nil {
					w.t.Error(err)
					return false
				}
				token, _ = document.Token()
				expires = time.Now().Add(ttl)
			}
			return askAccounts(ctx, w.t, w.vendor(), token)
		}
	}
}

func counted(k *kind, fetch tokensource.Fetch) tokensource.Fetch {
	return func(ctx context.Context) (hidden.String, error) {
		k.reads.Add(1)
		return fetch(ctx)
	}
}

// askAccounts makes the call of an IVR.
func askAccounts(ctx context.Context, t *testing.T, transport http.RoundTripper, token engage.Token) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, readersHost+"/voice/api/v1/admin/accounts", nil)
	if err != nil {
		t.Error(err)
		return false
	}
	if !token.IsZero() {
		req.Header.Set(tokensource.Header, token.Reveal())
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Errorf("call: %v", err)
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

package engagetest_test

import (
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/engagetest"
)

// rotate logs in, creates a token, and deletes it.
func rotate(t testing.TB, c *client) {
	bearer := c.bearer()
	created := c.send("POST", voice+"token", "", "Authorization", bearer)
	if created.status != 200 {
		t.Fatalf("status %d", created.status)
	}
	if deleted := c.send("DELETE", voice+"token/"+created.body, "", "X-Auth-Token", created.body); deleted.status != 200 {
		t.Fatalf("status %d", deleted.status)
	}
}

// Memory must not grow with the number of rotations, not even while the clock stands still.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	now := time.Unix(1_800_000_000, 0)
	c := newClient(t, engagetest.Config{LogLength: 100, Now: func() time.Time { return now }})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for range 2_100 { // until the stores of sessions are full
		rotate(t, c)
	}
	before := heap()
	for range 4_000 {
		rotate(t, c)
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	runtime.KeepAlive(c)
}

func TestConcurrentUse(t *testing.T) {
	s := engagetest.NewServer(
		engagetest.Config{Propagation: engagetest.Propagation{DeletedListed: engagetest.Lag{Calls: 1}}},
	)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			c := &client{t, s, engagetest.DefaultUser()}
			for range 20 {
				rotate(t, c)
				s.Calls()
				s.SetAnswers(engagetest.Answers{})
			}
		})
	}
	group.Wait()
	if n := s.Count(engagetest.OpCreate); n != 160 {
		t.Errorf("%d creations, want 160", n)
	}
	if left := s.Tokens(engagetest.DefaultUser().Username); len(left) != 0 {
		t.Errorf("%d tokens are left", len(left))
	}
}

func BenchmarkRotation(b *testing.B) {
	c := &client{server: engagetest.NewServer(engagetest.Config{}), user: engagetest.DefaultUser()}
	transport := c.server.RoundTripper()
	token := c.server.CreateToken(c.user.Username)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := call(b.Context(), "https://engage.example.com", transport, http.MethodGet, voice+"token", token)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}

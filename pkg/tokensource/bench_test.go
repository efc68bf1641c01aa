package tokensource_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/tokensource"
)

const benchDocument = `{"apiToken":"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9","adminSecretArn":"engage/admin",` +
	`"team":"ivr"}`

// floor is the least that a cache with a time limit can cost: one atomic load and one read of the
// monotonic clock.
type floor struct {
	base  time.Time
	entry atomic.Pointer[floorEntry]
}

type floorEntry struct {
	token   engage.Token
	expires time.Duration
}

func newFloor(b *testing.B) *floor {
	token, err := engage.ParseToken("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9")
	if err != nil {
		b.Fatal(err)
	}
	f := &floor{base: time.Now()}
	f.entry.Store(&floorEntry{token, time.Hour})
	return f
}

// BenchmarkHit measures Token and that floor in the same run.
func BenchmarkHit(b *testing.B) {
	ctx := context.Background()
	f, source := newFloor(b), warmSource(b)
	b.Run("serial/floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if e := f.entry.Load(); e == nil || time.Since(f.base) >= e.expires {
				b.Fatal("not a hit")
			}
		}
	})
	b.Run("serial/source", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := source.Token(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel/floor", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if e := f.entry.Load(); e == nil || time.Since(f.base) >= e.expires {
					b.Error("not a hit")
				}
			}
		})
	})
	b.Run("parallel/source", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := source.Token(ctx); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkHitOverFloor takes turns between the two, and reports the ratio of their quickest turns,
// which other work of the machine changes little. It fails over 1.3.
func BenchmarkHitOverFloor(b *testing.B) {
	const turn = 10_000
	ctx := context.Background()
	f, source := newFloor(b), warmSource(b)
	baseline := func() {
		for range turn {
			if e := f.entry.Load(); e == nil || time.Since(f.base) >= e.expires {
				b.Error("not a hit")
			}
		}
	}
	hit := func() {
		for range turn {
			if _, err := source.Token(ctx); err != nil {
				b.Error(err)
			}
		}
	}
	for name, goroutines := range map[string]int{"serial": 1, "parallel": runtime.GOMAXPROCS(0)} {
		b.Run(name, func(b *testing.B) {
			least, leastHit := time.Hour, time.Hour
			for b.Loop() {
				least = min(least, timed(goroutines, baseline))
				leastHit = min(leastHit, timed(goroutines, hit))
			}
			ratio := float64(leastHit) / float64(least)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(least.Nanoseconds())/turn/float64(goroutines), "floor-ns/hit")
			b.ReportMetric(float64(leastHit.Nanoseconds())/turn/float64(goroutines), "source-ns/hit")
			b.ReportMetric(ratio, "ratio")
			if b.N > 100 && ratio > 1.3 {
				b.Errorf("a hit costs %.2f times the floor", ratio)
			}
		})
	}
}

func timed(goroutines int, work func()) time.Duration {
	started := time.Now()
	var group sync.WaitGroup
	for range goroutines - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return time.Since(started)
}

// BenchmarkRefusalStorm is one rotation that 10,000 callers meet at the same time: all of them
// report the dead token, and one read gives the new one to all. An operation is the whole storm.
func BenchmarkRefusalStorm(b *testing.B) {
	const callers = 10_000
	var reads atomic.Int64
	source := newSource(b, tokensource.Config{Fetch: func(context.Context) (hidden.String, error) {
		return hidden.New(document(int(reads.Add(1)))), nil
	}})
	ctx := context.Background()
	storms := 0
	b.ReportAllocs()
	for b.Loop() {
		dead, err := source.Token(ctx)
		if err != nil {
			b.Fatal(err)
		}
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				if token, err := source.Replace(ctx, dead, 401); err != nil || token == dead {
					b.Errorf("Replace: %v, %v", token, err)
				}
			})
		}
		group.Wait()
		storms++
	}
	b.ReportMetric(float64(reads.Load()-1)/float64(storms), "reads/op")
}

// BenchmarkColdRead is a new source's first token, from a read that costs nothing itself.
func BenchmarkColdRead(b *testing.B) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		source := newSource(b, tokensource.Config{Fetch: fixed(benchDocument)})
		if _, err := source.Token(ctx); err != nil {
			b.Fatal(err)
		}
		source.Close()
	}
}

func warmSource(tb testing.TB) *tokensource.Source {
	source := newSource(tb, tokensource.Config{Fetch: fixed(benchDocument), TTL: time.Hour})
	if _, err := source.Token(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return source
}

func newSource(tb testing.TB, config tokensource.Config) *tokensource.Source {
	tb.Helper()
	source, err := tokensource.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { source.Close() })
	return source
}

func fixed(text string) tokensource.Fetch {
	return func(context.Context) (hidden.String, error) { return hidden.New(text), nil }
}

// document is a secret's value with the n-th token.
func document(n int) string {
	return fmt.Sprintf(`{"apiToken":%q}`, fmt.Sprintf("aws80:token-%08d", n))
}

package logins_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/memstore"
)

var (
	start     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("broken")
)

// counter is a login counter on a clock that the test moves.
func counter(store *memstore.Store) (*logins.Counter, *time.Time) {
	now := start
	store.Now = func() time.Time { return now }
	return logins.New(store, "/p", store.Now), &now
}

func TestFiveLoginsAMinuteAreAllowed(t *testing.T) {
	store := memstore.New()
	count, now := counter(store)
	var allowed []time.Time
	for range 1200 {
		err := count.Acquire(t.Context(), "user")
		var refused *logins.TooMany
		switch {
		case err == nil:
			allowed = append(allowed, *now)
		case !errors.As(err, &refused):
			t.Fatal(err)
		case !refused.Until.After(*now) || refused.Until.Sub(*now) > logins.Window+logins.Margin:
			t.Fatalf("refused until %v at %v", refused.Until, *now)
		}
		*now = now.Add(time.Second)
	}
	for i := logins.Max; i < len(allowed); i++ {
		if gap := allowed[i].Sub(allowed[i-logins.Max]); gap < logins.Window {
			t.Fatalf("six logins within %v", gap)
		}
	}
	if want := 1200 / 65 * logins.Max; len(allowed) < want {
		t.Errorf("%d logins in 20 minutes, want %d at least", len(allowed), want)
	}
	if len(store.Values) > 4*logins.Max {
		t.Errorf("%d parameters stay", len(store.Values))
	}
}

func TestManyFunctionsShareTheLimit(t *testing.T) {
	store := memstore.New()
	count, _ := counter(store)
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if count.Acquire(t.Context(), "user") == nil {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	if allowed.Load() != logins.Max {
		t.Errorf("%d logins, want %d", allowed.Load(), logins.Max)
	}
}

func TestUsersHaveLimitsOfTheirOwn(t *testing.T) {
	count, _ := counter(memstore.New())
	for i := range 20 {
		if err := count.Acquire(t.Context(), fmt.Sprintf("user%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARefusalNamesTheTimeOfTheNextLogin(t *testing.T) {
	count, _ := counter(memstore.New())
	var err error
	for range logins.Max + 1 {
		err = count.Acquire(t.Context(), "user")
	}
	if err == nil || !strings.Contains(err.Error(), "may be tried at 2026-03-01T12:01:0") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutACountThereIsNoLogin(t *testing.T) {
	for _, kind := range []string{"create", "list"} {
		store := memstore.New()
		store.Fail[kind] = errBroken
		count, _ := counter(store)
		if err := count.Acquire(t.Context(), "user"); !errors.Is(err, errBroken) ||
			!strings.Contains(err.Error(), "/p/logins") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// The clocks of two functions differ: what the fast one counted counts by Parameter Store's clock.
func TestALoginByAClockThatIsAheadCountsAsNow(t *testing.T) {
	for _, ahead := range []time.Duration{time.Second, 45 * time.Second, 70 * time.Second, 24 * time.Hour} {
		store := memstore.New()
		slow, now := counter(store)
		fast := logins.New(store, "/p", func() time.Time { return start.Add(ahead) })
		for range logins.Max {
			if err := fast.Acquire(t.Context(), "user"); err != nil {
				break // it refuses itself what it counts as recent
			}
		}
		fill(t, slow)
		var refused *logins.TooMany
		if err := slow.Acquire(t.Context(), "user"); !errors.As(err, &refused) {
			t.Errorf("%s ahead: %v: a sixth login within a minute", ahead, err)
		}
		*now = now.Add(twoMinutes)
		if err := slow.Acquire(t.Context(), "user"); err != nil {
			t.Errorf("%s ahead: %v after two minutes", ahead, err)
		}
	}
}

// fill logs in until no login is left.
func fill(t *testing.T, count *logins.Counter) {
	t.Helper()
	for range logins.Max {
		_ = count.Acquire(t.Context(), "user")
	}
}

// Two functions with clocks apart log in by turns: no minute of true time has six logins.
func TestFunctionsWithClocksApartKeepTheLimitTogether(t *testing.T) {
	for _, apart := range []time.Duration{2 * time.Second, 45 * time.Second} {
		store := memstore.New()
		now := start
		store.Now = func() time.Time { return now }
		fast := logins.New(store, "/p", func() time.Time { return now.Add(apart) })
		slow := logins.New(store, "/p", func() time.Time { return now })
		var made []time.Time
		for n := range 1200 {
			count := slow
			if n%2 == 0 {
				count = fast
			}
			if count.Acquire(t.Context(), "user") == nil {
				made = append(made, now)
			}
			now = now.Add(time.Second)
		}
		for i := logins.Max; i < len(made); i++ {
			if gap := made[i].Sub(made[i-logins.Max]); gap < logins.Window-2*logins.Margin {
				t.Errorf("%s apart: six logins within %s", apart, gap)
			}
		}
		if len(made) < 20 {
			t.Errorf("%s apart: %d logins in 20 minutes", apart, len(made))
		}
	}
}

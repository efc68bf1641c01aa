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
	return logins.New(store, "/p", func() time.Time { return now }), &now
}

func TestFiveLoginsAMinuteAreAllowed(t *testing.T) {
	store := memstore.New()
	count, now := counter(store)
	var allowed []time.Time
	for range 1200 {
		err := count.Acquire(t.Context(), nil, "user")
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
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			count, _ := counter(store)
			if count.Acquire(t.Context(), nil, "user") == nil {
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
		if err := count.Acquire(t.Context(), nil, fmt.Sprintf("user%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnOldHistoryIsReadAgainWhenItMatters(t *testing.T) {
	count, _ := counter(memstore.New())
	empty, err := count.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	granted := 0
	for range 2 * logins.Max {
		if count.Acquire(t.Context(), empty, "user") == nil {
			granted++
		}
	}
	if granted != logins.Max {
		t.Errorf("%d logins, want %d", granted, logins.Max)
	}
}

func TestARefusalNamesTheTimeOfTheNextLogin(t *testing.T) {
	count, _ := counter(memstore.New())
	var err error
	for range logins.Max + 1 {
		err = count.Acquire(t.Context(), nil, "user")
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
		if err := count.Acquire(t.Context(), nil, "user"); !errors.Is(err, errBroken) ||
			!strings.Contains(err.Error(), "/p/logins") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Parameters that this program has not written must not stop logins for ever.
func TestNonsenseAmongTheCountsDoesNotWedge(t *testing.T) {
	for name, value := range map[string]string{
		"user-9223372036854775807": start.Format(time.RFC3339Nano), "user--1": "x", "user-0": "not a time",
		"user-4": "9999-01-01T00:00:00Z", "user-x": "", "user-+3": start.Format(time.RFC3339Nano), "user-007": "1",
	} {
		store := memstore.New()
		store.Values["/p/logins/"+name] = value
		count, now := counter(store)
		granted := 0
		for range 200 {
			if count.Acquire(t.Context(), nil, "user") == nil {
				granted++
			}
			*now = now.Add(10 * time.Second)
		}
		if granted < 100 {
			t.Errorf("%s=%q: %d logins in half an hour", name, value, granted)
		}
	}
}

// The clocks of two functions differ: what the fast one counted is in the future.
func TestALoginByAClockThatIsAheadCountsAsNow(t *testing.T) {
	for _, ahead := range []time.Duration{time.Second, 2 * time.Second, 70 * time.Second, 119 * time.Second} {
		store := memstore.New()
		fast := logins.New(store, "/p", func() time.Time { return start.Add(ahead) })
		for range logins.Max {
			if err := fast.Acquire(t.Context(), nil, "user"); err != nil {
				t.Fatal(err)
			}
		}
		slow, now := counter(store)
		var refused *logins.TooMany
		if err := slow.Acquire(t.Context(), nil, "user"); !errors.As(err, &refused) {
			t.Errorf("%s ahead: %v: a sixth login within a minute", ahead, err)
		}
		*now = now.Add(ahead + logins.Window + 2*logins.Margin)
		if err := slow.Acquire(t.Context(), nil, "user"); err != nil {
			t.Errorf("%s ahead: %v after the window", ahead, err)
		}
	}
}

// Two functions with clocks apart log in by turns: no minute of true time has six logins.
func TestFunctionsWithClocksApartKeepTheLimitTogether(t *testing.T) {
	for _, apart := range []time.Duration{2 * time.Second, 70 * time.Second} {
		store := memstore.New()
		now := start
		fast := logins.New(store, "/p", func() time.Time { return now.Add(apart) })
		slow := logins.New(store, "/p", func() time.Time { return now })
		var made []time.Time
		for n := range 1200 {
			count := slow
			if n%2 == 0 {
				count = fast
			}
			if count.Acquire(t.Context(), nil, "user") == nil {
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

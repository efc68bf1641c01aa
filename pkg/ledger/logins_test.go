package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// counter is a login counter on a clock that the test moves.
func counter(store *shelf) (*ledger.Logins, *time.Time) {
	now := start
	return ledger.NewLogins(store, "/p", func() time.Time { return now }), &now
}

func TestFiveLoginsAMinuteAreAllowed(t *testing.T) {
	store := newShelf()
	logins, now := counter(store)
	var allowed []time.Time
	for range 1200 {
		err := logins.Acquire(t.Context(), nil, "user")
		var refused *ledger.TooManyLogins
		switch {
		case err == nil:
			allowed = append(allowed, *now)
		case !errors.As(err, &refused):
			t.Fatal(err)
		case !refused.Until.After(*now) || refused.Until.Sub(*now) > ledger.LoginWindow+ledger.LoginMargin:
			t.Fatalf("refused until %v at %v", refused.Until, *now)
		}
		*now = now.Add(time.Second)
	}
	for i := ledger.MaxLogins; i < len(allowed); i++ {
		if gap := allowed[i].Sub(allowed[i-ledger.MaxLogins]); gap < ledger.LoginWindow {
			t.Fatalf("six logins within %v", gap)
		}
	}
	if want := 1200 / 65 * ledger.MaxLogins; len(allowed) < want {
		t.Errorf("%d logins in 20 minutes, want %d at least", len(allowed), want)
	}
	if len(store.values) > 4*ledger.MaxLogins {
		t.Errorf("%d parameters stay", len(store.values))
	}
}

func TestManyFunctionsShareTheLimit(t *testing.T) {
	store := newShelf()
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			logins, _ := counter(store)
			if logins.Acquire(t.Context(), nil, "user") == nil {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	if allowed.Load() != ledger.MaxLogins {
		t.Errorf("%d logins, want %d", allowed.Load(), ledger.MaxLogins)
	}
}

func TestUsersHaveLimitsOfTheirOwn(t *testing.T) {
	logins, _ := counter(newShelf())
	for i := range 20 {
		if err := logins.Acquire(t.Context(), nil, fmt.Sprintf("user%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnOldHistoryIsReadAgainWhenItMatters(t *testing.T) {
	logins, _ := counter(newShelf())
	empty, err := logins.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	granted := 0
	for range 2 * ledger.MaxLogins {
		if logins.Acquire(t.Context(), empty, "user") == nil {
			granted++
		}
	}
	if granted != ledger.MaxLogins {
		t.Errorf("%d logins, want %d", granted, ledger.MaxLogins)
	}
}

func TestARefusalNamesTheTimeOfTheNextLogin(t *testing.T) {
	logins, _ := counter(newShelf())
	var err error
	for range ledger.MaxLogins + 1 {
		err = logins.Acquire(t.Context(), nil, "user")
	}
	if err == nil || !strings.Contains(err.Error(), "may be tried at 2026-03-01T12:01:0") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutACountThereIsNoLogin(t *testing.T) {
	for _, kind := range []string{"create", "list"} {
		store := newShelf()
		store.fail[kind] = errBroken
		logins, _ := counter(store)
		if err := logins.Acquire(t.Context(), nil, "user"); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "/p/logins") {
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
		store := newShelf()
		store.values["/p/logins/"+name] = value
		logins, now := counter(store)
		granted := 0
		for range 200 {
			if logins.Acquire(t.Context(), nil, "user") == nil {
				granted++
			}
			*now = now.Add(10 * time.Second)
		}
		if granted < 100 {
			t.Errorf("%s=%q: %d logins in half an hour", name, value, granted)
		}
	}
}

// The clocks of two functions differ: what the other one counted is a time to come.
func TestALoginOfAFunctionWhoseClockIsAheadCountsAsNow(t *testing.T) {
	for _, ahead := range []time.Duration{time.Second, 2 * time.Second, 70 * time.Second, 119 * time.Second} {
		store := newShelf()
		fast := ledger.NewLogins(store, "/p", func() time.Time { return start.Add(ahead) })
		for range ledger.MaxLogins {
			if err := fast.Acquire(t.Context(), nil, "user"); err != nil {
				t.Fatal(err)
			}
		}
		slow, now := counter(store)
		var refused *ledger.TooManyLogins
		if err := slow.Acquire(t.Context(), nil, "user"); !errors.As(err, &refused) {
			t.Errorf("%s ahead: %v: a sixth login within a minute", ahead, err)
		}
		*now = now.Add(ahead + ledger.LoginWindow + 2*ledger.LoginMargin)
		if err := slow.Acquire(t.Context(), nil, "user"); err != nil {
			t.Errorf("%s ahead: %v after the window", ahead, err)
		}
	}
}

// Two functions with clocks apart log in by turns: no minute of true time has six logins.
func TestFunctionsWithClocksApartKeepTheLimitTogether(t *testing.T) {
	for _, apart := range []time.Duration{2 * time.Second, 70 * time.Second} {
		store := newShelf()
		now := start
		fast := ledger.NewLogins(store, "/p", func() time.Time { return now.Add(apart) })
		slow := ledger.NewLogins(store, "/p", func() time.Time { return now })
		var made []time.Time
		for n := range 1200 {
			logins := slow
			if n%2 == 0 {
				logins = fast
			}
			if logins.Acquire(t.Context(), nil, "user") == nil {
				made = append(made, now)
			}
			now = now.Add(time.Second)
		}
		for i := ledger.MaxLogins; i < len(made); i++ {
			if gap := made[i].Sub(made[i-ledger.MaxLogins]); gap < ledger.LoginWindow-2*ledger.LoginMargin {
				t.Errorf("%s apart: six logins within %s", apart, gap)
			}
		}
		if len(made) < 20 {
			t.Errorf("%s apart: %d logins in 20 minutes", apart, len(made))
		}
	}
}

package logins_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/memstore"
)

const day = 24 * time.Hour

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// attacks are what somebody may write below {prefix}/logins, by the end of the name.
func attacks() map[string]map[string]string {
	old, far := stamp(start.Add(-day)), stamp(start.Add(day))
	all := map[string]map[string]string{
		"a number at the old bound":  {"user-4503599627370496": old, "user/4503599627370496": old},
		"the greatest number":        {"user/2147483647": old},
		"beyond the greatest number": {"user/2147483648": old, "user/9223372036854775808": old},
		"a negative number":          {"user/-1": old, "user/-9223372036854775808": old},
		"leading zeros":              {"user/007": old, "user/00": old, "user/+3": old},
		"a time long past":           {"user/0": "0000-01-01T00:00:00Z", "user/1": old},
		"a time to come":             {"user/4": far, "user/5": "9999-12-31T23:59:59Z"},
		"no time":                    {"user/0": "x", "user/1": "{}", "user/2": " "},
		"no number":                  {"user/x": old, "user/failed": "}", "user": "x", "other": "x"},
		"a path below":               {"user/0/1": old, "user/1/2": far},
	}
	clocks, crowd, schedule := map[string]string{}, map[string]string{}, map[string]string{}
	for n := range logins.Max {
		clocks["user/"+strconv.Itoa(n)] = stamp(start.Add(45 * time.Second))
	}
	for n := range 1000 {
		crowd["user/"+strconv.Itoa(n)] = old
		schedule["user/"+strconv.Itoa(n)] = stamp(start.Add(time.Duration(n) * 10 * time.Second)) // six a minute
	}
	all["five times by a clock ahead"], all["thousands"] = clocks, crowd
	all["a time to come for every minute of hours"] = schedule
	return all
}

func attacked(t *testing.T, attack map[string]string) (*logins.Counter, *time.Time) {
	t.Helper()
	store := memstore.New()
	count, now := counter(store)
	for name, value := range attack {
		if err := store.Set(t.Context(), "/p/logins/"+name, value); err != nil {
			t.Fatal(err)
		}
	}
	return count, now
}

func TestWhateverOthersWriteDelaysALoginByTwoMinutesAtMost(t *testing.T) {
	for name, attack := range attacks() {
		t.Run(name, func(t *testing.T) {
			count, now := attacked(t, attack)
			wanted := *now // since when a login is wanted
			for now.Before(start.Add(time.Hour)) {
				err := count.Acquire(t.Context(), "user")
				if delay := now.Sub(wanted); delay > twoMinutes {
					t.Fatalf("after %s a login is delayed by %s: %v", now.Sub(start), delay, err)
				}
				*now = now.Add(20 * time.Second)
				if err == nil {
					wanted = *now
				}
			}
		})
	}
}

func TestWhateverOthersWriteTheCountStaysRight(t *testing.T) {
	for name, attack := range attacks() {
		t.Run(name, func(t *testing.T) {
			count, now := attacked(t, attack)
			var made []time.Time
			for range 300 {
				if count.Acquire(t.Context(), "user") == nil {
					made = append(made, *now)
				}
				*now = now.Add(time.Second)
			}
			for i := logins.Max; i < len(made); i++ {
				if gap := made[i].Sub(made[i-logins.Max]); gap < logins.Window {
					t.Fatalf("six logins within %s", gap)
				}
			}
			if want := (300 - 120) / 67 * logins.Max; len(made) < want {
				t.Errorf("%d logins in five minutes, want %d", len(made), want)
			}
		})
	}
}

// Somebody writes over the counts that functions have made, and beside them, while they log in.
func TestWritingOverCountsEndsNoLimit(t *testing.T) {
	store := memstore.New()
	count, now := counter(store)
	var made []time.Time
	for n := range 600 {
		if count.Acquire(t.Context(), "user") == nil {
			made = append(made, *now)
		}
		if n%200 == 50 {
			for k := range logins.Max {
				_ = store.Set(t.Context(), fmt.Sprintf("/p/logins/user/%d", k), stamp(start.Add(-day)))
				_ = store.Set(t.Context(), fmt.Sprintf("/p/logins/user/%d", 1<<31-1-k), "x")
			}
		}
		*now = now.Add(time.Second)
	}
	for i := logins.Max; i < len(made); i++ {
		if gap := made[i].Sub(made[i-logins.Max]); gap < logins.Window {
			t.Fatalf("six logins within %s", gap)
		}
	}
	if len(made) < 15 {
		t.Errorf("%d logins in ten minutes", len(made))
	}
}

// Old parameters are removed little by little, whoever wrote them.
func TestWhatOthersWroteIsRemovedInTime(t *testing.T) {
	store := memstore.New()
	count, now := counter(store)
	for n := range 100 {
		_ = store.Set(t.Context(), fmt.Sprintf("/p/logins/user/%d", 7*n), "x")
	}
	for range 20 {
		*now = now.Add(time.Hour)
		if err := count.Acquire(t.Context(), "user"); err != nil {
			t.Fatal(err)
		}
	}
	if len(store.Values) > 2 {
		t.Errorf("%d parameters stay", len(store.Values))
	}
}

package logins_test

import (
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/memstore"
)

// FuzzLogins: nothing that is stored beside the counts makes the counter panic, hang, refuse for
// longer than two minutes, or allow a sixth login.
func FuzzLogins(f *testing.F) {
	for _, seed := range [][2]string{
		{"0", "2026-03-01T12:00:00Z"}, {"9223372036854775807", "x"}, {"-5", ""}, {"2147483647", "x"},
		{"4", "9999-12-31T23:59:59Z"}, {"00", "0000-01-01T00:00:00Z"}, {"0", "2026-03-01T12:00:44Z"},
		{"failed", "{}"}, {"failed", `{"at":"2026-03-01T12:00:00Z","status":-1}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if strings.Contains(name, "/") {
			return
		}
		store := memstore.New()
		count, now := counter(store)
		_ = store.Set(t.Context(), "/p/logins/user/"+name, value)
		allowed := 0
		for range 3 * logins.Max {
			if count.Acquire(t.Context(), "user") == nil {
				allowed++
			}
		}
		if allowed > logins.Max || allowed < logins.Max-1 {
			t.Fatalf("%q=%q: %d logins", name, value, allowed)
		}
		*now = now.Add(twoMinutes)
		if err := count.Acquire(t.Context(), "user"); err != nil {
			t.Fatalf("%q=%q: %v", name, value, err)
		}
	})
}

// twoMinutes is the longest that a login is delayed, whatever is stored.
const twoMinutes = 2 * time.Minute

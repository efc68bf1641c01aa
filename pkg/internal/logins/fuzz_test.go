package logins_test

import (
	"strings"
	"testing"

	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/memstore"
)

// FuzzLogins: no history makes the counter panic, hang, or refuse for longer than its window and a
// clock that is ahead.
func FuzzLogins(f *testing.F) {
	for _, seed := range [][2]string{
		{"user-0", "2026-03-01T12:00:00Z"}, {"user-9223372036854775807", "x"}, {"user--5", ""},
		{"user-4", "9999-12-31T23:59:59Z"},
		{"other-1", "x"}, {"user-00", "0000-01-01T00:00:00Z"}, {"user-0", "2026-03-01T12:01:10Z"},
		{"user-3", "2026-03-01T12:02:00Z"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if strings.Contains(name, "/") {
			return
		}
		store := memstore.New()
		store.Values["/p/logins/"+name] = value
		count, now := counter(store)
		for range 3 * logins.Max {
			_ = count.Acquire(t.Context(), nil, "user")
		}
		*now = now.Add(2*(logins.Window+logins.Margin) + 2*logins.Window) // past a clock that was ahead
		if err := count.Acquire(t.Context(), nil, "user"); err != nil {
			t.Fatalf("%q=%q: %v", name, value, err)
		}
	})
}

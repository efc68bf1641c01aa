package logins_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/memstore"
)

// failedWith is an error of a login, wrapped as a rotation wraps it.
func failedWith(status int, webPage bool) error {
	return fmt.Errorf("log in: %w", &engage.Error{Operation: "login", Status: status, WebPage: webPage, Code: "hunter2"})
}

func TestALoginThatIsNotTriedNamesTheLastFailure(t *testing.T) {
	for want, failure := range map[string]error{
		"the last failure: the vendor's server failed (HTTP 503, 2026-03-01T12:00:00Z); ":   failedWith(503, false),
		"the last failure: the login was refused (HTTP 401, ":                               failedWith(401, false),
		"the last failure: the vendor's server failed, with a web page (HTTP 502, ":         failedWith(502, true),
		"the last failure: the vendor's answer cannot be used, with a web page (HTTP 200, ": failedWith(200, true),
		"the last failure: the vendor had too many requests (HTTP 429, ":                    failedWith(429, false),
		"the last failure: the request was refused (HTTP 404, ":                             failedWith(404, false),
		"the last failure: no answer came (2026-03-01T12:00:00Z); ":                         failedWith(0, false),
	} {
		count, _ := counter(memstore.New())
		fill(t, count)
		count.Failed(t.Context(), "user", failure)
		err := count.Acquire(t.Context(), "user")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v\nwant %s", err, want)
		}
		count.Failed(t.Context(), "user", fmt.Errorf("log in: %w", err)) // no new cause
		if again := count.Acquire(t.Context(), "user"); again == nil || again.Error() != err.Error() {
			t.Errorf("the cause is lost: %v", again)
		}
	}
}

func TestAFailureThatIsOldOrForgedIsNotNamed(t *testing.T) {
	store := memstore.New()
	count, now := counter(store)
	count.Failed(t.Context(), "user", failedWith(503, false))
	*now = now.Add(time.Hour)
	fill(t, count)
	if err := count.Acquire(t.Context(), "user"); err == nil || strings.Contains(err.Error(), "failure") {
		t.Errorf("an hour later: %v", err)
	}
	for _, value := range []string{"", "evil", `{"status":"evil"}`, `{"status":-7}`, `{"status":7000}`, `{"at":"evil"}`} {
		_ = store.Set(t.Context(), "/p/logins/user/failed", value)
		err := count.Acquire(t.Context(), "user")
		if err == nil || strings.Contains(err.Error(), "failure") || strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: %v", value, err)
		}
	}
	count.Failed(t.Context(), "user", errors.New("a bug")) // the vendor was not asked
	if store.Values["/p/logins/user/failed"] != `{"at":"evil"}` {
		t.Error("it is stored")
	}
}

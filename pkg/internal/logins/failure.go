package logins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"engage-token-rotation/pkg/engage"
)

// failedName is the end of the name of the parameter that holds the last failure.
const failedName = "failed"

// Failure is why a login failed. It holds nothing that the vendor wrote but the status.
type Failure struct {
	At time.Time `json:"at"`
	// Status is the HTTP status, or 0 if no answer came.
	Status int `json:"status"`
	// WebPage reports that the answer was a web page.
	WebPage bool `json:"webPage,omitempty"`
}

// String returns the failure in words.
func (f Failure) String() string {
	at := f.At.UTC().Format(time.RFC3339)
	if f.Status == 0 {
		return "no answer came (" + at + ")"
	}
	what := "the vendor's answer cannot be used"
	switch {
	case f.Status == http.StatusUnauthorized, f.Status == http.StatusForbidden:
		what = "the login was refused"
	case f.Status == http.StatusTooManyRequests:
		what = "the vendor had too many requests"
	case f.Status == http.StatusRequestTimeout, f.Status >= 500:
		what = "the vendor's server failed"
	case f.Status >= 300:
		what = "the request was refused"
	}
	if f.WebPage {
		what += ", with a web page"
	}
	return fmt.Sprintf("%s (HTTP %d, %s)", what, f.Status, at)
}

// Failed stores why a login failed, for the error of a login that is not tried. It does nothing if
// err is nil or the vendor was not asked.
func (c *Counter) Failed(ctx context.Context, key string, err error) {
	var refused *engage.Error
	var tooMany *TooMany
	if !errors.As(err, &refused) || errors.As(err, &tooMany) {
		return
	}
	value, err := json.Marshal(Failure{At: c.now().UTC(), Status: refused.Status, WebPage: refused.WebPage})
	if err == nil {
		_ = c.parameters.Set(ctx, c.name(key, failedName), string(value)) // without it the limit hides the cause
	}
}

// failure returns the last failure, or nil when none was stored since then.
func (h history) failure(since time.Time) *Failure {
	var f Failure
	if h.stored[failedName].Before(since) || json.Unmarshal([]byte(h.failed), &f) != nil ||
		f.Status != 0 && (f.Status < 100 || f.Status > 599) {
		return nil
	}
	return &f
}

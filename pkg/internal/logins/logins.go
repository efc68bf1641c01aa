// Package logins counts the logins of an Engage user over all functions that run, so that there are
// never more than five a minute.
//
// A login is an SSM parameter {prefix}/logins/{user}/{number}. A name can be created only once, and
// functions that see the same parameters choose the same number. A function that does not see the
// latest login yet finds its number taken and reads again.
//
// A login was counted when Parameter Store stored the parameter. No writer can choose that time, so
// that whatever else is written below the path delays a login by less than two minutes, and numbers
// that others took are passed over. Who may delete these parameters can end the limit.
//
// Beside the numbers is the reason why the last failed login failed; see [Failure].
package logins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/ledger"
)

// The limit of logins: Max in any Window for one user.
const (
	Max    = 5
	Window = time.Minute
	// Margin is how much later than it was counted a login may be sent. The counter waits longer by as
	// much.
	Margin = 2 * engage.PermitLife
	// clockError is how far this function's clock may be from Parameter Store's.
	clockError = 2 * time.Second
	// wait is how long a login counts.
	wait = Window + Margin + clockError
	// maxAhead is how far ahead of Parameter Store's clock the clock of a function that counts logins
	// is believed to be. With wait it is less than two minutes.
	maxAhead = 45 * time.Second
)

// TooMany reports a login that was not tried, because it would have been the sixth within a minute.
type TooMany struct {
	// Until is when the next login may be tried.
	Until time.Time
	// Last is why a login failed, of those that count the last that did; nil when none did.
	Last *Failure
}

// Error implements error.
func (e *TooMany) Error() string {
	last := ""
	if e.Last != nil {
		last = "the last failure: " + e.Last.String() + "; "
	}
	return fmt.Sprintf("%d logins of this user within a minute are the limit; %sthe next one may be tried at %s, "+
		"and the service's own retries will", Max, last, e.Until.UTC().Format(time.RFC3339))
}

// Counter counts logins. It is safe for concurrent use.
type Counter struct {
	parameters ledger.Parameters
	path       string
	now        func() time.Time
}

// New returns the counter below a prefix.
func New(parameters ledger.Parameters, prefix string, now func() time.Time) *Counter {
	return &Counter{parameters: parameters, path: prefix + "/logins", now: now}
}

// Key names who logs in, by whatever identifies the credentials.
func Key(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:8])
}

// Permit returns when a login is counted that is to be sent within Margin, or returns why it may
// not be made. It waits for it only if reserve of the invocation's time is left afterwards.
func (c *Counter) Permit(ctx context.Context, key string, reserve time.Duration) error {
	for {
		err := c.Acquire(ctx, key)
		var tooMany *TooMany
		if !errors.As(err, &tooMany) {
			return err
		}
		until := tooMany.Until.Sub(c.now())
		if !clock.Has(ctx, c.now(), until+reserve) || clock.Sleep(ctx, until) != nil {
			return err
		}
	}
}

// Acquire counts a login that is to be sent within Margin, or returns a *TooMany.
func (c *Counter) Acquire(ctx context.Context, key string) error {
	for try := 0; ; try++ {
		done, err := c.try(ctx, key)
		if done || err != nil {
			return err
		}
		// Another function took the number at the same time, or some seconds ago, which reads do not
		// show yet; or counting took too long.
		if err := clock.Sleep(ctx, min(time.Second, 20*time.Millisecond<<min(try, 10))); err != nil {
			return err
		}
	}
}

// try counts a login by what can be read, and reports whether that succeeded.
func (c *Counter) try(ctx context.Context, key string) (done bool, err error) {
	h, err := c.read(ctx, key)
	if err != nil {
		return false, err
	}
	now := c.now()
	oldest, found := h.oldest()
	if found && now.Before(oldest.at.Add(wait)) { //safeguard:five-logins-a-minute
		return false, &TooMany{Until: oldest.at.Add(wait), Last: h.failure(oldest.stored)}
	}
	created, err := c.take(ctx, key, h, now)
	if err != nil {
		return false, err
	}
	if c.now().Sub(now) > Margin { //safeguard:late-logins-are-counted-again
		return false, nil
	}
	return created, nil
}

// take creates the next number and meanwhile removes what no longer matters.
func (c *Counter) take(ctx context.Context, key string, h history, now time.Time) (created bool, err error) {
	name := c.name(key, strconv.Itoa(h.next()))
	_ = parallel.Do(
		func() error {
			for _, old := range h.expired(now) {
				_ = c.parameters.Delete(ctx, c.name(key, old)) // tried again by the next login
			}
			return nil
		},
		func() error {
			created, err = c.parameters.Create(ctx, name, now.UTC().Format(time.RFC3339Nano))
			return nil
		})
	if err != nil {
		return false, fmt.Errorf("count the login as %s: %w", name, err)
	}
	return created, nil
}

func (c *Counter) name(key, last string) string { return c.path + "/" + key + "/" + last }

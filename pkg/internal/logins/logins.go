// Package logins counts the logins of an Engage user over all functions that run, so that there are
// never more than five a minute.
package logins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	// clockError is how much the clocks of two functions may differ, at the most that is reckoned
	// with.
	clockError = 2 * time.Second
	// maxClockError is how far ahead the clock of another function is believed to be. A later time was
	// not written by a function that counts logins.
	maxClockError = 2 * Window
)

// TooMany reports a login that was not tried, because it would have been the sixth within a minute.
type TooMany struct {
	// Until is when the next login may be tried.
	Until time.Time
}

// Error implements error.
func (e *TooMany) Error() string {
	return fmt.Sprintf("%d logins of this user within a minute are the limit; the next one may be tried at %s, "+
		"and the service's own retries will", Max, e.Until.UTC().Format(time.RFC3339))
}

// Counter counts logins in SSM parameters {prefix}/logins/{key}-{number}. Each can be created only
// once, so that no two functions take the same number; number n may be taken only a minute after
// number n-5 was. It is safe for concurrent use.
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

// History holds the logins known at one moment.
type History map[string]string

// History reads the logins. It does not depend on who is going to log in, so that it can be read
// ahead.
func (c *Counter) History(ctx context.Context) (History, error) {
	values, err := c.parameters.List(ctx, c.path)
	if err != nil {
		return nil, fmt.Errorf("read the logins under %s: %w", c.path, err)
	}
	return values, nil
}

// UserOf returns the key of the user whose login fields are in an admin secret, as the history has
// it, or "". So a login can be counted before that secret is read.
func (c *Counter) UserOf(history History, admin string) string { return history[c.adminName(admin)] }

// Learn stores the key of the user whose login fields are in an admin secret.
func (c *Counter) Learn(ctx context.Context, admin, key string) error {
	name := c.adminName(admin)
	if err := c.parameters.Set(ctx, name, key); err != nil {
		return fmt.Errorf("store the user of an admin secret as %s: %w", name, err)
	}
	return nil
}

func (c *Counter) adminName(admin string) string { return c.path + "/admin-" + Key(admin) }

// Acquire counts a login that is to be sent within Margin, or returns a *TooMany. history may be
// nil or old: it is read again when that matters.
func (c *Counter) Acquire(ctx context.Context, history History, key string) error {
	for try := 0; ; try++ {
		if history == nil {
			var err error
			if history, err = c.History(ctx); err != nil {
				return err
			}
		}
		done, err := c.try(ctx, history, key)
		if done || err != nil {
			return err
		}
		// Another function took the number at the same time, or some seconds ago, which reads do not
		// show yet; or counting took so long that it does not count.
		history = nil
		if err := clock.Sleep(ctx, min(time.Second, 20*time.Millisecond<<min(try, 10))); err != nil {
			return err
		}
	}
}

// try counts a login by what the history shows, and reports whether that succeeded.
func (c *Counter) try(ctx context.Context, history History, key string) (done bool, err error) {
	times, now := c.of(history, key), c.now()
	next := 0
	for number := range times {
		next = max(next, number+1)
	}
	if until := times[next-Max].Add(Window + Margin + clockError); now.Before(until) { //safeguard:five-logins-a-minute
		return false, &TooMany{Until: until}
	}
	created, err := c.take(ctx, key, next, now, expired(times, next, now))
	return created && c.now().Sub(now) <= Margin, err
}

// take creates the number and meanwhile removes those that no longer matter.
func (c *Counter) take(ctx context.Context, key string, number int, now time.Time,
	expired []int) (created bool, err error) {
	_ = parallel.Do(
		func() error {
			for _, old := range expired {
				_ = c.parameters.Delete(ctx, c.name(key, old)) // tried again by the next login
			}
			return nil
		},
		func() error {
			created, err = c.parameters.Create(ctx, c.name(key, number), now.UTC().Format(time.RFC3339Nano))
			return nil
		})
	if err != nil {
		return false, fmt.Errorf("count the login as %s: %w", c.name(key, number), err)
	}
	return created, nil
}

// expired returns the numbers that no longer matter. The last one stays, so that no name is used
// twice.
func expired(times map[int]time.Time, next int, now time.Time) []int {
	var old []int
	for _, number := range slices.Sorted(maps.Keys(times)) {
		if number != next-1 && now.Sub(times[number]) > 2*Window {
			old = append(old, number)
		}
	}
	return old
}

func (c *Counter) name(key string, number int) string {
	return c.path + "/" + key + "-" + strconv.Itoa(number)
}

// maxNumber bounds the numbers: a greater one was not counted here.
const maxNumber = 1 << 52

// of returns the times of one key's logins by number. What cannot have been written here does not
// count: an unreadable time, a time far ahead, a number out of bounds.
func (c *Counter) of(history History, key string) map[int]time.Time {
	times := map[int]time.Time{}
	for name, value := range history {
		rest, ok := strings.CutPrefix(name, c.path+"/"+key+"-")
		number, err := strconv.Atoi(rest)
		if !ok || err != nil || number < 0 || number > maxNumber || rest != strconv.Itoa(number) {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil || at.After(c.now().Add(maxClockError)) {
			at = time.Time{}
		}
		times[number] = at
	}
	return times
}

// Permits lets the logins of one invocation be made, each when it is counted. It is not safe for
// concurrent use.
type Permits struct {
	counter *Counter
	history History
	reserve time.Duration
	first   chan error
	key     string
	since   time.Time // when Ahead was called
}

// Permits returns the permits of an invocation, which waits for a login only if reserve of its time
// is left afterwards. history may be nil.
func (c *Counter) Permits(history History, reserve time.Duration) *Permits {
	return &Permits{counter: c, history: history, reserve: reserve}
}

// Ahead starts counting a login before it is known whether it will be made.
func (p *Permits) Ahead(ctx context.Context, key string) {
	p.first, p.key, p.since = make(chan error, 1), key, p.counter.now()
	first := p.first
	go func() {
		err := errors.New("the count of logins panicked")
		defer func() {
			_ = recover() // its value may hold anything
			first <- err
		}()
		err = p.acquire(ctx, key)
	}()
}

// Permit returns when a login is counted, or may not be made.
func (p *Permits) Permit(ctx context.Context, key string) error {
	if first := p.first; first != nil {
		p.first = nil
		err := <-first
		soon := p.counter.now().Sub(p.since) <= Margin-engage.PermitLife //safeguard:late-logins-are-counted-again on
		if err != nil || soon && key == p.key {
			return err
		}
	}
	return p.acquire(ctx, key)
}

// Wait waits for a count that was not used, so that no call outlives the invocation.
func (p *Permits) Wait() {
	if p.first != nil {
		<-p.first
	}
}

func (p *Permits) acquire(ctx context.Context, key string) error {
	for {
		err := p.counter.Acquire(ctx, p.history, key)
		p.history = nil // good for one login
		var tooMany *TooMany
		if !errors.As(err, &tooMany) {
			return err
		}
		wait := tooMany.Until.Sub(p.counter.now())
		if !clock.Has(ctx, p.counter.now(), wait+p.reserve) || clock.Sleep(ctx, wait) != nil {
			return err
		}
	}
}

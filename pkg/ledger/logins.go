package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
)

// The limit of logins: five in any 60 seconds for one user, over all functions that run.
const (
	MaxLogins   = 5
	LoginWindow = time.Minute
	// LoginMargin is how much later than it was counted a login may be sent; the window is wider by as much.
	LoginMargin = 2 * engage.PermitLife
)

// TooManyLogins is a login that was not tried, since it would have been the sixth within a minute.
type TooManyLogins struct {
	// Until is when the next login may be tried.
	Until time.Time
}

// Error implements error.
func (e *TooManyLogins) Error() string {
	return fmt.Sprintf("%d logins of this user within a minute are the limit; the next one may be tried at %s, and the service's own retries will",
		MaxLogins, e.Until.UTC().Format(time.RFC3339))
}

// Logins counts logins in SSM parameters {prefix}/logins/{key}-{number}, each of which can be created but once: so no two
// functions take the same number, and number n may be taken only a minute after number n-5 was. It is safe for
// concurrent use.
type Logins struct {
	parameters Parameters
	path       string
	now        func() time.Time
}

// NewLogins returns the counter below a prefix.
func NewLogins(parameters Parameters, prefix string, now func() time.Time) *Logins {
	return &Logins{parameters: parameters, path: prefix + "/logins", now: now}
}

// LoginKey names who logs in, by whatever identifies the credentials.
func LoginKey(parts ...string) string { return digest(16, parts...) }

// LoginHistory is the logins known at one moment.
type LoginHistory map[string]string

// History reads the logins. It does not depend on who is going to log in, so that it can be read ahead.
func (l *Logins) History(ctx context.Context) (LoginHistory, error) {
	values, err := l.parameters.List(ctx, l.path)
	if err != nil {
		return nil, fmt.Errorf("read the logins under %s: %w", l.path, err)
	}
	return values, nil
}

// Acquire counts a login that is to be sent within LoginMargin, or returns a *TooManyLogins. history may be nil or old: it is read again where that matters.
func (l *Logins) Acquire(ctx context.Context, history LoginHistory, key string) error {
	for try := 0; ; try++ {
		if history == nil {
			var err error
			if history, err = l.History(ctx); err != nil {
				return err
			}
		}
		times := l.of(history, key)
		numbers := slices.Sorted(maps.Keys(times))
		next := 0
		if len(numbers) > 0 {
			next = numbers[len(numbers)-1] + 1
		}
		now := l.now()
		if until := times[next-MaxLogins].Add(LoginWindow + LoginMargin + clockError); now.Before(until) {
			return &TooManyLogins{Until: until}
		}
		created, err := l.take(ctx, key, next, now, expired(times, next, now))
		if err != nil || created && l.now().Sub(now) <= LoginMargin {
			return err
		}
		// Somebody took the number at the same time, or some seconds ago, which reads do not show yet; or counting took so
		// long that it counts for nothing.
		history = nil
		if err := clock.Sleep(ctx, min(time.Second, 20*time.Millisecond<<min(try, 10))); err != nil {
			return err
		}
	}
}

// take creates the number and meanwhile removes those that no longer matter.
func (l *Logins) take(ctx context.Context, key string, number int, now time.Time, expired []int) (created bool, err error) {
	_ = parallel.Do(
		func() error {
			for _, old := range expired {
				_ = l.parameters.Delete(ctx, l.name(key, old)) // tried again by the next login
			}
			return nil
		},
		func() error {
			created, err = l.parameters.Create(ctx, l.name(key, number), now.UTC().Format(time.RFC3339Nano))
			return nil
		})
	if err != nil {
		return false, fmt.Errorf("count the login as %s: %w", l.name(key, number), err)
	}
	return created, nil
}

// expired returns the numbers that no longer matter: the last one stays, so that no name is used twice.
func expired(times map[int]time.Time, next int, now time.Time) []int {
	var old []int
	for number, at := range times {
		if number != next-1 && now.Sub(at) > 2*LoginWindow {
			old = append(old, number)
		}
	}
	slices.Sort(old)
	return old
}

func (l *Logins) name(key string, number int) string {
	return l.path + "/" + key + "-" + strconv.Itoa(number)
}

// maxNumber bounds the numbers: a greater one was not counted here.
const maxNumber = 1 << 52

// clockError is how much the clocks of two functions may differ, at the most that is reckoned with.
const clockError = 2 * time.Second

// maxClockError is how far ahead the clock of another function is believed to be. A later time was not
// written by a function that counts logins.
const maxClockError = 2 * LoginWindow

// of returns the times of one key's logins by number. What cannot have been written here does not count: an unreadable
// time, a time to come, a number out of bounds.
func (l *Logins) of(history LoginHistory, key string) map[int]time.Time {
	times := map[int]time.Time{}
	for name, value := range history {
		rest, ok := strings.CutPrefix(name, l.path+"/"+key+"-")
		number, err := strconv.Atoi(rest)
		if !ok || err != nil || number < 0 || number > maxNumber || rest != strconv.Itoa(number) {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil || at.After(l.now().Add(maxClockError)) {
			at = time.Time{}
		}
		times[number] = at
	}
	return times
}

package logins

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// maxNumber bounds the numbers. After the greatest comes 0.
const maxNumber = 1 << 31

// maxExpired is how many parameters one login removes. Each login leaves one behind.
const maxExpired = 20

// history is what one user's parameters show.
type history struct {
	counted map[int]count        // by number
	stored  map[string]time.Time // when each parameter was stored, by the end of its name
	failed  string               // the value of the parameter of the last failure
}

// count is a counted login.
type count struct {
	stored time.Time // by Parameter Store's clock
	at     time.Time // by the clock of the function that counted it, within limits
}

// read reads the parameters of one user.
func (c *Counter) read(ctx context.Context, key string) (history, error) {
	path := c.path + "/" + key
	values, err := c.parameters.ListDated(ctx, path)
	if err != nil {
		return history{}, fmt.Errorf("read the logins under %s: %w", path, err)
	}
	h := history{counted: map[int]count{}, stored: map[string]time.Time{}}
	now := c.now()
	for name, parameter := range values {
		last := strings.TrimPrefix(name, path+"/")
		h.stored[last] = parameter.At
		number, err := strconv.Atoi(last)
		switch {
		case last == failedName:
			h.failed = parameter.Value
		case err == nil && number >= 0 && number < maxNumber && last == strconv.Itoa(number):
			h.counted[number] = newCount(parameter, now)
		}
	}
	return h, nil
}

// newCount reads when a login was counted: when its parameter was stored, or somewhat later if the
// clock of the function that counted it is ahead; but not long after now.
func newCount(parameter ledger.Dated, now time.Time) count {
	at, err := time.Parse(time.RFC3339Nano, parameter.Value)
	if err != nil || at.Before(parameter.At) || at.Sub(parameter.At) > maxAhead {
		at = parameter.At
	}
	if latest := now.Add(maxAhead); at.After(latest) {
		at = latest
	}
	return count{parameter.At, at}
}

// inOrder returns the numbers in the order in which they were stored.
func (h history) inOrder() []int {
	return slices.SortedFunc(maps.Keys(h.counted), func(a, b int) int {
		return cmp.Or(h.counted[a].stored.Compare(h.counted[b].stored), a-b)
	})
}

// oldest returns the first of the last Max logins, which must no longer count before another is
// made; found is false when there are fewer.
func (h history) oldest() (oldest count, found bool) {
	numbers := h.inOrder()
	if len(numbers) < Max {
		return count{}, false
	}
	return h.counted[numbers[len(numbers)-Max]], true
}

// last returns the number that was stored last; found is false when there is none.
func (h history) last() (last int, found bool) {
	numbers := h.inOrder()
	if len(numbers) == 0 {
		return 0, false
	}
	return numbers[len(numbers)-1], true
}

// next returns the number that follows the last one and is not taken.
func (h history) next() int {
	last, found := h.last()
	if !found {
		return 0
	}
	for {
		last = (last + 1) % maxNumber
		if _, taken := h.counted[last]; !taken {
			return last
		}
	}
}

// expired returns the parameters that no longer matter, the oldest first, by the ends of their
// names. The last number stays, so that no name is used twice, and so does the failure.
func (h history) expired(now time.Time) []string {
	last, found := h.last()
	var old []string
	for name, at := range h.stored {
		isLast := found && name == strconv.Itoa(last)
		if !isLast && name != failedName && now.Sub(at) > 2*Window {
			old = append(old, name)
		}
	}
	slices.SortFunc(old, func(a, b string) int { return cmp.Or(h.stored[a].Compare(h.stored[b]), cmp.Compare(a, b)) })
	return old[:min(len(old), maxExpired)]
}

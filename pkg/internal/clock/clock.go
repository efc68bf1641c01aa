// Package clock waits inside an invocation: never past the invocation's deadline, and by timers, so
// that tests run in virtual time.
package clock

import (
	"context"
	"fmt"
	"time"
)

// Sleep waits for d. It fails when ctx ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait: %w", ctx.Err())
	}
}

// Has reports whether ctx leaves at least d from now on. A context without a deadline leaves any
// time.
func Has(ctx context.Context, now time.Time, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || !now.Add(d).After(deadline))
}

// Poll paces a loop that looks again for what may not be visible yet. The zero Poll is not usable.
type Poll struct {
	// Now is the clock by which Limit is measured.
	Now func() time.Time
	// Limit is how long the loop goes on looking.
	Limit time.Duration
	// Reserve is how much of the invocation's time is left for what follows the loop.
	Reserve time.Duration

	began time.Time
	last  time.Time // when the last look began
	wait  time.Duration
}

const (
	firstWait = 250 * time.Millisecond
	longWait  = 5 * time.Second
)

// Next waits before the next look and returns true. It returns false when a look has begun after
// Limit, however long the looks take, or the invocation has no time for another one; Over
// distinguishes the two.
func (p *Poll) Next(ctx context.Context) bool {
	if p.began.IsZero() {
		p.began, p.last, p.wait = p.Now(), p.Now(), firstWait
	}
	if p.Over() {
		return false
	}
	wait := max(0, min(p.wait, p.Limit-p.Now().Sub(p.began)))
	if !Has(ctx, p.Now(), wait+p.Reserve) || Sleep(ctx, wait) != nil {
		return false
	}
	p.last, p.wait = p.Now(), min(2*p.wait, longWait)
	return true
}

// Over reports whether the last look began after Limit, so that what it still saw is not an old
// state.
func (p *Poll) Over() bool { return !p.began.IsZero() && p.last.Sub(p.began) >= p.Limit }

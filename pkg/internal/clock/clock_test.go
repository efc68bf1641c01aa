package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/internal/clock"
)

// within runs f in virtual time, with a deadline.
func within(t *testing.T, limit time.Duration, f func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		f(t, ctx)
	})
}

func TestSleepWaitsOrFailsWhenTheContextEnds(t *testing.T) {
	within(t, time.Minute, func(t *testing.T, ctx context.Context) {
		began := time.Now()
		if err := clock.Sleep(ctx, 10*time.Second); err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("%s, %v", time.Since(began), err)
		}
		if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("%s, %v", time.Since(began), err)
		}
	})
}

func TestHasMeasuresWhatIsLeft(t *testing.T) {
	within(t, time.Minute, func(t *testing.T, ctx context.Context) {
		now := time.Now()
		for d, want := range map[time.Duration]bool{0: true, time.Minute: true, time.Minute + 1: false} {
			if got := clock.Has(ctx, now, d); got != want {
				t.Errorf("%s: %v", d, got)
			}
		}
		if !clock.Has(t.Context(), now, 1000*time.Hour) {
			t.Error("a context without a deadline leaves any time")
		}
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		if clock.Has(canceled, now, 0) {
			t.Error("a context that has ended leaves time")
		}
	})
}

func TestAPollLooksAgainUntilItsLimit(t *testing.T) {
	within(t, time.Hour, func(t *testing.T, ctx context.Context) {
		poll := clock.Poll{Now: time.Now, Limit: 20 * time.Second}
		began, looks := time.Now(), 0
		for poll.Next(ctx) {
			looks++
		}
		if took := time.Since(began); took != 20*time.Second || looks < 5 || looks > 15 || !poll.Over() {
			t.Errorf("%d looks in %s, over %v", looks, took, poll.Over())
		}
		if poll.Next(ctx) {
			t.Error("it goes on")
		}
	})
}

// What was written before the poll began is seen by a look that begins after the limit alone.
func TestAPollLooksOnceMoreWhenItsLimitEndsDuringALook(t *testing.T) {
	within(t, time.Hour, func(t *testing.T, ctx context.Context) {
		poll := clock.Poll{Now: time.Now, Limit: 4 * time.Second}
		began, last := time.Now(), time.Duration(0)
		for poll.Next(ctx) {
			last = time.Since(began)
			time.Sleep(1900 * time.Millisecond) // the look
			if poll.Over() != (last >= poll.Limit) {
				t.Errorf("over after a look that began after %s: %v", last, poll.Over())
			}
		}
		if last < poll.Limit || last > poll.Limit+1900*time.Millisecond {
			t.Errorf("the last look began after %s", last)
		}
	})
}

func TestAPollLeavesItsReserve(t *testing.T) {
	within(t, 10*time.Second, func(t *testing.T, ctx context.Context) {
		poll := clock.Poll{Now: time.Now, Limit: time.Minute, Reserve: 3 * time.Second}
		began := time.Now()
		for poll.Next(ctx) {
		}
		if took := time.Since(began); took > 7*time.Second || took < 2*time.Second || poll.Over() {
			t.Errorf("it ends after %s, over %v", took, poll.Over())
		}
	})
}

func TestAPollThatHasNotBegunIsNotOver(t *testing.T) {
	poll := clock.Poll{Now: time.Now}
	if poll.Over() {
		t.Error("it is over")
	}
	if poll.Next(t.Context()) || !poll.Over() {
		t.Error("a limit of nothing is not over")
	}
}

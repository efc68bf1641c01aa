package fleet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/sweep"
)

// swept is what one sweep cost and did.
type swept struct {
	tally
	took       time.Duration
	deleted    int
	faults     []string
	notReached int
}

// sweep carries out one sweep as Lambda does.
func (w *world) sweep(sweeper *sweep.Sweeper) swept {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout(w.t, "SweepFunction"))
	defer cancel()
	w.take()
	began, before := time.Now(), w.live()
	answer, err := sweeper.Run(ctx, events.Sweep{})
	s := swept{took: time.Since(began), faults: answer.Faults, notReached: len(answer.NotReached)}
	if err != nil {
		s.faults = append(s.faults, err.Error())
	}
	if ctx.Err() != nil {
		s.faults = append(s.faults, "the sweep was cut off")
	}
	s.tally, s.deleted = w.take(), before-w.live()
	return s
}

// campaign is the sweeps until nothing is due, and the one after them.
type campaign struct {
	fleet
	sweeps  []swept
	after   swept // looks at the tokens that the last one deleted
	left    int   // tokens that are due after the last of them
	harmed  int   // tokens of AWSCURRENT that are dead
	backlog int   // tokens that were due
}

// between is the time between two sweeps, as in the template.
const between = time.Hour

// sweepUntilDone sweeps every hour until nothing is due, at most a number of times.
func sweepUntilDone(t *testing.T, f fleet, most int) (c campaign) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.seed(f)
		defer w.aws.Close()
		c = campaign{fleet: f, backlog: w.due()}
		sweeper := w.newSweeper()
		for range most {
			c.sweeps = append(c.sweeps, w.sweep(sweeper))
			if c.left = w.due(); c.left == 0 {
				break
			}
			time.Sleep(between)
		}
		time.Sleep(between)
		c.after = w.sweep(sweeper)
		c.harmed = f.secrets - (w.live() - c.left - w.silentDue())
	})
	return c
}

// due returns how many tokens are to be deleted, but for those of the silent user.
func (w *world) due() int {
	n := 0
	for _, token := range w.previous {
		if w.vendor.Alive(token) && !w.silent[token] {
			n++
		}
	}
	return n
}

// silentDue returns how many tokens of the silent user are to be deleted.
func (w *world) silentDue() int {
	n := 0
	for _, token := range w.previous {
		if w.silent[token] && w.vendor.Alive(token) {
			n++
		}
	}
	return n
}

// took returns the time of the longest sweep.
func (c campaign) took() time.Duration {
	var longest time.Duration
	for _, s := range c.sweeps {
		longest = max(longest, s.took)
	}
	return max(longest, c.after.took)
}

// faults returns the faults of all sweeps.
func (c campaign) faults() []string {
	var all []string
	for _, s := range c.sweeps {
		all = append(all, s.faults...)
	}
	return append(all, c.after.faults...)
}

// total returns the calls of all sweeps.
func (c campaign) total() tally {
	sum := newTally()
	for _, s := range c.sweeps {
		sum.add(s.tally)
	}
	return sum
}

// Package fleet measures what rotations and sweeps cost by the number of secrets. It has tests
// only.
//
// The real Rotator and Sweeper call the stand-ins through the AWS SDK, in virtual time: a call to
// AWS takes 20 ms, one to the vendor 150 ms, and calls beyond AWS's quotas and the vendor's limits
// are refused. Computing takes no time. So the figures are counts and waits, the same on any
// machine but for the random waits of the SDK.
//
// The ordinary test has small fleets, and fails if a count is over its limit. With -fleet-full the
// fleets have up to 10,000 secrets, and the tables are printed:
//
//	rotations   one rotation amid the fleet: its calls do not grow
//	sweeps      sweeps until every due token is deleted, of one user, of a user for each secret, and
//	            with a user who is never answered
//	storm       many secrets of one user that are due within the same minute
//	telemetry   metrics and log lines, which do not grow either
//	costs       the price of a month
package fleet_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	full      = flag.Bool("fleet-full", false, "measure fleets of up to 10,000 secrets")
	chartPath = flag.String("fleet-chart", "", "where the chart of a full run is written, an SVG")
)

// maxCalls is how many calls to AWS createSecret and finishSecret may make, and createChain and
// finishChain how many calls may wait for one another, however many secrets there are.
const (
	maxCalls    = 12
	createChain = 8
	finishChain = 6
)

func TestRotations(t *testing.T) {
	var rows []rotated
	for _, n := range sizes(1, 10, 300) {
		for _, users := range distinct(1, n) {
			r := measureRotation(t, fleet{secrets: n, users: users})
			rows = append(rows, r)
			if r.create.aws() > maxCalls || r.finish.aws() > maxCalls {
				t.Errorf("%d secrets, %s: createSecret makes %d calls to AWS, finishSecret %d; at most %d are allowed\n%v\n%v",
					n, r.fleet, r.create.aws(), r.finish.aws(), maxCalls, r.create.calls, r.finish.calls)
			}
			if r.createChain > createChain || r.finishChain > finishChain {
				t.Errorf("%d secrets, %s: the longest chains are of %d and %d calls, at most %d and %d are allowed",
					n, r.fleet, r.createChain, r.finishChain, createChain, finishChain)
			}
		}
	}
	t.Log(rotationTable(rows))
}

func TestSweeps(t *testing.T) {
	var fleets []fleet
	for _, n := range sizes(1, 500) {
		for _, users := range distinct(1, n) {
			for _, due := range []bool{false, true} {
				fleets = append(fleets, fleet{secrets: n, users: users, due: due, retention: time.Hour})
			}
		}
		if n > 1 {
			fleets = append(fleets, fleet{secrets: n, users: n, due: true, silent: true, retention: time.Hour})
		}
	}
	var rows []campaign
	t.Log(sweepHead)
	for _, f := range fleets {
		t.Run(f.name(), func(t *testing.T) {
			c := sweepFleet(t, f)
			rows = append(rows, c)
			t.Log(c.row())
		})
	}
	if *full && *chartPath != "" {
		if err := os.WriteFile(*chartPath, []byte(chart(rows)), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// sweepFleet sweeps until nothing is due, and checks what the sweeps made.
func sweepFleet(t *testing.T, f fleet) campaign {
	t.Helper()
	c := sweepUntilDone(t, f, maxSweeps(f))
	name := f.name()
	if c.left > 0 {
		t.Errorf("%s: after %d sweeps %d of %d due tokens are left", name, len(c.sweeps), c.left, c.backlog)
	}
	if c.harmed != 0 {
		t.Errorf("%s: %d current tokens are dead", name, c.harmed)
	}
	if limit := timeout(t, "SweepFunction"); c.took() >= limit {
		t.Errorf("%s: a sweep took %s of its %s", name, c.took(), limit)
	}
	faults, known := c.faults(), 0
	if f.silent { // each sweep names that user
		known = len(c.sweeps) + 1
	}
	others := slices.DeleteFunc(slices.Clone(faults), func(fault string) bool {
		return f.silent && strings.HasPrefix(fault, "list the tokens of the user of secret ")
	})
	if len(others) > 0 || len(faults) != known {
		t.Errorf("%s: %d faults, want %d, the first other: %q", name, len(faults), known, others[:min(1, len(others))])
	}
	// A call that is refused for its rate is made again.
	if got, limit := c.sweeps[0].aws()-c.sweeps[0].refused(), maxSweepCalls(f); !f.due && got > limit {
		t.Errorf("%s: a sweep made %d calls to AWS, at most %d are allowed: %v", name, got, limit, c.sweeps[0].calls)
	}
	return c
}

// sizes returns the numbers of secrets of a run: those of the issue of a full one, or few.
func sizes(short ...int) []int {
	if *full {
		return []int{1, 10, 100, 1000, 10_000}
	}
	return short
}

func distinct(a, b int) []int {
	if a == b {
		return []int{a}
	}
	return []int{a, b}
}

package simulation

import (
	"flag"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
)

var (
	rotations = flag.Int("rotations", 20_000, "how many rotations TestSimulation goes through")
	seed      = flag.Uint64("seed", 0, "the one history that TestSimulation replays and prints")
	flow      = flag.String(
		"flow",
		"",
		"the login flow of all histories: engage, ringcentral or legacy; empty: each seed its own",
	)
	profileFlag = flag.String("profile", "", "the profile of all histories; empty: each seed its own")
	from        = flag.Uint64("from", 1, "the seed of TestSimulation's first history")
	hunt        = flag.Bool("hunt", false, "TestSimulation ends with the first violation, and prints it alone")
	ruler       = flag.Bool("yardstick", false, "with -seed: replay the yardstick's history")
)

// perHistory is how many rotations a history has, before its end.
const perHistory = 24

// TestSimulation runs histories, one for each seed, until the rotations are reached. Any violation
// fails it.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		replay(t, wanted(*seed, *ruler))
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // much garbage, little that stays
	total := *rotations
	if testing.Short() {
		total = min(total, 1000)
	}
	if *hunt {
		if found := run(t, total, false); len(found.bad) > 0 {
			t.Errorf("seed %d after %d rotations: %v", found.bad[0].seed, found.started, found.bad[0].first)
		}
		return
	}
	ours := run(t, total, false)
	for _, bad := range ours.bad {
		t.Errorf("seed %d: %v\nreplay: go test ./pkg/tests/simulation -run TestSimulation -seed=%d%s",
			bad.seed, bad.first, bad.seed, flowFlag())
	}
	fmt.Fprint(t.Output(), table(ours, run(t, max(total/10, 1000), true)))
	if len(ours.bad) > 0 {
		replay(t, wanted(ours.bad[0].seed, false))
	}
}

// wanted returns the options of a history as the flags have them.
func wanted(seed uint64, yardstick bool) options {
	return options{
		seed:      seed,
		flow:      engage.Flow(*flow),
		profile:   *profileFlag,
		rotations: perHistory,
		yardstick: yardstick,
	}
}

// TestReplay checks that one seed gives one history, unless it is an ambiguous one. Few are.
func TestReplay(t *testing.T) {
	const mostAmbiguous = 5
	seeds, skipped := uint64(30), 0
	if testing.Short() {
		seeds = 10
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		var traces [2]strings.Builder
		ambiguous := false
		for i := range traces {
			synctest.Test(t, func(*testing.T) {
				h := simulate(options{seed: seed, rotations: perHistory}, &traces[i])
				ambiguous = ambiguous || h.ambiguous
			})
		}
		if ambiguous {
			skipped++
			continue
		}
		if a, b := traces[0].String(), traces[1].String(); a != b {
			at := 0
			for at < len(a) && at < len(b) && a[at] == b[at] {
				at++
			}
			t.Errorf("seed %d gives two histories, which part after\n%s\nwith\n%s\nor\n%s", seed, a[max(0, at-1000):at],
				a[at:min(len(a), at+300)], b[at:min(len(b), at+300)])
		}
	}
	if skipped > mostAmbiguous {
		t.Errorf("%d of %d histories are ambiguous, more than %d", skipped, seeds, mostAmbiguous)
	}
}

// TestSimulate is TestSimulation at length, for the table. It runs when it is told how many
// rotations.
func TestSimulate(t *testing.T) {
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "rotations" })
	if !told {
		t.Skip("give -rotations=1000000, or say make simulate")
	}
	TestSimulation(t)
}

func flowFlag() string {
	flags := ""
	if *flow != "" {
		flags += " -flow=" + *flow
	}
	if *profileFlag != "" {
		flags += " -profile=" + *profileFlag
	}
	return flags
}

// replay runs one history and prints it.
func replay(t *testing.T, o options) {
	synctest.Test(t, func(t *testing.T) {
		trace := &strings.Builder{}
		defer func() {
			if p := recover(); p != nil {
				t.Log(trace.String())
				panic(p)
			}
		}()
		h := simulate(o, trace)
		t.Logf("%s\n%s", h.describe(), trace)
		for _, v := range h.violations {
			t.Errorf("seed %d: %v", o.seed, v)
		}
	})
}

// totals is the sum of many histories.
type totals struct {
	histories int
	counts
	violations [numberOfGuarantees]int
	took       time.Duration
	bad        []badSeed
}

// mostBad is how many bad seeds are kept.
const mostBad = 20

type badSeed struct {
	seed  uint64
	first violation
}

// run goes through histories on all processors.
func run(t *testing.T, rotations int, yardstick bool) totals {
	var (
		sum  totals
		mu   sync.Mutex
		next atomic.Uint64
		done atomic.Int64
	)
	next.Store(*from - 1)
	began := time.Now()
	t.Run(map[bool]string{true: "yardstick", false: "ours"}[yardstick], func(t *testing.T) {
		for n := range workers() {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for done.Load() < int64(rotations) {
					o := wanted(next.Add(1), yardstick)
					synctest.Test(t, func(t *testing.T) {
						h := simulate(o, nil)
						done.Add(int64(h.started))
						mu.Lock()
						defer mu.Unlock()
						sum.add(h)
						if *hunt && len(sum.bad) > 0 {
							done.Store(int64(rotations))
						}
					})
				}
			})
		}
	})
	sum.took = time.Since(began)
	return sum
}

func (s *totals) add(h *history) {
	s.histories++
	s.counts.add(&h.counts)
	for _, v := range h.violations {
		s.violations[v.guarantee]++
	}
	if len(h.violations) > 0 && len(s.bad) < mostBad {
		s.bad = append(s.bad, badSeed{h.options.seed, h.violations[0]})
	}
}

func (c *counts) add(other *counts) {
	c.started += other.started
	c.succeeded += other.succeeded
	c.sweeps += other.sweeps
	c.duplicates += other.duplicates
	c.manual += other.manual
	c.reads += other.reads
	c.unclaimed += other.unclaimed
	c.idleSweeps += other.idleSweeps
	sum(c.faults[:], other.faults[:])
	sum(c.lies[:], other.lies[:])
	sum(c.harms[:], other.harms[:])
	sum(c.excuses[:], other.excuses[:])
}

func sum(to, from []int) {
	for i, n := range from {
		to[i] += n
	}
}

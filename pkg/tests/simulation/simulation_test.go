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
	rotations   = flag.Int("rotations", 20_000, "how many rotations TestSimulation goes through")
	seed        = flag.Uint64("seed", 0, "the one history that TestSimulation replays and prints")
	flow        = flag.String("flow", "", "the login flow of all histories: engage, ringcentral or legacy; empty: each seed its own")
	profileFlag = flag.String("profile", "", "the profile of all histories; empty: each seed its own")
	from        = flag.Uint64("from", 1, "the seed of TestSimulation's first history")
	hunt        = flag.Bool("hunt", false, "TestSimulation ends with the first violation, and prints it alone")
	ruler       = flag.Bool("yardstick", false, "with -seed: replay the yardstick's history")
)

// perHistory is how many rotations a history has, before its end.
const perHistory = 16

// TestSimulation runs histories, one for each seed, until the rotations are reached. Any violation fails it.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		replay(t, options{seed: *seed, flow: engage.Flow(*flow), profile: *profileFlag, rotations: perHistory, yardstick: *ruler})
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // much garbage, little that stays
	total := *rotations
	if testing.Short() {
		total = min(total, 1000)
	}
	if *hunt {
		if bad := run(t, total, false).bad; len(bad) > 0 {
			t.Errorf("seed %d: %v", bad[0].seed, bad[0].first)
		}
		return
	}
	ours := run(t, total, false)
	for _, bad := range ours.bad {
		t.Errorf("seed %d: %v\nreplay: go test ./pkg/tests/simulation -run TestSimulation -seed=%d%s", bad.seed, bad.first, bad.seed, flowFlag())
	}
	fmt.Fprint(t.Output(), table(ours, run(t, max(total/10, 1000), true)))
	if len(ours.bad) > 0 {
		replay(t, options{seed: ours.bad[0].seed, flow: engage.Flow(*flow), profile: *profileFlag, rotations: perHistory})
	}
}

// TestSimulate is TestSimulation at length, for the table. It runs when it is told how many rotations.
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
		w := simulate(o, trace)
		t.Logf("%s\n%s", w.describe(), trace)
		for _, v := range w.violations {
			t.Errorf("seed %d: %v", o.seed, v)
		}
	})
}

// totals is what came of many histories.
type totals struct {
	histories, started, succeeded, sweeps, duplicates, deeds, reads int
	coincidences, unclaimed                                         int
	faults                                                          faultCounts
	violations                                                      [numberOfGuarantees]int
	took                                                            time.Duration
	bad                                                             []badSeed
}

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
					o := options{seed: next.Add(1), flow: engage.Flow(*flow), profile: *profileFlag, rotations: perHistory, yardstick: yardstick}
					synctest.Test(t, func(t *testing.T) {
						w := simulate(o, nil)
						done.Add(int64(w.started))
						mu.Lock()
						defer mu.Unlock()
						sum.add(w)
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

func (s *totals) add(w *world) {
	s.histories++
	s.started += w.started
	s.succeeded += w.succeeded
	s.sweeps += w.sweeps
	s.duplicates += w.duplicates
	s.deeds += w.deeds
	if w.readers != nil {
		s.reads += w.readers.calls
	}
	s.coincidences += w.coincidences
	s.unclaimed += w.unclaimed
	for i, n := range w.faults {
		s.faults[i] += n
	}
	for _, v := range w.violations {
		s.violations[v.guarantee]++
	}
	if len(w.violations) > 0 && len(s.bad) < 20 {
		s.bad = append(s.bad, badSeed{w.options.seed, w.violations[0]})
	}
}

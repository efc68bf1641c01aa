package faults_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// row sums up the cases of one variant.
type row struct {
	variant  variant
	calls    []string
	mu       sync.Mutex
	cases    int
	missed   int
	attempts int
	reported int // tokens
	longest  time.Duration
	sums     [harms]int
}

func TestFaultMatrix(t *testing.T) {
	list := chosen(false)
	if len(list) == 0 {
		t.Skip("the flags choose none of these variants")
	}
	t.Parallel()
	runMatrix(t, list, newStandIns, casesAtATime())
}

// TestForeignServers runs a part of the matrix against servers that share no code with this module:
// moto, and an Engage server in Python.
func TestForeignServers(t *testing.T) {
	list := chosen(true)
	if len(list) == 0 {
		t.Skip("the flags choose none of these variants; -faults runs them")
	}
	t.Parallel()
	runMatrix(t, list, startForeignServers(t).newCase, foreignCases)
}

// foreignCases is how many cases run at a time on the foreign servers, which need CPU while the
// functions wait.
const foreignCases = 8

// casesAtATime is how many cases run at a time. In bursts they wait most of their time, up to a
// minute, for the SDK's next try.
func casesAtATime() int {
	switch {
	case *parallel > 0:
		return *parallel
	case *whole:
		return 96
	}
	return 24
}

// runMatrix runs the cases of the variants, atATime at once, those that wait longest first. It
// prints a table.
func runMatrix(t *testing.T, list []variant, services func(testing.TB) services, atATime int) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts hundreds of processes: skipped with -short")
	}
	type entry struct {
		trial
		row *row
	}
	var (
		rows    []*row
		entries []entry
	)
	for _, v := range list {
		v.services = services
		r := &row{variant: v, calls: cleanCalls(t, v)}
		rows = append(rows, r)
		for _, c := range r.trials() {
			entries = append(entries, entry{c, r})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.strike.burst, a.strike.burst) })
	started := time.Now()
	var wg sync.WaitGroup
	slots := make(chan struct{}, atATime)
	for _, e := range entries {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			e.row.note(t, e.trial, runTrial(t, e.trial))
		})
	}
	wg.Wait()
	t.Logf("%d cases in %s\n%s", len(entries), time.Since(started).Round(time.Second), table(rows))
}

// runTrial runs a case with cleanups of its own.
func runTrial(t *testing.T, c trial) (v *verdict) {
	scope := &scope{TB: t}
	defer scope.close()
	return c.run(scope)
}

// scope is a testing.TB whose cleanups run at the end of the case, before the end of the test.
type scope struct {
	testing.TB
	mu       sync.Mutex
	cleanups []func()
}

func (s *scope) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

func (s *scope) close() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}

// cleanCalls returns the calls of a rotation without faults and without a neighbour.
func cleanCalls(t *testing.T, v variant) []string {
	t.Helper()
	v.after, v.neighbour = afterRetry, false
	result := runTrial(t, trial{variant: v})
	for _, line := range result.all() {
		t.Errorf("%s %s, without a fault: %s", v.flow, v.name, line)
	}
	return result.names
}

// trials returns the cases of the row.
func (r *row) trials() []trial {
	var list []trial
	for n, call := range r.calls {
		if *callFlag != "" && *callFlag != call && *callFlag != strconv.Itoa(n+1) {
			continue
		}
		for _, s := range r.variant.strikes(call) {
			list = append(list, trial{r.variant, s})
		}
	}
	return list
}

func (r *row) note(t *testing.T, c trial, v *verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases++
	r.attempts += v.attempts
	r.reported += v.reported
	r.longest = max(r.longest, v.took)
	if v.struck == 0 {
		r.missed++
		t.Logf("the call was not made: %s", c.command())
	}
	for n, lines := range v.found {
		if len(lines) > 0 {
			r.sums[n]++
		}
	}
	if found := v.all(); len(found) > 0 {
		t.Errorf("%s\n%s\n%s", strings.Join(found, "\n"), c.command(), v.history())
	} else if *callFlag != "" {
		t.Logf("%s: %d strikes, %d attempts, %s\n%s", c.command(), v.struck, v.attempts, v.took, v.history())
	}
}

func table(rows []*row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "flow\tvariant\tcalls\tcases\tattempts\t"+strings.Join(harmNames[:], "\t")+
		"\treported\tnot reached\tlongest\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t", r.variant.flow, r.variant.name, len(r.calls), r.cases, r.attempts)
		for _, n := range r.sums {
			fmt.Fprintf(w, "%d\t", n)
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t\n", r.reported, r.missed, r.longest.Round(time.Second))
	}
	_ = w.Flush()
	return b.String()
}

package simulation

import (
	"fmt"
	"runtime"
	"strings"
)

func workers() int { return runtime.GOMAXPROCS(0) }

// describe says what kind of history it is.
func (h *history) describe() string {
	n := &h.nature
	return fmt.Sprintf("seed %d: profile %q, flow %s, %d secrets, %d users, %d stacks, retention %v, exclusive %t, "+
		"invocations of %v, faults %.3f, bursts %.3f, lie %q, lags %.1f of %v, clocks %v apart, people %.3f, "+
		"strangers %.3f, stale reads %.2f, duplicates %.2f, sweeps %.3f, slow %.1f",
		h.options.seed, h.profile, n.flow, len(h.secrets), len(h.users), len(h.stacks), n.retention, n.exclusive,
		n.lifetime, n.weather.rate, n.weather.burst, lieNames[n.witness.lie], n.witness.lagging, n.witness.longestLag, n.skew,
		n.people, n.strangers, n.staleRate, n.impatience, n.sweepRate, n.drag)
}

// table puts the product beside the yardstick.
func table(ours, theirs totals) string {
	var b strings.Builder
	row := func(name string, a, c any) { fmt.Fprintf(&b, "| %s | %v | %v |\n", name, a, c) }
	each := func(kind string, names []string, a, c []int) {
		for i, name := range names {
			row(kind+name, a[i], c[i])
		}
	}
	row("", "this product", "AWS's published order")
	b.WriteString("|---|---:|---:|\n")
	row("histories", ours.histories, theirs.histories)
	row("rotations", ours.started, theirs.started)
	row("of these completed", ours.succeeded, theirs.succeeded)
	row("sweeps", ours.sweeps, theirs.sweeps)
	row("sweeps left out, as nothing had happened", ours.idleSweeps, theirs.idleSweeps)
	row("duplicate steps", ours.duplicates, theirs.duplicates)
	row("manual changes", ours.manual, theirs.manual)
	row("calls of readers", ours.reads, theirs.reads)
	row("calls", ours.calls(), theirs.calls())
	each("fault: ", faultNames[lostRequest:], ours.faults[lostRequest:], theirs.faults[lostRequest:])
	each("the vendor lies: ", lieNames[refusesAll:], ours.lies[refusesAll:], theirs.lies[refusesAll:])
	each("violations: ", guaranteeNames[:], ours.violations[:], theirs.violations[:])
	each("self-inflicted: ", harmNames[:], ours.harms[:], theirs.harms[:])
	each("excused: ", excuseNames[:], ours.excuses[:], theirs.excuses[:])
	row("tokens reported as unclaimed", ours.unclaimed, theirs.unclaimed)
	row("seconds", fmt.Sprintf("%.1f", ours.took.Seconds()), fmt.Sprintf("%.1f", theirs.took.Seconds()))
	row("rotations per second", ours.perSecond(), theirs.perSecond())
	return b.String()
}

func (t totals) perSecond() int { return int(float64(t.started) / t.took.Seconds()) }

// calls is how many calls there were, whatever became of them.
func (c *counts) calls() int {
	sum := 0
	for _, n := range c.faults {
		sum += n
	}
	return sum
}

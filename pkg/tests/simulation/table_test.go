package simulation

import (
	"fmt"
	"runtime"
	"strings"
)

func workers() int { return runtime.GOMAXPROCS(0) }

// describe says what kind of history it is.
func (w *world) describe() string {
	return fmt.Sprintf("seed %d: profile %q, flow %s, %d secrets, %d users, retention %v, exclusive %t, invocations of %v, faults %.3f, bursts %.3f, people %.3f, lags %.1f, stale reads %.2f, duplicates %.2f, sweeps %.3f, slow %.1f",
		w.options.seed, w.profile, w.flow, len(w.secrets), len(w.users), w.retention, w.exclusive, w.lifetime, w.weather.rate, w.weather.burst, w.people, w.lagging, w.staleRate, w.impatience, w.sweepRate, w.drag)
}

// table puts the product beside the yardstick.
func table(ours, theirs totals) string {
	var b strings.Builder
	row := func(name string, a, b2 any) { fmt.Fprintf(&b, "| %s | %v | %v |\n", name, a, b2) }
	row("", "this product", "AWS's published order")
	b.WriteString("|---|---:|---:|\n")
	row("histories", ours.histories, theirs.histories)
	row("rotations", ours.started, theirs.started)
	row("of these completed", ours.succeeded, theirs.succeeded)
	row("sweeps", ours.sweeps, theirs.sweeps)
	row("duplicate steps", ours.duplicates, theirs.duplicates)
	row("deeds of people", ours.deeds, theirs.deeds)
	row("calls of readers", ours.reads, theirs.reads)
	row("calls", ours.faults.calls(), theirs.faults.calls())
	for f := lostRequest; f < numberOfFaults; f++ {
		row("fault: "+faultNames[f], ours.faults[f], theirs.faults[f])
	}
	for g := range numberOfGuarantees {
		row("violations: "+guaranteeNames[g], ours.violations[g], theirs.violations[g])
	}
	row("documented coincidences", ours.coincidences, theirs.coincidences)
	row("reported as unclaimed", ours.unclaimed, theirs.unclaimed)
	row("seconds", fmt.Sprintf("%.1f", ours.took.Seconds()), fmt.Sprintf("%.1f", theirs.took.Seconds()))
	row("rotations per second", int(float64(ours.started)/ours.took.Seconds()), int(float64(theirs.started)/theirs.took.Seconds()))
	return b.String()
}

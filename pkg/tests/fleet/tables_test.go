package fleet_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (f fleet) name() string {
	due := "nothing due"
	if f.due {
		due = "all due"
	}
	return fmt.Sprintf("%d secrets, %s, %s", f.secrets, f, due)
}

func rotationTable(rows []rotated) string {
	var b strings.Builder
	b.WriteString("one rotation by a function that has just started: calls to AWS + to the vendor, the longest chain, " +
		"time\n\n| secrets | users | createSecret | finishSecret | the four steps |\n|---:|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %d | %s | %d + %d, %d, %s | %d + %d, %d, %s | %d + %d, %s |\n", r.secrets, r.fleet,
			r.create.aws(), r.create.engage(), r.createChain, short(r.create.took),
			r.finish.aws(), r.finish.engage(), r.finishChain, short(r.finish.took),
			r.whole.aws(), r.whole.engage(), short(r.whole.took))
	}
	return "\n" + b.String()
}

const sweepHead = "sweeps, one an hour, until nothing is due\n\n" +
	"| secrets | users | due | deleted by the first | sweeps | longest | calls to AWS | to the vendor | " +
	"refused for their rate | deleted | left | faults | users not reached by the first |\n" +
	"|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"

func (c campaign) row() string {
	sum, first := c.total(), c.sweeps[0]
	return fmt.Sprintf("| %d | %s | %d | %d | %d | %s | %d | %d | %d | %d | %d | %d | %d |", c.secrets, c.fleet, c.backlog,
		first.deleted, len(c.sweeps), short(c.took()), sum.aws(), sum.engage(), sum.refused(), c.backlog-c.left, c.left,
		len(c.faults()), first.notReached)
}

const stormHead = "secrets of one user, due at once\n\n" +
	"| secrets | due within | concurrency | the service repeats | vendor's limit | all rotated after | rotated | " +
	"failed in the function | refused by Lambda | attempts, median and most | rotated by the fifth | processes | " +
	"logins, most in a minute | seconds billed for a rotation |\n" +
	"|---:|---|---:|---|---|---:|---:|---:|---:|---|---:|---:|---|---:|"

func (r weathered) row() string {
	limit := fmt.Sprintf("%d/min", vendorCalls)
	if r.unlimited {
		limit = "none"
	}
	concurrency := fmt.Sprint(r.concurrency)
	if r.concurrency == unreserved {
		concurrency = "not reserved"
	}
	return fmt.Sprintf("| %d | %s | %s | %s | %s | %s | %d | %d | %d | %d, %d | %d | %d | %d, %d | %.1f |", r.secrets,
		short(r.within), concurrency, r.repeats.name, limit, short(r.took), r.rotated, r.failed, r.throttled,
		r.attempts[len(r.attempts)/2], r.attempts[len(r.attempts)-1], r.soon(5), r.processes, r.logins, r.perMinute,
		r.billed.Seconds()/float64(max(1, r.rotated)))
}

// soon returns how many secrets were rotated by an attempt. AWS says that the service makes several
// and then waits for the next scheduled rotation.
func (r weathered) soon(attempt int) int {
	n, _ := slices.BinarySearch(r.attempts, attempt+1)
	return n
}

// short prints a duration with what matters of it.
func short(d time.Duration) string {
	switch {
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

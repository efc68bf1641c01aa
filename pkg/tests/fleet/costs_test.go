package fleet_test

import (
	"fmt"
	"strings"
	"testing"
)

// prices are AWS's list prices of us-east-1 in US$, without the free tier.
const (
	priceSecret      = 0.40          // a month
	priceSecretCalls = 0.05 / 10_000 // a call
	priceAdvanced    = 0.05          // a parameter a month, beyond standardParameters
	priceGBSecond    = 0.0000166667  // x86_64
	priceInvocation  = 0.20 / 1e6
	priceLogs        = 0.50 / 1e9 // a byte taken in
	priceMetric      = 0.30       // a month
	priceAlarm       = 0.10       // a month

	standardParameters = 10_000
	memoryGB           = 0.25
	alarms             = 8
	month              = 30 // days, each with a rotation and 24 sweeps
)

// bill is the price of a month by what it is for.
type bill struct {
	fleet                                           fleet
	secrets, calls, parameters, compute, logs, rest float64
}

func (b bill) sum() float64 { return b.secrets + b.calls + b.parameters + b.compute + b.logs + b.rest }

// price returns the price of a month with a rotation a day and a sweep an hour, each as it was
// measured. A user's admin secret is a secret too.
func price(f fleet, rotation rotated, quiet swept, perSweep, perRotation written) bill {
	n := float64(f.secrets)
	// Beside the current token's record a secret has one of the previous token, for the retention.
	parameters := 2*n + 2*float64(f.users)
	return bill{
		fleet:      f,
		secrets:    priceSecret * (n + float64(f.users)),
		calls:      priceSecretCalls * month * (n*float64(rotation.whole.secretCalls()) + 24*float64(quiet.secretCalls())),
		parameters: priceAdvanced * max(0, parameters-standardParameters),
		compute: month * (n*(4*priceInvocation+memoryGB*priceGBSecond*rotation.whole.took.Seconds()) +
			24*(priceInvocation+memoryGB*priceGBSecond*quiet.took.Seconds())),
		logs: priceLogs * month * (n*float64(perRotation.bytes) + 24*float64(perSweep.bytes)),
		rest: priceAlarm*alarms + priceMetric*float64(len(perSweep.metrics)+len(perRotation.metrics)),
	}
}

// secretCalls returns how many calls Secrets Manager charges for.
func (y tally) secretCalls() int {
	n := 0
	for name, count := range y.calls {
		switch name {
		case "DescribeSecret", "GetSecretValue", "BatchGetSecretValue", "ListSecrets", "PutSecretValue",
			"UpdateSecretVersionStage":
			n += count
		}
	}
	return n
}

// The price of a further secret falls, but for parameters beyond the account's standard ones, and
// that of metrics and alarms stays.
func TestCosts(t *testing.T) {
	var bills []bill
	for _, n := range []int{1, 100, 10_000} {
		if n > 100 && !*full {
			continue
		}
		for _, users := range distinct(1, n) {
			f := fleet{secrets: n, users: users}
			perSweep, perRotation := told(t, f)
			quiet := sweepUntilDone(t, f, 1).sweeps[0]
			bills = append(bills, price(f, measureRotation(t, f), quiet, perSweep, perRotation))
		}
	}
	for _, b := range bills[1:] {
		each, first := (b.sum()-b.rest-b.parameters)/float64(b.fleet.secrets), bills[0].sum()-bills[0].rest
		if b.rest != bills[0].rest || each > first {
			t.Errorf("%s: US$ %.2f for each secret and %.2f for metrics and alarms; with one secret %.2f and %.2f",
				b.fleet.name(), each, b.rest, first, bills[0].rest)
		}
	}
	t.Log(costTable(bills))
}

func costTable(bills []bill) string {
	var b strings.Builder
	b.WriteString("US$ a month: a rotation of each secret a day, a sweep an hour, list prices of us-east-1 without " +
		"the free tier\n\n| secrets | users | secrets | calls to Secrets Manager | parameters | Lambda | logs | " +
		"metrics, alarms | sum |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, x := range bills {
		fmt.Fprintf(&b, "| %d | %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", x.fleet.secrets, x.fleet, x.secrets,
			x.calls, x.parameters, x.compute, x.logs, x.rest, x.sum())
	}
	return "\n" + b.String()
}

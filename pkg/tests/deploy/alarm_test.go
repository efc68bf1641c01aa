package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// TestEachAlarmIsRaisedByWhatItIsFor lets each alarm's trouble happen, and evaluates the alarm over
// what the functions reported.
func TestEachAlarmIsRaisedByWhatItIsFor(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(b *box){
		"RotationFailedAlarm": func(b *box) {
			b.scenario(sandbox.ScenarioLedgerDenied)
			b.rotate()
		},
		"RotationCrashedAlarm": func(b *box) {
			b.rotate()
			b.scenario(sandbox.ScenarioVendorSlow)
			b.crashDuring(b.rotate)
		},
		"TokenAgeAlarm": func(b *box) {
			b.rotate()
			b.scenario(sandbox.ScenarioOldToken)
			b.invoke(sandbox.FunctionSweep, `{}`)
		},
		"DeadTokensAlarm": func(b *box) {
			b.rotate()
			b.age(sandbox.TokenSecret)
			b.kill(sandbox.TokenSecret)
			b.invoke(sandbox.FunctionSweep, `{}`)
		},
		"UnclaimedTokensAlarm": func(b *box) {
			b.rotate()
			b.scenario(sandbox.ScenarioUnclaimed)
			b.invoke(sandbox.FunctionSweep, `{}`)
		},
		"DeleteFailedAlarm": func(b *box) {
			b.rotate()
			b.scenario(sandbox.ScenarioDeleteFailing)
			b.rotate()
			b.invoke(sandbox.FunctionSweep, `{}`)
		},
		"SweepFaultsAlarm": func(b *box) {
			b.rotate()
			b.scenario(sandbox.ScenarioVendorHTML)
			b.invoke(sandbox.FunctionSweep, `{}`)
		},
		"IvrAlarm": func(b *box) {
			b.rotate()
			b.kill(sandbox.TokenSecret)
			b.invoke(sandbox.FunctionIVR, `{}`)
		},
	}
	tm := newTemplate(t, nil, asSandbox)
	alarms := tm.resources("AWS::CloudWatch::Alarm")
	if got := slices.Sorted(maps.Keys(scenarios)); !slices.Equal(got, slices.Sorted(maps.Keys(alarms))) {
		t.Fatalf("alarms %v\ntried  %v", slices.Sorted(maps.Keys(alarms)), got)
	}
	t.Run("none without trouble", func(t *testing.T) {
		t.Parallel()
		b := startBox(t, sandbox.Config{})
		b.rotate()
		b.rotate()
		b.invoke(sandbox.FunctionSweep, `{}`)
		b.invoke(sandbox.FunctionIVR, `{}`)
		out := outputOf(t, b)
		for name, alarm := range alarms {
			if out.raises(t, alarm) {
				t.Errorf("%s is raised", name)
			}
		}
	})
	for name, trouble := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, sandbox.Config{})
			trouble(b)
			if out := outputOf(t, b); !out.raises(t, alarms[name]) {
				t.Errorf("not raised by %v", out.readings)
			}
		})
	}
}

// raises evaluates an alarm as if everything was reported in one period, and went on for as long as
// the alarm waits.
func (out *output) raises(t *testing.T, alarm map[string]any) bool {
	t.Helper()
	value, ok := out.alarmValue(t, alarm)
	if !ok {
		return alarm["TreatMissingData"] == "breaching"
	}
	limit, err := strconv.ParseFloat(fmt.Sprint(alarm["Threshold"]), 64)
	if err != nil {
		t.Fatal(err)
	}
	switch alarm["ComparisonOperator"] {
	case "GreaterThanThreshold":
		return value > limit
	case "GreaterThanOrEqualToThreshold":
		return value >= limit
	}
	t.Fatalf("comparison %v; this test does not understand it", alarm["ComparisonOperator"])
	return false
}

func (out *output) alarmValue(t *testing.T, alarm map[string]any) (float64, bool) {
	t.Helper()
	queries, ok := alarm["Metrics"].([]any)
	if !ok {
		return out.statistic(t, alarm, alarm["Statistic"])
	}
	values, expression := map[string]float64{}, ""
	for _, q := range queries {
		query := q.(map[string]any)
		id := query["Id"].(string)
		if e, ok := query["Expression"].(string); ok {
			expression = e
			continue
		}
		stat := query["MetricStat"].(map[string]any)
		if value, ok := out.statistic(t, stat["Metric"].(map[string]any), stat["Stat"]); ok {
			values[id] = value
		}
	}
	return calculate(t, expression, values)
}

// metricsOf returns the metrics of an alarm, each with its namespace, name and dimensions.
func metricsOf(alarm map[string]any) []map[string]any {
	queries, ok := alarm["Metrics"].([]any)
	if !ok {
		return []map[string]any{alarm}
	}
	var metrics []map[string]any
	for _, q := range queries {
		if stat, ok := q.(map[string]any)["MetricStat"].(map[string]any); ok {
			metrics = append(metrics, stat["Metric"].(map[string]any))
		}
	}
	return metrics
}

// alarmDimensions returns the dimensions of an alarm's metric, as dimensionsOf writes them.
func alarmDimensions(metric map[string]any) string {
	by := map[string]any{}
	dimensions, _ := metric["Dimensions"].([]any)
	for _, d := range dimensions {
		by[d.(map[string]any)["Name"].(string)] = d.(map[string]any)["Value"]
	}
	return dimensionsOf(by)
}

// statistic returns the statistic of a metric, and false if no function emitted it.
func (out *output) statistic(t *testing.T, metric map[string]any, stat any) (value float64, ok bool) {
	t.Helper()
	by := alarmDimensions(metric)
	for _, r := range out.readings {
		if r.namespace != metric["Namespace"] || r.name != metric["MetricName"] || r.dimensions != by {
			continue
		}
		switch {
		case stat == "Sum":
			value += r.value
		case stat == "Maximum" && (!ok || r.value > value):
			value = r.value
		case stat != "Maximum":
			t.Fatalf("statistic %v; this test does not understand it", stat)
		}
		ok = true
	}
	return value, ok
}

var operand = regexp.MustCompile(`^(?:FILL\((\w+), (\d+)\)|(\w+))$`)

// calculate evaluates "a + b", "a - b" and "a / b"; an operand is an id, a number or FILL(id,
// number).
func calculate(t *testing.T, expression string, values map[string]float64) (float64, bool) {
	t.Helper()
	for _, operator := range []string{" + ", " - ", " / "} {
		left, right, found := strings.Cut(expression, operator)
		if !found {
			continue
		}
		a, okA := operandValue(t, left, values)
		b, okB := operandValue(t, right, values)
		switch operator {
		case " + ":
			return a + b, okA && okB
		case " - ":
			return a - b, okA && okB
		}
		return a / b, okA && okB
	}
	t.Fatalf("expression %q; this test does not understand it", expression)
	return 0, false
}

func operandValue(t *testing.T, text string, values map[string]float64) (float64, bool) {
	t.Helper()
	found := operand.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("operand %q; this test does not understand it", text)
	}
	if number, err := strconv.ParseFloat(found[3], 64); err == nil {
		return number, true
	}
	if value, ok := values[found[1]+found[3]]; ok {
		return value, true
	}
	filler, err := strconv.ParseFloat(found[2], 64)
	return filler, err == nil
}

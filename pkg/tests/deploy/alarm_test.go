package deploy_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// raises evaluates an alarm as if all that was told stood in one period, and went on for as long as the alarm waits.
func (told *telling) raises(t *testing.T, alarm map[string]any) bool {
	t.Helper()
	value, ok := told.alarmValue(t, alarm)
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
	t.Fatalf("comparison %v: not understood here", alarm["ComparisonOperator"])
	return false
}

func (told *telling) alarmValue(t *testing.T, alarm map[string]any) (float64, bool) {
	t.Helper()
	queries, ok := alarm["Metrics"].([]any)
	if !ok {
		return told.statistic(t, alarm, alarm["Statistic"])
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
		if value, ok := told.statistic(t, stat["Metric"].(map[string]any), stat["Stat"]); ok {
			values[id] = value
		}
	}
	return calculate(t, expression, values)
}

// statistic returns the statistic of a metric, and false where nobody told it.
func (told *telling) statistic(t *testing.T, metric map[string]any, stat any) (value float64, ok bool) {
	t.Helper()
	by := map[string]any{}
	dimensions, _ := metric["Dimensions"].([]any)
	for _, d := range dimensions {
		by[d.(map[string]any)["Name"].(string)] = d.(map[string]any)["Value"]
	}
	for _, r := range told.readings {
		if r.namespace != metric["Namespace"] || r.name != metric["MetricName"] || r.dimensions != dimensionsOf(by) {
			continue
		}
		switch {
		case stat == "Sum":
			value += r.value
		case stat == "Maximum" && (!ok || r.value > value):
			value = r.value
		case stat != "Maximum":
			t.Fatalf("statistic %v: not understood here", stat)
		}
		ok = true
	}
	return value, ok
}

var operand = regexp.MustCompile(`^(?:FILL\((\w+), (\d+)\)|(\w+))$`)

// calculate evaluates "a + b", "a - b" and "a / b", where an operand is an id, a number or FILL(id, number).
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
	t.Fatalf("expression %q: not understood here", expression)
	return 0, false
}

func operandValue(t *testing.T, text string, values map[string]float64) (float64, bool) {
	t.Helper()
	found := operand.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("operand %q: not understood here", text)
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

package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/standins/sandbox"
)

// reading is one value of a metric.
type reading struct {
	namespace, name string
	dimensions      string // as dimensionsOf writes them
	value           float64
}

// output is what functions reported: the lines of their logs, by function, and all metrics. These
// are the embedded ones in the lines, and Lambda's own.
type output struct {
	lines    map[string][]map[string]any
	readings []reading
}

// outputOf returns what the functions of a sandbox reported since its start or last reset.
func outputOf(t *testing.T, b *box) *output {
	t.Helper()
	out := &output{lines: map[string][]map[string]any{}}
	for function, lines := range b.Logs() {
		for _, text := range lines {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Errorf("%s wrote a line that is not JSON: %s", function, text)
				continue
			}
			out.lines[function] = append(out.lines[function], line)
			out.addEmbedded(line)
		}
	}
	for _, i := range b.Invocations() {
		by := dimensionsOf(map[string]any{"FunctionName": i.Function})
		failed := 0.0
		if i.Error != "" {
			failed = 1
		}
		out.readings = append(out.readings, reading{"AWS/Lambda", "Errors", by, failed})
	}
	return out
}

// addEmbedded adds the metrics in a line, as CloudWatch does.
func (out *output) addEmbedded(line map[string]any) {
	meta, ok := line["_aws"].(map[string]any)
	if !ok {
		return
	}
	for _, d := range meta["CloudWatchMetrics"].([]any) {
		directive := d.(map[string]any)
		namespace := directive["Namespace"].(string)
		for _, set := range directive["Dimensions"].([]any) {
			by := map[string]any{}
			for _, name := range set.([]any) {
				by[name.(string)] = line[name.(string)]
			}
			for _, m := range directive["Metrics"].([]any) {
				name := m.(map[string]any)["Name"].(string)
				out.readings = append(out.readings, reading{namespace, name, dimensionsOf(by), line[name].(float64)})
			}
		}
	}
}

func dimensionsOf(by map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, by[name]))
	}
	return strings.Join(parts, " ")
}

// asSandbox gives the functions the names that they have in the sandbox.
var asSandbox = map[string]string{
	"RotateFunction": sandbox.FunctionRotate, "SweepFunction": sandbox.FunctionSweep, "IvrFunction": sandbox.FunctionIVR,
}

// functionOfLogs returns the function of a log group.
func functionOfLogs(t *testing.T, group string) string {
	t.Helper()
	function := strings.TrimPrefix(group, "/aws/lambda/"+stackName+"-")
	if !slices.Contains(sandbox.Functions, function) {
		t.Fatalf("log group %s belongs to no function", group)
	}
	return function
}

// widget is a part of the dashboard.
type widget struct {
	Type       string
	Properties struct {
		Title   string
		Metrics [][]any
		Query   string
		Alarms  []string
	}
}

// dashboard returns the widgets of the dashboard, and its text.
func dashboard(t *testing.T, tm *template) ([]widget, string) {
	t.Helper()
	var parsed struct{ Widgets []widget }
	body := tm.resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"].(string)
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		t.Fatalf("the dashboard is not JSON: %v", err)
	}
	return parsed.Widgets, body
}

// maxWidgets keeps the dashboard on one screen.
const maxWidgets = 4

// ownDimensions are the dimensions of the functions' metrics. Each has a fixed set of values.
var ownDimensions = regexp.MustCompile(`^FunctionName=(rotate|sweep|ivr)( (Step|Reason)=\w+)?$`)

// checkTelemetry looks for every metric, dimension and log field of the dashboard, and for every
// metric of the alarms, in what the functions wrote in a recorded run.
func checkTelemetry(t *testing.T, b *box) {
	t.Helper()
	tm := newTemplate(t, nil, asSandbox)
	out := outputOf(t, b)
	for _, r := range out.readings {
		if !ownDimensions.MatchString(r.dimensions) {
			t.Errorf("%s by %q: each combination costs; want FunctionName, and Step or Reason", r.name, r.dimensions)
		}
	}
	widgets, body := dashboard(t, tm)
	if len(widgets) > maxWidgets {
		t.Errorf("the dashboard has %d widgets; keep it at %d", len(widgets), maxWidgets)
	}
	for _, w := range widgets {
		for _, metric := range w.Properties.Metrics {
			namespace, name, by := metricOf(metric)
			if !out.knows(namespace, name, by) {
				t.Errorf("%s: no function emits %s %s by %q", w.Properties.Title, namespace, name, by)
			}
		}
		if w.Type == "log" {
			out.query(t, w.Properties.Title, w.Properties.Query)
		}
		if alarms := tm.resources("AWS::CloudWatch::Alarm"); w.Type == "alarm" && len(w.Properties.Alarms) != len(alarms) {
			t.Errorf("%s: %d of %d alarms", w.Properties.Title, len(w.Properties.Alarms), len(alarms))
		}
	}
	for name, alarm := range tm.resources("AWS::CloudWatch::Alarm") {
		for _, m := range metricsOf(alarm) {
			if !out.knows(m["Namespace"].(string), m["MetricName"].(string), alarmDimensions(m)) {
				t.Errorf("%s: no function emits %v", name, m)
			}
		}
	}
	for _, name := range []string{
		telemetry.RotationSucceeded, telemetry.RotationFailed, telemetry.RotationDurationMs, telemetry.TokenAgeSeconds,
		telemetry.RetiringTokens, telemetry.UnclaimedTokens, telemetry.DeadTokens, telemetry.DeleteFailed,
		telemetry.RefusedReads,
	} {
		if !strings.Contains(body, `"`+name+`"`) {
			t.Errorf("the dashboard leaves out %s", name)
		}
	}
}

// metricOf returns namespace, name and dimensions of a widget's entry.
func metricOf(entry []any) (namespace, name, by string) {
	if _, ok := entry[len(entry)-1].(map[string]any); ok {
		entry = entry[:len(entry)-1]
	}
	dimensions := map[string]any{}
	for i := 2; i+1 < len(entry); i += 2 {
		dimensions[entry[i].(string)] = entry[i+1]
	}
	return entry[0].(string), entry[1].(string), dimensionsOf(dimensions)
}

func (out *output) knows(namespace, name, by string) bool {
	return slices.ContainsFunc(out.readings, func(r reading) bool {
		return r.namespace == namespace && r.name == name && r.dimensions == by
	})
}

// TestMetricsDoNotGrowWithTheSecrets allows alarms and dashboard no dimension but the function's
// name, since each combination of dimensions is a metric that costs.
func TestMetricsDoNotGrowWithTheSecrets(t *testing.T) {
	tm := newTemplate(t, nil, asSandbox)
	check := func(where, name, by string) {
		if function, ok := strings.CutPrefix(by, "FunctionName="); !ok || !slices.Contains(sandbox.Functions, function) {
			t.Errorf("%s: %s by %q; want FunctionName and nothing else", where, name, by)
		}
	}
	for name, alarm := range tm.resources("AWS::CloudWatch::Alarm") {
		metrics := metricsOf(alarm)
		if len(metrics) == 0 {
			t.Errorf("%s has no metric", name)
		}
		for _, m := range metrics {
			check(name, fmt.Sprint(m["MetricName"]), alarmDimensions(m))
		}
	}
	widgets, _ := dashboard(t, tm)
	for _, w := range widgets {
		for _, entry := range w.Properties.Metrics {
			_, name, by := metricOf(entry)
			check(w.Properties.Title, name, by)
		}
	}
	if filters := tm.resources("AWS::Logs::MetricFilter"); len(filters) > 0 {
		t.Errorf("functions emit their metrics themselves; these filters make more: %v", filters)
	}
}

var (
	source = regexp.MustCompile(`SOURCE '([^']+)'`)
	field  = regexp.MustCompile(`[A-Za-z]\w*`)
	quoted = regexp.MustCompile(`'[^']*'`)
	// syntax are the words of the query language in the queries of the template.
	syntax = []string{"ispresent", "or", "and"}
)

// query looks for the fields of a Logs Insights query in the lines of its log groups.
func (out *output) query(t *testing.T, title, query string) {
	t.Helper()
	var lines []map[string]any
	for _, group := range source.FindAllStringSubmatch(query, -1) {
		lines = append(lines, out.lines[functionOfLogs(t, group[1])]...)
	}
	var fields []string
	for part := range strings.SplitSeq(query, " | ") {
		verb, rest, _ := strings.Cut(part, " ")
		rest = strings.ReplaceAll(quoted.ReplaceAllString(rest, ""), "@timestamp", "")
		if verb == "fields" || verb == "filter" {
			fields = append(fields, field.FindAllString(rest, -1)...)
		}
	}
	for _, name := range fields {
		if slices.Contains(syntax, name) {
			continue
		}
		if !slices.ContainsFunc(lines, func(line map[string]any) bool { _, ok := line[name]; return ok }) {
			t.Errorf("%s: no line has the field %s", title, name)
		}
	}
	if len(fields) < 2 {
		t.Errorf("%s: query %q: this test does not understand it", title, query)
	}
}

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

// telling is what functions told: the lines of their logs by function, the metrics in them, and Lambda's own.
type telling struct {
	lines    map[string][]map[string]any
	readings []reading
}

// tell reads what the functions of a sandbox told since its start or last reset.
func tell(t *testing.T, b *box, tm *template) *telling {
	t.Helper()
	told := &telling{lines: map[string][]map[string]any{}}
	for function, lines := range b.Logs() {
		for _, text := range lines {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Errorf("%s wrote a line that is no JSON: %s", function, text)
				continue
			}
			told.lines[function] = append(told.lines[function], line)
			told.embedded(line)
		}
	}
	for _, i := range b.Invocations() {
		by := dimensionsOf(map[string]any{"FunctionName": i.Function})
		failed := 0.0
		if i.Error != "" {
			failed = 1
		}
		told.readings = append(told.readings, reading{"AWS/Lambda", "Invocations", by, 1}, reading{"AWS/Lambda", "Errors", by, failed},
			reading{"AWS/Lambda", "Duration", by, float64(i.Duration.Milliseconds())})
	}
	told.filtered(t, tm)
	return told
}

// embedded reads the metrics in a line, as CloudWatch does.
func (told *telling) embedded(line map[string]any) {
	meta, ok := line["_aws"].(map[string]any)
	if !ok {
		return
	}
	for _, d := range meta["CloudWatchMetrics"].([]any) {
		directive := d.(map[string]any)
		for _, set := range directive["Dimensions"].([]any) {
			by := map[string]any{}
			for _, name := range set.([]any) {
				by[name.(string)] = line[name.(string)]
			}
			for _, m := range directive["Metrics"].([]any) {
				name := m.(map[string]any)["Name"].(string)
				told.readings = append(told.readings, reading{directive["Namespace"].(string), name, dimensionsOf(by), line[name].(float64)})
			}
		}
	}
}

// filtered adds the metrics that the template's metric filters make of the lines.
func (told *telling) filtered(t *testing.T, tm *template) {
	t.Helper()
	for name, filter := range tm.resources("AWS::Logs::MetricFilter") {
		pattern, function := filter["FilterPattern"].(string), functionOfLogs(t, filter["LogGroupName"].(string))
		for _, made := range filter["MetricTransformations"].([]any) {
			m := made.(map[string]any)
			for _, line := range told.lines[function] {
				if !matches(t, pattern, line) {
					continue
				}
				value := 1.0
				if field, ok := strings.CutPrefix(m["MetricValue"].(string), "$."); ok {
					if value, ok = line[field].(float64); !ok {
						t.Errorf("%s: %s is no number in %v", name, field, line)
					}
				}
				told.readings = append(told.readings, reading{m["MetricNamespace"].(string), m["MetricName"].(string), "", value})
			}
		}
	}
}

var term = regexp.MustCompile(`^\$\.(\w+) (IS TRUE|= "([^"]*)"|> (\d+))$`)

// matches evaluates the filter patterns that the template uses: terms, divided by ||.
func matches(t *testing.T, pattern string, line map[string]any) bool {
	t.Helper()
	for part := range strings.SplitSeq(strings.Trim(pattern, "{} "), " || ") {
		found := term.FindStringSubmatch(part)
		if found == nil {
			t.Fatalf("filter pattern %q: not understood here", pattern)
		}
		value, ok := line[found[1]]
		var limit float64
		_, _ = fmt.Sscan(found[4], &limit)
		number, isNumber := value.(float64)
		switch {
		case !ok:
		case found[2] == "IS TRUE" && value == true,
			found[4] == "" && found[2] != "IS TRUE" && value == found[3],
			found[4] != "" && isNumber && number > limit:
			return true
		}
	}
	return false
}

func dimensionsOf(by map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, by[name]))
	}
	return strings.Join(parts, " ")
}

// asSandbox gives the functions the names that they have in the sandbox.
var asSandbox = map[string]string{"RotateFunction": sandbox.FunctionRotate, "SweepFunction": sandbox.FunctionSweep, "IvrFunction": sandbox.FunctionIVR}

func functionOfLogs(t *testing.T, group string) string {
	t.Helper()
	function := strings.TrimPrefix(group, "/aws/lambda/"+stackName+"-")
	if !slices.Contains(sandbox.Functions, function) {
		t.Fatalf("log group %s is no function's", group)
	}
	return function
}

// TestDashboardShowsWhatIsTold looks for every metric, dimension and log field of the dashboard in what functions wrote.
func TestDashboardShowsWhatIsTold(t *testing.T) {
	t.Parallel()
	b := startBox(t, sandbox.Config{})
	b.everyday()
	for _, step := range []string{"setSecret", "finishSecret"} {
		b.invoke(sandbox.FunctionRotate, fmt.Sprintf(`{"Step":%q,"SecretId":"engage/token","ClientRequestToken":"33333333-3333-4333-8333-333333333333"}`, step))
	}
	b.scenario(sandbox.ScenarioLedgerDenied)
	b.rotate()
	b.scenario(sandbox.ScenarioNone)
	b.kill(sandbox.TokenSecret)
	b.invoke(sandbox.FunctionIVR, `{}`)
	tm := newTemplate(t, nil, asSandbox)
	told := tell(t, b, tm)

	var dashboard struct {
		Widgets []struct {
			Type       string
			Properties struct {
				Title   string
				Metrics [][]any
				Query   string
				Alarms  []string
			}
		}
	}
	body := tm.resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"].(string)
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatalf("the dashboard is no JSON: %v", err)
	}
	ours := 0
	for _, w := range dashboard.Widgets {
		for _, metric := range w.Properties.Metrics {
			namespace, name, by := metricOf(t, metric)
			if !told.knows(namespace, name, by) {
				t.Errorf("%s: nobody tells %s %s by %q", w.Properties.Title, namespace, name, by)
			}
			if namespace == telemetry.Namespace {
				ours++
			}
		}
		if w.Type == "log" {
			told.query(t, w.Properties.Title, w.Properties.Query)
		}
		if w.Type == "alarm" && len(w.Properties.Alarms) != len(tm.resources("AWS::CloudWatch::Alarm")) {
			t.Errorf("%s: %d of %d alarms", w.Properties.Title, len(w.Properties.Alarms), len(tm.resources("AWS::CloudWatch::Alarm")))
		}
	}
	for _, name := range []string{telemetry.RotationSucceeded, telemetry.RotationFailed, telemetry.RotationDurationMs, telemetry.TokenAgeSeconds,
		telemetry.RetiringTokens, telemetry.UnclaimedTokens, telemetry.DeleteFailed} {
		if !strings.Contains(body, name) {
			t.Errorf("the dashboard leaves out %s", name)
		}
	}
	if ours == 0 {
		t.Error("the dashboard shows no metric of ours")
	}
}

var search = regexp.MustCompile(`^SEARCH\('\{(\w+),([\w,]+)\} MetricName="(\w+)" FunctionName="(\w+)"'`)

// metricOf reads an entry of a widget: namespace, name, dimensions. A search stands for its metric with any value of the
// dimensions that it leaves open.
func metricOf(t *testing.T, entry []any) (namespace, name, by string) {
	t.Helper()
	if options, ok := entry[0].(map[string]any); ok {
		found := search.FindStringSubmatch(options["expression"].(string))
		if found == nil {
			t.Fatalf("expression %v: not understood here", options["expression"])
		}
		open := []string{}
		for part := range strings.SplitSeq(found[2], ",") {
			if part == "FunctionName" {
				part += "=" + found[4]
			} else {
				part += "=*"
			}
			open = append(open, part)
		}
		return found[1], found[3], strings.Join(open, " ")
	}
	if _, ok := entry[len(entry)-1].(map[string]any); ok {
		entry = entry[:len(entry)-1]
	}
	dimensions := map[string]any{}
	for i := 2; i+1 < len(entry); i += 2 {
		dimensions[entry[i].(string)] = entry[i+1]
	}
	return entry[0].(string), entry[1].(string), dimensionsOf(dimensions)
}

func (told *telling) knows(namespace, name, by string) bool {
	return slices.ContainsFunc(told.readings, func(r reading) bool {
		return r.namespace == namespace && r.name == name && like(by, r.dimensions)
	})
}

var (
	source = regexp.MustCompile(`SOURCE '([^']+)'`)
	field  = regexp.MustCompile(`[A-Za-z]\w*`)
	quoted = regexp.MustCompile(`'[^']*'`)
)

// query looks for the fields of a Logs Insights query in lines of its log groups, and for a line that its filter keeps.
func (told *telling) query(t *testing.T, title, query string) {
	t.Helper()
	var lines []map[string]any
	for _, group := range source.FindAllStringSubmatch(query, -1) {
		lines = append(lines, told.lines[functionOfLogs(t, group[1])]...)
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
		if name == "ispresent" {
			continue
		}
		if !slices.ContainsFunc(lines, func(line map[string]any) bool { _, ok := line[name]; return ok }) {
			t.Errorf("%s: no line has the field %s", title, name)
		}
	}
	if len(fields) < 2 {
		t.Errorf("%s: query %q: not understood here", title, query)
	}
}

// TestEachAlarmIsRaisedByWhatItIsFor has each alarm's trouble happen and evaluates the alarm over what the functions told.
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
		"TokenDeadAlarm": func(b *box) {
			b.rotate()
			b.age()
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
		told := tell(t, b, tm)
		for name, alarm := range alarms {
			if told.raises(t, alarm) {
				t.Errorf("%s is raised", name)
			}
		}
	})
	for name, trouble := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, sandbox.Config{})
			trouble(b)
			if told := tell(t, b, tm); !told.raises(t, alarms[name]) {
				t.Errorf("not raised; told: %v", told.readings)
			}
		})
	}
}

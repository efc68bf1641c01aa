package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/lambdafn"
)

// output collects what a function writes. It is safe for concurrent use.
type output struct {
	mu sync.Mutex
	bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Buffer.Write(p)
}

// written is what functions wrote: log lines and metrics, which are lines too.
type written struct {
	lines, bytes int
	metrics      []string // each with its dimensions, sorted
	answer       int      // bytes
}

func (o *output) read(t *testing.T) written {
	t.Helper()
	w, seen := written{bytes: o.Len()}, map[string]bool{}
	for line := range bytes.Lines(o.Bytes()) {
		w.lines++
		for _, name := range metricsOf(t, line) {
			seen[name] = true
		}
	}
	w.metrics = slices.Sorted(maps.Keys(seen))
	return w
}

// metricsOf returns the metrics of a line in the embedded format: every name with every set of
// dimensions and their values is a metric of its own, which CloudWatch charges for.
func metricsOf(t *testing.T, line []byte) []string {
	t.Helper()
	fields, found := map[string]any{}, struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}{}
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatalf("a line is not JSON: %s", line)
	}
	if err := json.Unmarshal(line, &found); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, directive := range found.AWS.CloudWatchMetrics {
		for _, set := range directive.Dimensions {
			for _, metric := range directive.Metrics {
				name := metric.Name
				for _, dimension := range set {
					name += fmt.Sprintf(" %s=%v", dimension, fields[dimension])
				}
				all = append(all, name)
			}
		}
	}
	return all
}

// told returns what the functions write in a sweep of a fleet, and in one rotation.
func told(t *testing.T, f fleet) (swept, rotated written) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.seed(f)
		defer w.aws.Close()
		var out output
		function := &lambdafn.Function{
			Log: telemetry.NewLogger(&out, slog.LevelInfo), Metrics: telemetry.NewMetrics(&out, time.Now), Name: "function",
		}
		ctx, cancel := context.WithTimeout(t.Context(), timeout(t, "SweepFunction"))
		defer cancel()
		answer, err := function.Sweep(w.newSweeper()).Invoke(ctx, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		swept = out.read(t)
		swept.answer = len(answer)
		out.Reset()
		rotate, run := function.Rotate(w.newRotator()), w.begin(w.arns[0])
		for _, name := range run.Steps {
			if _, err := rotate.Invoke(t.Context(), run.Payload(name)); err != nil {
				t.Fatal(err)
			}
		}
		rotated = out.read(t)
	})
	return swept, rotated
}

// maxAnswer is how many bytes Lambda returns.
const maxAnswer = 6 << 20

func TestMetricsAndLogLinesDoNotGrowWithTheSecrets(t *testing.T) {
	one, rotation := told(t, fleet{secrets: 1, users: 1})
	for _, n := range sizes(100) {
		for _, users := range distinct(1, n) {
			f := fleet{secrets: n, users: users}
			many, later := told(t, f)
			if !slices.Equal(many.metrics, one.metrics) || !slices.Equal(later.metrics, rotation.metrics) {
				t.Errorf("%s: metrics\n%q\n%q, of one secret\n%q\n%q", f.name(), many.metrics, later.metrics, one.metrics,
					rotation.metrics)
			}
			if many.lines != one.lines || later.lines != rotation.lines {
				t.Errorf("%s: a sweep writes %d lines and a rotation %d, with one secret %d and %d", f.name(), many.lines,
					later.lines, one.lines, rotation.lines)
			}
			if many.answer > maxAnswer {
				t.Errorf("%s: the answer of a sweep has %d bytes, more than Lambda returns", f.name(), many.answer)
			}
		}
	}
	if len(one.metrics) == 0 || len(rotation.metrics) == 0 {
		t.Error("no metric was found")
	}
	t.Logf("a quiet sweep writes %d lines of %d bytes, a rotation %d of %d; %d metrics", one.lines, one.bytes,
		rotation.lines, rotation.bytes, len(one.metrics)+len(rotation.metrics))
}

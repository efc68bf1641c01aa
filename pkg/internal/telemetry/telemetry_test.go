package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/telemetry"
)

func TestAMetricIsOneLineOfTheEmbeddedFormat(t *testing.T) {
	var out bytes.Buffer
	metrics := telemetry.NewMetrics(&out, func() time.Time { return time.UnixMilli(1700000000123) })
	metrics.Emit(telemetry.Dimensions{"FunctionName": "f", "Step": "createSecret"},
		[][]string{{"FunctionName"}, {"FunctionName", "Step"}},
		telemetry.Metric{Name: telemetry.RotationFailed, Unit: telemetry.Count, Value: 1},
		telemetry.Metric{Name: telemetry.RotationDurationMs, Unit: telemetry.Milliseconds, Value: 2.5})
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Fatalf("%q is not one line", out.String())
	}
	var line struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
		FunctionName, Step                 string
		RotationFailed, RotationDurationMs float64
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.AWS.Timestamp != 1700000000123 || line.FunctionName != "f" || line.Step != "createSecret" ||
		line.RotationFailed != 1 || line.RotationDurationMs != 2.5 {
		t.Errorf("%+v", line)
	}
	directive := line.AWS.CloudWatchMetrics[0]
	if directive.Namespace != telemetry.Namespace || len(directive.Dimensions) != 2 || len(directive.Metrics) != 2 ||
		directive.Metrics[1].Unit != "Milliseconds" {
		t.Errorf("%+v", directive)
	}
}

func TestAMetricWithoutDimensionsHasOneEmptySet(t *testing.T) {
	var out bytes.Buffer
	telemetry.NewMetrics(&out, time.Now).Emit(nil, nil,
		telemetry.Metric{Name: telemetry.RetiringTokens, Unit: telemetry.Count, Value: 0})
	if !strings.Contains(out.String(), `"Dimensions":[[]]`) {
		t.Error(out.String())
	}
}

func TestAValueThatIsNotANumberIsDropped(t *testing.T) {
	var out bytes.Buffer
	telemetry.NewMetrics(&out, time.Now).Emit(nil, nil, telemetry.Metric{Name: "x", Value: math.NaN()})
	if out.Len() != 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestLinesOfSimultaneousMetricsDoNotMix(t *testing.T) {
	var out bytes.Buffer
	metrics := telemetry.NewMetrics(&out, time.Now)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { metrics.Emit(nil, nil, telemetry.Metric{Name: "x", Unit: telemetry.Count, Value: 1}) })
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Fatalf("%q", line)
		}
	}
	if len(lines) != 50 {
		t.Errorf("%d lines", len(lines))
	}
}

// A value with a line break or control characters stays one line: it cannot forge a second one.
func TestALogLineCannotBeBroken(t *testing.T) {
	var out bytes.Buffer
	telemetry.NewLogger(&out, slog.LevelDebug).Debug("x", "value", "a\n{\"level\":\"ERROR\"}\r\x1b[31m\u2028", "key\n", 1)
	if strings.Count(out.String(), "\n") != 1 || !json.Valid(bytes.TrimSpace(out.Bytes())) ||
		strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("%q", out.String())
	}
}

func TestTheLevelIsKept(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelWarn)
	log.Info("not this")
	log.Warn("this")
	if strings.Contains(out.String(), "not") || !strings.Contains(out.String(), `"msg":"this"`) {
		t.Error(out.String())
	}
}

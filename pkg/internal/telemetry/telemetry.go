// Package telemetry writes what operators see: JSON log lines, and metrics in the CloudWatch
// embedded metric format, which CloudWatch reads from the log: no call is made.
//
// Callers pass fingerprints, ARNs and numbers, never a secret.
package telemetry

import (
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"time"

	"engage-token-rotation/pkg/internal/version"
)

// Namespace is the CloudWatch namespace of the metrics.
const Namespace = "EngageTokenRotation"

// The metrics.
const (
	RotationSucceeded  = "RotationSucceeded"  // count; by FunctionName
	RotationFailed     = "RotationFailed"     // count; by FunctionName, and by FunctionName and Step
	RotationAbandoned  = "RotationAbandoned"  // by FunctionName, and by FunctionName and Reason; a RotationFailed too
	RotationDurationMs = "RotationDurationMs" // from the start of the creation to the end of finishSecret
	TokenAgeSeconds    = "TokenAgeSeconds"    // of the current token; from the sweep
	RetiringTokens     = "RetiringTokens"     // tokens that wait for the end of their retention
	UnclaimedTokens    = "UnclaimedTokens"    // tokens that appeared after an unanswered creation
	DeadTokens         = "DeadTokens"         // current tokens that the vendor refuses; from the sweep
	DeleteFailed       = "DeleteFailed"       // tokens whose deletion failed
	SweepFaults        = "SweepFaults"        // errors of a sweep, and what it had no time for
	// RefusedReads counts answers of the ivr function without a usable token: the vendor refused it,
	// or the function is misconfigured.
	RefusedReads = "RefusedReads"
)

// NewLogger returns a logger of JSON lines, which Lambda writes to CloudWatch Logs as they are.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// LogStart logs which build of a function starts.
func LogStart(log *slog.Logger) {
	build := version.Read()
	log.Info("function started", "version", build.Version, "commit", build.Commit)
}

// Unit is CloudWatch's name of a metric's unit.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	Seconds      Unit = "Seconds"
)

// Metric is one measured value.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64
}

// Metrics writes metrics. The zero value is not ready: use NewMetrics. It is safe for concurrent
// use.
type Metrics struct {
	mu  sync.Mutex
	w   io.Writer
	now func() time.Time
}

// NewMetrics returns a writer of metrics; now is time.Now outside of tests.
func NewMetrics(w io.Writer, now func() time.Time) *Metrics { return &Metrics{w: w, now: now} }

// Dimensions are the values of a metric's dimensions by name.
type Dimensions map[string]string

// Emit writes metrics in one line. CloudWatch shows them once for each set of dimension names in
// by, or without dimensions if by is empty.
func (m *Metrics) Emit(dimensions Dimensions, by [][]string, metrics ...Metric) {
	if len(by) == 0 {
		by = [][]string{{}}
	}
	type definition struct {
		Name string
		Unit Unit
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	d := directive{Namespace: Namespace, Dimensions: by}
	line := map[string]any{}
	for name, value := range dimensions {
		line[name] = value
	}
	for _, metric := range metrics {
		d.Metrics = append(d.Metrics, definition{metric.Name, metric.Unit})
		line[metric.Name] = metric.Value
	}
	line["_aws"] = map[string]any{"Timestamp": m.now().UnixMilli(), "CloudWatchMetrics": []directive{d}}
	encoded, err := json.Marshal(line)
	if err != nil {
		return // a value is NaN or infinite, which no caller measures
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = m.w.Write(append(encoded, '\n'))
}

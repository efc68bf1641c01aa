package handler

import (
	"context"
	"log/slog"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/rotation"
)

// stepAnswer is what an invocation of the rotation function answers; the service ignores it, a person reads it.
type stepAnswer struct {
	Step        rotation.Step        `json:"step"`
	Outcome     rotation.Outcome     `json:"outcome"`
	Fingerprint engage.Fingerprint   `json:"fingerprint,omitempty"`
	Previous    engage.Fingerprint   `json:"previous,omitempty"`
	Deleted     []engage.Fingerprint `json:"deleted,omitempty"`
	Retiring    int                  `json:"retiring,omitempty"`
	Preflight   *rotation.Preflight  `json:"preflight,omitempty"`
}

// Rotate answers the steps of a rotation.
func Rotate(rotator *rotation.Rotator, out Output) Handler {
	return func(ctx context.Context, payload []byte) (any, error) {
		step, returned := "none", false
		defer func() {
			if !returned { // a panic, which Invoke tells of
				out.failed(step)
			}
		}()
		event, err := rotation.ParseEvent(payload)
		if err != nil {
			out.Log.ErrorContext(ctx, "rotation step failed", "outcome", "failed", "error", err.Error())
			out.failed(step)
			returned = true
			return nil, err
		}
		step = string(event.Step)
		report, err := rotator.Handle(ctx, event)
		returned = true
		if err != nil {
			return nil, err
		}
		return stepAnswer{event.Step, report.Outcome, report.Fingerprint, report.Previous, report.Deleted, report.Retiring, report.Preflight}, nil
	}
}

// Observe writes the log line and the metrics of a step; it is meant for rotation.Config.Observe.
func (out Output) Observe(ctx context.Context, report rotation.Report) {
	attributes := []any{
		"step", report.Event.Step, "secretArn", report.Event.SecretID, "versionId", report.Event.VersionID,
		"fingerprint", report.Fingerprint, "durationMs", report.Duration.Milliseconds(),
	}
	if report.Err != nil {
		out.Log.ErrorContext(ctx, "rotation step failed", append(attributes, "outcome", "failed", "error", report.Err.Error())...)
		out.failed(string(report.Event.Step))
		return
	}
	attributes = append(attributes, "outcome", report.Outcome)
	if report.Event.Step == rotation.FinishSecret {
		attributes = append(attributes, "previous", report.Previous, "deleted", report.Deleted, "retiring", report.Retiring, "deleteFailed", report.DeleteFailed)
		out.finished(report)
	}
	if p := report.Preflight; p != nil {
		attributes = append(attributes, slog.Group("preflight", "flow", p.Flow, "host", p.Host, "accounts", p.Accounts, "tokens", p.Tokens))
	}
	out.Log.InfoContext(ctx, "rotation step done", attributes...)
}

func (out Output) failed(step string) {
	out.Metrics.Emit(telemetry.Dimensions{"FunctionName": out.FunctionName, "Step": step}, [][]string{{"FunctionName"}, {"FunctionName", "Step"}},
		telemetry.Metric{Name: telemetry.RotationFailed, Unit: telemetry.Count, Value: 1})
}

func (out Output) finished(report rotation.Report) {
	metrics := []telemetry.Metric{
		{Name: telemetry.DeleteFailed, Unit: telemetry.Count, Value: float64(report.DeleteFailed)},
	}
	if report.Outcome == rotation.OutcomeSwapped {
		metrics = append(metrics, telemetry.Metric{Name: telemetry.RotationSucceeded, Unit: telemetry.Count, Value: 1})
		if report.Took > 0 {
			metrics = append(metrics, telemetry.Metric{Name: telemetry.RotationDurationMs, Unit: telemetry.Milliseconds, Value: float64(report.Took.Milliseconds())})
		}
	}
	out.Metrics.Emit(telemetry.Dimensions{"FunctionName": out.FunctionName}, [][]string{{"FunctionName"}}, metrics...)
}

package lambdafn

import (
	"context"
	"errors"
	"log/slog"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
)

// stepAnswer is the answer of an invocation of the rotation function. The service ignores it; a
// person reads it.
type stepAnswer struct {
	Step        events.Step          `json:"step"`
	Case        decide.Case          `json:"case"`
	Outcome     report.Outcome       `json:"outcome"`
	Fingerprint engage.Fingerprint   `json:"fingerprint,omitempty"`
	Previous    engage.Fingerprint   `json:"previous,omitempty"`
	Deleted     []engage.Fingerprint `json:"deleted,omitempty"`
	AlreadyGone []engage.Fingerprint `json:"alreadyGone,omitempty"`
	Retiring    int                  `json:"retiring,omitempty"`
	Preflight   *report.Preflight    `json:"preflight,omitempty"`
}

// noStep is the dimension Step of an event that names no step.
const noStep = "none"

// Rotate returns a handler of the events that Secrets Manager sends. Each invocation writes one log
// line, and metrics if it failed or finished a rotation.
func (f *Function) Rotate(rotator *rotation.Rotator) Handler {
	return f.Handler(func(ctx context.Context, payload []byte) (any, error) {
		event, err := events.ParseRotation(payload)
		if err != nil {
			f.Log.ErrorContext(ctx, "rotation step failed", "outcome", "failed", "error", err.Error())
			f.countFailure(noStep)
			return nil, err
		}
		done, err := f.step(ctx, rotator, event)
		f.report(ctx, done)
		if err != nil {
			return nil, err
		}
		return stepAnswer{
			event.Step, done.Case, done.Outcome, done.Fingerprint, done.Previous, done.Deleted,
			done.Gone, done.Retiring, done.Preflight,
		}, nil
	})
}

// step carries out a step. It counts a panic as a failed rotation; Handler.Invoke logs the panic.
func (f *Function) step(ctx context.Context, rotator *rotation.Rotator, event events.Rotation) (report.Step,
	error) {
	returned := false
	defer func() {
		if !returned {
			f.countFailure(string(event.Step))
		}
	}()
	done, err := rotator.Handle(ctx, event)
	returned = true
	return done, err
}

// report writes the log line and the metrics of a step.
func (f *Function) report(ctx context.Context, done report.Step) {
	attributes := []any{
		"step", done.Event.Step, "secretArn", done.Event.SecretID, "secretName", secret.NameOf(done.Event.SecretID),
		"rotationId", done.Event.VersionID, "versionId", done.Event.VersionID,
		"fingerprint", done.Fingerprint, "case", done.Case, "durationMs", done.Duration.Milliseconds(),
	}
	if done.Err != nil {
		f.reportFailure(ctx, done, attributes)
		return
	}
	attributes = append(attributes, "outcome", done.Outcome)
	if done.Event.Step == events.FinishSecret {
		attributes = append(attributes, "previous", done.Previous, "deleted", done.Deleted, "alreadyGone", done.Gone,
			"retiring", done.Retiring, "deleteFailed", done.DeleteFailed)
		f.measure(done)
	}
	if p := done.Preflight; p != nil {
		attributes = append(attributes,
			slog.Group("preflight", "flow", p.Flow, "host", p.Host, "accounts", p.Accounts, "tokens", p.Tokens, "currentToken",
				p.CurrentToken))
		if p.CurrentToken == report.TokenDead {
			f.warnDead(ctx, done.Event.SecretID, done.Fingerprint)
		}
	}
	f.Log.InfoContext(ctx, "rotation step done", attributes...)
}

// reportFailure writes the one log line of a step that failed, and its metrics. An abandoned
// rotation is a warning: the service starts another one.
func (f *Function) reportFailure(ctx context.Context, done report.Step, attributes []any) {
	cause := done.Err.Error()
	var e *report.Failure
	if errors.As(done.Err, &e) {
		cause = e.Detail() // step, secret and version are attributes
	}
	attributes = append(attributes, "outcome", "failed", "error", cause)
	f.countFailure(string(done.Event.Step))
	reason := done.Abandoned
	if reason == "" {
		f.Log.ErrorContext(ctx, "rotation step failed", attributes...)
		return
	}
	f.Log.WarnContext(ctx, "rotation abandoned", append(attributes, "reason", reason)...)
	f.Metrics.Emit(telemetry.Dimensions{"FunctionName": f.Name, "Reason": reason},
		[][]string{{"FunctionName"}, {"FunctionName", "Reason"}},
		telemetry.Metric{Name: telemetry.RotationAbandoned, Unit: telemetry.Count, Value: 1})
}

// warnDead warns of a current token that the vendor refuses: readers fail by now.
func (f *Function) warnDead(ctx context.Context, arn string, fingerprint engage.Fingerprint) {
	f.Log.WarnContext(ctx, "the current token is dead: the vendor refuses it; "+
		"rotate the secret now (aws secretsmanager rotate-secret)",
		"secretArn", arn, "secretName", secret.NameOf(arn), "fingerprint", fingerprint)
}

func (f *Function) countFailure(step string) {
	f.Metrics.Emit(telemetry.Dimensions{"FunctionName": f.Name, "Step": step},
		[][]string{{"FunctionName"}, {"FunctionName", "Step"}},
		telemetry.Metric{Name: telemetry.RotationFailed, Unit: telemetry.Count, Value: 1})
}

// measure emits the metrics of a finishSecret.
func (f *Function) measure(done report.Step) {
	metrics := []telemetry.Metric{
		{Name: telemetry.DeleteFailed, Unit: telemetry.Count, Value: float64(done.DeleteFailed)},
	}
	if done.Outcome == report.OutcomeSwapped {
		metrics = append(metrics, telemetry.Metric{Name: telemetry.RotationSucceeded, Unit: telemetry.Count, Value: 1})
		if took := float64(done.Took.Milliseconds()); took > 0 {
			metrics = append(metrics,
				telemetry.Metric{Name: telemetry.RotationDurationMs, Unit: telemetry.Milliseconds, Value: took})
		}
	}
	f.Metrics.Emit(telemetry.Dimensions{"FunctionName": f.Name}, [][]string{{"FunctionName"}}, metrics...)
}

package lambdafn

import (
	"context"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/sweep"
)

// Sweep returns a handler of the sweep's events. Each invocation writes a log line for each secret
// and each user and one at its end, and metrics.
func (f *Function) Sweep(sweeper *sweep.Sweeper) Handler {
	return f.Handler(func(ctx context.Context, payload []byte) (any, error) {
		request, err := events.ParseSweep(payload)
		if err == nil {
			var answer sweep.Answer
			if answer, err = sweeper.Run(ctx, request); err == nil {
				f.reportSweep(ctx, request, answer)
				return answer, nil
			}
		}
		f.Log.ErrorContext(ctx, "sweep failed", "outcome", "failed", "error", err.Error())
		return nil, err
	})
}

// reportSweep writes the log lines and the metrics of a sweep.
func (f *Function) reportSweep(ctx context.Context, request events.Sweep, answer sweep.Answer) {
	var retiring, unclaimed, dead, failed, deleted int
	for _, s := range answer.Secrets {
		retiring += len(s.Retiring)
		unclaimed += len(s.Unclaimed)
		failed += len(s.DeleteFailed)
		deleted += len(s.Deleted)
		if s.Current.Dead {
			dead++
		}
		f.Log.InfoContext(ctx, "secret swept", "secretArn", s.Secret,
			"fingerprint", s.Current.Fingerprint, "ageSeconds", s.Current.AgeSeconds, "dead", s.Current.Dead,
			"retiring", s.Retiring, "openIntents", s.OpenIntents, "unclaimed", s.Unclaimed, "deleted", s.Deleted,
			"deleteFailed", s.DeleteFailed, "unreachable", s.Unreachable, "unrecorded", s.Unrecorded,
			"cases", s.Cases, "dryRun", request.DryRun)
		if s.Current.Fingerprint != "" {
			f.Metrics.Emit(telemetry.Dimensions{"FunctionName": f.Name}, [][]string{{"FunctionName"}},
				telemetry.Metric{Name: telemetry.TokenAgeSeconds, Unit: telemetry.Seconds, Value: float64(s.Current.AgeSeconds)})
		}
	}
	for _, u := range answer.Users {
		f.Log.InfoContext(ctx, "user swept", "user", u.User, "foreign", u.Foreign)
	}
	deleted += len(answer.Deleted)
	f.Log.InfoContext(ctx, "sweep done", "outcome", "swept", "secrets", len(answer.Secrets), "deleted", deleted,
		"retiring", retiring, "unclaimed", unclaimed, "deleteFailed", failed, "faults", len(answer.Faults),
		"notReached", answer.NotReached, "unreadable", answer.Unreadable,
		"dryRun", request.DryRun)
	f.Metrics.Emit(telemetry.Dimensions{"FunctionName": f.Name}, [][]string{{"FunctionName"}},
		telemetry.Metric{Name: telemetry.RetiringTokens, Unit: telemetry.Count, Value: float64(retiring)},
		telemetry.Metric{Name: telemetry.UnclaimedTokens, Unit: telemetry.Count, Value: float64(unclaimed)},
		telemetry.Metric{Name: telemetry.DeadTokens, Unit: telemetry.Count, Value: float64(dead)},
		telemetry.Metric{Name: telemetry.DeleteFailed, Unit: telemetry.Count, Value: float64(failed)},
		telemetry.Metric{
			Name: telemetry.SweepFaults, Unit: telemetry.Count, Value: float64(len(answer.Faults) + len(answer.NotReached)),
		})
}

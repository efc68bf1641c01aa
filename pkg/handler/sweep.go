package handler

import (
	"context"

	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/sweep"
)

// Sweep answers a sweep's events.
func Sweep(sweeper *sweep.Sweeper, out Output) Handler {
	return func(ctx context.Context, payload []byte) (any, error) {
		request, err := sweep.ParseRequest(payload)
		if err == nil {
			var answer sweep.Answer
			if answer, err = sweeper.Run(ctx, request); err == nil {
				out.swept(ctx, request, answer)
				return answer, nil
			}
		}
		out.Log.ErrorContext(ctx, "sweep failed", "outcome", "failed", "error", err.Error())
		return nil, err
	}
}

func (out Output) swept(ctx context.Context, request sweep.Request, answer sweep.Answer) {
	var retiring, unclaimed, failed, deleted int
	for _, s := range answer.Secrets {
		retiring += len(s.Retiring)
		unclaimed += len(s.Unclaimed)
		failed += len(s.DeleteFailed)
		deleted += len(s.Deleted)
		out.Log.InfoContext(ctx, "secret swept", "secretArn", s.Secret, "fingerprint", s.Current.Fingerprint, "ageSeconds", s.Current.AgeSeconds,
			"dead", s.Current.Dead, "retiring", s.Retiring, "openIntents", s.OpenIntents, "unclaimed", s.Unclaimed, "deleted", s.Deleted,
			"deleteFailed", s.DeleteFailed, "dryRun", request.DryRun)
		if s.Current.Fingerprint != "" {
			out.Metrics.Emit(telemetry.Dimensions{"FunctionName": out.FunctionName, "Secret": s.Secret},
				[][]string{{"FunctionName"}, {"FunctionName", "Secret"}},
				telemetry.Metric{Name: telemetry.TokenAgeSeconds, Unit: telemetry.Seconds, Value: float64(s.Current.AgeSeconds)})
		}
	}
	for _, u := range answer.Users {
		deleted += len(u.Deleted)
		out.Log.InfoContext(ctx, "user swept", "user", u.User, "foreign", u.Foreign, "strays", u.Strays, "deleted", u.Deleted, "unreadable", u.Unreadable)
	}
	out.Log.InfoContext(ctx, "sweep done", "outcome", "swept", "secrets", len(answer.Secrets), "deleted", deleted, "retiring", retiring,
		"unclaimed", unclaimed, "deleteFailed", failed, "faults", len(answer.Faults), "dryRun", request.DryRun)
	out.Metrics.Emit(telemetry.Dimensions{"FunctionName": out.FunctionName}, [][]string{{"FunctionName"}},
		telemetry.Metric{Name: telemetry.RetiringTokens, Unit: telemetry.Count, Value: float64(retiring)},
		telemetry.Metric{Name: telemetry.UnclaimedTokens, Unit: telemetry.Count, Value: float64(unclaimed)},
		telemetry.Metric{Name: telemetry.DeleteFailed, Unit: telemetry.Count, Value: float64(failed)})
}

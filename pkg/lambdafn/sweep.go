package lambdafn

import (
	"context"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/internal/version"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/sweep"
)

// sweepAnswer is the answer of an invocation of the sweep function.
type sweepAnswer struct {
	version.Info
	report.Sweep
}

// Sweep returns a handler of the sweep's events. Each invocation writes a log line for each secret
// that needs attention and one at its end, and metrics.
func (f *Function) Sweep(sweeper *sweep.Sweeper) Handler {
	return f.Handler(func(ctx context.Context, payload []byte) (any, error) {
		request, err := events.ParseSweep(payload)
		if err == nil {
			var answer report.Sweep
			if answer, err = sweeper.Run(ctx, request); err == nil {
				f.reportSweep(ctx, request, answer)
				limit := report.MaxBrief
				if request.Report == "full" {
					limit = report.MaxFull
				}
				return sweepAnswer{version.Read(), answer.Limit(limit)}, nil
			}
		}
		f.Log.ErrorContext(ctx, "sweep failed", "outcome", "failed", "error", err.Error())
		return nil, err
	})
}

// reportSweep writes the log lines and the metrics of a sweep.
func (f *Function) reportSweep(ctx context.Context, request events.Sweep, answer report.Sweep) {
	for _, s := range answer.Secrets {
		if !s.NeedsAttention() {
			continue
		}
		if s.Current.Dead {
			f.warnDead(ctx, s.Secret, s.Current.Fingerprint)
		}
		f.Log.InfoContext(ctx, "secret swept", "secretArn", s.Secret, "secretName", secret.NameOf(s.Secret),
			"fingerprint", s.Current.Fingerprint, "ageSeconds", s.Current.AgeSeconds, "dead", s.Current.Dead, "state", s.State,
			"retiring", s.Retiring, "openIntents", s.OpenIntents, "unclaimed", s.Unclaimed, "deleted", s.Deleted,
			"deleteFailed", s.DeleteFailed, "unreachable", s.Unreachable, "unrecorded", s.Unrecorded,
			"cases", s.Cases, "dryRun", request.DryRun)
	}
	sum, brief := answer.Summary, answer.Limit(report.MaxBrief)
	f.Log.InfoContext(ctx, "sweep done", "outcome", "swept", "secrets", sum.Secrets, "deleted", sum.Deleted,
		"retiring", sum.Retiring, "unclaimed", sum.Unclaimed, "deleteFailed", sum.DeleteFailed, "faults", sum.Faults,
		"dead", sum.Dead, "unfinished", sum.Unfinished, "foreign", sum.Foreign,
		"oldestTokenSeconds", sum.OldestTokenSeconds, "oldestSecret", sum.OldestSecret,
		"notReached", brief.NotReached, "unreadable", brief.Unreadable, "dryRun", request.DryRun)
	count := func(name string, value int) telemetry.Metric {
		return telemetry.Metric{Name: name, Unit: telemetry.Count, Value: float64(value)}
	}
	metrics := []telemetry.Metric{
		count(telemetry.RetiringTokens, sum.Retiring), count(telemetry.UnclaimedTokens, sum.Unclaimed),
		count(telemetry.DeadTokens, sum.Dead), count(telemetry.DeleteFailed, sum.DeleteFailed),
		count(telemetry.SweepFaults, sum.Faults+sum.NotReached),
	}
	if sum.OldestSecret != "" {
		metrics = append(metrics, telemetry.Metric{
			Name: telemetry.TokenAgeSeconds, Unit: telemetry.Seconds, Value: float64(sum.OldestTokenSeconds),
		})
	}
	f.Metrics.Emit(telemetry.Dimensions{"FunctionName": f.Name}, [][]string{{"FunctionName"}}, metrics...)
}

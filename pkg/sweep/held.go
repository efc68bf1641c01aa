package sweep

import (
	"context"
	"maps"
	"slices"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

// recordHeld records each token that the version of an open intent holds and that no record names:
// createSecret put it there and could not record it. It does so before any record is decided about,
// so that the same sweep retires a token of a version that carries no label any more.
func (r *run) recordHeld(ctx context.Context) {
	for _, arn := range slices.Sorted(maps.Keys(r.entries.Secrets)) {
		view := r.entries.Secrets[arn]
		if r.only != "" && r.only != arn {
			continue
		}
		for _, intent := range view.Intents {
			if record, ok := r.held(ctx, view, intent); ok {
				view.Records = append(view.Records, record)
				r.recorded[record.Fingerprint] = true
			}
		}
		r.entries.Secrets[arn] = view
	}
}

// held records the token that an intent's version holds, and reports whether it did. A dry run only
// returns the record.
func (r *run) held(ctx context.Context, view ledger.View, intent ledger.Intent) (ledger.Record, bool) {
	if view.Answered(intent) || !intent.Over(r.config.Now()) {
		return ledger.Record{}, false
	}
	token, err := secret.TokenOf(ctx, r.config.Secrets, intent.Secret, intent.Version, "")
	f := token.Fingerprint()
	if err != nil || f == "" || r.recorded[f] || intent.Baseline.Contains(f) {
		return ledger.Record{}, false
	}
	record := ledger.Record{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: f, State: ledger.Issued, CreatedAt: intent.StartedAt,
		Until: intent.Until, Base: intent.Base, User: intent.User,
	}
	return record, r.write(ctx, func() error { return r.ledger.Create(ctx, record) })
}

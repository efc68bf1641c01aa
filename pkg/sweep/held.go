package sweep

import (
	"context"
	"maps"
	"slices"

	"engage-token-rotation/pkg/decide"
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
			record := r.held(ctx, view, intent)
			if record.Fingerprint == "" {
				continue
			}
			if r.isOpen(view, intent) || !r.try(ctx, r.ledger.Create(ctx, record)) {
				r.unrecorded[intent.ID] = true
				continue
			}
			view.Records = append(view.Records, record)
			r.recorded[record.Fingerprint] = true
		}
		r.entries.Secrets[arn] = view
	}
}

// isOpen reports whether the intent's version may still be written by an attempt, which records its
// token: an intent of the version is not over, or the version carries AWSPENDING, but for no longer
// than decide.WatchTime: a cancelled rotation may leave AWSPENDING there for good.
func (r *run) isOpen(view ledger.View, intent ledger.Intent) bool {
	now := r.config.Now()
	if m := r.secrets.Get(intent.Secret); m == nil ||
		m.PendingVersion == intent.Version && !now.After(intent.Until.Add(decide.WatchTime)) {
		return true
	}
	return slices.ContainsFunc(view.Intents, func(i ledger.Intent) bool {
		return i.Version == intent.Version && !i.Over(now)
	})
}

// held returns the record of the token that an intent's version holds and that no record names; the
// zero Record when there is none. When intents of one version name two bases, the record names
// none.
func (r *run) held(ctx context.Context, view ledger.View, intent ledger.Intent) ledger.Record {
	if view.Answered(intent) || !intent.Over(r.config.Now()) {
		return ledger.Record{}
	}
	token, err := secret.TokenOf(ctx, r.config.Secrets, intent.Secret, intent.Version, "")
	f := token.Fingerprint()
	if err != nil || f == "" || r.recorded[f] || intent.Baseline.Contains(f) {
		return ledger.Record{}
	}
	base := intent.Base
	for _, other := range view.Intents {
		if other.Version == intent.Version && other.Base != base {
			base = ""
		}
	}
	return ledger.Record{
		Secret: intent.Secret, Version: intent.Version, Fingerprint: f, State: ledger.Issued, CreatedAt: intent.StartedAt,
		Until: intent.Until, Base: base, User: intent.User,
	}
}

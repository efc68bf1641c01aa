package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
)

// sweepSecret resolves and retires what belongs to one secret, and reports it.
func (u *userSweep) sweepSecret(ctx context.Context, h *holder) {
	report := SecretReport{
		Secret: h.arn, Retiring: []Waiting{}, OpenIntents: []OpenIntent{},
		Unclaimed: []engage.Fingerprint{}, Deleted: []engage.Fingerprint{}, DeleteFailed: []engage.Fingerprint{},
	}
	u.reportCurrent(ctx, h, &report)
	records := u.resolveIntents(ctx, h, &report)
	for _, record := range u.view.Tokens {
		if record.Secret == h.arn {
			records = append(records, record)
		}
	}
	for _, record := range records {
		u.sweepRecord(ctx, h, record, &report)
	}
	u.answer.Secrets = append(u.answer.Secrets, report)
}

func (u *userSweep) reportCurrent(ctx context.Context, h *holder, report *SecretReport) {
	if h.current.IsZero() {
		return
	}
	report.Current.Fingerprint = h.current.Fingerprint()
	created := h.createdAt
	for _, record := range u.view.Tokens {
		if record.Fingerprint == h.current.Fingerprint() && record.Secret == h.arn && created.IsZero() {
			created = record.CreatedAt
		}
	}
	if _, alive := u.listed[h.current.Fingerprint()]; !alive {
		// It may be another user's: its own word counts.
		_, err := u.access.client.List(ctx, h.current)
		report.Current.Dead = engage.Rejected(err)
	}
	if !created.IsZero() {
		report.Current.AgeSeconds = int64(u.config.Now().Sub(created).Seconds())
	}
}

// sweepRecord decides about one token.
func (u *userSweep) sweepRecord(ctx context.Context, h *holder, record ledger.Token, report *SecretReport) {
	now := u.config.Now()
	_, listed := u.listed[record.Fingerprint]
	switch {
	case u.heldByAny(record.Fingerprint):
		u.keepHeld(ctx, h, record)
	case !listed:
		if now.Sub(record.CreatedAt) > ledger.Propagation && now.After(record.Until) {
			u.write(ctx, func() error { return u.ledger.Remove(ctx, u.user, record) })
		}
	case record.State == ledger.Unclaimed:
		if u.settings.Exclusive && u.whole {
			u.condemn(ctx, record, now.Add(grace), report)
			return
		}
		report.Unclaimed = append(report.Unclaimed, record.Fingerprint)
	case record.State == ledger.Retiring && (record.Due(now) || u.revoke == h.arn):
		u.retire(ctx, h, record, report)
	case record.State == ledger.Retiring:
		report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, record.NotBefore})
	case record.State == ledger.Issued:
		u.sweepIssued(ctx, h, record, report)
	}
}

// keepHeld mends a record that says other than that its token is held: an unclaimed one has found its secret, and a
// retiring one was kept, or put back by hand.
func (u *userSweep) keepHeld(ctx context.Context, h *holder, record ledger.Token) {
	switch {
	case record.State == ledger.Unclaimed:
		u.write(ctx, func() error { return u.ledger.Remove(ctx, u.user, record) })
	case record.State == ledger.Retiring && h.current.Fingerprint() == record.Fingerprint && u.config.Now().After(record.NotBefore.Add(grace)):
		record.State, record.NotBefore = ledger.Issued, time.Time{}
		u.write(ctx, func() error { return u.ledger.Set(ctx, u.user, record) })
	}
}

// sweepIssued decides about a token that was made for a version and that no secret holds.
func (u *userSweep) sweepIssued(ctx context.Context, h *holder, record ledger.Token, report *SecretReport) {
	now := u.config.Now()
	if !now.After(record.Until) {
		return // its invocation may be at work
	}
	// Nobody can tell for certain whether an unlabelled version ever was current: readers may have its token cached.
	retention := u.settings.Retention
	if u.revoke == h.arn {
		retention = 0
	}
	switch {
	case h.labels.Carries(record.Version, rotation.LabelPending):
		// Without a value: broken off; the next attempt makes another token.
		u.condemn(ctx, record, now, report)
	case len(h.labels.Versions[record.Version]) > 0, record.Base != "" && record.Base != h.currentVersion:
		// Replaced by hand, or abandoned since AWSCURRENT has moved, so that no late finishSecret can swap it in.
		u.condemn(ctx, record, now.Add(retention), report)
	default:
		u.condemn(ctx, record, now.Add(max(retention, grace)), report)
	}
}

// condemn marks a token for deletion, and deletes it where the time has come.
func (u *userSweep) condemn(ctx context.Context, record ledger.Token, notBefore time.Time, report *SecretReport) {
	record.State, record.NotBefore = ledger.Retiring, notBefore
	if !u.write(ctx, func() error { return u.ledger.Set(ctx, u.user, record) }) {
		return
	}
	if record.Due(u.config.Now()) {
		u.retire(ctx, u.holders[record.Secret], record, report)
		return
	}
	report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, notBefore})
}

// retire deletes a token of a secret, and then its record.
func (u *userSweep) retire(ctx context.Context, h *holder, record ledger.Token, report *SecretReport) {
	deleted, err := u.delete(ctx, record)
	switch {
	case err != nil:
		report.DeleteFailed = append(report.DeleteFailed, record.Fingerprint)
		report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, record.NotBefore})
		u.fault(ctx, fmt.Errorf("delete token %s of secret %s: %w; the next sweep tries again", record.Fingerprint, h.arn, err))
	case deleted:
		report.Deleted = append(report.Deleted, record.Fingerprint)
	default:
		report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, record.NotBefore})
	}
}

// delete looks once more whether anybody holds the token, and deletes it and its record if not.
func (u *userSweep) delete(ctx context.Context, record ledger.Token) (deleted bool, err error) {
	if u.request.DryRun {
		return true, nil
	}
	for _, arn := range slices.Sorted(maps.Keys(u.holders)) {
		h, err := u.readHolder(ctx, arn)
		if err != nil {
			return false, err
		}
		if h.holds(record.Fingerprint) {
			return false, nil
		}
	}
	token, ok := u.listed[record.Fingerprint]
	if !ok {
		return false, errors.New("the vendor's list does not show it")
	}
	if err := u.access.client.Delete(ctx, u.access.auth, token); err != nil {
		return false, err
	}
	return true, u.ledger.Remove(ctx, u.user, record)
}

// write changes the ledger, unless this is a dry run, and reports whether it did, or would have.
func (u *userSweep) write(ctx context.Context, change func() error) bool {
	if u.request.DryRun {
		return true
	}
	if err := change(); err != nil {
		u.fault(ctx, err)
		return false
	}
	return true
}

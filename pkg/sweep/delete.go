package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// deletion is a token that is to be deleted, once it is certain that nobody holds it.
type deletion struct {
	record ledger.Token
	of     *userSweep
	found  whereabouts
	// awaited is set where the token's time has not come, but its version waits for createSecret, which sees the mark.
	awaited bool
	// told notes what came of it in the report, and returns the fault that is to be told.
	told func(deleted bool, err error) error
}

// plan puts a deletion off until reads have settled.
func (u *userSweep) plan(d deletion) {
	d.of = u
	u.due = append(u.due, d)
}

// retire deletes a token of a secret, and then its record.
func (u *userSweep) retire(d deletion, report *SecretReport) {
	record := d.record
	d.told = func(deleted bool, err error) error {
		if deleted {
			report.Deleted = append(report.Deleted, record.Fingerprint)
			return nil
		}
		report.Retiring = append(report.Retiring, Waiting{record.Fingerprint, record.NotBefore})
		if err == nil {
			return nil
		}
		report.DeleteFailed = append(report.DeleteFailed, record.Fingerprint)
		return fmt.Errorf("delete token %s of secret %s: %w; the next sweep tries again", record.Fingerprint, record.Secret, err)
	}
	u.plan(d)
}

// deleteDue deletes what is due. The marks are written by now: whoever puts or swaps a token in from here on sees them, and
// who did so before is seen when reads have settled.
func (r *run) deleteDue(ctx context.Context) {
	if len(r.due) == 0 {
		return
	}
	var err error
	if !r.request.DryRun {
		err = r.lookAgain(ctx)
	}
	for _, d := range r.due {
		deleted, failure := r.request.DryRun, err
		if !deleted && failure == nil {
			deleted, failure = d.carryOut(ctx)
		}
		if fault := d.told(deleted, failure); fault != nil {
			r.fault(ctx, fault)
		}
	}
}

// lookAgain reads the secrets once more, when reads have settled.
func (r *run) lookAgain(ctx context.Context) error {
	if err := ledger.Settle(ctx); err != nil {
		return err
	}
	for _, arn := range slices.Sorted(maps.Keys(r.holders)) {
		if err := r.look(ctx, arn); err != nil {
			r.fault(ctx, err)
		}
	}
	return nil
}

// look reads a secret once more. From then on one that cannot be read, or is being changed, may hold any of its tokens;
// one whose AWSCURRENT has moved may have held any of them meanwhile.
func (r *run) look(ctx context.Context, arn string) error {
	h, err := r.readHolder(ctx, arn)
	if err != nil {
		delete(r.holders, arn)
		r.whole = false
		return err
	}
	if h.currentVersion != r.holders[arn].currentVersion {
		r.moved[arn] = true
	}
	r.holders[arn] = h
	return nil
}

// carryOut deletes the token and its record, if nobody holds it. Its own secret is looked at right before: somebody may put
// the version back at any moment.
func (d deletion) carryOut(ctx context.Context) (deleted bool, err error) {
	u := d.of
	if u.holders[d.record.Secret] != nil {
		if err := u.look(ctx, d.record.Secret); err != nil {
			return false, err
		}
	}
	if h := u.holders[d.record.Secret]; d.awaited && (h == nil || !h.awaits(d.record.Version)) {
		return false, nil
	}
	if u.moved[d.record.Secret] {
		return false, nil // the next sweep looks at it afresh
	}
	if u.heldByAny(d.record.Fingerprint) || u.sharedUnread(d.record) || d.record.State == ledger.Stray && !u.whole {
		return false, nil
	}
	// What nobody holds any more may have been replaced just now, and its record written anew before.
	standing, found, err := u.ledger.Look(ctx, u.user, d.record)
	if err != nil || !found || standing.Secret != u.revoke && changed(d.record, standing) {
		return false, err
	}
	if d.found.auth == engage.Auth(d.found.token) {
		err = d.found.client.DeleteOwn(ctx, d.found.token, u.access.auth)
	} else {
		err = d.found.client.Delete(ctx, d.found.auth, d.found.token)
	}
	if err != nil {
		return false, err
	}
	if u.isNewest(d.record) {
		return true, nil
	}
	return true, u.ledger.NoteDeleted(ctx, u.user, u.view, d.record, u.config.Now())
}

// forget removes the record of a token that is gone. A secret's newest one stays, for the next rotation to remove: without
// any, no sweep would know of the secret, and a token that somebody puts there by hand would be taken for nobody's.
func (u *userSweep) forget(ctx context.Context, record ledger.Token) error {
	if u.isNewest(record) {
		return nil
	}
	return u.ledger.Forget(ctx, u.user, u.view, record)
}

// isNewest reports whether the record names a secret that no newer one names, in whatever user's part of the ledger.
func (u *userSweep) isNewest(record ledger.Token) bool {
	if record.Secret == "" {
		return false
	}
	for _, view := range u.views {
		for _, other := range view.Tokens {
			if other.Secret == record.Secret && other.NewerThan(record) {
				return false
			}
		}
	}
	return true
}

// changed reports whether a record has changed since it was read: the token's retention may have begun anew.
func changed(record, standing ledger.Token) bool {
	return standing.State != record.State || standing.Replaced != record.Replaced || !standing.NotBefore.Equal(record.NotBefore)
}

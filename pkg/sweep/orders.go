package sweep

import (
	"context"
	"errors"
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

// obey does what an operator asks for by name.
func (r *run) obey(ctx context.Context, users []*user) error {
	parallel.Each(concurrency, users, func(u *user) {
		u.reached = true
		ctx, cancel := context.WithTimeout(ctx, userTime)
		defer cancel()
		if err := u.list(ctx); err != nil {
			r.fault(ctx, fmt.Errorf("list the tokens of user %s: %w", u.Name, err))
		}
	})
	if r.request.Forget != "" {
		return r.forget(ctx, users, r.request.Forget)
	}
	return r.deleteToken(ctx, users, r.request.DeleteToken)
}

// deleteToken deletes a token of a managed user that no secret holds.
func (r *run) deleteToken(ctx context.Context, users []*user, f engage.Fingerprint) error {
	refuse := func(err error) error { return fmt.Errorf("deleteToken %s: %w", f, err) }
	owner := ownerOf(users, f)
	if owner == nil && r.forgetGone(ctx, f) {
		return nil
	}
	if owner == nil {
		return refuse(errors.New("no user of a managed secret lists such a token; check the fingerprint"))
	}
	if err := r.mayDelete(f); err != nil || r.request.DryRun {
		return errIf(err, refuse)
	}
	if err := clock.Sleep(ctx, ledger.Consistency); err != nil {
		return refuse(err)
	}
	r.secrets.Read(ctx, r.secrets.ARNs(), r.faults(ctx))
	var err error
	if r.entries, err = r.ledger.ReadAll(ctx); err == nil {
		err = r.mayDelete(f)
	}
	if err != nil {
		return refuse(err)
	}
	if err := owner.deleteListed(ctx, f); err != nil {
		return refuse(err)
	}
	r.report.answer.Deleted = append(r.report.answer.Deleted, f)
	for _, view := range r.entries.Secrets {
		if record, found := view.Find(f); found {
			record.State, record.At = ledger.Deleted, r.config.Now()
			r.write(ctx, func() error { return r.ledger.Set(ctx, record) })
		}
	}
	return nil
}

// forgetGone removes the records of a token that believable lists of its user lack, and reports
// whether there were any. The operator has looked at the vendor.
func (r *run) forgetGone(ctx context.Context, f engage.Fingerprint) (found bool) {
	for _, view := range r.entries.Secrets {
		record, known := view.Find(f)
		u := r.users[record.User]
		if !known || u == nil || !u.Believable || len(r.secrets.Of(f, "")) > 0 {
			continue
		}
		found = r.write(ctx, func() error { return r.ledger.Remove(ctx, record) }) || found
	}
	return found
}

func errIf(err error, wrap func(error) error) error {
	if err == nil {
		return nil
	}
	return wrap(err)
}

func ownerOf(users []*user, f engage.Fingerprint) *user {
	for _, u := range users {
		if _, ok := u.Listed[f]; ok {
			return u
		}
	}
	return nil
}

// mayDelete refuses a token that a secret holds, may hold, or is about to hold.
func (r *run) mayDelete(f engage.Fingerprint) error {
	if holders := r.secrets.Of(f, ""); len(holders) > 0 {
		return fmt.Errorf("secret %s holds it; rotate that secret instead", holders[0])
	}
	if !r.secrets.Whole() {
		return errors.New(
			"a secret that cannot be read may hold it; correct the faults named in the log, and send it again",
		)
	}
	for arn, view := range r.entries.Secrets {
		record, found := view.Find(f)
		if found && record.State == ledger.Issued && !r.config.Now().After(record.Until) {
			return fmt.Errorf("a rotation of secret %s is at work on it; wait until it has ended", arn)
		}
	}
	return nil
}

// deleteListed deletes a token that the user's list holds. A deletion that is confirmed later
// counts.
func (u *user) deleteListed(ctx context.Context, f engage.Fingerprint) error {
	err := u.Delete(ctx, witness.Finding{Token: u.Listed[f]})
	if engage.Unconfirmed(err) {
		u.fault(ctx, err)
		return nil
	}
	return err
}

// forget deletes the tokens of a secret that does not exist any more, and removes its entries.
func (r *run) forget(ctx context.Context, users []*user, id string) error {
	refuse := func(err error) error { return fmt.Errorf("forget %s: %w", id, err) }
	arn := ""
	for known := range r.entries.Secrets {
		if known == id || secret.NameOf(known) == id {
			arn = known
		}
	}
	if arn == "" {
		return refuse(errors.New("the ledger has no entry of such a secret; check its name"))
	}
	if _, err := r.config.Secrets.Describe(ctx, arn); !errors.Is(err, secret.ErrNotFound) {
		if err == nil {
			err = errors.New("the secret exists; delete it first")
		}
		return refuse(err)
	}
	view := r.entries.Secrets[arn]
	var left []error
	for _, record := range view.Records {
		if err := r.forgetRecord(ctx, users, record); err != nil {
			left = append(left, fmt.Errorf("token %s: %w", record.Fingerprint, err))
		}
	}
	for _, intent := range view.Intents {
		r.write(ctx, func() error { return r.ledger.End(ctx, intent) })
	}
	return errIf(errors.Join(left...), refuse)
}

func (r *run) forgetRecord(ctx context.Context, users []*user, record ledger.Record) error {
	f := record.Fingerprint
	if holders := r.secrets.Of(f, record.Secret); len(holders) > 0 {
		r.write(ctx, func() error { return r.ledger.Remove(ctx, record) }) // the other secret's from now on
		return nil
	}
	owner := ownerOf(users, f)
	known := r.users[record.User]
	switch {
	case record.State == ledger.Unclaimed && owner != nil:
		return errors.New("it is unclaimed; delete it with deleteToken, or ask its owner")
	case owner == nil && (known == nil || known.Listed == nil) && record.State != ledger.Deleted:
		return errors.New(
			"no managed secret logs in as its user, so that it cannot be deleted here; delete it at the vendor",
		)
	case owner != nil:
		if r.request.DryRun {
			return nil
		}
		if err := owner.deleteListed(ctx, f); err != nil {
			return err
		}
		r.report.answer.Deleted = append(r.report.answer.Deleted, f)
	}
	r.write(ctx, func() error { return r.ledger.Remove(ctx, record) })
	return nil
}

// checkRevoked returns an error when revokePrevious found nothing to revoke.
func (r *run) checkRevoked(ctx context.Context) error {
	s := r.report.byARN[r.only]
	if s != nil && len(s.Deleted)+len(s.Retiring)+len(s.DeleteFailed) > 0 {
		return nil
	}
	m := r.secrets.Get(r.only)
	if m == nil {
		return fmt.Errorf("revokePrevious: secret %s cannot be read; correct the faults named in the log", r.only)
	}
	return fmt.Errorf(
		"revokePrevious: the ledger knows no retiring token of secret %s; %s",
		r.only,
		r.previousToken(ctx, m),
	)
}

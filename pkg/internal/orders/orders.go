// Package orders carries out what an operator asks a sweep for by name: deleteToken and forget.
package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/users"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

const (
	// concurrency is how many users are listed at a time.
	concurrency = 32
	// userTime is how long the listing of one user may take.
	userTime = 60 * time.Second
)

// Orders holds what an order is decided by. All fields are required.
type Orders struct {
	Store   holders.Store
	Secrets *holders.Holders // of all secrets
	Ledger  *ledger.Ledger
	Entries ledger.All
	// Users are the users of the managed secrets, which are not listed yet.
	Users []*users.User
	// DryRun reports that nothing is to be changed; the Ledger is read-only then.
	DryRun bool
	// Held reports that Forget may retire a secret that exists, with the tokens that it holds.
	Held bool
	Now  func() time.Time
	// Fault is called with what went wrong and does not end the order.
	Fault func(error)
}

// DeleteToken deletes a token of a managed user that no secret holds, and returns it when it was
// deleted.
func (o *Orders) DeleteToken(ctx context.Context, f engage.Fingerprint) (deleted []engage.Fingerprint, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("deleteToken %s: %w", f, err)
		}
	}()
	o.list(ctx, "")
	owner := o.owner(f)
	if owner == nil && o.forgetGone(ctx, f) {
		return nil, nil
	}
	if owner == nil {
		return nil, errors.New("no user of a managed secret lists such a token; check the fingerprint")
	}
	if err := o.mayDelete(f); err != nil || o.DryRun {
		return nil, err
	}
	if err := clock.Sleep(ctx, ledger.Consistency); err != nil {
		return nil, err
	}
	o.Secrets.Read(ctx, o.Secrets.ARNs(), o.Fault)
	if o.Entries, err = o.Ledger.ReadAll(ctx); err == nil {
		err = o.mayDelete(f)
	}
	if err != nil {
		return nil, err
	}
	if err := o.delete(ctx, owner, f); err != nil {
		return nil, err
	}
	for _, view := range o.Entries.Secrets {
		if record, found := view.Find(f); found {
			record.State, record.At = ledger.Deleted, o.Now()
			o.try(o.Ledger.Set(ctx, record))
		}
	}
	return []engage.Fingerprint{f}, nil
}

// forgetGone removes the records of a token that believable lists of its user lack, and reports
// whether there were any. The operator has looked at the vendor.
func (o *Orders) forgetGone(ctx context.Context, f engage.Fingerprint) (found bool) {
	for _, view := range o.Entries.Secrets {
		record, known := view.Find(f)
		u := o.user(record.User)
		if known && u != nil && u.Believable && len(o.Secrets.Of(f, "")) == 0 {
			found = o.try(o.Ledger.Remove(ctx, record)) || found
		}
	}
	return found
}

// mayDelete refuses a token that a secret holds, may hold, or is about to hold.
func (o *Orders) mayDelete(f engage.Fingerprint) error {
	if holding := o.Secrets.Of(f, ""); len(holding) > 0 {
		return fmt.Errorf("secret %s holds it; rotate that secret instead", holding[0])
	}
	for arn := range o.Entries.Secrets {
		if state, _ := o.Secrets.State(arn); state != holders.Present && o.Secrets.Unread(arn) {
			return fmt.Errorf("secret %s is %s and may hold it; restore or forget that secret, and send it again", arn, state)
		}
	}
	if !o.Secrets.Whole() {
		return errors.New(
			"a secret that cannot be read may hold it; correct the faults named in the log, and send it again",
		)
	}
	for arn, view := range o.Entries.Secrets {
		record, found := view.Find(f)
		if found && record.State == ledger.Issued && !o.Now().After(record.Until) {
			return fmt.Errorf("a rotation of secret %s is at work on it; wait until it has ended", arn)
		}
	}
	return nil
}

// Forget deletes the tokens of a secret that does not exist any more or is scheduled for deletion,
// removes its entries, and returns the tokens that were deleted. id is the secret's ARN or name.
// The entries of a token that another secret holds, and of unanswered creations, stay for later
// sweeps: nothing else names these tokens.
func (o *Orders) Forget(ctx context.Context, id string) (deleted []engage.Fingerprint, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("forget %s: %w", id, err)
		}
	}()
	o.list(ctx, id)
	arn, err := o.forgettable(ctx, id)
	if err != nil {
		return nil, err
	}
	view := o.Entries.Secrets[arn]
	var left []error
	for _, record := range append(o.unrecorded(arn, view), view.Records...) {
		done, err := o.forgetRecord(ctx, record)
		if err != nil {
			left = append(left, fmt.Errorf("token %s: %w", record.Fingerprint, err))
		}
		if done {
			deleted = append(deleted, record.Fingerprint)
		}
	}
	for _, intent := range view.Intents {
		if view.Answered(intent) { //safeguard:forget-keeps-unanswered-intents on
			// Sweeps find out what the others left.
			o.try(o.Ledger.End(ctx, intent))
		}
	}
	return deleted, errors.Join(left...)
}

// forgettable returns the ARN of a secret that the ledger knows and that no reader uses any more.
func (o *Orders) forgettable(ctx context.Context, id string) (arn string, err error) {
	var named []string
	for known := range o.Entries.Secrets {
		if known == id || secret.NameOf(known) == id {
			arn, named = known, append(named, known)
		}
	}
	if len(named) > 1 { // one was deleted, and made again
		slices.Sort(named)
		return "", fmt.Errorf("the ledger has entries of several secrets of this name; name one of %s by its ARN",
			strings.Join(named, " and "))
	}
	if arn == "" {
		return "", errors.New("the ledger has no entry of such a secret; check its name")
	}
	found, err := o.Store.Describe(ctx, arn)
	switch {
	case err == nil && !found.Scheduled && !o.Held:
		return "", errors.New(`the secret exists, and readers may use its token; cancel its rotation and delete it first, ` +
			`or send "deleteToken": true too`)
	case err != nil && !errors.Is(err, secret.ErrNotFound):
		return "", err
	}
	return arn, nil
}

// unrecorded returns records of the tokens that a secret holds and that no record names.
func (o *Orders) unrecorded(arn string, view ledger.View) (records []ledger.Record) {
	s := o.Secrets.Get(arn)
	if s == nil {
		return nil
	}
	for _, token := range []engage.Token{s.Current, s.Pending} {
		if _, found := view.Find(token.Fingerprint()); !found && !token.IsZero() {
			records = append(records, ledger.Record{Secret: arn, Fingerprint: token.Fingerprint()})
		}
	}
	return records
}

// forgetRecord deletes a record's token, if it can and must be, and removes the record.
func (o *Orders) forgetRecord(ctx context.Context, record ledger.Record) (deleted bool, err error) {
	f := record.Fingerprint
	if len(o.Secrets.Of(f, record.Secret)) > 0 {
		return false, nil // sweeps delete it when no secret holds it any more
	}
	if other := o.mayHold(record); other != "" { //safeguard:forget-keeps-what-others-may-hold
		return false, fmt.Errorf("secret %s cannot be read and may hold it; send it again when that secret is restored, "+
			"or gone", other)
	}
	owner, known := o.owner(f), o.user(record.User)
	switch {
	case record.State == ledger.Unclaimed && owner != nil:
		return false, errors.New("it is unclaimed; delete it with deleteToken, or ask its owner")
	case owner == nil && (known == nil || known.Listed == nil) && record.State != ledger.Deleted:
		return false, errors.New(
			"no managed secret logs in as its user, so that it cannot be deleted here; delete it at the vendor",
		)
	case owner != nil && o.DryRun:
		return false, nil
	case owner != nil:
		if err := o.delete(ctx, owner, f); err != nil {
			return false, err
		}
	}
	o.try(o.Ledger.Remove(ctx, record))
	return owner != nil, nil
}

// mayHold returns another secret that cannot be read and may hold the record's token, or "".
func (o *Orders) mayHold(record ledger.Record) string {
	if o.Secrets.Unread(record.SharedWith) {
		return record.SharedWith
	}
	for arn, view := range o.Entries.Secrets {
		_, named := view.Find(record.Fingerprint)
		if named && arn != record.Secret && o.Secrets.Unread(arn) {
			return arn
		}
	}
	return ""
}

// list lists the tokens of all users. except is a secret whose token is to be deleted, or "".
func (o *Orders) list(ctx context.Context, except string) {
	parallel.Each(concurrency, o.Users, func(u *users.User) {
		ctx, cancel := context.WithTimeout(ctx, userTime)
		defer cancel()
		o.try(u.ListTokens(ctx, o.Entries, except))
	})
}

// owner returns the user whose list holds the token, or nil.
func (o *Orders) owner(f engage.Fingerprint) *users.User {
	for _, u := range o.Users {
		if _, ok := u.Listed[f]; ok {
			return u
		}
	}
	return nil
}

// user returns the user of this name, or nil.
func (o *Orders) user(name ledger.User) *users.User {
	for _, u := range o.Users {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// delete deletes a token that the user's list holds. A deletion that is confirmed later counts.
func (o *Orders) delete(ctx context.Context, owner *users.User, f engage.Fingerprint) error {
	err := owner.Delete(ctx, witness.Finding{Token: owner.Listed[f]})
	if engage.Unconfirmed(err) {
		o.Fault(err)
		return nil
	}
	return err
}

// try passes an error to Fault, and reports whether there was none.
func (o *Orders) try(err error) bool {
	if err != nil {
		o.Fault(err)
	}
	return err == nil
}

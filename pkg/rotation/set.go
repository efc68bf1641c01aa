package rotation

import (
	"context"
	"errors"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/internal/reading"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// set is setSecret: it checks that AWSCURRENT and the pending value are for the same host and user,
// and changes nothing at Engage. The pending value was made from AWSCURRENT, so that any difference
// but the token means that one of them was edited, or written by somebody else.
func (i *invocation) set(ctx context.Context) (report.Step, error) {
	r, err := i.read(ctx, reading.Needs{Value: true, Required: true})
	if err != nil {
		return report.Step{}, err
	}
	c, action := decide.Set(r.Facts())
	if c == decide.S4 && !r.Facts().Usable {
		return report.Step{Case: decide.C4}, i.abandon(ctx, r.Version.Unusable())
	}
	return i.end(ctx, r, c, action)
}

// end carries out a decision that ends a step at once.
func (i *invocation) end(ctx context.Context, r reading.Reading, c decide.Case, action decide.Action) (
	report.Step, error) {
	done := report.Step{Case: c, Outcome: report.OutcomeUnchanged, Fingerprint: r.Version.Token.Fingerprint()}
	switch {
	case c == decide.S4:
		done.Outcome = report.OutcomeChecked
		return done, nil
	case action == decide.Nothing:
		return done, nil
	case action == decide.Abandon:
		return done, i.abandon(ctx, reason(c, r))
	case i.overtaken(ctx, r):
		done.Abandoned = report.ReasonEdited
		return done, isAbandoned(errors.New("AWSCURRENT has moved since this version was made: the secret was edited " +
			"during the rotation, or another rotation came first"))
	}
	return done, labelLost()
}

// overtaken reports whether AWSCURRENT has left the version beside which the event's version was
// created, which explains why that lost AWSPENDING.
func (i *invocation) overtaken(ctx context.Context, r reading.Reading) bool {
	if r.Version.ID == "" {
		return false
	}
	view, err := i.reader.Entries(ctx, r.ARN)
	record, found := view.Find(r.Version.Token.Fingerprint())
	return err == nil && found && record.Version == r.Version.ID && record.Base != "" && record.Base != r.Current.ID
}

// reason explains why a version is abandoned.
func reason(c decide.Case, r reading.Reading) error {
	switch c {
	case decide.C4:
		return r.Version.Unusable()
	case decide.S3:
		return errors.New("AWSCURRENT and the pending value differ in more than the token: the secret was edited " +
			"during the rotation")
	case decide.F3:
		return errors.New("the pending token was created for another version: this one was made for a test, or by hand")
	case decide.F4:
		return errors.New("the ledger has no entry of this rotation: its parameters were removed, or the version was " +
			"written by hand")
	case decide.F5:
		return errors.New("the token is being retired: a sweep gave this rotation up, or the version was replaced long ago")
	case decide.F6:
		return errors.New("the secret was edited during the rotation; the edit stays")
	}
	return errors.New("the secret was edited at the moment of the swap; the edit stays")
}

func labelLost() error {
	return isAbandoned(errors.New("the version does not carry AWSPENDING: the rotation was cancelled, or the secret " +
		"edited by hand"))
}

// isAbandoned returns the failure of a rotation that is abandoned for this reason.
func isAbandoned(why error) error {
	return report.Failed("check the version", report.Abandoned(why), report.HintStartAfresh)
}

// abandon takes AWSPENDING from the version, so that the next rotation starts afresh instead of
// failing in the same way for ever. The token is retired by that rotation, or by a sweep: another
// attempt at this step may be about to swap the version in.
func (i *invocation) abandon(ctx context.Context, why error) error {
	err := i.config.Secrets.MoveLabel(ctx, i.event.SecretID, secret.LabelPending, "", i.event.VersionID)
	if err != nil && !errors.Is(err, secret.ErrConflict) { // a conflict: the label is gone already
		return report.Failed("remove AWSPENDING", err, report.HintRepeated)
	}
	return isAbandoned(why)
}

package rotation

import (
	"context"
	"fmt"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/preflight"
	"engage-token-rotation/pkg/internal/reading"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
)

// test is testSecret: the new token must answer, and its own list must hold it.
func (i *invocation) test(ctx context.Context) (report.Step, error) {
	r, err := i.read(ctx, reading.Needs{Settings: true, Labels: true, Value: true})
	if err != nil {
		return report.Step{}, err
	}
	facts := r.Facts()
	c, action := decide.Test(facts)
	switch {
	case action == decide.Preflight:
		p, err := preflight.Run(ctx, i.accounts, i.source(r, r.Current.Document))
		done := report.Step{Case: c, Preflight: p}
		if p != nil {
			done.Outcome, done.Fingerprint = report.OutcomePreflight, r.Current.Token.Fingerprint()
		}
		return done, err
	case action != decide.Proceed:
		return i.end(ctx, r, c, action)
	case !facts.Usable:
		return report.Step{Case: decide.C4}, i.abandon(ctx, r.Version.Unusable())
	}
	e, err := i.accounts.Endpoint(ctx, i.source(r, r.Version.Document))
	if err != nil {
		return report.Step{}, err
	}
	done := report.Step{Case: c, Outcome: report.OutcomeVerified, Fingerprint: r.Version.Token.Fingerprint()}
	_, err = witness.Own(ctx, i.accounts.Client(e), r.Version.Token, i.reader.Poll(testLimit))
	if err == nil || !witness.Doubtful(err) {
		return done, report.Failed("list with the new token", err, report.HintRepeated)
	}
	done.Case, err = i.judge(ctx, r, err)
	return done, err
}

// testLimit is how long testSecret waits for the vendor to know a new token; the invocation's own
// limit is shorter in most deployments.
const testLimit = ledger.Propagation + 10*time.Second

// judge decides about a version whose token the vendor refuses, or does not list: dead, when a
// login of the same user is accepted and the token is old enough, or uncertain.
func (i *invocation) judge(ctx context.Context, r reading.Reading, doubt error) (decide.Case, error) {
	const hint = "the token is kept; the service repeats the rotation"
	unsure := report.Failed("list with the new token", doubt, hint)
	createdAt := r.Version.Document.TokenCreatedAt(i.config.Now())
	if !engage.Rejected(doubt) || i.config.Now().Sub(createdAt) <= engage.Propagation {
		return decide.T6, unsure
	}
	a, err := i.accounts.LogIn(ctx, i.source(r, r.Current.Document), engage.Token{})
	if err != nil {
		return decide.T6, report.Failed("log in to find out whether the new token is dead", err, hint)
	}
	dead, err := a.Client.Dead(ctx, r.Version.Token, createdAt, a.Session)
	switch {
	case err != nil:
		return decide.T6, report.Failed("list with the new token", err, hint)
	case !dead:
		return decide.T6, unsure
	}
	return decide.T5, i.abandon(ctx, fmt.Errorf("the version's token is dead: %w", doubt))
}

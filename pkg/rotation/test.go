package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/witness"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
)

// test is testSecret: the new token must answer, and its own list must hold it.
func (i *invocation) test(ctx context.Context) (report.Step, error) {
	r, err := i.read(ctx, needs{settings: true, labels: true, value: true})
	if err != nil {
		return report.Step{}, err
	}
	if r, err = i.agree(ctx, r); err != nil {
		return report.Step{}, err
	}
	facts := r.facts(i.event.VersionID)
	c, action := decide.Test(facts)
	switch {
	case action == decide.Preflight:
		return i.preflight(ctx, r)
	case action != decide.Proceed:
		return i.end(ctx, r, c, action)
	case !facts.Usable:
		return report.Step{Case: decide.C4}, i.abandon(ctx, unusable(r.version))
	}
	e, err := i.findEndpoint(ctx, r, r.version.document)
	if err != nil {
		return report.Step{}, err
	}
	done := report.Step{Case: c, Outcome: report.OutcomeVerified, Fingerprint: r.version.token.Fingerprint()}
	_, err = witness.Own(ctx, i.calls().Client(e.Endpoint), r.version.token, i.poll(testLimit))
	if err == nil || !witness.Doubtful(err) {
		return done, report.Failed("list with the new token", err, "the service repeats the rotation")
	}
	done.Case, err = i.judge(ctx, r, err)
	return done, err
}

// testLimit is how long testSecret waits for the vendor to know a new token; the invocation's own
// limit is shorter in most deployments.
const testLimit = ledger.Propagation + 10*time.Second

// judge decides about a version whose token the vendor refuses, or does not list: dead, when a
// login of the same user is accepted and the token is old enough, or uncertain.
func (i *invocation) judge(ctx context.Context, r reading, doubt error) (decide.Case, error) {
	const hint = "the token is kept; the service repeats the rotation"
	unsure := report.Failed("list with the new token", doubt, hint)
	createdAt := r.version.document.TokenCreatedAt(i.config.Now())
	if !engage.Rejected(doubt) || i.config.Now().Sub(createdAt) <= engage.Propagation {
		return decide.T6, unsure
	}
	a, err := i.logIn(ctx, r, engage.Token{})
	if err != nil {
		return decide.T6, report.Failed("log in to find out whether the new token is dead", err, hint)
	}
	dead, err := a.client.Dead(ctx, r.version.token, createdAt, a.session)
	switch {
	case err != nil:
		return decide.T6, report.Failed("list with the new token", err, hint)
	case !dead:
		return decide.T6, unsure
	}
	return decide.T5, i.abandon(ctx, fmt.Errorf("the version's token is dead: %w", doubt))
}

// preflight shows that a rotation would work, without making anything.
func (i *invocation) preflight(ctx context.Context, r reading) (report.Step, error) {
	p := report.Preflight{CurrentToken: report.TokenNone}
	a, err := i.logIn(ctx, r, engage.Token{})
	if err != nil {
		return report.Step{Case: decide.T2}, a.otherHost(ctx, err)
	}
	err = parallel.Do(
		func() error {
			tokens, err := a.client.List(ctx, a.session)
			p.Tokens = len(tokens)
			return report.Failed("preflight: list the tokens", err, "the user needs permission to list its API tokens")
		},
		func() error {
			accounts, err := a.client.Accounts(ctx, a.session)
			p.Accounts = len(accounts)
			return report.Failed("preflight: get the accounts", err, "the user needs access to an account")
		},
		func() error {
			if !r.current.token.IsZero() {
				p.CurrentToken = i.health(ctx, a, r.current)
			}
			return nil
		})
	p.Flow, p.Host = a.Endpoint.Flow, a.Endpoint.BaseURL.Host
	done := report.Step{
		Case:        decide.T2,
		Outcome:     report.OutcomePreflight,
		Fingerprint: r.current.token.Fingerprint(),
		Preflight:   &p,
	}
	return done, err
}

// otherHost adds to the failure of a login what the vendor's other host answers, if the configured
// one does not have the API.
func (a account) otherHost(ctx context.Context, err error) error {
	var failure *report.Failure
	if a.client == nil || !errors.As(err, &failure) {
		return err
	}
	switch other, answers := a.client.Twin(ctx, err); {
	case answers:
		failure.Hint = "https://" + other + " answers: set the base URL to it; " + failure.Hint
	case other != "":
		failure.Hint = "https://" + other + " does not answer either; " + failure.Hint
	}
	return err
}

// health says whether the current token is alive.
func (i *invocation) health(ctx context.Context, a account, current holding) string {
	dead, err := a.client.Dead(ctx, current.token, current.document.TokenCreatedAt(i.config.Now()), a.session)
	switch {
	case err != nil:
		return report.TokenUnknown
	case dead:
		return report.TokenDead
	}
	return report.TokenAlive
}

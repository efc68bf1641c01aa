// Package preflight shows that a rotation would work, without making anything.
package preflight

import (
	"context"
	"errors"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/report"
)

// Run logs in as the source's user, and tries what a rotation does as this user, except for what
// creates or deletes. The report is nil when the login failed. Errors are of type *report.Failure.
// The document's token was read before without a fault.
func Run(ctx context.Context, accounts *account.Accounts, s account.Source) (*report.Preflight, error) {
	a, err := accounts.LogIn(ctx, s, engage.Token{})
	if err != nil {
		return nil, otherHost(ctx, a, err)
	}
	p := &report.Preflight{Flow: a.Endpoint.Flow, Host: a.Endpoint.BaseURL.Host, CurrentToken: report.TokenNone}
	err = parallel.Do(
		func() error {
			tokens, err := a.Client.List(ctx, a.Session)
			p.Tokens = len(tokens)
			return report.Failed("preflight: list the tokens", err, "the user needs permission to list its API tokens")
		},
		func() error {
			accounts, err := a.Client.Accounts(ctx, a.Session)
			p.Accounts = len(accounts)
			return report.Failed("preflight: get the accounts", err, "the user needs access to an account")
		},
		func() error {
			if current, _ := s.Document.Token(); !current.IsZero() {
				created := s.Document.TokenCreatedAt(accounts.Calls.Now())
				p.CurrentToken = health(a.Client.Dead(ctx, current, created, a.Session))
			}
			return nil
		})
	return p, err
}

// otherHost adds to the failure of a login what the vendor's other host answers, if the configured
// one does not have the API.
func otherHost(ctx context.Context, a account.Account, err error) error {
	var failure *report.Failure
	if a.Client == nil || !errors.As(err, &failure) {
		return err
	}
	switch other, answers := a.Client.Twin(ctx, err); {
	case answers:
		failure.Hint = "https://" + other + " answers: set the base URL to it; " + failure.Hint
	case other != "":
		failure.Hint = "https://" + other + " does not answer either; " + failure.Hint
	}
	return err
}

// health returns whether a token is alive, by the answer to whether it is dead.
func health(dead bool, err error) string {
	switch {
	case err != nil:
		return report.TokenUnknown
	case dead:
		return report.TokenDead
	}
	return report.TokenAlive
}

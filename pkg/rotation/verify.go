package rotation

import (
	"context"
	"errors"
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/parallel"
)

// set is setSecret: it checks that AWSCURRENT and the pending value go to the same host and user, and changes nothing at
// Engage. The pending value was made from AWSCURRENT, so that any difference but the token means that one of them was
// edited or planted since.
func (i *invocation) set(ctx context.Context) (Report, error) {
	if _, err := i.read(ctx, readings{wait: true}); err != nil {
		return Report{}, err
	}
	if i.pending.ID == "" {
		return Report{}, errNoValue()
	}
	token, err := i.pendingToken(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Outcome: OutcomeChecked, Fingerprint: token.Fingerprint()}
	switch {
	case i.pending.Carries(LabelCurrent):
		report.Outcome = OutcomeUnchanged
		return report, nil
	case !i.pending.Carries(LabelPending):
		return Report{}, errLabelLost()
	case !i.pendingDocument.EqualExceptToken(i.currentDocument):
		return Report{}, i.giveUp(ctx, errors.New("AWSCURRENT and the pending value differ in more than the token: the secret was edited during the rotation"))
	}
	return report, nil
}

func errNoValue() error {
	return fail("read the version", errors.New("the pending version has no value"), "the service repeats the rotation from createSecret; "+hintStartAfresh+" if it does not")
}

func errLabelLost() error {
	return fail("check the version", ErrAbandoned, "the version does not carry AWSPENDING: the rotation was cancelled, or the secret edited by hand; "+hintStartAfresh)
}

// giveUp takes AWSPENDING from the version, so that the next rotation starts afresh instead of meeting the same fault for
// ever. The token goes with that rotation, or with the next sweep: a repetition of this step, or a finishSecret beside it,
// may see things otherwise and be about to swap the version in.
func (i *invocation) giveUp(ctx context.Context, why error) error {
	if err := i.unlabel(ctx); err != nil {
		return err
	}
	return fail("check the version", abandonedFor(why), hintStartAfresh)
}

// test is testSecret: the new token must answer, and stand in its own list.
func (i *invocation) test(ctx context.Context) (Report, error) {
	if _, err := i.read(ctx, readings{calls: true, wait: true}); err != nil {
		return Report{}, err
	}
	current, err := i.currentDocument.Token()
	if err != nil {
		return Report{}, fail("read AWSCURRENT", err, "")
	}
	if i.pending.Carries(LabelCurrent) {
		return Report{Outcome: OutcomeUnchanged, Fingerprint: current.Fingerprint()}, nil
	}
	if i.pending.ID == "" || i.pending.Value == i.current.Value {
		return i.preflight(ctx)
	}
	token, err := i.pendingToken(ctx)
	if err != nil {
		return Report{}, err
	}
	if token == current {
		return i.preflight(ctx)
	}
	if !i.pending.Carries(LabelPending) {
		return Report{}, errLabelLost()
	}
	p, err := i.findPlace(ctx, i.pendingDocument)
	if err != nil {
		return Report{}, err
	}
	if _, err := i.verify(ctx, p, token); err != nil {
		return Report{}, err
	}
	return Report{Outcome: OutcomeVerified, Fingerprint: token.Fingerprint()}, nil
}

// verify lists with the pending token and returns the list. A token that is refused, or missing in its own list, for
// some seconds is dead, and its version is abandoned. Any other failure leaves everything as it is.
func (i *invocation) verify(ctx context.Context, p place, token engage.Token) ([]engage.Token, error) {
	for try := 0; ; try++ {
		listed, err := p.client.List(ctx, token)
		if err != nil && !engage.Rejected(err) && !engage.Disbelieved(err) {
			return nil, fail("list with the new token", err, "the service repeats the rotation")
		}
		if err == nil {
			if _, ok := find(listed, token.Fingerprint()); ok {
				return listed, nil
			}
			err = errors.New("the list lacks the token")
		}
		if pause(ctx, try) {
			continue
		}
		if ctx.Err() != nil || !sure(try) {
			return nil, fail("list with the new token", err, "there was no time to be sure; the service repeats the rotation")
		}
		return nil, i.giveUp(ctx, fmt.Errorf("the version's token is dead: %w", err))
	}
}

// preflight shows that a rotation would work, without making anything.
func (i *invocation) preflight(ctx context.Context) (Report, error) {
	var (
		tokens   []engage.Token
		accounts []engage.Account
	)
	p, _, _, err := i.logIn(ctx, nil, func(p place, session *engage.Session) error {
		return parallel.Do(
			func() (err error) {
				tokens, err = p.client.List(ctx, session)
				return fail2("preflight: list the tokens", err, "")
			},
			func() (err error) {
				accounts, err = p.client.Accounts(ctx, session)
				return fail2("preflight: get the accounts", err, "")
			})
	})
	if err != nil {
		return Report{}, err
	}
	token, _ := i.currentDocument.Token()
	return Report{Outcome: OutcomePreflight, Fingerprint: token.Fingerprint(), Preflight: &Preflight{
		Flow: p.endpoint.Flow, Host: p.endpoint.BaseURL.Host, Accounts: len(accounts), Tokens: len(tokens),
	}}, nil
}

package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
)

// run is one sweep at work.
type run struct {
	*Sweeper
	settings settings.Settings
	ledger   *ledger.Ledger
	request  Request
	views    map[ledger.User]ledger.View // the ledger, as it was last read
	recorded map[engage.Fingerprint]bool // tokens that were made for secrets, of whatever user by now
	holders  map[string]*holder          // by ARN; a secret that could not be read is missing
	whole    bool                        // all secrets were read
	moved    map[string]bool             // ARNs of secrets whose AWSCURRENT has moved since they were first read
	revoke   string                      // ARN of the secret whose retention is to end, or ""
	due      []deletion                  // what is to be deleted at the end
	answer   Answer
}

func (r *run) fault(ctx context.Context, err error) {
	r.answer.Faults = append(r.answer.Faults, err.Error())
	r.config.Log.ErrorContext(ctx, "sweep fault", "error", err.Error())
}

// userSweep is what is known of one user.
type userSweep struct {
	*run
	user    ledger.User
	earlier ledger.View // before the listing
	view    ledger.View
	blind   bool // the user's tokens could not be listed
	access  access
	listed  map[engage.Fingerprint]engage.Token
	tokens  []engage.Token
}

// access is how the user's tokens are listed and deleted.
type access struct {
	client *engage.Client
	auth   engage.Auth
}

func (r *run) sweepUser(ctx context.Context, user ledger.User, view ledger.View) {
	secrets := view.Secrets()
	if r.revoke != "" && !slices.Contains(secrets, r.revoke) {
		return
	}
	u := &userSweep{run: r, user: user, view: view}
	if err := u.list(ctx); err != nil {
		// What can be told by the tokens' own right still is, and the rest reported.
		r.fault(ctx, fmt.Errorf("list the tokens of user %s: %w", user, err))
		u.blind = true
	}
	if err := u.readAgain(ctx); err != nil {
		r.fault(ctx, err)
		return
	}
	for _, arn := range u.view.Secrets() {
		h := u.holders[arn]
		u.whole = u.whole && h != nil
		if h != nil && (r.revoke == "" || r.revoke == arn) {
			u.sweepSecret(ctx, h)
		}
	}
	if r.revoke == "" && !u.blind {
		u.sweepForeign(ctx)
	}
}

// readAgain reads the user's records after the listing: what a rotation created before the listing, its intent preceded, so
// that the ledger tells of it. Where something may be proven, it is read once more when reads have settled.
func (u *userSweep) readAgain(ctx context.Context) (err error) {
	u.earlier = u.view
	if u.view, err = u.ledger.Read(ctx, u.user); err != nil {
		return err
	}
	if !u.blind && slices.ContainsFunc(u.view.Secrets(), func(arn string) bool { return u.newProof(arn).Undecided() }) {
		u.view, err = u.ledger.ReadSettled(ctx, u.user)
	}
	u.views[u.user] = u.view
	return err
}

// readHolders reads all secrets that the ledger names: one that is another user's by now may hold a token of this one.
func (r *run) readHolders(ctx context.Context, secrets []string) {
	r.holders, r.whole = map[string]*holder{}, true
	for _, arn := range secrets {
		h, err := r.readHolder(ctx, arn)
		if err != nil {
			r.whole = false
			r.fault(ctx, err)
			continue
		}
		r.holders[arn] = h
	}
}

// list lists the user's tokens: with a token that this user is known to have, or else after a login.
func (u *userSweep) list(ctx context.Context) error {
	failure := errors.New("no secret of this user could be read")
	for _, arn := range u.view.Secrets() {
		h := u.holders[arn]
		if h == nil {
			continue
		}
		a, err := u.account(ctx, h)
		if err != nil {
			failure = err
			continue
		}
		client := u.client(a, nil)
		for _, token := range u.ownTokens(ctx, h) {
			tokens, err := client.List(ctx, token)
			if err == nil {
				u.gain(access{client, token}, tokens)
				return nil
			}
			failure = err
		}
	}
	for _, arn := range u.view.Secrets() {
		if h := u.holders[arn]; h != nil {
			err := u.listByLogin(ctx, h)
			if err == nil {
				return nil
			}
			failure = err
		}
	}
	return failure
}

// ownTokens returns tokens of the secret that were made for this very user: the current one, or the one of a version that
// is still there. Retiring ones may be of a user whom the secret spoke for before.
func (u *userSweep) ownTokens(ctx context.Context, h *holder) []engage.Token {
	var tokens []engage.Token
	for _, record := range u.view.Tokens {
		if record.Secret != h.arn || record.State != ledger.Issued {
			continue
		}
		if record.Fingerprint == h.current.Fingerprint() {
			return []engage.Token{h.current}
		}
		if token, err := u.heldBy(ctx, h.arn, record.Version); err == nil && token.Fingerprint() == record.Fingerprint {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// listByLogin logs in, which a sweep does only where no token of the user works.
func (u *userSweep) listByLogin(ctx context.Context, h *holder) error {
	a, err := u.account(ctx, h)
	if err != nil {
		return err
	}
	if a.User != u.user {
		return errors.New("the secret's login fields are another user's by now")
	}
	logins := ledger.NewLogins(u.config.Parameters, u.settings.Prefix, u.config.Now)
	client := u.client(a, func(ctx context.Context) error {
		return logins.Acquire(ctx, nil, account.LoginKey(h.document, a.User))
	})
	session, err := client.Login(ctx, a.Credentials)
	if err != nil {
		return err
	}
	tokens, err := client.List(ctx, session)
	if err != nil {
		return err
	}
	u.gain(access{client, session}, tokens)
	return nil
}

func (u *userSweep) account(ctx context.Context, h *holder) (account.Account, error) {
	a, err := account.Read(ctx, func(ctx context.Context, secretID string) (hidden.String, error) {
		version, err := u.config.Secrets.Get(ctx, secretID, "", rotation.LabelCurrent)
		return version.Value, err
	}, u.settings, h.document)
	if err != nil {
		return account.Account{}, fmt.Errorf("secret %s: %w", h.arn, err)
	}
	return a, nil
}

func (u *userSweep) client(a account.Account, permit func(context.Context) error) *engage.Client {
	return engage.New(engage.Config{Endpoint: a.Endpoint, Transport: u.config.Transport, Permit: permit, Now: u.config.Now, Jitter: u.config.Jitter})
}

func (u *userSweep) gain(a access, tokens []engage.Token) {
	u.access, u.tokens, u.listed = a, tokens, map[engage.Fingerprint]engage.Token{}
	for _, token := range tokens {
		u.listed[token.Fingerprint()] = token
	}
}

// heldByAny reports whether any secret holds the token.
func (u *userSweep) heldByAny(fingerprint engage.Fingerprint) bool {
	for _, h := range u.holders {
		if h.holds(fingerprint) {
			return true
		}
	}
	return false
}

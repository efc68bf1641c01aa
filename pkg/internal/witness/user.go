package witness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
)

// User is an Engage user whose tokens a sweep lists.
type User struct {
	Name   ledger.User
	Target target.Target
	// Calls is how calls to the vendor are made.
	Calls target.Calls
	// Counter counts the user's logins.
	Counter *logins.Counter
	// Records are those that name this user.
	Records []ledger.Record

	// Client, Auth and Listed are nil until List has succeeded. Auth is the credential that was
	// accepted.
	Client *engage.Client
	Auth   engage.Auth
	Listed map[engage.Fingerprint]engage.Token
	// Believable reports that the list holds a token that is known to be alive. What another list
	// lacks proves nothing.
	Believable bool
}

// List lists the user's tokens: with one of the current tokens that are recorded as the user's, or
// else after a login. known are the tokens of AWSCURRENT of all of the user's secrets: a list after
// a login is believable if it holds one of them.
func (u *User) List(ctx context.Context, recorded, known []engage.Token) error {
	u.Client = u.Calls.Client(u.Target.Endpoint)
	failure := errors.New("no secret of the user holds a token")
	for _, token := range recorded {
		tokens, err := u.Client.List(ctx, token) // the list holds the token, or this is an error
		if err == nil {
			u.gain(token, tokens)
			u.Believable = true
			return nil
		}
		if failure = err; !Doubtful(err) {
			break // the vendor does not answer: a login would not help
		}
	}
	if ctx.Err() != nil {
		return failure
	}
	if err := u.listByLogin(ctx); err != nil {
		return errors.Join(failure, err)
	}
	u.Believable = slices.ContainsFunc(known, u.lists)
	return nil
}

// listByLogin logs in, which a sweep does only when no token of the user works.
func (u *User) listByLogin(ctx context.Context) error {
	calls, key := u.Calls, target.LoginKey(u.Target.Credentials)
	calls.Permit = func(ctx context.Context) error { return u.Counter.Acquire(ctx, key) }
	client := calls.Client(u.Target.Endpoint)
	session, err := client.Login(ctx, u.Target.Credentials)
	if err != nil {
		u.Counter.Failed(ctx, key, err)
		return err
	}
	tokens, err := client.List(ctx, session)
	if err != nil {
		return err
	}
	u.Client = client
	u.gain(session, tokens)
	return nil
}

func (u *User) gain(auth engage.Auth, tokens []engage.Token) {
	u.Auth, u.Listed = auth, make(map[engage.Fingerprint]engage.Token, len(tokens))
	for _, token := range tokens {
		u.Listed[token.Fingerprint()] = token
	}
}

func (u *User) lists(token engage.Token) bool {
	_, listed := u.Listed[token.Fingerprint()]
	return listed && !token.IsZero()
}

// Complete reports whether the list is believable and holds every token that a record names as the
// user's and that is not known to be deleted: a list that is cut lacks some of them.
func (u *User) Complete() bool {
	for _, record := range u.Records {
		alive := record.State != ledger.Deleted && record.State != ledger.Unclaimed
		if _, listed := u.Listed[record.Fingerprint]; alive && !listed { //safeguard:cut-lists-end-no-intent
			return false
		}
	}
	return u.Believable
}

// Delete deletes a token: by the user's credential when its list holds the token, or else by the
// token authenticating as itself. Errors are those of [engage.Client.Delete].
func (u *User) Delete(ctx context.Context, found Finding) error {
	if found.Own {
		return u.Client.DeleteOwn(ctx, found.Token, u.Auth)
	}
	return u.Client.Delete(ctx, u.Auth, found.Token)
}

// Finding is what the vendor says of a record's token.
type Finding struct {
	Token engage.Token
	// Own reports that the user's list lacks the token, which answers when it is asked itself.
	Own    bool
	Listed decide.Listing
}

// Look finds out what the vendor says of a record's token. A list that lacks a token does not prove
// that it is gone: the list may be cut, or another user's. So the token, which is read from the
// version that was made for it, is asked itself.
func (u *User) Look(ctx context.Context, store secret.Getter, record ledger.Record, now time.Time) (Finding, error) {
	if token, ok := u.Listed[record.Fingerprint]; ok {
		return Finding{Token: token, Listed: decide.Shown}, nil
	}
	if u.Listed == nil {
		return Finding{}, nil
	}
	lacking := u.Believable && record.User == u.Name
	if record.State == ledger.Unclaimed {
		return gone(lacking && u.Complete()), nil // no version ever held it
	}
	overdue := u.Believable && record.State == ledger.Retiring && now.Sub(record.At) > decide.UnclaimedLife
	token, err := secret.TokenOf(ctx, store, record.Secret, record.Version, "")
	if err != nil {
		return Finding{}, fmt.Errorf("read version %s of secret %s: %w", record.Version, record.Secret, err)
	}
	if token.Fingerprint() != record.Fingerprint { // no version holds it any more
		return gone(lacking && record.State == ledger.Deleted || overdue), nil
	}
	_, err = u.Client.List(ctx, token)
	switch {
	case err == nil:
		return Finding{Token: token, Own: true, Listed: decide.Shown}, nil
	case !engage.Rejected(err):
		return Finding{}, nil
	case record.State == ledger.Deleted: // deleted, refused, and another credential is accepted
		return gone(true), nil
	}
	dead, err := u.Client.Dead(ctx, token, record.CreatedAt, u.Auth)
	return gone(err == nil && dead && (lacking || overdue)), nil
}

func gone(gone bool) Finding {
	if gone {
		return Finding{Listed: decide.Gone}
	}
	return Finding{}
}

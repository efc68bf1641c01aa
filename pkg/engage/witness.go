package engage

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Propagation is the longest time for which the vendor's answers may lag: a new token may be
// missing from lists or be refused, and a deleted one may be listed or accepted, for so long. The
// vendor documents no figure; this is a choice.
const Propagation = 2 * time.Minute

const opCheck = "check token"

// Disbelieved reports whether err is about an answer that contradicts what is known for certain, so
// that nothing may be concluded from it: a list that lacks the token it was asked for with, a
// creation that answers with a token of the list before, a token that is refused but too young or
// still listed, a deletion that finds no token while the token lives.
func Disbelieved(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Disbelieved
}

// Unconfirmed reports whether err is about a deletion that the vendor accepted and that could not
// be confirmed: the list still shows the token, the token is still accepted, or neither could be
// asked. The token counts as alive until a later look confirms that it is gone.
func Unconfirmed(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unconfirmed
}

// Delete deletes a token of the user behind auth, and returns nil only if the deletion is
// confirmed. auth is a Session or another token of the same user; a token deletes itself by
// [Client.DeleteOwn].
//
//   - The vendor accepted the deletion (2xx, and the body is not a web page, an object, an array or
//     false): nil if a list by auth lacks the token and, if auth is a Session, the token is refused
//     as well; otherwise [Unconfirmed].
//   - The vendor did not find the token (404, 410, the body false): nil if a list by auth lacks the
//     token and the token is refused as well; otherwise [Disbelieved].
//   - Anything else is the error of the deletion.
//
// Delete does not wait for lags; calling it again later is safe.
func (c *Client) Delete(ctx context.Context, auth Auth, token Token) error {
	if auth == Auth(token) && !token.IsZero() {
		return &Error{Operation: opDelete, Reason: "a token cannot confirm its own deletion",
			Hint: "call DeleteOwn with another credential"}
	}
	d, err := c.sendDelete(ctx, auth, token)
	if err != nil {
		return err
	}
	_, byToken := auth.(Token)
	if !byToken || !d.accepted {
		if err := c.confirmRefused(ctx, d, token); err != nil {
			return err
		}
	}
	return c.confirmUnlisted(ctx, d, token, auth)
}

// DeleteOwn deletes a token that authenticates as itself, and returns nil only if the deletion is
// confirmed: afterwards the token is refused, while other is accepted at the same host, and the
// list by other lacks the token. other may be of another user. Errors are those of [Client.Delete].
// A deletion that is refused (401, 403) proves nothing, since the vendor may refuse everything:
// [Client.Dead] finds out.
func (c *Client) DeleteOwn(ctx context.Context, token Token, other Auth) error {
	if e := unfit(opDelete, token, other); e != nil {
		return e
	}
	d, err := c.sendDelete(ctx, token, token)
	if err != nil {
		return err
	}
	if err := c.confirmRefused(ctx, d, token); err != nil {
		return err
	}
	return c.confirmUnlisted(ctx, d, token, other)
}

// Dead reports whether a token is dead. It is true only if the vendor refuses the token (401, 403)
// both before and after it accepts other, which is another credential, if the list by other lacks
// the token, and if the token is older than [Propagation] by the client's clock. A zero createdAt
// stands for a token that is known to be older. A token that answers is not dead. An error reports
// why nothing can be concluded: [Disbelieved], or the error of the call by token.
func (c *Client) Dead(ctx context.Context, token Token, createdAt time.Time, other Auth) (bool, error) {
	if e := unfit(opCheck, token, other); e != nil {
		return false, e
	}
	if _, err := c.List(ctx, token); !Rejected(err) {
		return false, err
	}
	doubt := func(but string, cause error) (bool, error) {
		e := Error{Operation: opCheck, Host: c.config.Endpoint.BaseURL.Host, Disbelieved: true,
			Reason: "the token is refused, but " + but}
		return false, doubtful(e, cause)
	}
	if c.config.Now().Sub(createdAt) < Propagation {
		return doubt("it was created less than "+Propagation.String()+" ago", nil)
	}
	listed, err := c.List(ctx, other)
	switch {
	case err != nil:
		return doubt("so far no other credential is accepted", err)
	case slices.Contains(listed, token):
		return doubt("the list still shows it", nil)
	}
	if _, err := c.List(ctx, token); !Rejected(err) {
		return false, err
	}
	return true, nil
}

// unfit returns what is wrong with the credentials of a check; other must be another one than
// token.
func unfit(operation string, token Token, other Auth) *Error {
	session, isSession := other.(*Session)
	switch {
	case token.IsZero():
		return &Error{Operation: operation, Reason: "there is no token", Hint: "rotate the secret"}
	case other == nil, other == Auth(Token{}), other == Auth(token), isSession && session == nil:
		return &Error{Operation: operation, Reason: "no other credential can confirm it", Hint: "log in first"}
	}
	return nil
}

// deletion is the answer to a deletion that is still to be confirmed.
type deletion struct {
	host     string
	status   int
	accepted bool // false: the vendor did not find the token
}

// sendDelete sends a deletion. An error means that the vendor neither accepted it nor reported the
// token missing.
func (c *Client) sendDelete(ctx context.Context, auth Auth, token Token) (deletion, error) {
	if token.IsZero() {
		return deletion{}, &Error{Operation: opDelete, Reason: "the token to delete is empty", Hint: hintAgain}
	}
	a, err := c.call(ctx, request{
		operation: opDelete, method: http.MethodDelete, url: c.tokenURL(token.Reveal()), auth: auth,
	})
	if err != nil {
		if e := asError(err); e.Status == http.StatusNotFound || e.Status == http.StatusGone {
			return deletion{host: e.Host, status: e.Status}, nil
		}
		return deletion{}, err
	}
	body := bytes.TrimSpace(a.body)
	switch {
	case a.html:
		return deletion{}, unusable(opDelete, a, "")
	case bytes.HasPrefix(body, []byte("{")), bytes.HasPrefix(body, []byte("[")):
		e := unusable(opDelete, a, "the answer does not say that the token was deleted")
		e.Code = errorCode(body)
		return deletion{}, e
	case bytes.EqualFold(bytes.Trim(body, `"`), []byte("false")):
		return deletion{host: a.host, status: a.status}, nil
	}
	return deletion{host: a.host, status: a.status, accepted: true}, nil
}

// confirmRefused returns nil if the vendor refuses the token.
func (c *Client) confirmRefused(ctx context.Context, d deletion, token Token) error {
	_, err := c.List(ctx, token)
	switch {
	case Rejected(err):
		return nil
	case err == nil, Disbelieved(err):
		return d.doubt("the token is still accepted", nil)
	}
	return d.doubt("it is not known whether the token is still accepted", err)
}

// confirmUnlisted returns nil if a list by auth lacks the token.
func (c *Client) confirmUnlisted(ctx context.Context, d deletion, token Token, auth Auth) error {
	listed, err := c.List(ctx, auth)
	switch {
	case err != nil:
		return d.doubt("no list confirms that the token is gone", err)
	case slices.Contains(listed, token):
		return d.doubt("the list still shows the token", nil)
	}
	return nil
}

// doubt describes a deletion that is not confirmed.
func (d deletion) doubt(but string, cause error) error {
	e := Error{Operation: opDelete, Host: d.host, Status: d.status, Unconfirmed: true,
		Reason: "the deletion was accepted, but " + but}
	if !d.accepted {
		e.Unconfirmed, e.Disbelieved, e.OutcomeUnknown = false, true, true
		e.Reason = "the vendor did not find the token, but " + but
	}
	return doubtful(e, cause)
}

// doubtful completes the error of an answer that is not believed, with the failure of the call that
// was to confirm it.
func doubtful(e Error, cause error) error {
	e.Retryable, e.Hint = true, hintAgain
	if cause != nil {
		failed := asError(cause)
		e.Reason += ": " + failed.Operation + ": " + failed.what()
		e.RetryAfter, e.cause = failed.RetryAfter, cause
	}
	return &e
}

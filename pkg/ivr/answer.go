package ivr

import (
	"context"
	"errors"
	"net/http"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/tokensource"
)

// Status is what a contact flow branches on.
type Status string

// The statuses.
const (
	// StatusOK comes with an account.
	StatusOK Status = "ok"
	// StatusNotFound means that the token reaches no account, or not the one that was asked for.
	StatusNotFound Status = "not-found"
	// StatusUnauthorized means that Engage refused the token that the secret names now. A rotation
	// replaces a dead token.
	StatusUnauthorized Status = "unauthorized"
	// StatusUnavailable means that Engage or Secrets Manager did not answer in time; the next call may
	// succeed.
	StatusUnavailable Status = "unavailable"
	// StatusMisconfigured means that a person has to correct a setting, a permission, the secret or
	// the flow.
	StatusMisconfigured Status = "misconfigured"
	// StatusError means a defect of this function.
	StatusError Status = "error"
)

// Answer is the answer to the flow.
type Answer struct {
	Status Status
	// Reason is the cause of a status other than ok: one word of a fixed set, see failure.
	Reason string
	// Account is the account, for StatusOK.
	Account engage.Account
	// Accounts is how many the token reaches.
	Accounts int
}

// maxField is the longest value that the vendor supplies, in bytes: six fields are then far below
// Connect's 32 kB, even if JSON writes each byte as six.
const maxField = 512

// fields returns the flat map. Every key is always there, so that a flow never reads an attribute
// that is not set.
func (a Answer) fields() map[string]string {
	return map[string]string{
		"status":        string(a.Status),
		"reason":        a.Reason,
		"accountId":     cut(a.Account.AccountID, maxField),
		"accountName":   cut(a.Account.AccountName, maxField),
		"mainAccountId": cut(a.Account.MainAccountID, maxField),
		"accounts":      a.count(),
	}
}

// failure returns the answer for an error. The order matters: a wrapped context error counts only
// if no other cause is known.
func failure(err error) Answer {
	var call *engage.Error
	switch {
	case errors.Is(err, settings.ErrInvalid):
		return Answer{Status: StatusMisconfigured, Reason: "setting"}
	case errors.Is(err, secret.ErrFormat):
		return Answer{Status: StatusMisconfigured, Reason: "secret-format"}
	case errors.Is(err, tokensource.ErrNoToken):
		return Answer{Status: StatusMisconfigured, Reason: "no-token"}
	case errors.Is(err, tokensource.ErrNotFound):
		return Answer{Status: StatusMisconfigured, Reason: "secret-not-found"}
	case errors.Is(err, tokensource.ErrDenied):
		return Answer{Status: StatusMisconfigured, Reason: "secret-denied"}
	case errors.As(err, &call):
		return callFailure(call)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Answer{Status: StatusUnavailable, Reason: "secret-time"}
	}
	return Answer{Status: StatusUnavailable, Reason: "secret"}
}

func callFailure(e *engage.Error) Answer {
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return Answer{Status: StatusUnauthorized, Reason: "token-refused"}
	case e.Status == http.StatusTooManyRequests:
		return Answer{Status: StatusUnavailable, Reason: "engage-busy"}
	case errors.Is(e, context.DeadlineExceeded), errors.Is(e, context.Canceled):
		return Answer{Status: StatusUnavailable, Reason: "engage-time"}
	case e.Retryable:
		return Answer{Status: StatusUnavailable, Reason: "engage"}
	}
	// a redirect, a web page or a TLS error: most likely the wrong host
	return Answer{Status: StatusMisconfigured, Reason: "engage-answer"}
}

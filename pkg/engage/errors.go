package engage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Error is the error of a call that failed. It never holds a URL, a header, a body or the
// transport's own error text.
type Error struct {
	// Operation is the call: "login", "JWT grant", "exchange", "refresh", "create token", "list
	// tokens", "delete token", "check token" or "get accounts".
	Operation string
	// Host is the host that was called, or "" if none was.
	Host string
	// Status is the HTTP status, or 0 if no answer came.
	Status int
	// Reason is what happened, in words of this package.
	Reason string
	// Code is the vendor's errorCode, such as "access.denied.exception", or "" if there is none.
	Code string
	// Retryable reports that the same call may succeed later with nothing changed.
	Retryable bool
	// OutcomeUnknown reports that the call may have had its effect.
	OutcomeUnknown bool
	// Disbelieved reports that the vendor's answer contradicts what is known for certain; see
	// [Disbelieved].
	Disbelieved bool
	// Unconfirmed reports that a deletion was accepted and not confirmed; see [Unconfirmed].
	Unconfirmed bool
	// WebPage reports that the answer was a web page.
	WebPage bool
	// RetryAfter is how long the vendor asked to wait, or zero.
	RetryAfter time.Duration
	// Hint is what an operator can do.
	Hint string

	expired bool  // the answer was 401 "Jwt is expired"
	cause   error // context.Canceled, context.DeadlineExceeded, the refused permit, the *Error of a witness, or nil
}

// Error implements error.
func (e *Error) Error() string {
	text := "engage: " + e.Operation
	if e.Host != "" {
		text += " at " + e.Host
	}
	text += ": " + e.what()
	if e.RetryAfter > 0 {
		text += fmt.Sprintf("; retry after %s", e.RetryAfter.Round(time.Second))
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// what returns the reason and, if there was an answer, its status and the vendor's code.
func (e *Error) what() string {
	switch {
	case e.Status == 0:
		return e.Reason
	case e.Code == "":
		return fmt.Sprintf("%s (HTTP %d)", e.Reason, e.Status)
	}
	return fmt.Sprintf("%s (HTTP %d %s)", e.Reason, e.Status, e.Code)
}

// Unwrap returns the cause, if there is one: the context's error, the refusal of Config.Permit, or
// the *Error of the call that was to confirm this one.
func (e *Error) Unwrap() error { return e.cause }

// Rejected reports whether err is the vendor's refusal of the credential itself: 401 or 403. A dead
// token is refused so, and so is every call while the vendor is out of order: [Client.Dead] finds
// out. The vendor documents no answer for a dead token.
func Rejected(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// OutcomeUnknown reports whether the call behind err may have had its effect.
func OutcomeUnknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.OutcomeUnknown
}

// Retryable reports whether the call behind err may succeed later with nothing changed.
func Retryable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retryable
}

// The next steps after a failure that may pass by itself.
const (
	hintAgain  = "the next attempt asks again"
	hintPasses = "the next attempt follows by itself; if this goes on, look at the vendor's status page"
)

// proxyRefusal is a proxy's answer to CONNECT that opens no connection.
type proxyRefusal struct{ status int }

func (e *proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy answered CONNECT with status %d", e.status)
}

const hintProxy = "check ENGAGE_PROXY_URL, and what the proxy allows; nothing was sent to the host"

const reasonBroke = "the connection broke before the answer came"

// transportError returns the error of a call without an answer. It drops the text of err, which may
// print the URL: the query holds the password, and the path a token.
func transportError(operation string, err error) *Error {
	e := &Error{Operation: operation, Retryable: true, OutcomeUnknown: true, Reason: reasonBroke, Hint: hintPasses}
	var (
		op          *net.OpError
		dns         *net.DNSError
		timeout     interface{ Timeout() bool }
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		refusal     *proxyRefusal
	)
	switch {
	case errors.Is(err, context.Canceled):
		e.Reason, e.cause, e.Retryable = "the invocation was cancelled", context.Canceled, false
		e.Hint = hintAgain
	case errors.As(err, &refusal):
		e.Reason, e.Retryable, e.OutcomeUnknown, e.Hint = refusal.Error(), refusal.status >= 500, false, hintProxy
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.Reason, e.OutcomeUnknown, e.Hint = "no connection to the proxy", false, hintProxy
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &hostname):
		e.Reason, e.Retryable, e.OutcomeUnknown = "the host's TLS certificate is not trusted", false, false
		e.Hint = "check the base URL and who answers at that host; nothing was sent"
	case errors.As(err, &dns):
		e.Reason, e.OutcomeUnknown = "the host name could not be resolved", false
		e.Hint = "check the base URL and the function's network"
	case errors.As(err, &op) && op.Op == "dial":
		e.Reason, e.OutcomeUnknown = "no connection to the host", false
		e.Hint = "check the base URL and the function's network (a function in a VPC needs a route to the internet)"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Reason, e.cause = "no answer in time", context.DeadlineExceeded
	}
	return e
}

// noConnection changes e into the error of a call without a connection: nothing was sent.
func (e *Error) noConnection() {
	e.OutcomeUnknown = false
	if e.Reason == reasonBroke {
		e.Reason = "no TLS connection to the host"
		e.Hint = "check the base URL and who answers at that host (TLS 1.2 or newer is needed); nothing was sent"
	}
}

// notSent returns err as the error of a call that was not sent, because what had to come before it
// failed, such as the renewal of its session. The call had no effect.
func notSent(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	known := *e
	known.OutcomeUnknown = false
	return &known
}

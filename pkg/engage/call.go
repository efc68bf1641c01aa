package engage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request is one call to the vendor.
type request struct {
	operation string
	method    string
	url       string     // holds secrets: never print it
	form      url.Values // nil: no body
	basic     *Credentials
	auth      Auth
	attempts  int
	// permit is set for logins, and asked before each try.
	permit func(context.Context) error
	// remedy is set for logins: what an operator can do if the vendor refuses the login.
	remedy string
	// once marks a call that must not have its effect twice: it is repeated only if it had none.
	once bool
}

// answer is a 2xx answer.
type answer struct {
	host   string
	status int
	body   []byte
	html   bool
}

// do sends r, repeats it if its kind allows that, and returns a 2xx answer or an *Error.
func (c *Client) do(ctx context.Context, r request) (answer, error) {
	renewed := false
	for try := 1; ; try++ {
		if err := r.permitted(ctx); err != nil {
			return answer{}, err
		}
		used := accessOf(r.auth)
		a, e := c.send(ctx, r)
		if e == nil {
			return a, nil
		}
		e.Host = r.host()
		session, ok := r.auth.(*Session)
		switch {
		case ok && e.Status == http.StatusUnauthorized && !renewed && session.worthRenewing(c, e):
			// A 401 comes before any effect: even a creation may be sent again.
			renewed = true
			if err := session.renew(ctx, c, used); err != nil {
				return answer{}, notSent(err)
			}
			try--
		case try >= r.attempts || !r.repeatable(e) || !c.wait(ctx, e, try):
			return answer{}, e
		}
	}
}

// permitted asks for the permit of a login.
func (r request) permitted(ctx context.Context) error {
	if r.permit == nil {
		return nil
	}
	if err := r.permit(ctx); err != nil {
		return &Error{Operation: r.operation, Reason: "not tried: " + err.Error(), Retryable: true, cause: err}
	}
	return nil
}

// host returns the host that the request is for.
func (r request) host() string {
	u, err := url.Parse(r.url)
	if err != nil {
		return ""
	}
	return u.Host
}

// repeatable reports whether the request may be sent again after the failure.
func (r request) repeatable(e *Error) bool { return e.Retryable && !(r.once && e.OutcomeUnknown) }

// wait backs off before the next try. It returns false if the deadline leaves no time for that.
func (c *Client) wait(ctx context.Context, e *Error, try int) bool {
	delay := time.Duration(float64(200*time.Millisecond<<(try-1)) * (1 + c.config.Jitter()))
	if e.Status == http.StatusTooManyRequests {
		delay *= 4
	}
	delay = max(delay, e.RetryAfter)
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) < delay+time.Second {
		return false
	}
	if e.RetryAfter > maxRetryAfter {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// maxRetryAfter is the longest Retry-After for which a call waits. A longer one becomes a retryable
// error that names it.
const maxRetryAfter = 20 * time.Second

// send sends r once.
func (c *Client) send(ctx context.Context, r request) (answer, *Error) {
	if ctx.Err() != nil {
		e := transportError(r.operation, ctx.Err())
		e.OutcomeUnknown = false
		return answer{}, e
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	var reach reach
	req, err := c.newRequest(reach.watch(ctx), r)
	if err != nil {
		return answer{}, &Error{Operation: r.operation, Reason: "the request cannot be built",
			Hint: "check the base URL"}
	}
	// A transport follows no redirect, which would carry credentials to another host.
	resp, err := c.config.Transport.RoundTrip(req)
	if err != nil {
		e := transportError(r.operation, err)
		if reach.nothingSent() {
			e.noConnection()
		}
		return answer{}, e
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBodySize+1))
	if err != nil {
		e := transportError(r.operation, err)
		e.Status = resp.StatusCode
		return answer{}, e
	}
	if len(body) > MaxBodySize {
		return answer{}, &Error{Operation: r.operation, Status: resp.StatusCode, OutcomeUnknown: true,
			Reason: "the answer is longer than 1 MiB", Hint: "check the base URL"}
	}
	a := answer{host: req.URL.Host, status: resp.StatusCode, body: body, html: isHTML(body)}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return answer{}, statusError(r, a, resp.Header, c.config.Now())
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return answer{}, unusable(r.operation, a, "the answer is compressed, which was not asked for")
	}
	return a, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.form != nil {
		body = strings.NewReader(r.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", UserAgent)
	req.Header.Set("Accept", "application/json, text/plain")
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.GetBody = nil
	}
	if r.basic != nil {
		req.SetBasicAuth(r.basic.ClientID, r.basic.ClientSecret.Reveal())
	}
	if r.auth != nil {
		name, value := r.auth.header()
		req.Header.Set(name, value)
	}
	return req, nil
}

// isHTML looks at the text alone: servers label bare text as text/html, and web pages as anything.
func isHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))), []byte("<"))
}

// unusable returns the error of a 2xx answer that lacks what was asked for: its effect is unknown.
func unusable(operation string, a answer, reason string) *Error {
	e := &Error{Operation: operation, Host: a.host, Status: a.status, Reason: reason, OutcomeUnknown: true,
		WebPage: a.html,
		Hint:    "check that the base URL names the vendor's API host"}
	if a.html {
		e.Reason = "the answer is a web page"
	}
	return e
}

// statusError returns the error of an answer other than 2xx. It keeps only the vendor's error code
// of the body, and only if that looks like one: requestUri repeats the path, which holds the token
// on a deletion.
func statusError(r request, a answer, header http.Header, now time.Time) *Error {
	e := &Error{Operation: r.operation, Status: a.status, Code: errorCode(a.body), WebPage: a.html}
	switch {
	case a.status == http.StatusUnauthorized:
		e.Reason = r.credential() + " was refused"
		e.expired = bytes.Contains(a.body, []byte("Jwt is expired"))
		if e.expired {
			e.Reason = "the access token has expired"
		}
		e.Hint = hintRejected(r)
	case a.status == http.StatusForbidden:
		e.Reason, e.Hint = r.credential()+" was denied access", hintRejected(r)
	case a.status == http.StatusTooManyRequests:
		e.Reason, e.Retryable = "too many requests", true
		e.RetryAfter = retryAfter(header.Get("Retry-After"), now)
		e.Hint = "the next attempt follows by itself; spread the rotations of this user if it recurs"
	case a.status == http.StatusRequestTimeout || a.status >= 500:
		e.Reason, e.Retryable, e.OutcomeUnknown = "the vendor's server failed", true, true
		e.Hint = hintPasses
		e.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	case a.status >= 300 && a.status < 400:
		e.Reason, e.OutcomeUnknown = "the host answered with a redirect, which is not followed with credentials", true
		e.Hint = "set the base URL to the host that it points to, if that is the vendor's"
	default:
		e.Reason = "the request was refused"
		e.Hint = "check the base URL and the login flow"
		if r.remedy != "" && a.status == http.StatusBadRequest {
			e.Hint = r.remedy
		}
	}
	if a.html && a.status != http.StatusTooManyRequests {
		e.Reason += ", with a web page"
	}
	return e
}

// credential names what the vendor refuses: a login and a token never share a sentence, since
// changing a password does not help a dead token.
func (r request) credential() string {
	switch r.auth.(type) {
	case Token:
		return "the API token"
	case *Session:
		return "the session"
	}
	return "the login"
}

// hintRejected returns the hint for a 401 or 403.
func hintRejected(r request) string {
	_, byToken := r.auth.(Token)
	switch {
	case r.remedy != "":
		return r.remedy
	case r.operation == opCreate:
		return "the user needs permission to make API tokens"
	case byToken:
		return "the token is dead, or its user was locked or lacks the permission; a rotation replaces a dead token"
	}
	return "the user was locked, or lacks the permission; look at the user in the vendor's administration"
}

// oauthCodes are the error codes by which RFC 6749 refuses a grant.
var oauthCodes = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
}

// errorCode returns the vendor's error code, or "" if the body has none that looks like one.
func errorCode(body []byte) string {
	var document struct {
		ErrorCode any `json:"errorCode"`
		OAuth     any `json:"error"`
	}
	if json.Unmarshal(body, &document) != nil {
		return ""
	}
	if code, ok := document.OAuth.(string); ok && slices.Contains(oauthCodes, code) {
		return code
	}
	code, _ := document.ErrorCode.(string)
	strange := strings.Trim(code, "abcdefghijklmnopqrstuvwxyz._-") != ""
	if strange || len(code) > 64 || !strings.HasSuffix(code, ".exception") {
		return ""
	}
	return code
}

// retryAfter reads the header in both of its forms, seconds and date. Anything else counts as
// absent.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), 24*time.Hour)
	}
	return 0
}

// asError returns the *Error in err, or one that wraps it.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Reason: "failed", cause: err}
}

package simulation

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// The operations at Engage.
const (
	opLogin    = "login"
	opGrant    = "grant"
	opExchange = "exchange"
	opRefresh  = "refresh"
	opList     = "list"
	opCreate   = "create"
	opDelete   = "delete"
	opAccounts = "accounts"
)

// transport carries a program's calls to the vendor.
type transport struct {
	w    *world
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var (
		response *http.Response
		failure  error
	)
	ctx := r.Context()
	by := ctx.Value(invocationKey{}).(*invocation)
	op, token := operation(r)
	c := &call{service: vendor, op: op, resource: token}
	switch op {
	case opLogin, opGrant:
		by.loginUser = loginName(r)
		c.resource = by.loginUser
	case opExchange:
		c.resource = by.loginUser
	}
	request := r.WithContext(context.Background()) // a server does not learn of its client's time-out
	c.effect = func(c *call) {
		response, failure = t.w.atVendor(t.next, request, c, op, token)
	}
	v, err := t.w.do(ctx, c)
	if err != nil {
		return nil, err
	}
	switch v.seen {
	case reset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case unreachable:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case serverError:
		return newPage(r, http.StatusInternalServerError, "Internal Server Error"), nil
	case throttled:
		return newPage(r, http.StatusTooManyRequests, "Too Many Requests"), nil
	case webPage:
		return newPage(r, http.StatusOK, "<html><body>Service Notice</body></html>"), nil
	}
	if (op == opLogin || op == opExchange) && response.StatusCode == http.StatusOK {
		by.loggedIn++
	}
	return response, failure
}

func newPage(r *http.Request, status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}
}

// operation tells what a request asks for; token is the one that is to be deleted.
func operation(r *http.Request) (op, token string) {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasSuffix(path, "/auth/login/admin"), strings.HasSuffix(path, "/v1/auth/login"):
		return opLogin, ""
	case strings.HasSuffix(path, "/oauth/token"):
		return opGrant, ""
	case strings.HasSuffix(path, "/rc/accesstoken"):
		return opExchange, ""
	case strings.HasSuffix(path, "/token/refresh"):
		return opRefresh, ""
	case strings.HasSuffix(path, "/accounts"):
		return opAccounts, ""
	case strings.HasSuffix(path, "/admin/token") && r.Method == http.MethodPost:
		return opCreate, ""
	case strings.HasSuffix(path, "/admin/token"):
		return opList, ""
	}
	token, _ = url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	return opDelete, token
}

// loginName returns who a login request is of.
func loginName(r *http.Request) string {
	if id, _, ok := r.BasicAuth(); ok {
		return id
	}
	if name := r.URL.Query().Get("username"); name != "" {
		return name
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(errors.New("a login's body cannot be read"))
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	form, _ := url.ParseQuery(string(body))
	return form.Get("username")
}

// atVendor lets a request have its effect, and observes it.
func (w *world) atVendor(next http.RoundTripper, r *http.Request, c *call, op, token string) (*http.Response, error) {
	switch op {
	case opCreate:
		w.born = ""
		w.vendor.SetPropagation(w.lags())
	case opDelete:
		w.vendor.SetPropagation(w.lags())
	}
	alive := op == opDelete && w.vendor.Alive(token)
	resp, err := next.RoundTrip(r)
	if err != nil {
		panic(err) // the stand-in breaks nothing by itself
	}
	if w.trace != nil {
		w.logf("  %d", resp.StatusCode)
	}
	switch {
	case op == opCreate && w.born != "":
		w.observeCreated(c.by, w.born)
	case alive && !w.vendor.Alive(token):
		w.observeDeleted(c.by, token, c.sent)
	case op == opList && resp.StatusCode == http.StatusOK && !c.unseen:
		w.observeListed(c.by, r.Header.Get("X-Auth-Token"))
	}
	return resp, nil
}

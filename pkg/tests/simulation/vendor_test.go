package simulation

import (
	"bytes"
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
	h    *history
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var (
		response *http.Response
		failure  error
	)
	ctx := r.Context()
	by := invocationOf(ctx)
	op, token := operation(r)
	c := &call{
		service:  vendor,
		op:       op,
		resource: token,
		auth:     r.Header.Get("X-Auth-Token") + r.Header.Get("Authorization"),
	}
	if op == opLogin || op == opGrant || op == opExchange {
		c.resource, c.way = t.h.loginName(op, r), r.URL.Path
		by.loginUser = c.resource
	}
	request := r.WithContext(context.Background()) // a server does not learn of its client's time-out
	c.effect = func(c *call) {
		response, failure = t.h.atVendor(t.next, request, c, token)
	}
	v, err := t.h.do(ctx, c)
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
	t.h.observeAnswered(by, op, token, response)
	return response, failure
}

// operation returns what a request asks for; token is the one that is to be deleted.
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

// loginName returns the user of a login request, or the client that an exchange is for.
func (h *history) loginName(op string, r *http.Request) string {
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
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	if op == opExchange {
		h.scheduler.mu.Lock()
		defer h.scheduler.mu.Unlock()
		return h.grants[form.Get("rcAccessToken")]
	}
	return form.Get("username")
}

// observeGrant notes which client a platform token was granted to.
func (h *history) observeGrant(client, body string) {
	_, rest, _ := strings.Cut(body, `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	h.scheduler.mu.Lock()
	defer h.scheduler.mu.Unlock()
	h.grants[token] = client
}

// atVendor lets a request have its effect, and observes it.
func (h *history) atVendor(next http.RoundTripper, r *http.Request, c *call, token string) (*http.Response, error) {
	if response := h.mislead(r, c, token); response != nil {
		return response, nil
	}
	if c.op == opCreate || c.op == opDelete {
		h.vendor.SetPropagation(h.lags())
	}
	h.made = ""
	alive := c.op == opDelete && h.vendor.Alive(token)
	response, err := next.RoundTrip(r)
	if err != nil {
		panic(err) // the stand-in breaks nothing by itself
	}
	if h.trace != nil {
		h.logf("  %d", response.StatusCode)
	}
	switch {
	case c.op == opCreate && h.made != "":
		h.observeCreated(c.by, h.made)
	case alive && !h.vendor.Alive(token):
		h.observeDeleted(c.by, token, c.sent)
	case c.op == opGrant:
		h.observeGrant(c.resource, bodyOf(response))
	case c.op == opList && response.StatusCode == http.StatusOK && !c.unseen:
		h.observeListed(c.by, r.Header.Get("X-Auth-Token"), bodyOf(response))
	}
	return response, nil
}

// bodyOf returns an answer's body, which can be read once more.
func bodyOf(response *http.Response) string {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

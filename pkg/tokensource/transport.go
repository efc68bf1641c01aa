package tokensource

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"engage-token-rotation/pkg/engage"
)

// Header is the request header that carries the token.
const Header = "X-Auth-Token"

// maxTries bounds how often one request is sent. Each further try has a token that the request did
// not have before; the second is nearly always the last.
const maxTries = 3

// maxDrain is how much of a refusal's body is read so that its connection can be used again;
// refusals are short.
const maxDrain = 64 << 10

// Transport is an [http.RoundTripper] that sets the token on each request for one host, and
// engage.UserAgent if the request has no User-Agent: the vendor asks for a stable name and version.
//
// If the answer is 401 or 403, it calls Source.Replace. If that returns another token, it sends the
// request again, provided that the body can be sent again: there is none, or GetBody is set, as
// [http.NewRequest] does for the usual bodies. Otherwise the caller gets the answer. A refused
// request had no effect, so that a POST too may be sent again.
//
// A request for another scheme, host or port, such as after a redirect, fails with ErrForeignHost
// and is not sent. A Transport is safe for concurrent use.
type Transport struct {
	source *Source
	origin string
	next   http.RoundTripper
}

var _ http.RoundTripper = (*Transport)(nil)

// NewTransport returns a Transport for the host of base; its path is ignored. next sends the
// requests; nil means [http.DefaultTransport]. It must not follow redirects by itself.
func NewTransport(source *Source, base *url.URL, next http.RoundTripper) (*Transport, error) {
	switch {
	case source == nil:
		return nil, errors.New("tokensource: NewTransport needs a source")
	case base == nil || base.Hostname() == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("tokensource: NewTransport needs a base URL such as https://engage.ringcentral.com")
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &Transport{source: source, origin: origin(base, base.Host), next: next}, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.checkHost(req); err != nil {
		closeBody(req)
		return nil, err
	}
	token, err := t.source.Token(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	body := req.Body
	for try := 1; ; try++ {
		resp, err := t.next.RoundTrip(withToken(req, token, body))
		if err != nil {
			return nil, err
		}
		if !refused(resp.StatusCode) {
			if resp.StatusCode < http.StatusBadRequest { // other errors may come before the token is checked
				t.source.accepted(token)
			}
			return resp, nil
		}
		other, err := t.source.Replace(req.Context(), token, resp.StatusCode)
		if err != nil || other == token || try == maxTries {
			return resp, nil
		}
		if body, err = bodyAgain(req); err != nil {
			return resp, nil
		}
		drain(resp)
		token = other
	}
}

// CloseIdleConnections closes the idle connections of the next transport;
// [http.Client.CloseIdleConnections] calls it.
func (t *Transport) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// checkHost compares the URL, and the Host header if it differs: a server at one address may serve
// many hosts.
func (t *Transport) checkHost(req *http.Request) error {
	if req.URL == nil {
		return errors.New("tokensource: the request has no URL")
	}
	if to := origin(req.URL, req.URL.Host); to != t.origin {
		return fmt.Errorf("tokensource: %w: %s instead of %s", ErrForeignHost, to, t.origin)
	}
	if req.Host != "" && origin(req.URL, req.Host) != t.origin {
		return fmt.Errorf("tokensource: %w: its Host header differs from %s", ErrForeignHost, t.origin)
	}
	return nil
}

// origin returns scheme, host and port in one form, whatever their case and whether the default
// port is written.
func origin(u *url.URL, host string) string {
	scheme := strings.ToLower(u.Scheme)
	at := url.URL{Host: host}
	port := at.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(at.Hostname()), port)
}

// withToken returns a copy of the request: a RoundTripper must not change its request.
func withToken(req *http.Request, token engage.Token, body io.ReadCloser) *http.Request {
	out := req.Clone(req.Context())
	out.Body = body
	out.Header.Set(Header, token.Reveal())
	if _, set := out.Header["User-Agent"]; !set {
		out.Header.Set("User-Agent", engage.UserAgent)
	}
	return out
}

func bodyAgain(req *http.Request) (io.ReadCloser, error) {
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return req.Body, nil
	case req.GetBody == nil:
		return nil, errors.New("the body cannot be read twice")
	}
	return req.GetBody()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
}

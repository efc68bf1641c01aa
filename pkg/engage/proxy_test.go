package engage_test

import (
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"engage-token-rotation/pkg/engage"
)

// proxy is an HTTP proxy that knows CONNECT alone. It connects every request with one address.
type proxy struct {
	*httptest.Server
	target   string
	refuse   int // a status; 0 connects
	requests atomic.Int32
}

// newProxy starts a proxy; with secure it speaks TLS, and offers HTTP/2 as many do.
func newProxy(t *testing.T, target string, secure bool) *proxy {
	t.Helper()
	p := &proxy{target: target}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		p.EnableHTTP2 = true
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	if r.Method != http.MethodConnect || r.Host != "engage.ringcentral.com:443" || p.refuse != 0 {
		w.WriteHeader(max(p.refuse, http.StatusBadRequest))
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	// Before the answer, so that the server's reader has taken nothing of what the client sends next.
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusOK) // HTTP/2: the client cannot use it
		return
	}
	defer func() { _ = client.Close() }()
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(server, client) }()
	_, _ = io.Copy(client, server)
}

// through makes the host's transport one that calls through the proxy, which it trusts.
func (h *host) through(t *testing.T, p *proxy) {
	t.Helper()
	transport := engage.NewProxyTransport(mustURL(p.URL))
	transport.TLSClientConfig.RootCAs = h.transport.TLSClientConfig.RootCAs
	if p.Certificate() != nil {
		transport.TLSClientConfig.RootCAs.AddCert(p.Certificate())
	}
	h.transport = transport
	t.Cleanup(transport.CloseIdleConnections)
}

func TestCallsGoThroughTheProxyAsTLSOfTheHost(t *testing.T) {
	for name, secure := range map[string]bool{"http proxy": false, "https proxy that offers HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, certificate{name: "engage.ringcentral.com"}, nil)
			p := newProxy(t, h.address, secure)
			h.through(t, p)
			if err := h.list(t); err != nil {
				t.Error(err)
			}
			if p.requests.Load() != 1 || h.requests.Load() != 1 {
				t.Errorf("%d requests to the proxy and %d to the host; want one each", p.requests.Load(), h.requests.Load())
			}
		})
	}
}

func TestAProxyThatAnswersAsTheHostIsNotTrusted(t *testing.T) {
	h := newHost(t, certificate{name: "engage.ringcentral.com", unknown: true}, nil)
	h.through(t, newProxy(t, h.address, false))
	h.refused(t, h.list(t), "the host's TLS certificate is not trusted")
}

func TestAFailureOfTheProxyIsNamedAndNothingIsSent(t *testing.T) {
	const remedy = "; check ENGAGE_PROXY_URL, and what the proxy allows; nothing was sent to the host"
	for name, c := range map[string]struct {
		change    func(*host, *proxy)
		want      string
		retryable bool
	}{
		"needs a password": {func(_ *host, p *proxy) { p.refuse = http.StatusProxyAuthRequired },
			"the proxy answered CONNECT with status 407", false},
		"refuses the host": {func(_ *host, p *proxy) { p.refuse = http.StatusForbidden },
			"the proxy answered CONNECT with status 403", false},
		"does not reach the host": {func(_ *host, p *proxy) { p.target = "127.0.0.1:1" },
			"the proxy answered CONNECT with status 502", true},
		"is not there": {func(_ *host, p *proxy) { p.Close() }, "no connection to the proxy", true},
		"is not trusted": {func(h *host, _ *proxy) { h.transport.TLSClientConfig.RootCAs = x509.NewCertPool() },
			"no connection to the proxy", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, certificate{name: "engage.ringcentral.com"}, nil)
			p := newProxy(t, h.address, true)
			h.through(t, p)
			c.change(h, p)
			err := h.list(t)
			h.refused(t, err, "engage: list tokens at engage.ringcentral.com: "+c.want+remedy)
			if engage.Retryable(err) != c.retryable || engage.Rejected(err) {
				t.Errorf("retryable %v, rejected %v; want %v and false", engage.Retryable(err), engage.Rejected(err), c.retryable)
			}
		})
	}
}

// Plain http is for stand-ins: a proxy would read the token.
func TestPlainHTTPDoesNotGoThroughTheProxy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `["`+tokenA+`"]`)
	}))
	defer server.Close()
	p := newProxy(t, "", false)
	token, _ := engage.ParseToken(tokenA)
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{BaseURL: mustURL(server.URL)},
		Transport: engage.NewProxyTransport(mustURL(p.URL))})
	if _, err := client.List(t.Context(), token); err != nil || p.requests.Load() != 0 {
		t.Errorf("%v; the proxy got %d requests", err, p.requests.Load())
	}
}

func TestWithoutAProxyNoneIsUsed(t *testing.T) {
	if engage.NewProxyTransport(nil).Proxy != nil {
		t.Error("the transport has a proxy")
	}
}

package engage

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Time limits of the phases of a call. Config.CallTimeout and the context's deadline limit the
// whole.
const (
	connectTimeout = 5 * time.Second
	headerTimeout  = 12 * time.Second
	callTimeout    = 15 * time.Second
)

// MaxBodySize is how much of an answer is read; a longer one is an error.
const MaxBodySize = 1 << 20

// NewTransport returns the transport for the vendor's hosts. It demands TLS 1.2 or newer, uses no
// proxy, so that the environment cannot redirect a password, decompresses nothing, so that the cap
// on a body is a cap on memory, and has a time limit for each phase.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        60 * time.Second,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}

// NewProxyTransport returns NewTransport's transport, whose https requests go through the proxy;
// nil means none. The proxy, http or https, gets a CONNECT request with the host's name, and then
// only TLS that the host ends. Requests over plain http, which are for stand-ins, do not go through
// it. They are all HTTP/1.1: an https proxy would otherwise be offered HTTP/2, which CONNECT of
// net/http does not speak.
func NewProxyTransport(proxy *url.URL) *http.Transport {
	transport := NewTransport()
	if proxy == nil {
		return transport
	}
	transport.ForceAttemptHTTP2 = false
	transport.Proxy = func(request *http.Request) (*url.URL, error) {
		if request.URL.Scheme != "https" {
			return nil, nil
		}
		return proxy, nil
	}
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
		if r.StatusCode != http.StatusOK {
			return &proxyRefusal{r.StatusCode}
		}
		return nil
	}
	return transport
}

func (c Config) withDefaults() Config {
	if c.Transport == nil {
		c.Transport = NewTransport()
	}
	if c.Attempts == 0 {
		c.Attempts = 3
	}
	if c.LoginAttempts == 0 {
		c.LoginAttempts = 2
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = callTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	return c
}

package engage_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

// host is a TLS server that answers as https://engage.ringcentral.com, and the client's transport
// to it.
type host struct {
	address   string // where it listens
	requests  atomic.Int32
	dialled   atomic.Value // string
	transport *http.Transport
}

// certificate describes what a host shows.
type certificate struct {
	name    string
	expired bool
	unknown bool // signed by an authority that the client does not trust
}

func newHost(t *testing.T, shown certificate, config *tls.Config) *host {
	t.Helper()
	h := &host{transport: engage.NewTransport()}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.requests.Add(1)
		_, _ = io.WriteString(w, `["`+tokenA+`"]`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	certificate, authority := issue(t, shown)
	if config == nil {
		config = &tls.Config{}
	}
	config.Certificates = []tls.Certificate{certificate}
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	h.address = server.Listener.Addr().String()
	h.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !shown.unknown {
		h.transport.TLSClientConfig.RootCAs.AddCert(authority)
	}
	h.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		h.dialled.Store(address)
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(h.transport.CloseIdleConnections)
	return h
}

func issue(t *testing.T, shown certificate) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: shown.name}, DNSNames: []string{shown.name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if shown.expired {
		template.NotAfter = time.Now().Add(-24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

// list calls the host with a token and returns the error.
func (h *host) list(t *testing.T) error {
	t.Helper()
	token, err := engage.ParseToken(tokenA)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.client(engage.FlowEngage).List(t.Context(), token)
	return err
}

func (h *host) client(flow engage.Flow) *engage.Client {
	return engage.New(engage.Config{
		Endpoint: engage.Endpoint{
			Flow:        flow,
			BaseURL:     mustURL("https://engage.ringcentral.com"),
			PlatformURL: mustURL("https://platform.ringcentral.com"),
		},
		Transport: h.transport, Attempts: 1, LoginAttempts: 1,
	})
}

func (h *host) refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
	if engage.OutcomeUnknown(err) {
		t.Errorf("the outcome counts as unknown, but nothing was sent: %v", err)
	}
	if h.requests.Load() != 0 {
		t.Error("the host has got a request")
	}
}

func TestTheVendorsCertificateIsTrusted(t *testing.T) {
	h := newHost(t, certificate{name: "engage.ringcentral.com"}, nil)
	if err := h.list(t); err != nil || h.requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, h.requests.Load())
	}
}

func TestACertificateOfAnUnknownAuthorityIsFatal(t *testing.T) {
	h := newHost(t, certificate{name: "engage.ringcentral.com", unknown: true}, nil)
	err := h.list(t)
	h.refused(t, err, "TLS certificate is not trusted")
	if engage.Retryable(err) {
		t.Error("retryable")
	}
}

func TestACertificateOfAnotherNameIsFatal(t *testing.T) {
	h := newHost(t, certificate{name: "engage.ringcentral.com.evil.example"}, nil)
	h.refused(t, h.list(t), "TLS certificate is not trusted")
}

func TestAnExpiredCertificateIsFatal(t *testing.T) {
	h := newHost(t, certificate{name: "engage.ringcentral.com", expired: true}, nil)
	h.refused(t, h.list(t), "TLS certificate is not trusted")
}

func TestTLSBefore12IsRefused(t *testing.T) {
	for name, version := range map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11} {
		t.Run(name, func(t *testing.T) {
			h := newHost(
				t,
				certificate{name: "engage.ringcentral.com"},
				&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: version},
			)
			h.refused(t, h.list(t), "no TLS connection to the host")
		})
	}
}

func TestTLS12Suffices(t *testing.T) {
	h := newHost(t, certificate{name: "engage.ringcentral.com"}, &tls.Config{MaxVersion: tls.VersionTLS12})
	if err := h.list(t); err != nil {
		t.Error(err)
	}
}

func TestPlainHTTPBehindHTTPSIsRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	h := newHost(t, certificate{name: "engage.ringcentral.com"}, nil)
	h.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	h.refused(t, h.list(t), "no TLS connection to the host")
}

// A failed login must not show its URL: the password is in it.
func TestABadCertificateDoesNotPrintTheURL(t *testing.T) {
	for _, flow := range flows {
		h := newHost(t, certificate{name: "elsewhere.example"}, nil)
		user := engagetest.DefaultUser()
		_, err := h.client(flow).Login(t.Context(), credentialsOf(user, flow))
		h.refused(t, err, "TLS certificate is not trusted")
		text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
		for _, secret := range []string{user.Password, "p%26q", user.ClientSecret, user.JWT, user.Username, "https://"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the error holds %q: %s", flow, secret, text)
			}
		}
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://proxy.evil.example:3128")
	}
	h := newHost(t, certificate{name: "engage.ringcentral.com"}, nil)
	if err := h.list(t); err != nil {
		t.Error(err)
	}
	if h.dialled.Load() != "engage.ringcentral.com:443" {
		t.Errorf("dialled %v", h.dialled.Load())
	}
	if engage.NewTransport().Proxy != nil {
		t.Error("the transport has a proxy")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	locations := map[string]string{
		"same host":          "https://engage.ringcentral.com/voice/api/v1/admin/accounts",
		"relative":           "/voice/api/v1/admin/accounts",
		"another host":       "https://engage.ringcentral.com.evil.example/",
		"another vendor's":   "https://ringcx.ringcentral.com/voice/api/v1/admin/token",
		"without encryption": "http://engage.ringcentral.com/voice/api/v1/admin/token",
		"no URL":             "http://[::1",
	}
	for name, location := range locations {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprintf("%d %s", status, name), func(t *testing.T) {
				eachFlow(t, func(t *testing.T, w *vendorAndClient) {
					session := w.login(t)
					before := len(w.server.Calls())
					w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
						if c.Stage != engagetest.Before {
							return nil
						}
						return engagetest.Respond(engagetest.Redirect(status, location))
					})
					_, listErr := w.client.List(t.Context(), session)
					_, createErr := w.client.Create(t.Context(), session, nil)
					_, loginErr := w.client.Login(t.Context(), w.credentials)
					for _, err := range []error{listErr, createErr, loginErr} {
						if err == nil {
							t.Error("no error")
						}
					}
					if location != "http://[::1" && !strings.Contains(loginErr.Error(), "redirect") {
						t.Errorf("error %v does not name the redirect", loginErr)
					}
					if got := len(w.server.Calls()) - before; location != "http://[::1" && got != 3 {
						t.Errorf("%d requests for three calls", got)
					}
				})
			})
		}
	}
}

func TestWithoutAConnectionNothingWasSent(t *testing.T) {
	server := engagetest.New(t, nil)
	transport := engage.NewTransport()
	client := engage.New(
		engage.Config{
			Endpoint:  engage.Endpoint{BaseURL: mustURL(server.URL), PlatformURL: mustURL(server.URL)},
			Transport: transport,
			Jitter:    func() float64 { return -1 },
		},
	)
	session, err := client.Login(t.Context(), credentialsOf(engagetest.DefaultUser(), engage.FlowEngage))
	if err != nil {
		t.Fatal(err)
	}
	transport.CloseIdleConnections()
	var tries int
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		tries++
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	_, err = client.Create(t.Context(), session, nil)
	checkText(
		t,
		err,
		"engage: create token: no connection to the host; "+
			"check the base URL and the function's network (a function in a VPC needs a route to the internet)",
	)
	if engage.OutcomeUnknown(err) || tries != 3 {
		t.Errorf("outcome unknown %v after %d tries, want known and 3", engage.OutcomeUnknown(err), tries)
	}
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "engage.ringcentral.com", IsNotFound: true}
	}
	_, err = client.Create(t.Context(), session, nil)
	checkText(
		t,
		err,
		"engage: create token: the host name could not be resolved; check the base URL and the function's network",
	)
	if got := len(server.Tokens(engagetest.DefaultUser().Username)); got != 0 {
		t.Errorf("%d tokens", got)
	}
}

// When a kept connection turns out to be dead, net/http itself sends some requests again. It must
// not do that with a creation.
func TestACreationOnADyingConnectionIsSentOnce(t *testing.T) {
	server := engagetest.New(t, nil)
	client := engage.New(
		engage.Config{Endpoint: engage.Endpoint{BaseURL: mustURL(server.URL), PlatformURL: mustURL(server.URL)}},
	)
	session, err := client.Login(t.Context(), credentialsOf(engagetest.DefaultUser(), engage.FlowEngage))
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []engagetest.Stage{engagetest.Before, engagetest.After} {
		if _, err := client.List(t.Context(), session); err != nil { // leaves a connection that the next call uses
			t.Fatal(err)
		}
		before := server.Count(engagetest.OpCreate)
		server.SetFault(engagetest.Once(engagetest.OpCreate, 1, stage, engagetest.Drop()))
		_, err := client.Create(t.Context(), session, nil)
		if !engage.OutcomeUnknown(err) {
			t.Errorf("%s: error %v, want an unknown outcome", stage, err)
		}
		if got := server.Count(engagetest.OpCreate) - before; got != 1 {
			t.Errorf("%s: sent %d times", stage, got)
		}
	}
}

func TestTheAgentIsNamed(t *testing.T) {
	var agent atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent.Store(r.Header.Get("User-Agent"))
		_, _ = io.WriteString(w, `["`+tokenA+`"]`)
	}))
	defer server.Close()
	token, _ := engage.ParseToken(tokenA)
	if _, err := engage.New(engage.Config{Endpoint: engage.Endpoint{BaseURL: mustURL(server.URL)}}).List(t.Context(),
		token); err != nil {
		t.Fatal(err)
	}
	if agent.Load() != engage.UserAgent || !strings.HasPrefix(engage.UserAgent, "engage-token-rotation/") {
		t.Errorf("User-Agent %v", agent.Load())
	}
}

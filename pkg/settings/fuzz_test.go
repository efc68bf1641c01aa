package settings_test

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/settings"
)

// allowed are all the places to which a request may go in FuzzBaseURL: the scheme, and the address
// that is dialled.
var allowed = []string{
	"https engage.ringcentral.com:443", "https ringcx.ringcentral.com:443", "https platform.ringcentral.com:443",
	"https portal.vacd.biz:443", "https portal.virtualacd.biz:443",
	"https listed.example:443", "https listed.example:8443", "http plain.example:80", "https 127.0.0.1:9000",
	"http 127.0.0.1:9000",
}

// FuzzBaseURL: a base URL that is accepted in a secret or a parameter leads to a listed place, as
// net/http reads it.
func FuzzBaseURL(f *testing.F) {
	for _, text := range []string{
		"https://engage.ringcentral.com", "https://engage.ringcentral.com/api/", "HTTPS://LISTED.example:8443",
		"http://plain.example:80/", "http://127.0.0.1:9000", "https://[::1]:1",
		"https://engage.ringcentral.com@evil.example", `https://evil.example\@engage.ringcentral.com`,
		"https://engage.ringcentral.com.", "https://engage.ringcentral.com:0443",
		"https://xn--engage-.ringcentral.com", "https://engagе.ringcentral.com", "https://engage.ringcentral.com%00",
		"//engage.ringcentral.com", "https:engage.ringcentral.com",
		"http://plain.example:8O", "https://[fe80::1%25eth0]", "https://listed.example:8443#", "https://listed.example?",
		"http://127.0.0.1:9000/api",
	} {
		f.Add(text)
	}
	s := mustRead(f, environment{
		settings.EnvAllowedHosts: "listed.example,listed.example:8443,http://plain.example,127.0.0.1:9000"})
	f.Fuzz(func(t *testing.T, text string) {
		for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowLegacy} {
			endpoint, err := s.Endpoint(flow, text)
			if text == "" {
				continue
			}
			if err != nil {
				if !errors.Is(err, settings.ErrInvalid) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			checkPlace(t, endpoint.BaseURL)
		}
		if laid, err := s.WithParameters(t.Context(),
			parameters{"base-url": text, "ringcentral-base-url": text}); err == nil {
			endpoint, err := laid.Endpoint(engage.FlowRingCentral, "")
			if err != nil {
				t.Fatal(err)
			}
			checkPlace(t, endpoint.BaseURL)
			checkPlace(t, endpoint.PlatformURL)
		}
	})
}

// checkPlace reads a base URL again as net/http does when it sends a request there.
func checkPlace(t *testing.T, base *url.URL) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet,
		strings.TrimSuffix(base.String(), "/")+"/voice/api/v1/admin/token", nil)
	if err != nil {
		t.Fatalf("%s: %v", base, err)
	}
	port := request.URL.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[request.URL.Scheme]
	}
	place := request.URL.Scheme + " " + net.JoinHostPort(request.URL.Hostname(), port)
	if !slices.Contains(allowed, place) || request.URL.User != nil || request.URL.Path != "/voice/api/v1/admin/token" ||
		request.URL.RawQuery != "" {
		t.Fatalf("accepted %s, a request goes to %s", base, place)
	}
}

// FuzzEnvironment: any environment gives settings within their bounds, or an error that names the
// setting.
func FuzzEnvironment(f *testing.F) {
	f.Add("https://engage.ringcentral.com", "a.example,http://b.example", "1h", "true", "/prefix", "DEBUG")
	f.Add("http://localhost:8080", "", "", "", "", "")
	f.Add("", "*", "-1s", "yes", "//", "INFO+4")
	f.Add("http://[::1]", ",,", "8760h", "FALSE", "/a/b/c/d/e", "warn")
	f.Fuzz(func(t *testing.T, base, list, retention, exclusive, prefix, level string) {
		e := environment{
			settings.EnvEngageBaseURL: base, settings.EnvRingCentralBaseURL: base, settings.EnvAllowedHosts: list,
			settings.EnvRetention:     retention,
			settings.EnvExclusiveUser: exclusive, settings.EnvPrefix: prefix, settings.EnvLogLevel: level,
		}
		s, err := e.read()
		if err != nil {
			var fault *settings.Error
			if !errors.As(err, &fault) || fault.Setting == "" {
				t.Fatalf("error %v names no setting", err)
			}
			return
		}
		if s.Retention < 0 || s.Retention > settings.MaxRetention || !strings.HasPrefix(s.Prefix, "/") ||
			strings.HasSuffix(s.Prefix, "/") {
			t.Fatalf("settings %+v", s)
		}
		endpoint, err := s.Endpoint(engage.FlowEngage, "")
		if err != nil {
			t.Fatal(err)
		}
		name := endpoint.BaseURL.Hostname()
		local := name == "localhost" || name == "host.docker.internal" || net.ParseIP(name).IsLoopback()
		if endpoint.BaseURL.Scheme != "https" && !local && !strings.Contains(strings.ToLower(list), "http://") {
			t.Fatalf("plain http to %s", endpoint.BaseURL)
		}
	})
}

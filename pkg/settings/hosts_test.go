package settings_test

import (
	"errors"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/settings"
)

// refuses checks that neither a secret nor a parameter may name any of these hosts. A name that a
// person could take for the vendor's host must not be accepted as it.
func refuses(t *testing.T, e environment, bases ...string) {
	t.Helper()
	s := mustRead(t, e)
	for _, base := range bases {
		for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy} {
			endpoint, err := s.Endpoint(flow, base)
			if err == nil {
				t.Errorf("a secret may name %s: calls go to %s", base, endpoint.BaseURL)
				continue
			}
			if !errors.Is(err, settings.ErrInvalid) || strings.Contains(err.Error(), "evil") {
				t.Errorf("%s: %v", base, err)
			}
		}
		for _, parameter := range []string{"base-url", "ringcentral-base-url"} {
			if _, err := s.WithParameters(t.Context(), parameters{parameter: base}); err == nil {
				t.Errorf("the parameter %s may name %s", parameter, base)
			}
		}
	}
}

// accepts checks that a secret and a parameter may name each of these hosts for the API, and, if
// none of them is the vendor's, for the JWT grant.
func accepts(t *testing.T, e environment, bases ...string) {
	t.Helper()
	s := mustRead(t, e)
	names := []string{"base-url", "ringcentral-base-url"}
	for _, base := range bases {
		if strings.Contains(strings.ToLower(base), "ringcentral.com") || strings.Contains(base, "portal.") {
			names = names[:1]
		}
	}
	for _, base := range bases {
		if _, err := s.Endpoint(engage.FlowEngage, base); err != nil {
			t.Errorf("a secret may not name %s: %v", base, err)
		}
		for _, parameter := range names {
			if _, err := s.WithParameters(t.Context(), parameters{parameter: base}); err != nil {
				t.Errorf("the parameter %s may not name %s: %v", parameter, base, err)
			}
		}
	}
}

func TestTheVendorsHostsAreAllowed(t *testing.T) {
	accepts(t, nil, "https://engage.ringcentral.com", "https://ringcx.ringcentral.com", "https://portal.vacd.biz/api",
		"https://portal.virtualacd.biz/api/", "HTTPS://ENGAGE.ringcentral.com:443/")
	grant := parameters{"ringcentral-base-url": "https://platform.ringcentral.com"}
	if _, err := mustRead(t, nil).WithParameters(t.Context(), grant); err != nil {
		t.Error(err)
	}
}

// The host of the JWT grant gets a client secret, the API's host a password: neither is for the
// other, whoever names it.
func TestTheGrantsHostAndTheAPIsHostsAreNotForOneAnother(t *testing.T) {
	const platform, api, remedy = "https://platform.ringcentral.com", "https://engage.ringcentral.com", "; use https://"
	for _, e := range []environment{nil, {settings.EnvAllowedHosts: "platform.ringcentral.com,engage.ringcentral.com"}} {
		s := mustRead(t, e)
		if _, err := s.Endpoint(engage.FlowEngage, platform); err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("a secret names the grant's host for the API: %v", err)
		}
		for name, base := range map[string]string{"base-url": platform, "ringcentral-base-url": api} {
			if _, err := s.WithParameters(t.Context(), parameters{name: base}); err == nil ||
				!strings.Contains(err.Error(), remedy) {
				t.Errorf("parameter %s names %s: %v", name, base, err)
			}
		}
	}
	for name, base := range map[string]string{
		settings.EnvEngageBaseURL: platform, settings.EnvRingCentralBaseURL: "https://portal.vacd.biz/api",
	} {
		if _, err := (environment{name: base}).read(); err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%s names %s: %v", name, base, err)
		}
	}
	// A host that the environment names for one use is not on the other's list.
	s := mustRead(t, environment{settings.EnvRingCentralBaseURL: "https://grant.example"})
	if _, err := s.Endpoint(engage.FlowEngage, "https://grant.example"); err == nil {
		t.Error("a secret may name the grant's host of the environment for the API")
	}
}

func TestOtherHostsAreNotAllowed(t *testing.T) {
	refuses(t, nil, "https://evil.example", "https://ringcentral.com", "https://www.ringcentral.com", "https://com",
		"https://169.254.169.254")
}

func TestTheVendorsHostAsAPrefixIsNotAllowed(t *testing.T) {
	refuses(t, nil, "https://engage.ringcentral.com.evil.example", "https://engage.ringcentral.comevil.example",
		"https://engage.ringcentral.com-evil.example")
}

func TestTheVendorsHostAsASuffixIsNotAllowed(t *testing.T) {
	refuses(t, nil, "https://evilengage.ringcentral.com", "https://evil.engage.ringcentral.com",
		"https://evil-engage.ringcentral.com")
}

func TestUserInfoIsNotAllowed(t *testing.T) {
	refuses(t, nil, "https://engage.ringcentral.com@evil.example", "https://engage.ringcentral.com:443@evil.example",
		"https://user:password@engage.ringcentral.com", "https://@engage.ringcentral.com",
		"https://engage.ringcentral.com%40evil.example", "https://evil.example%2f@engage.ringcentral.com")
}

func TestOtherPortsAreNotAllowed(t *testing.T) {
	refuses(t, nil, "https://engage.ringcentral.com:8443", "https://engage.ringcentral.com:80",
		"https://engage.ringcentral.com:", "https://engage.ringcentral.com:0443", "https://engage.ringcentral.com:65979")
	accepts(t, environment{settings.EnvAllowedHosts: "engage.ringcentral.com:8443"}, "https://engage.ringcentral.com:8443",
		"https://engage.ringcentral.com")
	refuses(t, environment{settings.EnvAllowedHosts: "other.example:8443"}, "https://other.example",
		"https://other.example:443", "https://other.example:8444")
}

func TestTrailingDotsAreNotAllowed(t *testing.T) {
	refuses(t, nil, "https://engage.ringcentral.com.", "https://engage.ringcentral.com.:443",
		"https://engage.ringcentral.com..")
	if _, err := (environment{settings.EnvEngageBaseURL: "https://engage.ringcentral.com."}).read(); err == nil {
		t.Error("the environment may name one")
	}
}

func TestLookAlikesOfOtherScriptsAreNotAllowed(t *testing.T) {
	refuses(t, nil, "https://engagе.ringcentral.com", "https://еngage.ringcentral.com", "https://engage.ringcentra1.com",
		"https://engage。ringcentral。com",
		"https://ｅｎｇａｇｅ.ringcentral.com", "https://engage.rıngcentral.com", "https://engage.ringcentral.com\u200d",
		"https://engage.ringcentraⅼ.com", "https://engage.ringcentral.com\u2024")
}

func TestPunycodeIsNotAllowedUnlessListed(t *testing.T) {
	refuses(t, nil, "https://xn--engag-dra.ringcentral.com", "https://engage.xn--rngcentral-n4a.com")
	accepts(t, environment{settings.EnvAllowedHosts: "xn--bcher-kva.example"}, "https://xn--bcher-kva.example")
}

func TestIPv6LiteralsAreNotAllowedUnlessListed(t *testing.T) {
	refuses(t, nil, "https://[::1]", "http://[::1]", "https://[2001:db8::1]", "https://[::ffff:127.0.0.1]",
		"https://[::ffff:a9fe:a9fe]", "https://[fd00:ec2::254]")
	accepts(t, environment{settings.EnvAllowedHosts: "https://[2001:db8::1]:8443,[::1]:8080"},
		"https://[2001:db8::1]:8443", "http://[::1]:8080")
}

func TestIPv6ZonesAreNotAllowed(t *testing.T) {
	refuses(t, environment{settings.EnvAllowedHosts: "[fe80::1]"}, "https://[fe80::1%25eth0]", "https://[fe80::1%eth0]",
		"http://[::1%25engage.ringcentral.com]")
}

func TestNumbersThatResolveToAHostAreNotAllowed(t *testing.T) {
	bases := []string{"http://2130706433", "http://0x7f000001", "http://0177.0.0.1", "http://127.1", "http://127.0.0.1.",
		"http://0", "http://127.0.0.1.nip.example"}
	refuses(t, nil, bases...)
	for _, base := range bases {
		if _, err := (environment{settings.EnvEngageBaseURL: base}).read(); err == nil {
			t.Errorf("the environment may name %s", base)
		}
	}
}

func TestHostsThatBeginLikeThisMachineAreNotThisMachine(t *testing.T) {
	bases := []string{"http://localhost.evil.example", "http://localhost.localdomain", "http://localhost-evil.example",
		"http://127.0.0.1.evil.example",
		"http://host.docker.internal.evil.example", "http://evil.host.docker.internal", "http://evil.localhost",
		"http://localhostevil"}
	refuses(t, environment{settings.EnvAllowedHosts: "localhost,127.0.0.1,host.docker.internal"}, bases...)
	for _, base := range bases {
		if _, err := (environment{settings.EnvEngageBaseURL: base}).read(); err == nil {
			t.Errorf("the environment may name %s", base)
		}
	}
}

func TestPathsQueriesAndFragmentsAreNotAllowed(t *testing.T) {
	refuses(t, nil, "https://engage.ringcentral.com/voice", "https://engage.ringcentral.com/%2e%2e",
		"https://engage.ringcentral.com?x", "https://engage.ringcentral.com#x",
		"https://engage.ringcentral.com/api?x", "https://evil.example/engage.ringcentral.com",
		"https://evil.example?engage.ringcentral.com", "https://evil.example#engage.ringcentral.com")
}

func TestBackslashesAndControlCharactersAreNotAllowed(t *testing.T) {
	refuses(t, nil, `https://evil.example\engage.ringcentral.com`, `https://engage.ringcentral.com\@evil.example`,
		"https://engage.ringcentral.com\n", "\thttps://engage.ringcentral.com",
		"https://engage.ringcentral.com\r\nHost: evil.example", "https://engage.ringcentral.com\x00.evil.example",
		"ht\ntps://engage.ringcentral.com")
}

func TestOtherSchemesAreNotAllowed(t *testing.T) {
	refuses(t, environment{settings.EnvAllowedHosts: "a.example"}, "ftp://engage.ringcentral.com", "file:///etc/passwd",
		"//engage.ringcentral.com", "engage.ringcentral.com",
		"https:engage.ringcentral.com", "javascript:alert(1)", "unix:///run/docker.sock",
		"http+unix://a.example", "a.example")
}

func TestPlainHTTPIsNotAllowedForTheVendorsHosts(t *testing.T) {
	refuses(t, nil, "http://engage.ringcentral.com", "http://engage.ringcentral.com:443", "http://portal.vacd.biz/api")
	_, err := mustRead(t, nil).Endpoint(engage.FlowEngage, "http://engage.ringcentral.com")
	if err == nil || err.Error() != `setting secret field "baseUrl" is plain http; use https, or list the host with `+
		`http:// in ENGAGE_ALLOWED_HOSTS` {
		t.Errorf("error %v", err)
	}
}

func TestPlainHTTPIsAllowedIfTheListSaysSo(t *testing.T) {
	listed := environment{settings.EnvAllowedHosts: "http://engage.internal.example:8080"}
	accepts(t, listed, "http://engage.internal.example:8080")
	refuses(t, listed, "https://engage.internal.example:8080", "http://engage.internal.example",
		"http://engage.internal.example:8081")
	// A host listed without a scheme means https.
	refuses(t, environment{settings.EnvAllowedHosts: "engage.internal.example"}, "http://engage.internal.example")
	if _, err := (environment{settings.EnvEngageBaseURL: "http://engage.internal.example:8080",
		settings.EnvAllowedHosts: "http://engage.internal.example:8080"}).read(); err != nil {
		t.Errorf("the environment may not name it: %v", err)
	}
}

func TestPlainHTTPIsAllowedForThisMachine(t *testing.T) {
	for _, base := range []string{"http://localhost:8080", "http://127.0.0.1:8080", "http://127.8.8.8",
		"http://[::1]:8080", "http://host.docker.internal:8080", "http://LOCALHOST"} {
		s, err := environment{settings.EnvEngageBaseURL: base, settings.EnvRingCentralBaseURL: base}.read()
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		if _, err := s.Endpoint(engage.FlowRingCentral, base); err != nil {
			t.Errorf("a secret may not name %s, which the environment names: %v", base, err)
		}
	}
}

func TestThisMachineIsNotAllowedToASecretUnlessListed(t *testing.T) {
	refuses(t, nil, "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "http://host.docker.internal",
		"http://localhost:9001")
	refuses(t, environment{settings.EnvAllowedHosts: "127.0.0.1:8080"}, "http://127.0.0.1:8081", "http://127.0.0.1",
		"http://127.0.0.2:8080", "http://localhost:8080")
	accepts(t, environment{settings.EnvAllowedHosts: "127.0.0.1:8080"}, "http://127.0.0.1:8080", "https://127.0.0.1:8080")
	accepts(t, environment{settings.EnvAllowedHosts: "localhost, [::1]"}, "http://localhost:1", "https://localhost:65535",
		"http://localhost", "http://[::1]:8080")
}

// A person who can set the environment has deployed the function, and needs no list. A person who
// can write a secret or a parameter needs it.
func TestTheEnvironmentIsTrustedAndParametersAndSecretsAreNot(t *testing.T) {
	s := mustRead(t, environment{settings.EnvEngageBaseURL: "https://new-host.example:8443",
		settings.EnvRingCentralBaseURL: "https://new-platform.example"})
	if got := host(t, s, engage.FlowEngage, ""); got != "https://new-host.example:8443" {
		t.Errorf("calls go to %s", got)
	}
	if got := host(t, s, engage.FlowEngage, "https://new-host.example:8443"); got != "https://new-host.example:8443" {
		t.Errorf("a secret that names the same host: %s", got)
	}
	refuses(t, environment{settings.EnvEngageBaseURL: "https://new-host.example:8443"}, "https://new-host.example",
		"https://evil.example")
}

// A host that a parameter names is not thereby allowed in a secret.
func TestAParameterDoesNotExtendTheList(t *testing.T) {
	e := environment{settings.EnvAllowedHosts: "listed.example"}
	s, err := mustRead(t, e).WithParameters(t.Context(), parameters{"base-url": "https://listed.example"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Endpoint(engage.FlowEngage, "https://evil.example"); err == nil {
		t.Error("accepted")
	}
}

func TestAnInvalidListIsRefusedAsAWhole(t *testing.T) {
	for _, list := range []string{"*", "*.ringcentral.com", "https://", "a.example;b.example/x", "user@a.example",
		"a.example.", "http://", "a.example b.example", "a.example/path", "ftp://a.example", "ä.example"} {
		s, err := environment{settings.EnvAllowedHosts: list}.read()
		if err != nil {
			continue
		}
		// A wildcard is a host name of its own, which no URL resolves to: it must not match others.
		for _, base := range []string{"https://evil.ringcentral.com", "https://a.example", "https://evil.example"} {
			if _, err := s.Endpoint(engage.FlowEngage, base); err == nil {
				t.Errorf("list %q allows %s", list, base)
			}
		}
	}
}

func TestAnEmptyListAllowsTheVendorAlone(t *testing.T) {
	for _, list := range []string{"", " ", ",", " , ,"} {
		e := environment{settings.EnvAllowedHosts: list}
		accepts(t, e, "https://engage.ringcentral.com")
		refuses(t, e, "https://evil.example", "https://")
	}
}

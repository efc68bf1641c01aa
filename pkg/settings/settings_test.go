package settings_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/settings"
)

// environment is a function's environment variables by name.
type environment map[string]string

func (e environment) read() (settings.Settings, error) {
	return settings.FromEnvironment(func(name string) string { return e[name] })
}

// parameters are the parameters below the prefix, by the end of their names.
type parameters map[string]string

func (p parameters) List(_ context.Context, path string) (map[string]string, error) {
	values := map[string]string{}
	for name, value := range p {
		values[path+"/"+name] = value
	}
	return values, nil
}

type failing struct{ err error }

func (f failing) List(context.Context, string) (map[string]string, error) { return nil, f.err }

func mustRead(t testing.TB, e environment) settings.Settings {
	t.Helper()
	s, err := e.read()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func host(t testing.TB, s settings.Settings, flow engage.Flow, field string) string {
	t.Helper()
	endpoint, err := s.Endpoint(flow, field)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint.BaseURL.String()
}

func TestTheDefaults(t *testing.T) {
	s := mustRead(t, nil)
	if s.Prefix != "/engage-token-rotation" || s.Retention != 0 || s.Exclusive || s.LogLevel != slog.LevelInfo {
		t.Errorf("settings %+v", s)
	}
	for flow, want := range map[engage.Flow]string{
		engage.FlowEngage: "https://engage.ringcentral.com", engage.FlowRingCentral: "https://engage.ringcentral.com",
		engage.FlowLegacy: "https://portal.vacd.biz",
	} {
		if got := host(t, s, flow, ""); got != want {
			t.Errorf("%s calls %s, want %s", flow, got, want)
		}
	}
	endpoint, _ := s.Endpoint(engage.FlowRingCentral, "")
	if endpoint.PlatformURL.String() != "https://platform.ringcentral.com" || endpoint.Flow != engage.FlowRingCentral {
		t.Errorf("endpoint %v", endpoint)
	}
}

func TestASecretsFieldOverridesAParameterTheEnvironmentAndTheDefault(t *testing.T) {
	inEnvironment := environment{
		settings.EnvEngageBaseURL:      "https://from-environment.example",
		settings.EnvRingCentralBaseURL: "https://rc-environment.example/",
		settings.EnvRetention:          "1h", settings.EnvExclusiveUser: "true",
		settings.EnvAllowedHosts: "from-parameter.example, from-secret.example,rc-parameter.example",
	}
	s := mustRead(t, inEnvironment)
	if got := host(t, s, engage.FlowEngage, ""); got != "https://from-environment.example" ||
		s.Retention != time.Hour || !s.Exclusive {
		t.Errorf("environment: %s, %v, %v", got, s.Retention, s.Exclusive)
	}
	laid, err := s.WithParameters(t.Context(), parameters{
		"base-url": "https://from-parameter.example", "ringcentral-base-url": "https://rc-parameter.example",
		"previous-token-retention": "0s", "exclusive-user": "false", "other": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := host(t, laid, engage.FlowEngage, ""); got != "https://from-parameter.example" || laid.Retention != 0 ||
		laid.Exclusive {
		t.Errorf("parameters: %s, %v, %v", got, laid.Retention, laid.Exclusive)
	}
	endpoint, _ := laid.Endpoint(engage.FlowRingCentral, "https://from-secret.example")
	if endpoint.BaseURL.String() != "https://from-secret.example" ||
		endpoint.PlatformURL.String() != "https://rc-parameter.example" {
		t.Errorf("secret: %v", endpoint)
	}
	unchanged, err := s.WithParameters(t.Context(), parameters{})
	if err != nil || host(t, unchanged, engage.FlowEngage, "") != "https://from-environment.example" ||
		unchanged.Retention != time.Hour || !unchanged.Exclusive {
		t.Errorf("no parameters: %+v, %v", unchanged, err)
	}
	if s.Retention != time.Hour {
		t.Error("the settings of the environment were changed")
	}
}

func TestANamedHostServesTheLegacyFlowToo(t *testing.T) {
	s := mustRead(t, environment{settings.EnvEngageBaseURL: "https://portal.virtualacd.biz/api"})
	if got := host(t, s, engage.FlowLegacy, ""); got != "https://portal.virtualacd.biz" {
		t.Errorf("environment: %s", got)
	}
	laid, err := mustRead(t, nil).WithParameters(t.Context(), parameters{"base-url": "https://portal.virtualacd.biz/api/"})
	if err != nil || host(t, laid, engage.FlowLegacy, "") != "https://portal.virtualacd.biz" {
		t.Errorf("parameter: %v", err)
	}
}

func TestAnInvalidSettingNamesSettingFaultAndRemedy(t *testing.T) {
	cases := map[string]struct {
		environment environment
		want        string
	}{
		"base URL": {environment{settings.EnvEngageBaseURL: "engage.ringcentral.com"},
			"setting ENGAGE_BASE_URL does not start with https://; give scheme, host and port alone"},
		"plain http": {environment{settings.EnvEngageBaseURL: "http://engage.ringcentral.com"},
			"setting ENGAGE_BASE_URL is plain http; use https, or list the host with http:// in ENGAGE_ALLOWED_HOSTS"},
		"platform": {environment{settings.EnvRingCentralBaseURL: "https://a@b.example"},
			"setting RINGCENTRAL_BASE_URL holds user info in front of the host; give scheme, host and port alone"},
		"allowed hosts": {environment{settings.EnvAllowedHosts: "a.example,b.example/path"},
			"setting ENGAGE_ALLOWED_HOSTS an entry holds a path; give scheme, host and port alone"},
		"retention": {environment{settings.EnvRetention: "7 days"},
			`setting PREVIOUS_TOKEN_RETENTION is not a duration from "0s" to "8760h"; write it as "90m" or "1h30m"`},
		"negative": {environment{settings.EnvRetention: "-1s"},
			`setting PREVIOUS_TOKEN_RETENTION is not a duration from "0s" to "8760h"; write it as "90m" or "1h30m"`},
		"too long": {environment{settings.EnvRetention: "8761h"},
			`setting PREVIOUS_TOKEN_RETENTION is not a duration from "0s" to "8760h"; write it as "90m" or "1h30m"`},
		"exclusive": {environment{settings.EnvExclusiveUser: "yes"}, "setting EXCLUSIVE_USER is neither true nor false"},
		"proxy": {environment{settings.EnvProxy: "proxy.example:3128"},
			"setting ENGAGE_PROXY_URL does not start with https://; give scheme, host and port alone, " +
				"such as http://proxy.example:3128"},
		"proxy with a password": {environment{settings.EnvProxy: "http://user:hunter2@proxy.example:3128"},
			"setting ENGAGE_PROXY_URL holds user info in front of the host; give scheme, host and port alone, " +
				"such as http://proxy.example:3128"},
		"prefix": {environment{settings.EnvPrefix: "no-slash"},
			"setting PARAMETER_PREFIX is not a parameter path; use one such as /engage-token-rotation"},
		"level": {environment{settings.EnvLogLevel: "LOUD"},
			"setting LOG_LEVEL is not a level; use DEBUG, INFO, WARN or ERROR"},
	}
	for name, c := range cases {
		_, err := c.environment.read()
		if err == nil || err.Error() != c.want || !errors.Is(err, settings.ErrInvalid) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
	s := mustRead(t, nil)
	for parameter, want := range map[string]string{
		"base-url": "setting /engage-token-rotation/settings/base-url does not start with https://; " +
			"give scheme, host and port alone",
		"ringcentral-base-url": "setting /engage-token-rotation/settings/ringcentral-base-url does not start with " +
			"https://; give scheme, host and port alone",
		"previous-token-retention": `setting /engage-token-rotation/settings/previous-token-retention is not a duration ` +
			`from "0s" to "8760h"; write it as "90m" or "1h30m"`,
		"exclusive-user": "setting /engage-token-rotation/settings/exclusive-user is neither true nor false",
		"proxy-url": "setting /engage-token-rotation/settings/proxy-url is not allowed; " +
			"set ENGAGE_PROXY_URL of the functions, and delete the parameter",
	} {
		_, err := s.WithParameters(t.Context(), parameters{parameter: "hunter2"})
		if err == nil || err.Error() != want || !errors.Is(err, settings.ErrInvalid) {
			t.Errorf("%s:\n got %v\nwant %s", parameter, err, want)
		}
	}
	if _, err := s.Endpoint(engage.FlowEngage, "hunter2"); err == nil ||
		err.Error() != `setting secret field "baseUrl" does not start with https://; give scheme, host and port alone` {
		t.Errorf("secret field: %v", err)
	}
}

func TestTheEnvironmentNamesTheProxy(t *testing.T) {
	if s := mustRead(t, nil); s.Proxy != nil {
		t.Errorf("proxy %v without a setting", s.Proxy)
	}
	for _, value := range []string{"http://proxy.example:3128", "https://proxy.example"} {
		s := mustRead(t, environment{settings.EnvProxy: value})
		s, err := s.WithParameters(t.Context(), parameters{})
		if err != nil || s.Proxy == nil || s.Proxy.String() != value {
			t.Errorf("proxy %v, %v; want %s", s.Proxy, err, value)
		}
	}
}

func TestSettingsThatCannotBeReadAreNotGuessed(t *testing.T) {
	broken := errors.New("AccessDeniedException")
	_, err := mustRead(t, nil).WithParameters(t.Context(), failing{broken})
	if !errors.Is(err, broken) || errors.Is(err, settings.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	if want := "read the settings below /engage-token-rotation/settings"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
}

func TestPrefixAndLevelAreRead(t *testing.T) {
	s := mustRead(t, environment{settings.EnvPrefix: "/team/rotation/", settings.EnvLogLevel: "debug"})
	if s.Prefix != "/team/rotation" || s.LogLevel != slog.LevelDebug {
		t.Errorf("%q, %v", s.Prefix, s.LogLevel)
	}
	for _, prefix := range []string{"/", "//", "/a//b", "/a b", "/a/../b?", "/" + strings.Repeat("a", 101), "/a/b/c/d/e/f",
		"/ä", "/a\n"} {
		if _, err := (environment{settings.EnvPrefix: prefix}).read(); err == nil {
			t.Errorf("prefix %q accepted", prefix)
		}
	}
}

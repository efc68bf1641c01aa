// Package settings reads the settings of the functions. A field of the secret overrides an SSM
// parameter, which overrides an environment variable, which overrides the default.
//
// An invalid setting is an [Error] that names the setting, what is wrong with its value, and the
// remedy. It is found before anything is created.
package settings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
)

// The environment variables.
const (
	EnvEngageBaseURL      = "ENGAGE_BASE_URL"
	EnvRingCentralBaseURL = "RINGCENTRAL_BASE_URL"
	EnvAllowedHosts       = "ENGAGE_ALLOWED_HOSTS"
	EnvRetention          = "PREVIOUS_TOKEN_RETENTION"
	EnvExclusiveUser      = "EXCLUSIVE_USER"
	EnvAdminSecret        = "ADMIN_SECRET_ARN"
	EnvTokenSecret        = "TOKEN_SECRET_ARN"
	EnvPrefix             = "PARAMETER_PREFIX"
	EnvProxy              = "ENGAGE_PROXY_URL"
	EnvLogLevel           = "LOG_LEVEL"
)

// The parameters below {prefix}/settings/.
const (
	paramEngageBaseURL      = "base-url"
	paramRingCentralBaseURL = "ringcentral-base-url"
	paramRetention          = "previous-token-retention"
	paramExclusiveUser      = "exclusive-user"
	paramProxy              = "proxy-url" // refused: only who deploys decides what sees the calls
)

// The defaults.
const (
	DefaultEngageBaseURL      = "https://engage.ringcentral.com"
	DefaultRingCentralBaseURL = "https://platform.ringcentral.com"
	DefaultPrefix             = "/engage-token-rotation"
	// defaultLegacyBaseURL is the API host of the legacy flow if no setting names one.
	defaultLegacyBaseURL = "https://portal.vacd.biz"
)

// MaxRetention is the longest PREVIOUS_TOKEN_RETENTION.
const MaxRetention = 365 * 24 * time.Hour

// ErrInvalid is wrapped by every Error: a person has to correct a setting.
var ErrInvalid = errors.New("a setting is invalid")

// Error is an invalid setting.
type Error struct {
	Setting string // the environment variable, the parameter's name, or the secret's field
	Fault   string // what is wrong with the value and what to do; never the value
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("setting %s %s", e.Setting, e.Fault) }

// Unwrap returns ErrInvalid.
func (e *Error) Unwrap() error { return ErrInvalid }

// Parameters reads SSM parameters.
type Parameters interface {
	// List returns name and value of every parameter directly below the path, which has no trailing
	// slash.
	List(ctx context.Context, path string) (map[string]string, error)
}

// Settings are the settings of one invocation. They are immutable and safe for concurrent use.
type Settings struct {
	// Prefix is the path of settings and ledger, without a trailing slash.
	Prefix string
	// Retention is how long the previous token lives after a swap; zero deletes it in finishSecret.
	Retention time.Duration
	// Exclusive declares that no other program uses the Engage users of these rotations.
	Exclusive bool
	// AdminSecret and TokenSecret are the ARNs or names of the secrets that the stack was deployed
	// with, or "".
	AdminSecret, TokenSecret string
	// Proxy carries the calls to the vendor, or is nil. Only the environment can name it.
	Proxy *url.URL

	// LogLevel is the least level that is logged.
	LogLevel slog.Level

	neverExclusive           bool // the parameter is ignored
	engageBase, platformBase *url.URL
	allowedText              string
	api, platform            hosts
	sources                  map[string]Source // by environment variable; the default's are missing
}

// FromEnvironment reads the environment, and no parameter; getenv is os.Getenv outside of tests.
func FromEnvironment(getenv func(string) string) (Settings, error) {
	s := Settings{Prefix: DefaultPrefix, allowedText: getenv(EnvAllowedHosts), sources: map[string]Source{}}
	for _, name := range names {
		if getenv(name) != "" {
			s.sources[name] = SourceEnvironment
		}
	}
	if err := s.allow(s.allowedText); err != nil {
		return Settings{}, &Error{EnvAllowedHosts, err.Error()}
	}
	if prefix := getenv(EnvPrefix); prefix != "" {
		s.Prefix = strings.TrimSuffix(prefix, "/")
	}
	if !isPrefix(s.Prefix) {
		return Settings{}, &Error{EnvPrefix, "is not a parameter path; use one such as " + DefaultPrefix}
	}
	if level := getenv(EnvLogLevel); level != "" {
		if err := s.LogLevel.UnmarshalText([]byte(level)); err != nil {
			return Settings{}, &Error{EnvLogLevel, "is not a level; use DEBUG, INFO, WARN or ERROR"}
		}
	}
	if err := s.setTrustedBases(getenv); err != nil {
		return Settings{}, err
	}
	if err := s.setRetention(EnvRetention, getenv(EnvRetention)); err != nil {
		return Settings{}, err
	}
	s.neverExclusive = strings.EqualFold(strings.TrimSpace(getenv(EnvExclusiveUser)), "never")
	if !s.neverExclusive {
		if err := s.setExclusive(EnvExclusiveUser, getenv(EnvExclusiveUser)); err != nil {
			return Settings{}, err
		}
	}
	s.AdminSecret, s.TokenSecret = getenv(EnvAdminSecret), getenv(EnvTokenSecret)
	var err error
	s.Proxy, err = parseProxy(getenv(EnvProxy))
	return s, err
}

// setTrustedBases sets the hosts of the environment. A person who can set it has deployed the
// function: the hosts need not be on the allow-list, but the scheme must be safe.
func (s *Settings) setTrustedBases(getenv func(string) string) error {
	s.engageBase, _ = engage.ParseBaseURL(DefaultEngageBaseURL)
	s.platformBase, _ = engage.ParseBaseURL(DefaultRingCentralBaseURL)
	if err := setBase(EnvEngageBaseURL, getenv(EnvEngageBaseURL), &s.engageBase, s.api.checkTrusted); err != nil {
		return err
	}
	err := setBase(EnvRingCentralBaseURL, getenv(EnvRingCentralBaseURL), &s.platformBase, s.platform.checkTrusted)
	if err != nil {
		return err
	}
	s.api.allowed[s.engageBase.String()] = true
	s.platform.allowed[s.platformBase.String()] = true
	return nil
}

// allow reads the allow-list.
func (s *Settings) allow(text string) (err error) {
	s.api = hosts{vendor: vendorHosts, others: platformHosts, use: "the API"}
	s.platform = hosts{vendor: platformHosts, others: vendorHosts, use: "the JWT grant"}
	if s.api.allowed, err = parseHosts(text, s.api.vendor); err != nil {
		return err
	}
	s.platform.allowed, err = parseHosts(text, s.platform.vendor)
	return err
}

// isPrefix reports whether the text is a parameter path of at most five levels, which leaves room
// for the levels below it: SSM allows 15.
func isPrefix(text string) bool {
	levels := strings.Split(text, "/")
	if len(levels) < 2 || len(levels) > 6 || levels[0] != "" {
		return false
	}
	for _, level := range levels[1:] {
		if level == "" || len(level) > 100 || strings.IndexFunc(level, notInName) >= 0 {
			return false
		}
	}
	return true
}

// notInName reports whether SSM refuses the character in a parameter's name.
func notInName(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && !('0' <= r && r <= '9') && !strings.ContainsRune("_.-", r)
}

// WithParameters returns the settings as the SSM parameters below {prefix}/settings override them.
func (s Settings) WithParameters(ctx context.Context, parameters Parameters) (Settings, error) {
	path := s.Prefix + "/settings"
	values, err := parameters.List(ctx, path)
	if err != nil {
		return Settings{}, fmt.Errorf("read the settings below %s: %w", path, err)
	}
	s.sources = maps.Clone(s.sources)
	read := func(parameter, variable string) (string, string) {
		name := path + "/" + parameter
		if values[name] != "" {
			s.sources[variable] = SourceParameter
		}
		return name, values[name]
	}
	if name, value := read(paramProxy, EnvProxy); value != "" {
		return Settings{}, &Error{name, "is not allowed; set " + EnvProxy + " of the functions, and delete the parameter"}
	}
	name, value := read(paramEngageBaseURL, EnvEngageBaseURL)
	if err := setBase(name, value, &s.engageBase, s.api.check); err != nil {
		return Settings{}, err
	}
	name, value = read(paramRingCentralBaseURL, EnvRingCentralBaseURL)
	if err := setBase(name, value, &s.platformBase, s.platform.check); err != nil {
		return Settings{}, err
	}
	name, value = read(paramRetention, EnvRetention)
	if err := s.setRetention(name, value); err != nil {
		return Settings{}, err
	}
	if s.neverExclusive {
		return s, nil
	}
	name, value = read(paramExclusiveUser, EnvExclusiveUser)
	if err := s.setExclusive(name, value); err != nil {
		return Settings{}, err
	}
	return s, nil
}

func setBase(name, value string, base **url.URL, check func(*url.URL) error) error {
	if value == "" {
		return nil
	}
	parsed, err := engage.ParseBaseURL(value)
	if err == nil {
		err = check(parsed)
	}
	if err != nil {
		return &Error{name, err.Error()}
	}
	*base = parsed
	return nil
}

// parseProxy returns nil without a proxy. Either scheme will do: what the proxy carries is TLS.
func parseProxy(value string) (*url.URL, error) {
	if value == "" {
		return nil, nil
	}
	proxy, err := engage.ParseBaseURL(value)
	if err != nil {
		return nil, &Error{EnvProxy, err.Error() + ", such as http://proxy.example:3128"}
	}
	return proxy, nil
}

func (s *Settings) setRetention(name, value string) error {
	if value == "" {
		return nil
	}
	retention, err := time.ParseDuration(strings.TrimSpace(value))
	if err != nil || retention < 0 || retention > MaxRetention {
		return &Error{name, `is not a duration from "0s" to "8760h"; write it as "90m" or "1h30m"`}
	}
	s.Retention = retention
	return nil
}

func (s *Settings) setExclusive(name, value string) error {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "":
	case "true":
		s.Exclusive = true
	case "false":
		s.Exclusive = false
	default:
		return &Error{name, "is neither true nor false"}
	}
	return nil
}

// Endpoint returns where a secret's calls go: baseURL is the secret's field baseUrl, or "".
func (s Settings) Endpoint(flow engage.Flow, baseURL string) (engage.Endpoint, error) {
	endpoint := engage.Endpoint{Flow: flow, BaseURL: s.engageBase, PlatformURL: s.platformBase}
	if flow == engage.FlowLegacy && s.sources[EnvEngageBaseURL] == "" {
		endpoint.BaseURL, _ = engage.ParseBaseURL(defaultLegacyBaseURL)
	}
	if err := setBase(`secret field "baseUrl"`, baseURL, &endpoint.BaseURL, s.api.check); err != nil {
		return engage.Endpoint{}, err
	}
	return endpoint, nil
}

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
	EnvLogLevel           = "LOG_LEVEL"
)

// The parameters below {prefix}/settings/.
const (
	paramEngageBaseURL      = "base-url"
	paramRingCentralBaseURL = "ringcentral-base-url"
	paramRetention          = "previous-token-retention"
	paramExclusiveUser      = "exclusive-user"
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

	neverExclusive bool // the parameter is ignored
	// LogLevel is the least level that is logged.
	LogLevel slog.Level

	engageBase, platformBase *url.URL
	namedBase                bool // engageBase is not the default, so that the legacy flow uses it too
	allowed                  hosts
}

// FromEnvironment reads the environment, and no parameter; getenv is os.Getenv outside of tests.
func FromEnvironment(getenv func(string) string) (Settings, error) {
	s := Settings{Prefix: DefaultPrefix}
	var err error
	if s.allowed, err = parseHosts(getenv(EnvAllowedHosts)); err != nil {
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
	s.engageBase, _ = engage.ParseBaseURL(DefaultEngageBaseURL)
	s.platformBase, _ = engage.ParseBaseURL(DefaultRingCentralBaseURL)
	// A person who can set the environment has deployed the function: the host need not be on the
	// allow-list, but the scheme must be safe.
	trusted := func(name string, base **url.URL) error {
		return s.setBase(name, getenv(name), base, s.allowed.checkScheme)
	}
	if err := trusted(EnvEngageBaseURL, &s.engageBase); err != nil {
		return Settings{}, err
	}
	s.namedBase = getenv(EnvEngageBaseURL) != ""
	if err := trusted(EnvRingCentralBaseURL, &s.platformBase); err != nil {
		return Settings{}, err
	}
	for _, base := range []*url.URL{s.engageBase, s.platformBase} {
		s.allowed[base.String()] = true
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
	return s, nil
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
	read := func(name string) (string, string) { return path + "/" + name, values[path+"/"+name] }

	name, value := read(paramEngageBaseURL)
	if err := s.setBase(name, value, &s.engageBase, s.allowed.check); err != nil {
		return Settings{}, err
	}
	s.namedBase = s.namedBase || value != ""
	name, value = read(paramRingCentralBaseURL)
	if err := s.setBase(name, value, &s.platformBase, s.allowed.check); err != nil {
		return Settings{}, err
	}
	name, value = read(paramRetention)
	if err := s.setRetention(name, value); err != nil {
		return Settings{}, err
	}
	name, value = read(paramExclusiveUser)
	if s.neverExclusive {
		return s, nil
	}
	if err := s.setExclusive(name, value); err != nil {
		return Settings{}, err
	}
	return s, nil
}

func (s *Settings) setBase(name, value string, base **url.URL, check func(*url.URL) error) error {
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
	if flow == engage.FlowLegacy && !s.namedBase {
		endpoint.BaseURL, _ = engage.ParseBaseURL(defaultLegacyBaseURL)
	}
	if err := s.setBase(`secret field "baseUrl"`, baseURL, &endpoint.BaseURL, s.allowed.check); err != nil {
		return engage.Endpoint{}, err
	}
	return endpoint, nil
}

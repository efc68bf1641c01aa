package settings

import (
	"log/slog"
	"strconv"
)

// Source is where a setting comes from.
type Source string

// The sources; each overrides those that follow it.
const (
	SourceSecret      Source = "secret"
	SourceParameter   Source = "parameter"
	SourceEnvironment Source = "environment"
	SourceDefault     Source = "default"
)

// names are the settings that are reported, by their environment variables.
var names = []string{
	EnvEngageBaseURL, EnvRingCentralBaseURL, EnvAllowedHosts, EnvRetention, EnvExclusiveUser, EnvAdminSecret,
	EnvTokenSecret, EnvProxy, EnvPrefix, EnvLogLevel,
}

// Effective is a setting as it is used, and where it comes from. No setting is a secret.
type Effective struct {
	Setting string `json:"setting"` // the environment variable, or the secret's field
	Value   string `json:"value"`
	Source  Source `json:"source"`
	// Secret is the ARN of the secret that has the field.
	Secret string `json:"secret,omitempty"`
}

// Effective returns all settings in a fixed order.
func (s Settings) Effective() []Effective {
	exclusive := strconv.FormatBool(s.Exclusive)
	if s.neverExclusive {
		exclusive = "never"
	}
	proxy := ""
	if s.Proxy != nil {
		proxy = s.Proxy.String()
	}
	values := map[string]string{
		EnvEngageBaseURL: s.engageBase.String(), EnvRingCentralBaseURL: s.platformBase.String(),
		EnvAllowedHosts: s.allowedText, EnvRetention: s.Retention.String(), EnvExclusiveUser: exclusive,
		EnvAdminSecret: s.AdminSecret, EnvTokenSecret: s.TokenSecret, EnvPrefix: s.Prefix,
		EnvProxy: proxy, EnvLogLevel: s.LogLevel.String(),
	}
	var all []Effective
	for _, name := range names {
		source := s.sources[name]
		if source == "" {
			source = SourceDefault
		}
		all = append(all, Effective{Setting: name, Value: values[name], Source: source})
	}
	return all
}

// LogValue implements [slog.LogValuer]: each setting as a group of its value and source.
func (s Settings) LogValue() slog.Value {
	var groups []slog.Attr
	for _, e := range s.Effective() {
		groups = append(groups, slog.Group(e.Setting, "value", e.Value, "source", string(e.Source)))
	}
	return slog.GroupValue(groups...)
}

package sandbox

import (
	"encoding/json"
	"net"
	"net/url"

	"engage-token-rotation/pkg/settings"
)

// Settings returns the environment of functions that reach this sandbox at the given host. In
// containers that host is host.docker.internal.
func (s *Sandbox) Settings(host string) map[string]string {
	awsURL, engageURL := under(s.AWSURL, host), under(s.EngageURL, host)
	env := map[string]string{
		"AWS_ENDPOINT_URL":             awsURL,
		settings.EnvEngageBaseURL:      engageURL,
		settings.EnvRingCentralBaseURL: engageURL,
		settings.EnvAllowedHosts:       engageURL,
		settings.EnvRetention:          s.config.Retention.String(),
		settings.EnvTokenSecret:        TokenSecret,
		settings.EnvAdminSecret:        AdminSecret,
		"TOKEN_SECRET_ID":              TokenSecret,
		"TOKEN_CACHE_TTL":              "5m",
	}
	// The sandbox's own functions start before there are secrets, and know them by name.
	if f := s.functions[FunctionRotate]; f != nil {
		env["ROTATION_FUNCTION_ARN"] = f.ARN()
	}
	for name, id := range map[string]string{settings.EnvTokenSecret: TokenSecret, settings.EnvAdminSecret: AdminSecret} {
		if arn := s.services.Load().aws.Secrets.ARN(id); arn != "" {
			env[name] = arn
		}
	}
	return env
}

// EnvVars returns the file for `sam local invoke --env-vars`: the settings as containers need them.
func (s *Sandbox) EnvVars() []byte {
	text, _ := json.MarshalIndent(map[string]any{"Parameters": s.Settings("host.docker.internal")}, "", "  ")
	return append(text, '\n')
}

// Exports returns the shell lines after which the AWS CLI and SDKs call this sandbox.
func (s *Sandbox) Exports() []string {
	return []string{
		"export AWS_ENDPOINT_URL=" + s.AWSURL,
		"export AWS_REGION=" + Region + " AWS_DEFAULT_REGION=" + Region,
		"export AWS_ACCESS_KEY_ID=" + callerUser + " AWS_SECRET_ACCESS_KEY=sandbox AWS_SESSION_TOKEN=",
		"export AWS_EC2_METADATA_DISABLED=true AWS_PAGER=",
	}
}

// under returns a URL with another host and the same port.
func under(base, host string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.Host = net.JoinHostPort(host, u.Port())
	return u.String()
}

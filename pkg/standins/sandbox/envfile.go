package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
)

// writeEnvFile writes the file for `sam local invoke --env-vars`, unless path is "". If the file is
// that of another sandbox that runs, it stays as it is, and owner is the address of that sandbox.
func (s *Sandbox) writeEnvFile(ctx context.Context, path string) (owner string, err error) {
	if path == "" {
		return "", nil
	}
	if owner := s.envFileOwner(ctx, path); owner != "" {
		return owner, nil
	}
	if err := os.WriteFile(path, s.EnvVars(), 0o600); err != nil {
		return "", fmt.Errorf("write the --env-vars file: %w; name another one with -env-vars", err)
	}
	return "", nil
}

// envFileOwner returns the address of the other sandbox that wrote the file and still listens, or
// "".
func (s *Sandbox) envFileOwner(ctx context.Context, path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var file struct {
		Parameters struct {
			Endpoint string `json:"AWS_ENDPOINT_URL"`
		}
	}
	if json.Unmarshal(text, &file) != nil {
		return ""
	}
	endpoint, err := url.Parse(file.Parameters.Endpoint)
	if err != nil || endpoint.Port() == "" {
		return ""
	}
	there := under(file.Parameters.Endpoint, s.config.reachable())
	if there == s.AWSURL {
		return ""
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.config.reachable(), endpoint.Port()))
	if err != nil {
		return ""
	}
	_ = connection.Close()
	return there
}

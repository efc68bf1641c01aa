package awsenv_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/internal/awsenv"
)

var lambda = map[string]string{
	"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "session",
}

func config(add map[string]string) (aws.Config, error) {
	all := maps.Clone(lambda)
	maps.Copy(all, add)
	return awsenv.Config(func(name string) string { return all[name] })
}

func TestClientsTakeEndpointsFromTheEnvironment(t *testing.T) {
	const all, secrets, parameters = "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_SSM"
	for name, c := range map[string]struct {
		add                 map[string]string
		secrets, parameters string
	}{
		"none":         {nil, "", ""},
		"of all":       {map[string]string{all: "http://all"}, "http://all", "http://all"},
		"of one":       {map[string]string{all: "http://all", secrets: "http://s"}, "http://s", "http://all"},
		"of the other": {map[string]string{parameters: "http://p"}, "", "http://p"},
		"not wanted": {
			map[string]string{all: "http://all", secrets: "http://s", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}, "", "",
		},
	} {
		made, err := config(c.add)
		if err != nil {
			t.Fatal(err)
		}
		s, p := secretsmanager.NewFromConfig(made).Options(), ssm.NewFromConfig(made).Options()
		if aws.ToString(s.BaseEndpoint) != c.secrets || aws.ToString(p.BaseEndpoint) != c.parameters {
			t.Errorf("%s: %q and %q", name, aws.ToString(s.BaseEndpoint), aws.ToString(p.BaseEndpoint))
		}
	}
}

func TestClientsTakeTheRestFromTheEnvironment(t *testing.T) {
	made, err := config(map[string]string{
		"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "True", "AWS_MAX_ATTEMPTS": "7",
		"AWS_RETRY_MODE": "adaptive",
	})
	if err != nil {
		t.Fatal(err)
	}
	o := ssm.NewFromConfig(made).Options()
	if o.Region != "eu-west-1" || o.EndpointOptions.UseFIPSEndpoint != aws.FIPSEndpointStateEnabled ||
		o.EndpointOptions.UseDualStackEndpoint != aws.DualStackEndpointStateEnabled || o.RetryMaxAttempts != 7 ||
		o.RetryMode != aws.RetryModeAdaptive {
		t.Errorf("region %s, endpoints %+v, %d attempts, mode %s", o.Region, o.EndpointOptions, o.RetryMaxAttempts,
			o.RetryMode)
	}
	c, err := o.Credentials.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "id" || c.SecretAccessKey != "key" || c.SessionToken != "session" {
		t.Errorf("credentials of %s, %v", c.AccessKeyID, err)
	}
	plain, err := config(nil)
	o = ssm.NewFromConfig(plain).Options()
	if err != nil || o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled {
		t.Errorf("FIPS without the variable, %v", err)
	}
}

func TestWhatIsMissingOrWrongIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_MAX_ATTEMPTS": "many",
		"AWS_RETRY_MODE": "never",
	} {
		if _, err := config(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
}

package awstest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/tests/foreign"
)

// TestConformance runs each scenario against the stand-in, and against moto if it is installed. A
// scenario uses the SDK's clients alone, and does not depend on what answers.
func TestConformance(t *testing.T) {
	t.Run("awstest", func(t *testing.T) {
		server := awstest.New(t, nil)
		runScenarios(t, server.SDKConfig("AKIDTEST"), nil)
	})
	t.Run("moto", func(t *testing.T) {
		if testing.Short() {
			t.Skip("moto takes seconds to start: skipped with -short")
		}
		runScenarios(t, foreign.StartMoto(t).SDKConfig("AKIDMOTO"), motoDifferences)
	})
}

// scenario is one statement about a service. Its source is the documentation, or a recording of the
// service that another project's tests hold: the operation, the project, and the date.
type scenario struct {
	name, source string
	run          func(*client)
}

// documented is the source of what the API reference, the user guides or the service's model say.
const documented = "documentation"

func scenarios() []scenario {
	return slices.Concat(valueScenarios, labelScenarios, rotationScenarios, lifeScenarios, nameScenarios,
		listScenarios, passwordScenarios, parameterScenarios, parameterNameScenarios, referenceScenarios)
}

func runScenarios(t *testing.T, config aws.Config, excepted map[string]string) {
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			if reason, found := excepted[s.name]; found {
				t.Skip("known difference: " + reason)
			}
			t.Log("source:", s.source)
			s.run(&client{
				T: t, secrets: secretsmanager.NewFromConfig(config), parameters: ssm.NewFromConfig(config),
				name: "conformance/" + strings.ReplaceAll(s.name, " ", "-"),
			})
		})
	}
	for name := range excepted {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.name == name }) {
			t.Errorf("the table of differences names %q, which is not a scenario", name)
		}
	}
}

// client makes a scenario's calls. Its helpers fail the test if the service refuses.
type client struct {
	*testing.T
	secrets    *secretsmanager.Client
	parameters *ssm.Client
	name       string // a name of the scenario's own
}

// Version ids that scenarios give as ClientRequestToken.
const (
	v1 = "11111111-1111-4111-8111-111111111111"
	v2 = "22222222-2222-4222-8222-222222222222"
	v3 = "33333333-3333-4333-8333-333333333333"
)

// create makes the scenario's secret with the value "one" in version v1.
func (c *client) create() string {
	c.Helper()
	out, err := c.secrets.CreateSecret(c.Context(),
		&secretsmanager.CreateSecretInput{Name: &c.name, ClientRequestToken: aws.String(v1), SecretString: aws.String("one")})
	c.ok(err)
	return aws.ToString(out.ARN)
}

// createEmpty makes the scenario's secret without a value.
func (c *client) createEmpty() *secretsmanager.CreateSecretOutput {
	c.Helper()
	out, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &c.name})
	c.ok(err)
	return out
}

// put writes a value; without stages the service's default applies.
func (c *client) put(version, value string, stages ...string) (*secretsmanager.PutSecretValueOutput, error) {
	return c.secrets.PutSecretValue(c.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &c.name, ClientRequestToken: &version, SecretString: &value, VersionStages: stages,
	})
}

func (c *client) mustPut(version, value string, stages ...string) []string {
	c.Helper()
	out, err := c.put(version, value, stages...)
	c.ok(err)
	return out.VersionStages
}

// get reads a value by version, stage, both or neither.
func (c *client) get(version, stage string) (*secretsmanager.GetSecretValueOutput, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &c.name}
	if version != "" {
		in.VersionId = &version
	}
	if stage != "" {
		in.VersionStage = &stage
	}
	return c.secrets.GetSecretValue(c.Context(), in)
}

// move calls UpdateSecretVersionStage; empty versions are left out.
func (c *client) move(stage, from, to string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &c.name, VersionStage: &stage}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	if to != "" {
		in.MoveToVersionId = &to
	}
	_, err := c.secrets.UpdateSecretVersionStage(c.Context(), in)
	return err
}

// labels checks the whole map of versions and labels. The order of a version's labels is not
// compared.
func (c *client) labels(want map[string][]string) {
	c.Helper()
	out, err := c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
	c.ok(err)
	got := map[string][]string{}
	for version, stages := range out.VersionIdsToStages {
		if len(stages) > 0 {
			got[version] = slices.Sorted(slices.Values(stages))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.Errorf("labels (-want +got):\n%s", diff)
	}
}

func (c *client) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// fails checks an error's code, and its message if one is given.
func (c *client) fails(err error, code, message string) {
	c.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		c.Fatalf("got error %v, want %s", err, code)
	}
	if api.ErrorCode() != code {
		c.Errorf("got code %s (%s), want %s", api.ErrorCode(), api.ErrorMessage(), code)
	}
	if message != "" && api.ErrorMessage() != message {
		c.Errorf("got message %q, want %q", api.ErrorMessage(), message)
	}
}

// refused checks that a call failed with some client error.
func (c *client) refused(err error) {
	c.Helper()
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() < 400 || response.HTTPStatusCode() >= 500 {
		c.Errorf("got error %v, want a client error", err)
	}
}

// equal compares two texts.
func (c *client) equal(what, got, want string) {
	c.Helper()
	if got != want {
		c.Errorf("%s: got %q, want %q", what, got, want)
	}
}

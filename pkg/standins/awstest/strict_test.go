package awstest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/awstest"
)

// TestWhatIsNotSupportedIsRefusedByName sends what the SDKs could send, or a later version of the
// services may know. Nothing is taken and ignored.
func TestWhatIsNotSupportedIsRefusedByName(t *testing.T) {
	server := awstest.New(t, nil)
	for _, test := range []struct {
		name, target, body, want string
	}{
		{"an operation", "secretsmanager.PutResourcePolicy", `{"SecretId":"s"}`, "secretsmanager.PutResourcePolicy"},
		{"an operation of Systems Manager", "AmazonSSM.LabelParameterVersion", `{}`, "AmazonSSM.LabelParameterVersion"},
		{"another service", "AWSEvents.PutRule", `{}`, "AWSEvents.PutRule"},
		{"a member", "secretsmanager.CreateSecret", `{"Name":"n","ClientRequestToken":"` + v1 + `","Type":"x"}`,
			"CreateSecret: member Type"},
		{"a member of a member", "secretsmanager.RotateSecret", `{"SecretId":"s","RotationRules":{"Jitter":1}}`,
			"RotateSecret: member RotationRules.Jitter"},
		{"a member of a list", "secretsmanager.ListSecrets",
			`{"Filters":[{"Key":"name","Values":["n"]},{"Key":"name","Option":"x"}]}`,
			"ListSecrets: member Filters.2.Option"},
		{"a member in other letters", "secretsmanager.GetSecretValue", `{"secretId":"s"}`,
			"GetSecretValue: member secretId"},
		{"a field of the Go layer", "secretsmanager.PutSecretValue",
			`{"SecretId":"s","ClientRequestToken":"` + v1 + `","SecretString":"v","Caller":"c"}`,
			"PutSecretValue: member Caller"},
		{"parameter policies", "AmazonSSM.PutParameter", `{"Name":"/p","Value":"v","Type":"String","Policies":"[]"}`,
			"PutParameter: member Policies"},
		{"a data type", "AmazonSSM.PutParameter",
			`{"Name":"/p","Value":"v","Type":"String","DataType":"aws:ec2:image"}`, "PutParameter: DataType aws:ec2:image"},
		{"a filter's key", "AmazonSSM.DescribeParameters", `{"ParameterFilters":[{"Key":"KeyId","Values":["k"]}]}`,
			"DescribeParameters: filter key KeyId"},
		{"a kind of resource", "AmazonSSM.ListTagsForResource", `{"ResourceType":"Document","ResourceId":"d"}`,
			`ResourceType \"Document\"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, got := send(t, server, test.target, test.body)
			if status != 400 || !strings.Contains(got, `"__type":"NotSupported"`) || !strings.Contains(got, test.want) ||
				!strings.Contains(got, "is not supported by awstest") {
				t.Errorf("status %d, %s; want it to name %s", status, got, test.want)
			}
		})
	}
	if server.Secrets.ARN("n") != "" {
		t.Error("a refused call made a secret")
	}
}

// A number that the services take from 1 on is not taken as absent when it is 0.
func TestZeroIsNotTakenForAbsent(t *testing.T) {
	server := awstest.New(t, nil)
	for target, body := range map[string]string{
		"secretsmanager.ListSecrets":       `{"MaxResults":0}`,
		"secretsmanager.GetRandomPassword": `{"PasswordLength":0}`,
		"secretsmanager.RotateSecret":      `{"SecretId":"s","RotationRules":{"AutomaticallyAfterDays":0}}`,
		"AmazonSSM.GetParametersByPath":    `{"Path":"/","MaxResults":0}`,
	} {
		if status, got := send(t, server, target, body); status != 400 || !strings.Contains(got, "ValidationException") {
			t.Errorf("%s: status %d, %s", target, status, got)
		}
	}
}

// send posts a body as an SDK does, and returns the answer.
func send(t *testing.T, server *awstest.Server, target, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", target)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

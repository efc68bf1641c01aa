package awstest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
)

// TestWire checks what the SDKs hide: bodies and headers as they are sent.
func TestWire(t *testing.T) {
	now := time.UnixMilli(1_900_000_000_123)
	server := awstest.New(t, &awstest.Config{Now: func() time.Time { return now }})
	one := "one"
	created, err := server.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: "s", ClientRequestToken: v1,
		SecretString: &one})
	if err != nil {
		t.Fatal(err)
	}
	const tokenNeeded = `"Message":"You must provide a ClientRequestToken value. We recommend a UUID-type value."}`
	for _, test := range []struct {
		name, target, body string
		status             int
		want               string
	}{
		{"a value", "secretsmanager.GetSecretValue", `{"SecretId":"s"}`, 200,
			`{"ARN":"` + created.ARN + `","Name":"s","VersionId":"` + v1 +
				`","SecretString":"one","VersionStages":["AWSCURRENT"],"CreatedDate":1900000000.123}`},
		{"an error of Secrets Manager", "secretsmanager.GetSecretValue", `{"SecretId":"none"}`, 400,
			`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`},
		{"an error of SSM without a text", "AmazonSSM.GetParameter", `{"Name":"/none"}`, 400,
			`{"__type":"ParameterNotFound"}`},
		{"an error of SSM with a text", "AmazonSSM.PutParameter", `{"Name":"/p","Value":"v"}`, 400,
			`{"__type":"ValidationException","message":"A parameter type is required when you create a parameter."}`},
		{"success without an answer", "secretsmanager.TagResource", `{"SecretId":"s","Tags":[]}`, 200, ``},
		{"an unknown operation", "secretsmanager.Nothing", `{}`, 400,
			`{"__type":"NotSupported","Message":"operation \"secretsmanager.Nothing\" is not supported by awstest; ` +
				`supported are ` +
				`secretsmanager.BatchGetSecretValue, secretsmanager.CancelRotateSecret, secretsmanager.CreateSecret, ` +
				`secretsmanager.DeleteSecret, secretsmanager.DescribeSecret, secretsmanager.GetRandomPassword, ` +
				`secretsmanager.GetSecretValue, secretsmanager.ListSecretVersionIds, secretsmanager.ListSecrets, ` +
				`secretsmanager.PutSecretValue, secretsmanager.RestoreSecret, secretsmanager.RotateSecret, ` +
				`secretsmanager.TagResource, secretsmanager.UntagResource, secretsmanager.UpdateSecret, ` +
				`secretsmanager.UpdateSecretVersionStage"}`},
		{"no JSON", "secretsmanager.GetSecretValue", `SecretId`, 400,
			`{"__type":"SerializationException","Message":"The request body could not be read as JSON of this operation."}`},
		{"CreateSecret without a token", "secretsmanager.CreateSecret", `{"Name":"n"}`, 400,
			`{"__type":"InvalidRequestException",` + tokenNeeded},
		{"PutSecretValue without a token", "secretsmanager.PutSecretValue", `{"SecretId":"s","SecretString":"x"}`, 400,
			`{"__type":"InvalidRequestException",` + tokenNeeded},
		{"UpdateSecret without a token", "secretsmanager.UpdateSecret", `{"SecretId":"s","SecretString":"x"}`, 400,
			`{"__type":"InvalidRequestException",` + tokenNeeded},
		{"RotateSecret without a token", "secretsmanager.RotateSecret", `{"SecretId":"s"}`, 400,
			`{"__type":"InvalidParameterException",` + tokenNeeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(test.body))
			request.Header.Set("X-Amz-Target", test.target)
			request.Header.Set("Content-Type", "application/x-amz-json-1.1")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			got, _ := io.ReadAll(response.Body)
			if response.StatusCode != test.status || response.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
				response.Header.Get("X-Amzn-Requestid") == "" {
				t.Errorf("status %d, headers %v", response.StatusCode, response.Header)
			}
			if diff := cmp.Diff(decoded(t, test.want), decoded(t, string(got))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func decoded(t *testing.T, text string) (value any) {
	t.Helper()
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return value
}

func TestEventsLookLikeEventBridge(t *testing.T) {
	event := awstest.Event{Name: awstest.RotationFailed, Time: at("2030-01-01 00:00"), SecretARN: "arn",
		Reason: "not told"}
	got := string(event.EventBridge())
	for _, want := range []string{`"source":"aws.secretsmanager"`, `"detail-type":"AWS Service Event via CloudTrail"`,
		`"eventName":"RotationFailed"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Contains(got, "not told") {
		t.Error("the event holds the function's error")
	}
}

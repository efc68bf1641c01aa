package smsource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

// service answers what a test sets, and records what it was asked.
type service struct {
	input  *secretsmanager.GetSecretValueInput
	output *secretsmanager.GetSecretValueOutput
	err    error
}

func (s *service) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput,
	_ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.input = in
	return s.output, s.err
}

func TestReadsTheCurrentVersion(t *testing.T) {
	s := &service{output: &secretsmanager.GetSecretValueOutput{SecretString: aws.String(`{"apiToken":"a-hidden-value"}`)}}
	text, err := smsource.New(s, "engage/token")(t.Context())
	if err != nil || text.Reveal() != `{"apiToken":"a-hidden-value"}` {
		t.Errorf("fetched %q, %v", text.Reveal(), err)
	}
	if *s.input.SecretId != "engage/token" || s.input.VersionId != nil || s.input.VersionStage != nil {
		t.Errorf("asked %+v, want the current version of engage/token", s.input)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", text, text), "hidden-value") {
		t.Error("the value prints")
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	tests := map[string]struct {
		service *service
		want    error
		text    string
	}{
		"no such secret": {&service{err: &smithy.GenericAPIError{Code: "ResourceNotFoundException"}}, tokensource.ErrNotFound,
			"check its name and region"},
		"not permitted": {&service{err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, tokensource.ErrDenied,
			"secretsmanager:GetSecretValue"},
		"key not usable": {&service{err: &smithy.GenericAPIError{Code: "DecryptionFailure"}}, tokensource.ErrDenied,
			"kms:Decrypt"},
		"binary value": {&service{output: &secretsmanager.GetSecretValueOutput{SecretBinary: []byte("x")}},
			tokensource.ErrNotFound, "SecretString"},
		"service fails": {&service{err: &smithy.GenericAPIError{Code: "InternalServiceError", Message: "a-hidden-value"}},
			nil, "InternalServiceError"},
		"time is up": {&service{err: fmt.Errorf("wrapped: %w", context.DeadlineExceeded)},
			context.DeadlineExceeded, "no answer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := smsource.New(test.service, "engage/token")(t.Context())
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			for _, part := range []string{"engage/token", test.text} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not hold %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "hidden-value") {
				t.Errorf("%q holds the service's message", err)
			}
		})
	}
}

func TestLambdaClientTakesItsSettingsFromTheEnvironment(t *testing.T) {
	standard := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"AWS_SESSION_TOKEN": "session"}
	tests := map[string]struct {
		add      map[string]string
		endpoint string
	}{
		"standard":        {nil, ""},
		"endpoint of all": {map[string]string{"AWS_ENDPOINT_URL": "http://all"}, "http://all"},
		"endpoint of this": {map[string]string{"AWS_ENDPOINT_URL": "http://all",
			"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://this"}, "http://this"},
		"endpoints not wanted": {map[string]string{"AWS_ENDPOINT_URL": "http://all",
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client, err := smsource.NewLambdaClient(environment(standard, test.add))
			if err != nil {
				t.Fatal(err)
			}
			options := client.Options()
			if got := aws.ToString(options.BaseEndpoint); got != test.endpoint || options.Region != "eu-west-1" {
				t.Errorf("endpoint %q, region %q", got, options.Region)
			}
			credentials, err := options.Credentials.Retrieve(t.Context())
			if err != nil || credentials.AccessKeyID != "id" || credentials.SecretAccessKey != "key" ||
				credentials.SessionToken != "session" {
				t.Errorf("credentials %v, %v", credentials.AccessKeyID, err)
			}
		})
	}
	for _, missing := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		_, err := smsource.NewLambdaClient(environment(standard, map[string]string{missing: ""}))
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func environment(maps ...map[string]string) func(string) string {
	return func(name string) (value string) {
		for _, m := range maps {
			if v, ok := m[name]; ok {
				value = v
			}
		}
		return value
	}
}

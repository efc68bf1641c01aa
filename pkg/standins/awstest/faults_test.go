package awstest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"engage-token-rotation/pkg/standins/awstest"
)

// clientOf is an SDK client that does not retry.
func clientOf(server *awstest.Server) *secretsmanager.Client {
	config := server.SDKConfig("AKIDTEST")
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return secretsmanager.NewFromConfig(config)
}

func TestFaultsHappenBeforeOrAfterTheEffect(t *testing.T) {
	for _, test := range []struct {
		name   string
		action awstest.Action
		effect bool
		status int    // 0: no answer at all
		code   string // of the error
	}{
		{"lost request", awstest.Action{Before: awstest.Reset()}, false, 0, ""},
		{"lost answer", awstest.Action{After: awstest.Reset()}, true, 0, ""},
		{"500 before the effect", awstest.Action{Before: awstest.ServerError()}, false, 500, "InternalServiceError"},
		{"500 after the effect", awstest.Action{After: awstest.ServerError()}, true, 500, "InternalServiceError"},
		{"throttled", awstest.Action{Before: awstest.Throttled()}, false, 400, "ThrottlingException"},
		{"a given error", awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "DecryptionFailure",
			Message: "no key"})}, false, 400, "DecryptionFailure"},
	} {
		for _, socket := range []bool{true, false} {
			name := test.name + map[bool]string{true: " over a socket", false: " in the process"}[socket]
			t.Run(name, func(t *testing.T) {
				config := awstest.Config{Fault: func(call awstest.Call) awstest.Action {
					if call.Action == "PutSecretValue" && call.Number == 2 {
						return test.action
					}
					return awstest.Action{}
				}}
				server := newServer(t, config, socket)
				client, ctx := clientOf(server), t.Context()
				if _, err := client.CreateSecret(ctx,
					&secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("one")}); err != nil {
					t.Fatal(err)
				}
				put := &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String("two"),
					ClientRequestToken: aws.String(v2)}
				_, err := client.PutSecretValue(ctx, put)
				checkFault(t, err, test.status, test.code)
				got, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
				if err != nil {
					t.Fatal(err)
				}
				if effect := *got.SecretString == "two"; effect != test.effect {
					t.Errorf("effect: %v, want %v", effect, test.effect)
				}
				if _, err := client.PutSecretValue(ctx, put); err != nil {
					t.Errorf("the same request again: %v", err)
				}
			})
		}
	}
}

func newServer(t *testing.T, config awstest.Config, socket bool) *awstest.Server {
	if socket {
		return awstest.New(t, &config)
	}
	server := awstest.NewServer(config)
	t.Cleanup(server.Close)
	return server
}

func checkFault(t *testing.T, err error, status int, code string) {
	t.Helper()
	got := 0
	if response := (*smithyhttp.ResponseError)(nil); errors.As(err, &response) {
		got = response.HTTPStatusCode() // 0 if the connection broke
	}
	if err == nil || got != status {
		t.Errorf("got %v, want status %d", err, status)
	}
	var api smithy.APIError
	if got := errors.As(err, &api); got != (code != "") || got && api.ErrorCode() != code {
		t.Errorf("got %v, want code %q", err, code)
	}
}

func TestTheSDKRetriesThrottlingAndServerErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := []*awstest.Failure{awstest.Reset(), awstest.Throttled()}
		server := awstest.NewServer(awstest.Config{Fault: func(call awstest.Call) awstest.Action {
			if call.Action == "DescribeSecret" && len(faults) > 0 {
				fault := faults[0]
				faults = faults[1:]
				return awstest.Action{Before: fault}
			}
			return awstest.Action{}
		}})
		defer server.Close()
		client := secretsmanager.NewFromConfig(server.SDKConfig("AKIDTEST"))
		if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.DescribeSecret(t.Context(),
			&secretsmanager.DescribeSecretInput{SecretId: aws.String("s")}); err != nil {
			t.Errorf("after two faults: %v", err)
		}
		if got := server.Count("DescribeSecret"); got != 3 {
			t.Errorf("%d calls", got)
		}
	})
}

func TestADelayEndsWithTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := awstest.NewServer(awstest.Config{Fault: func(awstest.Call) awstest.Action {
			return awstest.Action{Delay: time.Minute}
		}})
		defer server.Close()
		begin := time.Now()
		_, err := clientOf(server).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
		if err != nil || time.Since(begin) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = clientOf(server).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAHookRunsDirectlyAfterTheEffect(t *testing.T) {
	var server *awstest.Server
	server = awstest.New(t, &awstest.Config{Fault: func(call awstest.Call) awstest.Action {
		if call.Action != "CreateSecret" {
			return awstest.Action{}
		}
		return awstest.Action{AfterEffect: func() {
			edited := "edited"
			_, _ = server.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", SecretString: &edited})
		}}
	}})
	client := clientOf(server)
	if _, err := client.CreateSecret(t.Context(),
		&secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	if err != nil || *got.SecretString != "edited" {
		t.Errorf("got %v", err)
	}
}

func TestStaleReadsAnswerFromAnEarlierState(t *testing.T) {
	stale := 0
	server := awstest.New(t, &awstest.Config{
		Secrets: awstest.SecretsConfig{History: 2},
		Fault:   func(awstest.Call) awstest.Action { return awstest.Action{Stale: stale} },
	})
	client, ctx := clientOf(server), t.Context()
	_, err := client.CreateSecret(ctx,
		&secretsmanager.CreateSecretInput{Name: aws.String("s"), ClientRequestToken: aws.String(v1),
			SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.RotateSecret(ctx,
		&secretsmanager.RotateSecretInput{SecretId: aws.String("s"), ClientRequestToken: aws.String(v2),
			RotationLambdaARN: aws.String(function)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutSecretValue(ctx,
		&secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), ClientRequestToken: aws.String(v2),
			SecretString: aws.String("two"), VersionStages: []string{"AWSPENDING"}}); err != nil {
		t.Fatal(err)
	}
	pending := &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: aws.String(v2),
		VersionStage: aws.String("AWSPENDING")}
	for _, test := range []struct {
		stale, versions int
		code            string
	}{{0, 2, ""}, {1, 2, "ResourceNotFoundException"}, {2, 1, "ResourceNotFoundException"}, {3, 1,
		"ResourceNotFoundException"}} {
		stale = test.stale
		_, err := client.GetSecretValue(ctx, pending)
		var api smithy.APIError
		if failed := errors.As(err, &api); failed != (test.code != "") || failed && api.ErrorCode() != test.code {
			t.Errorf("%d changes behind: %v, want %q", test.stale, err, test.code)
		}
		described, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
		if err != nil || len(described.VersionIdsToStages) != test.versions {
			t.Errorf("%d changes behind: %v, %v", test.stale, described.VersionIdsToStages, err)
		}
	}
}

// A read that lags may be given what a secret held before it was scheduled for deletion.
func TestStaleReadsDoNotKnowOfADeletion(t *testing.T) {
	s := awstest.NewSecretsManager(awstest.SecretsConfig{History: 1})
	value := "one"
	if _, err := s.CreateSecret(&awstest.CreateSecretInput{Name: "s", SecretString: &value}); err != nil {
		t.Fatal(err)
	}
	want := func(stale int, deleted bool) {
		t.Helper()
		described, err := s.DescribeSecret(&awstest.SecretIdInput{SecretId: "s", Stale: stale})
		if err != nil || described.DeletedDate.IsZero() == deleted {
			t.Errorf("%d changes behind: DeletedDate %v, %v", stale, described.DeletedDate, err)
		}
		_, err = s.GetSecretValue(&awstest.GetSecretValueInput{SecretId: "s", Stale: stale})
		var api *awstest.APIError
		if refused := errors.As(err, &api) && api.Code == "InvalidRequestException"; refused != deleted {
			t.Errorf("%d changes behind: GetSecretValue: %v", stale, err)
		}
	}
	if _, err := s.DeleteSecret(&awstest.DeleteSecretInput{SecretId: "s"}); err != nil {
		t.Fatal(err)
	}
	want(0, true)
	want(1, false)
	if _, err := s.RestoreSecret(&awstest.SecretIdInput{SecretId: "s"}); err != nil {
		t.Fatal(err)
	}
	want(0, false)
	want(1, true)
}

func TestPermissionsAreOfTheCaller(t *testing.T) {
	server := awstest.New(t, &awstest.Config{Permit: func(call awstest.Call) bool {
		return call.Caller != "AKIDREADER" ||
			call.Action == "GetSecretValue"
	}})
	writer, reader := clientOf(server), secretsmanager.NewFromConfig(server.SDKConfig("AKIDREADER"))
	if _, err := writer.CreateSecret(t.Context(),
		&secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.GetSecretValue(t.Context(),
		&secretsmanager.GetSecretValueInput{SecretId: aws.String("s")}); err != nil {
		t.Error(err)
	}
	_, err := reader.PutSecretValue(t.Context(),
		&secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String("two")})
	checkFault(t, err, http.StatusBadRequest, "AccessDeniedException")
	calls := server.Calls()
	if last := calls[len(calls)-1]; last.Code != "AccessDeniedException" || last.Caller != "AKIDREADER" ||
		last.Resource != server.Secrets.ARN("s") {
		t.Errorf("recorded %s by %s on %s", last.Code, last.Caller, last.Resource)
	}
	if in := calls[len(calls)-1].Input.(*awstest.PutSecretValueInput); in.ClientRequestToken == "" {
		t.Error("the SDK's token is not in the record")
	}
}

func TestOnlyTheLatestCallsAreKept(t *testing.T) {
	server := awstest.NewServer(awstest.Config{RecordLimit: 10})
	defer server.Close()
	client := clientOf(server)
	for range 40 {
		_, _ = client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
	}
	calls := server.Calls()
	if n := len(calls); n < 10 || n > 16 || calls[n-1].Number != 40 {
		t.Errorf("%d calls, the last is %d", n, calls[n-1].Number)
	}
}

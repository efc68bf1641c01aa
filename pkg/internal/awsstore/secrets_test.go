package awsstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/standins/awstest"
)

const name = "engage/token"

// withSecrets runs a test on a store over a stand-in in the process, with a secret and a rotation
// of it that has begun.
func withSecrets(t *testing.T, fault func(awstest.Call) awstest.Action,
	test func(t *testing.T, s *awsstore.Secrets, server *awstest.Server, run awstest.Run)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := awstest.NewServer(awstest.Config{Fault: fault})
		defer server.Close()
		value := `{"a":1}`
		if _, err := server.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err != nil {
			t.Fatal(err)
		}
		run, err := server.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: name,
			RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:f"})
		if err != nil {
			t.Fatal(err)
		}
		test(t, awsstore.NewSecrets(server.SDKConfig("function")), server, run)
	})
}

func TestAPendingVersionIsFilledAndBecomesCurrent(t *testing.T) {
	withSecrets(t, nil, func(t *testing.T, s *awsstore.Secrets, _ *awstest.Server, run awstest.Run) {
		if _, err := s.Get(t.Context(), name, run.VersionID, ""); !errors.Is(err, secret.ErrNotFound) {
			t.Errorf("a version without a value: %v", err)
		}
		current, err := s.Get(t.Context(), name, "", secret.LabelCurrent)
		if err != nil || current.Value.Reveal() != `{"a":1}` || current.ARN != run.SecretARN ||
			!current.Carries(secret.LabelCurrent) {
			t.Fatalf("%v, %v", current, err)
		}
		for range 2 { // a repetition with the same value succeeds
			if err := s.PutPending(t.Context(), name, run.VersionID, hidden.New(`{"a":2}`),
				hidden.New(run.RotationToken)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutPending(t.Context(), name, run.VersionID, hidden.New(`{"a":3}`),
			hidden.New(run.RotationToken)); !errors.Is(err, secret.ErrConflict) {
			t.Errorf("another value: %v", err)
		}
		if err := s.MoveLabel(t.Context(), name, secret.LabelCurrent, run.VersionID,
			"0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"); !errors.Is(err, secret.ErrConflict) {
			t.Errorf("from a version that does not carry the label: %v", err)
		}
		if err := s.MoveLabel(t.Context(), name, secret.LabelCurrent, run.VersionID, current.ID); err != nil {
			t.Fatal(err)
		}
		described, err := s.Describe(t.Context(), name)
		if err != nil || !described.Carries(run.VersionID, secret.LabelCurrent) || described.ARN != run.SecretARN {
			t.Errorf("%v, %v", described, err)
		}
		if err := s.MoveLabel(t.Context(), name, secret.LabelPending, "", run.VersionID); err != nil {
			t.Errorf("take the label away: %v", err)
		}
	})
}

func TestErrorsAreOfTheKindsThatARotationTellsApart(t *testing.T) {
	cases := map[string]struct {
		action awstest.Action
		want   error
		text   string
	}{
		"server": {awstest.Action{Before: awstest.ServerError()}, secret.ErrOutcomeUnknown, "InternalServiceError"},
		"reset":  {awstest.Action{After: awstest.Reset()}, secret.ErrOutcomeUnknown, "no answer from the service"},
		"denied": {awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "AccessDeniedException",
			Message: "not authorized to perform", Status: 400})}, nil, "AccessDeniedException: not authorized to perform"},
		"other": {awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "LimitExceededException", Message: "hunter2",
			Status: 400})}, nil, "PutSecretValue: LimitExceededException"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			fault := func(call awstest.Call) awstest.Action {
				if call.Action != "PutSecretValue" {
					return awstest.Action{}
				}
				return c.action
			}
			withSecrets(t, fault, func(t *testing.T, s *awsstore.Secrets, _ *awstest.Server, run awstest.Run) {
				err := s.PutPending(t.Context(), run.SecretARN, run.VersionID, hidden.New("hunter2"), hidden.New("hunter3"))
				if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil &&
					(errors.Is(err, secret.ErrOutcomeUnknown) || errors.Is(err, secret.ErrConflict)) {
					t.Errorf("error %v, want %v", err, c.want)
				}
				if !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(fmt.Sprintf("%v %#v", err, err), "hunter") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestAnUnknownSecretIsNotFound(t *testing.T) {
	withSecrets(t, nil, func(t *testing.T, s *awsstore.Secrets, _ *awstest.Server, _ awstest.Run) {
		if _, err := s.Describe(t.Context(), "none"); !errors.Is(err, secret.ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), "none", "", secret.LabelCurrent); !errors.Is(err, secret.ErrNotFound) {
			t.Error(err)
		}
	})
}

func TestABinarySecretIsRefusedWithTheRemedy(t *testing.T) {
	withSecrets(t, nil, func(t *testing.T, s *awsstore.Secrets, server *awstest.Server, _ awstest.Run) {
		if _, err := server.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: "binary",
			SecretBinary: []byte("hunter2")}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(t.Context(), "binary", "", secret.LabelCurrent)
		if err == nil || !strings.Contains(err.Error(), "store a JSON document as the secret's string") ||
			strings.Contains(err.Error(), "hunter") {
			t.Errorf("error %v", err)
		}
	})
}

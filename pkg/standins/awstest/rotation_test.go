package awstest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
)

// fast repeats a failed rotation at once.
var fast = awstest.SecretsConfig{RetryDelay: -1}

var fourSteps = []string{"createSecret 2", "setSecret 2", "testSecret 2", "finishSecret 2"}

func TestRotationRunsFourStepsOnAnEmptyPendingVersion(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	r := newRig(t, awstest.SecretsConfig{Now: func() time.Time { return now }})
	r.rotator.before = func(event awstest.RotationEvent) error {
		if event.SecretId != r.ARN("s") || event.RotationToken == "" {
			t.Errorf("event of %s with token %q", event.SecretId, event.RotationToken)
		}
		_, err := r.GetSecretValue(&awstest.GetSecretValueInput{SecretId: "s", VersionId: event.ClientRequestToken,
			VersionStage: awstest.StagePending})
		if empty := err != nil; empty != (event.Step == awstest.StepCreate) {
			t.Errorf("%s: the pending version is empty: %v (%v)", event.Step, empty, err)
		}
		return nil
	}
	if err := r.rotate(v2); err != nil {
		t.Fatal(err)
	}
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}}, fourSteps,
		[]string{"RotationStarted 2", "Secret Label Updated 2", "RotationSucceeded 2"})
	if got, _ := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"}); !got.LastRotatedDate.Equal(now) ||
		!got.RotationEnabled {
		t.Errorf("last rotated %v, enabled %v", got.LastRotatedDate, got.RotationEnabled)
	}
}

func TestFirstRotationOfASecretWithoutValue(t *testing.T) {
	r := newRig(t, fast)
	if _, err := r.CreateSecret(&awstest.CreateSecretInput{Name: "empty"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "empty", ClientRequestToken: v2,
		RotationLambdaARN: function}); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "empty"})
	if diff := cmp.Diff(map[string][]string{v2: {"AWSCURRENT"}}, got.VersionIdsToStages); err != nil || diff != "" {
		t.Errorf("%v, labels (-want +got):\n%s", err, diff)
	}
}

func TestFailedStepRepeatsTheWholeRotationWithTheSameToken(t *testing.T) {
	r := newRig(t, fast)
	r.rotator.before = failures(awstest.StepTest, 1)
	if err := r.rotate(v2); err != nil {
		t.Fatal(err)
	}
	steps := append([]string{"createSecret 2", "setSecret 2", "testSecret 2"}, fourSteps...)
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}}, steps,
		[]string{"RotationStarted 2", "Secret Label Updated 2", "RotationSucceeded 2"})
}

// failures fails a step n times.
func failures(step string, n int) func(awstest.RotationEvent) error {
	return func(event awstest.RotationEvent) error {
		if event.Step == step && n > 0 {
			n--
			return errors.New("failed on purpose")
		}
		return nil
	}
}

func TestRetriesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, awstest.SecretsConfig{Attempts: 3, RetryDelay: time.Hour})
		r.rotator.before = failures(awstest.StepCreate, 2)
		begin := time.Now()
		if err := r.rotate(v2); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 2*time.Hour {
			t.Errorf("took %s", took)
		}
		r.Close()
	})
}

func TestIncompleteRotationIsRunAgainWithItsToken(t *testing.T) {
	r := newRig(t, awstest.SecretsConfig{Attempts: 1})
	r.rotator.before = failures(awstest.StepSet, 1)
	if err := r.rotate(v2); err != nil {
		t.Fatal(err)
	}
	r.expect(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}}, fourSteps[:2],
		[]string{"RotationStarted 2", "RotationFailed 2"})
	err := r.rotate(v3)
	const want = "InvalidRequestException: A previous rotation isn't complete. That rotation will be reattempted."
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}},
		append(slices.Clone(fourSteps[:2]), fourSteps...),
		[]string{"RotationStarted 2", "RotationFailed 2", "RotationStarted 2", "Secret Label Updated 2",
			"RotationSucceeded 2"})
}

func TestLabelTakenFromAnIncompleteRotationLetsTheNextBegin(t *testing.T) {
	r := newRig(t, awstest.SecretsConfig{Attempts: 1})
	r.rotator.before = failures(awstest.StepTest, 1)
	_ = r.rotate(v2)
	if _, err := r.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: "s",
		VersionStage: awstest.StagePending, RemoveFromVersionId: v2}); err != nil {
		t.Fatal(err)
	}
	if err := r.rotate(v3); err != nil {
		t.Fatal(err)
	}
	got, _ := r.GetSecretValue(&awstest.GetSecretValueInput{SecretId: "s"})
	if got.VersionId != v3 {
		t.Errorf("current is %s", got.VersionId)
	}
}

func TestRotateImmediatelyFalseTestsOnly(t *testing.T) {
	for _, test := range []struct {
		name  string
		empty bool
		want  string
	}{{"with the current value", false, "one"}, {"without a value", true, ""}} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, awstest.SecretsConfig{EmptyTestVersion: test.empty})
			value := ""
			r.rotator.before = func(event awstest.RotationEvent) error {
				got, err := r.GetSecretValue(&awstest.GetSecretValueInput{SecretId: "s", VersionId: event.ClientRequestToken,
					VersionStage: awstest.StagePending})
				if err == nil {
					value = *got.SecretString
				}
				return nil
			}
			later := false
			if _, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "s", ClientRequestToken: v2,
				RotationLambdaARN: function, RotateImmediately: &later}); err != nil {
				t.Fatal(err)
			}
			if err := r.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if value != test.want {
				t.Errorf("the pending value is %q, want %q", value, test.want)
			}
			r.expect(map[string][]string{v1: {"AWSCURRENT"}}, []string{"testSecret 2"},
				[]string{"TestRotationStarted 2", "TestRotationSucceeded 2"})
			if got, _ := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"}); !got.LastRotatedDate.IsZero() {
				t.Error("a test counts as a rotation")
			}
		})
	}
}

func TestCancelStopsTheRotationAndTheSchedule(t *testing.T) {
	r := newRig(t, fast)
	r.rotator.before = func(event awstest.RotationEvent) error {
		if event.Step != awstest.StepSet {
			return nil
		}
		_, err := r.CancelRotateSecret(&awstest.SecretIdInput{SecretId: "s"})
		return err
	}
	if err := r.rotate(v2); err != nil {
		t.Fatal(err)
	}
	r.expect(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}}, fourSteps[:2], []string{"RotationStarted 2"})
	if got, _ := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"}); got.RotationEnabled {
		t.Error("rotation is still enabled")
	}
}

func TestTheSameRotateRequestIsOneRotation(t *testing.T) {
	r := newRig(t, fast)
	for range 2 {
		if err := r.rotate(v2); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.rotator.steps) != 4 {
		t.Errorf("steps: %v", r.rotator.steps)
	}
}

func TestFunctionThatMayNotBeInvokedIsRefused(t *testing.T) {
	r := newRig(t, awstest.SecretsConfig{MayInvoke: func(string) bool { return false }})
	var api *awstest.APIError
	if err := r.rotate(v2); !errors.As(err, &api) || api.Code != "AccessDeniedException" {
		t.Errorf("got %v", err)
	}
	r.expect(map[string][]string{v1: {"AWSCURRENT"}}, nil, nil)
}

func TestCloseEndsRunningRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		service := awstest.NewSecretsManager(awstest.SecretsConfig{Invoke: hang})
		_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: "s"})
		if _, err := service.RotateSecret(&awstest.RotateSecretInput{SecretId: "s",
			RotationLambdaARN: function}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := service.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
		service.Close()
	})
}

package awstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/awstest"
)

// rotator is a rotation function that keeps its secret in the service under test, and notes what it was asked.
type rotator struct {
	service *awstest.SecretsManager
	steps   []string
	// before is called before each step; its error fails the step.
	before func(awstest.RotationEvent) error
}

func (r *rotator) invoke(_ context.Context, _ string, payload []byte) ([]byte, error) {
	var event awstest.RotationEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	r.steps = append(r.steps, event.Step+" "+event.ClientRequestToken[:1])
	if r.before != nil {
		if err := r.before(event); err != nil {
			return nil, err
		}
	}
	return []byte("null"), r.step(event)
}

func (r *rotator) step(event awstest.RotationEvent) error {
	switch event.Step {
	case awstest.StepCreate:
		value := "value of " + event.ClientRequestToken
		_, err := r.service.PutSecretValue(&awstest.PutSecretValueInput{
			SecretId: event.SecretId, ClientRequestToken: event.ClientRequestToken, SecretString: &value,
			VersionStages: []string{awstest.StagePending}, RotationToken: event.RotationToken, Caller: "FUNCTION",
		})
		return err
	case awstest.StepFinish:
		current, err := r.service.GetSecretValue(&awstest.GetSecretValueInput{SecretId: event.SecretId})
		if err != nil || current.VersionId == event.ClientRequestToken {
			return err
		}
		_, err = r.service.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: event.SecretId, VersionStage: awstest.StageCurrent, MoveToVersionId: event.ClientRequestToken, RemoveFromVersionId: current.VersionId,
		})
		return err
	}
	return nil
}

// rig is a service with one secret "s" of value "one" in version v1, and a rotation function.
type rig struct {
	*testing.T
	*awstest.SecretsManager
	rotator *rotator
	events  []string
}

func newRig(t *testing.T, config awstest.SecretsConfig) *rig {
	t.Helper()
	r := &rig{T: t, rotator: &rotator{}}
	config.Invoke = r.rotator.invoke
	config.Events = func(event awstest.Event) { r.events = append(r.events, event.Name+" "+event.VersionID[:1]) }
	r.SecretsManager = awstest.NewSecretsManager(config)
	r.rotator.service = r.SecretsManager
	t.Cleanup(r.Close)
	one := "one"
	if _, err := r.CreateSecret(&awstest.CreateSecretInput{Name: "s", ClientRequestToken: v1, SecretString: &one}); err != nil {
		t.Fatal(err)
	}
	return r
}

// rotate starts a rotation and waits for its end.
func (r *rig) rotate(token string) error {
	r.Helper()
	_, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "s", ClientRequestToken: token, RotationLambdaARN: function})
	if waitErr := r.Wait(r.Context()); waitErr != nil {
		r.Fatal(waitErr)
	}
	return err
}

func (r *rig) write(token, value string, stages ...string) {
	r.Helper()
	if _, err := r.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", ClientRequestToken: token, SecretString: &value, VersionStages: stages, Caller: "PERSON"}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) expect(labels map[string][]string, steps, events []string) {
	r.Helper()
	got, err := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"})
	if err != nil {
		r.Fatal(err)
	}
	if diff := cmp.Diff(labels, got.VersionIdsToStages); diff != "" {
		r.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(steps, r.rotator.steps); diff != "" {
		r.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(events, r.events); diff != "" {
		r.Errorf("events (-want +got):\n%s", diff)
	}
}

// fast lets a failed rotation be repeated at once.
var fast = awstest.SecretsConfig{RetryDelay: -1}

var fourSteps = []string{"createSecret 2", "setSecret 2", "testSecret 2", "finishSecret 2"}

func TestRotationRunsFourStepsOnAnEmptyPendingVersion(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	r := newRig(t, awstest.SecretsConfig{Now: func() time.Time { return now }})
	r.rotator.before = func(event awstest.RotationEvent) error {
		if event.SecretId != r.ARN("s") || event.RotationToken == "" {
			t.Errorf("event of %s with token %q", event.SecretId, event.RotationToken)
		}
		_, err := r.GetSecretValue(&awstest.GetSecretValueInput{SecretId: "s", VersionId: event.ClientRequestToken, VersionStage: awstest.StagePending})
		if empty := err != nil; empty != (event.Step == awstest.StepCreate) {
			t.Errorf("%s: the pending version is empty: %v (%v)", event.Step, empty, err)
		}
		return nil
	}
	if err := r.rotate(v2); err != nil {
		t.Fatal(err)
	}
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}}, fourSteps, []string{"RotationStarted 2", "RotationSucceeded 2"})
	if got, _ := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"}); !got.LastRotatedDate.Equal(now) || !got.RotationEnabled {
		t.Errorf("last rotated %v, enabled %v", got.LastRotatedDate, got.RotationEnabled)
	}
}

func TestFirstRotationOfASecretWithoutValue(t *testing.T) {
	r := newRig(t, fast)
	if _, err := r.CreateSecret(&awstest.CreateSecretInput{Name: "empty"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "empty", ClientRequestToken: v2, RotationLambdaARN: function}); err != nil {
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
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}}, steps, []string{"RotationStarted 2", "RotationSucceeded 2"})
}

// failures fails a step as often as n says.
func failures(step string, n int) func(awstest.RotationEvent) error {
	return func(event awstest.RotationEvent) error {
		if event.Step == step && n > 0 {
			n--
			return errors.New("failed as told")
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
	r.expect(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}}, fourSteps[:2], []string{"RotationStarted 2", "RotationFailed 2"})
	err := r.rotate(v3)
	if want := "InvalidRequestException: A previous rotation isn't complete. That rotation will be reattempted."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}}, append(slices.Clone(fourSteps[:2]), fourSteps...),
		[]string{"RotationStarted 2", "RotationFailed 2", "RotationStarted 2", "RotationSucceeded 2"})
}

func TestLabelTakenFromAnIncompleteRotationLetsTheNextBegin(t *testing.T) {
	r := newRig(t, awstest.SecretsConfig{Attempts: 1})
	r.rotator.before = failures(awstest.StepTest, 1)
	_ = r.rotate(v2)
	if _, err := r.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: "s", VersionStage: awstest.StagePending, RemoveFromVersionId: v2}); err != nil {
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

func TestWriteByHandAbandonsTheRotation(t *testing.T) {
	r := newRig(t, fast)
	r.rotator.before = func(event awstest.RotationEvent) error {
		if event.Step == awstest.StepSet {
			r.write(v3, "edited")
		}
		return nil
	}
	if err := r.rotate(v2); err != nil {
		t.Fatal(err)
	}
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}}, fourSteps[:2], []string{"RotationStarted 2", "RotationAbandoned 2"})
}

func TestForeignWriterOfThePendingVersionFailsTheRotation(t *testing.T) {
	for _, test := range []struct {
		name   string
		config awstest.SecretsConfig
		token  string // the writer's rotation token
		caller string
		want   string
	}{
		{"no identity known: trusted", awstest.SecretsConfig{}, "", "PERSON", "RotationSucceeded 2"},
		{"wrong rotation token", awstest.SecretsConfig{}, "not-the-token", "FUNCTION", "RotationFailed 2"},
		{"no rotation token where it is required", awstest.SecretsConfig{RequireRotationToken: true}, "", "FUNCTION", "RotationFailed 2"},
		{"another caller", awstest.SecretsConfig{FunctionCaller: callerOf}, "", "PERSON", "RotationFailed 2"},
		{"the function", awstest.SecretsConfig{FunctionCaller: callerOf}, "", "FUNCTION", "RotationSucceeded 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Attempts, test.config.RetryDelay = 2, -1
			r := newRig(t, test.config)
			r.rotator.before = func(event awstest.RotationEvent) error {
				value := "value of " + event.ClientRequestToken // as the function writes it: then it finds it done
				_, err := r.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", ClientRequestToken: event.ClientRequestToken, SecretString: &value,
					VersionStages: []string{awstest.StagePending}, RotationToken: test.token, Caller: test.caller})
				return err
			}
			if err := r.rotate(v2); err != nil {
				t.Fatal(err)
			}
			if got := r.events[len(r.events)-1]; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func callerOf(string) string { return "FUNCTION" }

func TestForeignPendingVersionBlocksRotationUntilItsLabelIsRemoved(t *testing.T) {
	r := newRig(t, fast)
	r.write(v2, "foreign", awstest.StagePending)
	if err := r.rotate(v3); err == nil {
		t.Fatal("not refused")
	}
	if got := r.events[len(r.events)-1]; got != "RotationFailed 2" {
		t.Errorf("got %s", got)
	}
	if _, err := r.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: "s", VersionStage: awstest.StagePending, RemoveFromVersionId: v2}); err != nil {
		t.Fatal(err)
	}
	if err := r.rotate(v3); err != nil {
		t.Fatal(err)
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
				got, err := r.GetSecretValue(&awstest.GetSecretValueInput{SecretId: "s", VersionId: event.ClientRequestToken, VersionStage: awstest.StagePending})
				if err == nil {
					value = *got.SecretString
				}
				return nil
			}
			later := false
			if _, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "s", ClientRequestToken: v2, RotationLambdaARN: function, RotateImmediately: &later}); err != nil {
				t.Fatal(err)
			}
			if err := r.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if value != test.want {
				t.Errorf("the pending value is %q, want %q", value, test.want)
			}
			r.expect(map[string][]string{v1: {"AWSCURRENT"}}, []string{"testSecret 2"}, []string{"TestRotationStarted 2", "TestRotationSucceeded 2"})
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

func TestLabelTakenInAStepEndsTheRotation(t *testing.T) {
	for _, test := range []struct {
		name  string
		retry bool
		steps int
	}{{"by default", false, 3}, {"with RetryUnlabelled", true, 6}} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, awstest.SecretsConfig{Attempts: 2, RetryDelay: -1, RetryUnlabelled: test.retry})
			r.rotator.before = func(event awstest.RotationEvent) error {
				if event.Step != awstest.StepTest {
					return nil
				}
				_, _ = r.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: "s", VersionStage: awstest.StagePending, RemoveFromVersionId: v2})
				return errors.New("the pending value is dead")
			}
			if err := r.rotate(v2); err != nil {
				t.Fatal(err)
			}
			if len(r.rotator.steps) != test.steps {
				t.Errorf("steps: %v", r.rotator.steps)
			}
			r.rotator.before = nil
			if err := r.rotate(v3); err != nil {
				t.Errorf("the next rotation: %v", err)
			}
		})
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
		service := awstest.NewSecretsManager(awstest.SecretsConfig{Invoke: func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: "s"})
		if _, err := service.RotateSecret(&awstest.RotateSecretInput{SecretId: "s", RotationLambdaARN: function}); err != nil {
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

// A simulation drives rotations itself. Memory stays bounded however many there are.
func TestRotationsDrivenByTheCaller(t *testing.T) {
	now, ids := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 0
	service := awstest.NewSecretsManager(awstest.SecretsConfig{
		Now:   func() time.Time { return now },
		NewID: func() string { ids++; return fmt.Sprintf("id-%033d", ids) },
	})
	function := &rotator{service: service}
	one := "one"
	_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: "s", SecretString: &one})
	for i := range 2000 {
		now = now.Add(4 * time.Hour)
		run, err := service.BeginRotation(&awstest.RotateSecretInput{SecretId: "s", RotationLambdaARN: "arn"})
		if err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 { // the attempts fail, and the service comes back to it
			if got := service.EndRotation(run, errors.New("failed")); got != awstest.Failed {
				t.Fatalf("got %s", got)
			}
			if _, err := service.BeginRotation(&awstest.RotateSecretInput{SecretId: "s"}); err == nil {
				t.Fatal("an incomplete rotation does not stand in the way")
			}
			again, err := service.ResumeRotation("s")
			if err != nil || again.VersionID != run.VersionID || again.RotationToken != run.RotationToken {
				t.Fatalf("resumed %v, %v", again.VersionID, err)
			}
		}
		for _, step := range run.Steps {
			if err := function.step(run.Event(step)); err != nil {
				t.Fatal(err)
			}
			if err := service.CheckRotation(run); err != nil {
				t.Fatal(err)
			}
		}
		if got := service.EndRotation(run, nil); got != awstest.Succeeded {
			t.Fatalf("got %s", got)
		}
	}
	list, err := service.ListSecretVersionIds(&awstest.ListSecretVersionIdsInput{SecretId: "s", IncludeDeprecated: true, MaxResults: 100})
	if err != nil || len(list.Versions) > 100 || list.NextToken != "" {
		t.Errorf("%v, %d versions, more: %q", err, len(list.Versions), list.NextToken)
	}
}

func BenchmarkRotation(b *testing.B) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	service := awstest.NewSecretsManager(awstest.SecretsConfig{Now: func() time.Time { return now }})
	function := &rotator{service: service}
	one := "one"
	_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: "s", SecretString: &one})
	for b.Loop() {
		now = now.Add(4 * time.Hour)
		run, err := service.BeginRotation(&awstest.RotateSecretInput{SecretId: "s", RotationLambdaARN: "arn"})
		if err != nil {
			b.Fatal(err)
		}
		for _, step := range run.Steps {
			if err := function.step(run.Event(step)); err != nil {
				b.Fatal(err)
			}
		}
		service.EndRotation(run, nil)
	}
}

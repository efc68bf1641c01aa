package awstest_test

import (
	"errors"
	"testing"

	"engage-token-rotation/pkg/standins/awstest"
)

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
	r.expect(map[string][]string{v1: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}}, fourSteps[:2],
		[]string{"RotationStarted 2", "Secret Label Updated 3", "RotationAbandoned 2"})
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
		{"no rotation token where it is required", awstest.SecretsConfig{RequireRotationToken: true}, "", "FUNCTION",
			"RotationFailed 2"},
		{"another caller", awstest.SecretsConfig{FunctionCaller: callerOf}, "", "PERSON", "RotationFailed 2"},
		{"the function", awstest.SecretsConfig{FunctionCaller: callerOf}, "", "FUNCTION", "RotationSucceeded 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Attempts, test.config.RetryDelay = 2, -1
			r := newRig(t, test.config)
			r.rotator.before = func(event awstest.RotationEvent) error {
				value := "value of " + event.ClientRequestToken // as the function writes it: then the function finds its work done
				_, err := r.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", ClientRequestToken: event.ClientRequestToken,
					SecretString:  &value,
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
	if _, err := r.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: "s",
		VersionStage: awstest.StagePending, RemoveFromVersionId: v2}); err != nil {
		t.Fatal(err)
	}
	if err := r.rotate(v3); err != nil {
		t.Fatal(err)
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
				_, _ = r.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: "s",
					VersionStage: awstest.StagePending, RemoveFromVersionId: v2})
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

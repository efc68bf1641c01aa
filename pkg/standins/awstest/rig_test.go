package awstest_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
)

// rotator is a rotation function of a secret in the service under test. It records its steps.
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
			SecretId: event.SecretId, VersionStage: awstest.StageCurrent, MoveToVersionId: event.ClientRequestToken,
			RemoveFromVersionId: current.VersionId,
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
	moved   []string // labels, with the versions to which they moved
}

func newRig(t *testing.T, config awstest.SecretsConfig) *rig {
	t.Helper()
	r := &rig{T: t, rotator: &rotator{}}
	config.Invoke = r.rotator.invoke
	config.Events = func(event awstest.Event) {
		r.events = append(r.events, event.Name+" "+event.VersionID[:1])
		if event.Name == awstest.SecretLabelUpdated {
			r.moved = append(r.moved, event.Label+" "+event.VersionID[:1])
		}
	}
	r.SecretsManager = awstest.NewSecretsManager(config)
	r.rotator.service = r.SecretsManager
	t.Cleanup(r.Close)
	one := "one"
	if _, err := r.CreateSecret(&awstest.CreateSecretInput{Name: "s", ClientRequestToken: v1,
		SecretString: &one}); err != nil {
		t.Fatal(err)
	}
	return r
}

// rotate starts a rotation and waits for its end.
func (r *rig) rotate(token string) error {
	r.Helper()
	_, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "s", ClientRequestToken: token,
		RotationLambdaARN: function})
	if waitErr := r.Wait(r.Context()); waitErr != nil {
		r.Fatal(waitErr)
	}
	return err
}

func (r *rig) write(token, value string, stages ...string) {
	r.Helper()
	if _, err := r.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", ClientRequestToken: token,
		SecretString: &value, VersionStages: stages, Caller: "PERSON"}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) move(in *awstest.UpdateSecretVersionStageInput) {
	r.Helper()
	if _, err := r.UpdateSecretVersionStage(in); err != nil {
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

package recipes_test

import (
	"encoding/json"
	"testing"

	"engage-token-rotation/pkg/standins/awstest"
)

const (
	secretName  = "engage/token"
	otherSecret = "engage/other"
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// service is Secrets Manager with a secret whose token rotates in the order of the four steps.
// heard is called with each event while the service sends it.
type service struct {
	*testing.T
	*awstest.SecretsManager
	heard func(awstest.Event)
	// begun is the number of the rotation.
	begun int
}

func newService(t *testing.T) *service {
	s := &service{T: t}
	s.SecretsManager = awstest.NewSecretsManager(awstest.SecretsConfig{
		Events: func(event awstest.Event) {
			if s.heard != nil {
				s.heard(event)
			}
		},
	})
	t.Cleanup(s.Close)
	for _, name := range []string{secretName, otherSecret} {
		value := `{"apiToken": "token-0"}`
		if _, err := s.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *service) step(event awstest.RotationEvent) error {
	switch event.Step {
	case awstest.StepCreate:
		s.begun++
		value := `{"apiToken": "token-` + string(rune('0'+s.begun)) + `"}`
		_, err := s.PutSecretValue(&awstest.PutSecretValueInput{SecretId: event.SecretId, SecretString: &value,
			ClientRequestToken: event.ClientRequestToken, RotationToken: event.RotationToken,
			VersionStages: []string{awstest.StagePending}})
		return err
	case awstest.StepFinish:
		current, err := s.GetSecretValue(&awstest.GetSecretValueInput{SecretId: event.SecretId})
		if err != nil {
			return err
		}
		_, err = s.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: event.SecretId,
			VersionStage: awstest.StageCurrent, MoveToVersionId: event.ClientRequestToken,
			RemoveFromVersionId: current.VersionId})
		return err
	}
	return nil
}

func (s *service) rotate(secret string) {
	s.Helper()
	run, err := s.BeginRotation(&awstest.RotateSecretInput{SecretId: secret, RotationLambdaARN: functionARN})
	if err != nil {
		s.Fatal(err)
	}
	for _, step := range run.Steps {
		if err := s.step(run.Event(step)); err != nil {
			s.Fatalf("%s: %v", step, err)
		}
	}
	s.EndRotation(run, nil)
}

// label gives the current version a label of a person's own.
func (s *service) label(stage string) {
	s.Helper()
	if _, err := s.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{SecretId: secretName,
		VersionStage: stage, MoveToVersionId: s.current().VersionId}); err != nil {
		s.Fatal(err)
	}
}

func (s *service) current() *awstest.GetSecretValueOutput {
	s.Helper()
	value, err := s.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretName})
	if err != nil {
		s.Fatal(err)
	}
	return value
}

func (s *service) token() string {
	s.Helper()
	var document struct {
		APIToken string `json:"apiToken"`
	}
	if err := json.Unmarshal([]byte(*s.current().SecretString), &document); err != nil {
		s.Fatal(err)
	}
	return document.APIToken
}

func (s *service) arn() string { return s.current().ARN }

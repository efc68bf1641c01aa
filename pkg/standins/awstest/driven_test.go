package awstest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

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
		if i%10 == 0 { // the attempts fail, and the service repeats the rotation
			if got := service.EndRotation(run, errors.New("failed")); got != awstest.Failed {
				t.Fatalf("got %s", got)
			}
			if _, err := service.BeginRotation(&awstest.RotateSecretInput{SecretId: "s"}); err == nil {
				t.Fatal("an incomplete rotation does not block the next")
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
	list, err := service.ListSecretVersionIds(&awstest.ListSecretVersionIdsInput{SecretId: "s", IncludeDeprecated: true,
		MaxResults: 100})
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

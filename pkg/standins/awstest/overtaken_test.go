package awstest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
)

// race is a service in which a first rotation (version v2) has made its version AWSCURRENT, has not
// ended, and is overtaken by a second one (version v3).
type race struct {
	*testing.T
	*awstest.SecretsManager
	function      *rotator
	first, second awstest.Run
	now           time.Time
	events        []string
}

func newRace(t *testing.T) *race {
	t.Helper()
	r := &race{T: t, now: at("2030-01-01 00:00")}
	r.SecretsManager = awstest.NewSecretsManager(awstest.SecretsConfig{
		Now: func() time.Time { return r.now },
		Events: func(event awstest.Event) {
			if event.Name != awstest.SecretLabelUpdated { // the events of the rotations alone
				r.events = append(r.events, event.Name+" "+event.VersionID[:1])
			}
		},
	})
	r.function = &rotator{service: r.SecretsManager}
	one := "one"
	if _, err := r.CreateSecret(&awstest.CreateSecretInput{Name: "s", ClientRequestToken: v1,
		SecretString: &one}); err != nil {
		t.Fatal(err)
	}
	r.first = r.begin(v2)
	r.run(r.first)
	r.second = r.begin(v3)
	return r
}

func (r *race) begin(token string) awstest.Run {
	r.Helper()
	run, err := r.BeginRotation(&awstest.RotateSecretInput{SecretId: "s", ClientRequestToken: token,
		RotationLambdaARN: function})
	if err != nil {
		r.Fatal(err)
	}
	return run
}

// run runs the steps of a rotation, and does not end it.
func (r *race) run(run awstest.Run) {
	r.Helper()
	for _, step := range run.Steps {
		if err := r.function.step(run.Event(step)); err != nil {
			r.Fatal(err)
		}
		if err := r.CheckRotation(run); err != nil {
			r.Fatal(err)
		}
	}
}

// end ends a rotation an hour later.
func (r *race) end(run awstest.Run, failed error, want awstest.Outcome) {
	r.Helper()
	r.now = r.now.Add(time.Hour)
	if got := r.EndRotation(run, failed); got != want {
		r.Errorf("got %s, want %s", got, want)
	}
}

// expect compares the events after both rotations started, and the hour of LastRotatedDate; -1 is
// no such date.
func (r *race) expect(hour int, events ...string) {
	r.Helper()
	want := append([]string{"RotationStarted 2", "RotationStarted 3"}, events...)
	if diff := cmp.Diff(want, r.events); diff != "" {
		r.Errorf("events (-want +got):\n%s", diff)
	}
	got, err := r.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"})
	if err != nil {
		r.Fatal(err)
	}
	if date := got.LastRotatedDate.Time; hour < 0 != date.IsZero() || hour >= 0 && date.Hour() != hour {
		r.Errorf("last rotated at %v, want hour %d", date, hour)
	}
}

func TestRotationOvertakenInFinishSecretEndsAsItsStepDoes(t *testing.T) {
	t.Run("the first ends first", func(t *testing.T) {
		r := newRace(t)
		r.end(r.first, nil, awstest.Succeeded)
		r.expect(1, "RotationSucceeded 2")
		r.run(r.second)
		r.end(r.second, nil, awstest.Succeeded)
		r.expect(2, "RotationSucceeded 2", "RotationSucceeded 3")
	})
	t.Run("the first ends last", func(t *testing.T) {
		r := newRace(t)
		r.run(r.second)
		r.end(r.second, nil, awstest.Succeeded)
		r.end(r.first, nil, awstest.Succeeded)
		r.expect(2, "RotationSucceeded 3", "RotationSucceeded 2")
	})
	t.Run("the first fails after the swap", func(t *testing.T) {
		r := newRace(t)
		r.end(r.first, errors.New("timed out"), awstest.Failed)
		r.expect(-1, "RotationFailed 2")
	})
	t.Run("a person writes the secret", func(t *testing.T) {
		r := newRace(t)
		edited := "edited"
		if _, err := r.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", SecretString: &edited}); err != nil {
			t.Fatal(err)
		}
		r.end(r.first, nil, awstest.Abandoned)
		r.end(r.second, nil, awstest.Abandoned)
		r.expect(-1, "RotationAbandoned 2", "RotationAbandoned 3")
	})
}

func TestNoLastRotatedDateWhileRotationIsOff(t *testing.T) {
	r := newRace(t)
	r.end(r.first, nil, awstest.Succeeded)
	if _, err := r.CancelRotateSecret(&awstest.SecretIdInput{SecretId: "s"}); err != nil {
		t.Fatal(err)
	}
	r.expect(-1, "RotationSucceeded 2")
}

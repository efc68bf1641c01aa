package awstest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestSchedulesDateTheNextRotation(t *testing.T) {
	const now = "2030-03-15 10:30" // a Friday
	for _, test := range []struct {
		rules awstest.RotationRules
		want  string // empty: refused
	}{
		{awstest.RotationRules{AutomaticallyAfterDays: 30}, "2030-04-14 10:30"},
		{awstest.RotationRules{AutomaticallyAfterDays: 30, Duration: "3h"}, "2030-04-14 10:30"},
		{awstest.RotationRules{AutomaticallyAfterDays: 30, Duration: "3 hours"}, ""},
		{awstest.RotationRules{AutomaticallyAfterDays: 1001}, ""},
		{awstest.RotationRules{AutomaticallyAfterDays: 1, ScheduleExpression: "rate(10 days)"}, ""},
		{rule("rate(4 hours)"), "2030-03-15 14:30"},
		{rule("rate(1 day)"), "2030-03-16 10:30"},
		{rule("rate(999 days)"), "2032-12-08 10:30"},
		{rule("rate(3 hours)"), ""},
		{rule("rate(1000 days)"), ""},
		{rule("rate(300 minutes)"), ""},
		{rule("rate(4h)"), ""},
		{rule("cron(0 8 1 * ? *)"), "2030-04-01 08:00"},
		{rule("cron(0 16 1,15 * ? *)"), "2030-03-15 16:00"},
		{rule("cron(0 10 15 * ? *)"), "2030-04-15 10:00"},
		{rule("cron(0 /4 * * ? *)"), ""},
		{rule("cron(0 0/8 * * ? *)"), "2030-03-15 16:00"},
		{rule("cron(0 */4 * * ? *)"), "2030-03-15 12:00"},
		{rule("cron(0 0/3 * * ? *)"), ""},
		{rule("cron(0 1,22 * * ? *)"), ""},
		{rule("cron(0 5 ? * SUN *)"), "2030-03-17 05:00"},
		{rule("cron(0 5 ? * 2-6 *)"), "2030-03-18 05:00"},
		{rule("cron(0 5 ? * MON#1 *)"), "2030-04-01 05:00"},
		{rule("cron(0 5 ? * 6L *)"), "2030-03-29 05:00"},
		{rule("cron(0 5 L * ? *)"), "2030-03-31 05:00"},
		{rule("cron(0 5 29 FEB ? *)"), "2032-02-29 05:00"},
		{rule("cron(0 5 ? JAN-JUN/5 * *)"), "2030-06-01 05:00"},
		{rule("cron(0 5 ? * MON#6 *)"), ""},
		{rule("cron(0 5 ? * XL *)"), ""},
		{rule("cron(15 5 1 * ? *)"), ""},
		{rule("cron(0 5 1 * ? 2031)"), ""},
		{rule("cron(0 5 1 * * *)"), ""},
		{rule("cron(0 5 ? * ? *)"), ""},
		{rule("cron(0 24 1 * ? *)"), ""},
		{rule("cron(0 5 1 * ?)"), ""},
		{rule("every day"), ""},
	} {
		t.Run(test.rules.ScheduleExpression, func(t *testing.T) {
			service := awstest.NewSecretsManager(awstest.SecretsConfig{Now: func() time.Time { return at(now) }})
			_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: "s"})
			_, err := service.BeginRotation(&awstest.RotateSecretInput{SecretId: "s", RotationLambdaARN: function,
				RotationRules: &test.rules})
			if refused := err != nil; refused != (test.want == "") {
				t.Fatalf("got error %v", err)
			}
			got, _ := service.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"})
			if test.want != "" && !got.NextRotationDate.Equal(at(test.want)) {
				t.Errorf("got %v, want %s", got.NextRotationDate, test.want)
			}
		})
	}
}

func rule(expression string) awstest.RotationRules {
	return awstest.RotationRules{ScheduleExpression: expression}
}

func TestRunDueStartsWhatIsDue(t *testing.T) {
	now := at("2030-03-15 10:00")
	service := awstest.NewSecretsManager(awstest.SecretsConfig{Now: func() time.Time { return now }})
	function := &rotator{service: service}
	rules, one := rule("rate(4 hours)"), "one"
	for _, name := range []string{"b", "a", "unscheduled"} {
		in := &awstest.RotateSecretInput{SecretId: name, RotationLambdaARN: "arn", RotationRules: &rules}
		if name == "unscheduled" {
			in.RotationRules = nil
		}
		_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &one})
		run, err := service.BeginRotation(in)
		if err != nil {
			t.Fatal(err)
		}
		drive(t, service, function, run, awstest.Succeeded)
	}
	due := func(later string) (names []string) {
		now = at(later)
		for _, run := range service.RunDue(now) {
			names = append(names, run.SecretARN[len("arn:aws:secretsmanager:us-east-1:123456789012:secret:"):][:1])
			drive(t, service, function, run, awstest.Succeeded)
		}
		return names
	}
	if got := due("2030-03-15 13:59"); got != nil {
		t.Errorf("before the time: %v", got)
	}
	if diff := cmp.Diff([]string{"a", "b"}, due("2030-03-15 14:00")); diff != "" {
		t.Errorf("at the time:\n%s", diff)
	}
	now = at("2030-03-15 17:00")
	if _, err := service.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "a", SecretString: &one}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b"}, due("2030-03-15 18:00")); diff != "" {
		t.Errorf("a value written by hand does not count as a rotation:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a"}, due("2030-03-15 21:00")); diff != "" {
		t.Errorf("after that:\n%s", diff)
	}
	if _, err := service.CancelRotateSecret(&awstest.SecretIdInput{SecretId: "b"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, due("2031-01-01 00:00")); diff != "" {
		t.Errorf("after cancelling b:\n%s", diff)
	}
}

func TestRunDueRunsAnIncompleteRotationAgain(t *testing.T) {
	now := at("2030-03-15 10:00")
	service := awstest.NewSecretsManager(awstest.SecretsConfig{Now: func() time.Time { return now }})
	rules, one := rule("rate(4 hours)"), "one"
	_, _ = service.CreateSecret(&awstest.CreateSecretInput{Name: "s", SecretString: &one})
	run, err := service.BeginRotation(&awstest.RotateSecretInput{SecretId: "s", RotationLambdaARN: "arn",
		RotationRules: &rules})
	if err != nil {
		t.Fatal(err)
	}
	service.EndRotation(run, errors.New("failed"))
	now = at("2030-03-15 14:00")
	runs := service.RunDue(now)
	if len(runs) != 1 || runs[0].VersionID != run.VersionID {
		t.Fatalf("got %d runs", len(runs))
	}
	drive(t, service, &rotator{service: service}, runs[0], awstest.Succeeded)
}

// drive runs all steps of a rotation and ends it.
func drive(t *testing.T, service *awstest.SecretsManager, function *rotator, run awstest.Run, want awstest.Outcome) {
	t.Helper()
	for _, step := range run.Steps {
		if err := function.step(run.Event(step)); err != nil {
			t.Fatal(err)
		}
	}
	if got := service.EndRotation(run, nil); got != want {
		t.Errorf("outcome %s, want %s", got, want)
	}
}

func TestSchedulesRunInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, awstest.SecretsConfig{MinimumInterval: time.Second})
		rules := rule("rate(30 seconds)")
		if _, err := r.RotateSecret(&awstest.RotateSecretInput{SecretId: "s", RotationLambdaARN: function,
			RotationRules: &rules}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		if err := r.RunSchedules(ctx, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		r.Close()
		if len(r.rotator.steps) != 4*4 {
			t.Errorf("got %d steps, want four rotations of four", len(r.rotator.steps))
		}
	})
}

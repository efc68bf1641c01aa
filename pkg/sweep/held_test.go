package sweep_test

import (
	"errors"
	"testing"
	"time"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
)

// createSecret was killed after its put and before its record, and an operator removed AWSPENDING.
func TestATokenThatCouldNotBeRecordedIsRetiredByOneSweep(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		run := d.begin(secretName)
		d.steps(run, awstest.StepCreate)
		held := d.token(secretName, awstest.StagePending)
		if err := d.ledger().Remove(t.Context(), d.record(held)); err != nil {
			t.Fatal(err)
		}
		_, err := d.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: d.arn, VersionStage: awstest.StagePending, RemoveFromVersionId: run.VersionID,
		})
		if err != nil {
			t.Fatal(err)
		}
		d.aws.Secrets.EndRotation(run, errors.New("the rotation was cancelled"))
		current := d.rotate()
		time.Sleep(20 * time.Minute)
		answer := d.sweep(`{"dryRun":true}`)
		if s := about(t, answer, secretName); len(s.Deleted) != 1 || s.Deleted[0] != print(held) || len(s.Unclaimed) > 0 {
			t.Errorf("the dry run would delete %v, unclaimed %v, want %s", s.Deleted, s.Unclaimed, print(held))
		}
		d.wantTokens(current, held)
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

// putUnrecorded runs a rotation that fails when createSecret has put its token and could not record
// it. AWSPENDING stays.
func (d *deployment) putUnrecorded() (run awstest.Run, held string) {
	d.t.Helper()
	d.rotate()
	run = d.begin(secretName)
	d.steps(run, awstest.StepCreate)
	held = d.token(secretName, awstest.StagePending)
	if err := d.ledger().Remove(d.t.Context(), d.record(held)); err != nil {
		d.t.Fatal(err)
	}
	d.aws.Secrets.EndRotation(run, errors.New("the rotation has failed"))
	return run, held
}

func TestATokenOfAPendingVersionIsRecordedAfterAnHour(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		_, held := d.putUnrecorded()
		for _, after := range []struct {
			wait     time.Duration
			recorded bool
		}{{20 * time.Minute, false}, {2 * time.Hour, true}} {
			time.Sleep(after.wait)
			d.sweep(`{}`)
			view := d.entries(d.arn)
			if _, found := view.Find(print(held)); found != after.recorded {
				t.Errorf("after %v: recorded %t, want %t", after.wait, found, after.recorded)
			}
			if len(view.Intents) == 0 && !after.recorded {
				t.Errorf("after %v: neither a record nor an intent", after.wait)
			}
		}
	})
}

// createSecret put the token, but could not record it, and a sweep may not read the version.
func TestW2AnIntentStaysWhileItsVersionCannotBeRead(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		run, held := d.putUnrecorded()
		time.Sleep(3 * time.Hour)
		reads := 0
		d.deny = func(c awstest.Call) bool {
			in, get := c.Input.(*awstest.GetSecretValueInput)
			if get && in.VersionId == run.VersionID {
				reads++
			}
			return get && in.VersionId == run.VersionID && reads > 1 // the first one finds what AWSPENDING holds
		}
		if _, err := d.run(`{}`); err != nil {
			t.Fatal(err)
		}
		if view := d.entries(d.arn); len(view.Intents) != 1 {
			t.Errorf("%d intents are left", len(view.Intents))
		}
		d.deny = nil
		d.sweep(`{}`)
		if record := d.record(held); record.State != ledger.Issued {
			t.Errorf("the token is %s", record.State)
		}
	})
}

// createSecret put the token, but could not record it. A sweep that cannot read the secret reports
// the token as unclaimed, for another secret's creation without an answer.
func TestATokenThatASweepCalledUnclaimedIsRecordedForTheVersionThatHoldsIt(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		_, left := d.lose()
		d.engage.DeleteToken(left)
		other := d.createSecret("ivr/other", loginFields(d.user, nil))
		run := d.begin("ivr/other")
		d.steps(run, awstest.StepCreate)
		held := d.token("ivr/other", awstest.StagePending)
		record, _ := d.entries(other).Find(print(held))
		if err := d.ledger().Remove(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		d.aws.Secrets.EndRotation(run, errors.New("the rotation has failed"))
		time.Sleep(3 * time.Hour)
		d.deny = func(c awstest.Call) bool { return c.Action == "DescribeSecret" && c.Resource == other }
		answer, err := d.run(`{}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := about(t, answer, secretName).Unclaimed; len(got) != 1 || got[0].Fingerprint != print(held) {
			t.Fatalf("unclaimed %v", got)
		}
		d.deny = nil
		d.sweep(`{}`)
		if got, _ := d.entries(other).Find(print(held)); got.State != ledger.Issued {
			t.Errorf("the token's record is %+v", got)
		}
		_, err = d.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: other, VersionStage: awstest.StagePending, RemoveFromVersionId: run.VersionID,
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		d.sweep(`{}`)
		time.Sleep(time.Hour)
		d.sweep(`{}`)
		d.wantTokens(d.token(secretName, awstest.StageCurrent))
	})
}

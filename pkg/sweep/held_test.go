package sweep_test

import (
	"errors"
	"testing"
	"time"

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

package sweep_test

import (
	"fmt"
	"testing"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// fleet makes n secrets of the first user whose previous tokens are due.
func (d *deployment) fleet(n int) {
	for i := range n {
		name := fmt.Sprintf("ivr/fleet-%03d", i)
		d.createSecret(name, loginFields(d.user, nil))
		d.rotateSecret(name)
		d.rotateSecret(name)
	}
	time.Sleep(2 * time.Hour)
}

// The vendor takes 120 calls a minute of one user: of deletions, and of later looks at the tokens.
func TestCallsAboutOneUsersTokensAreSlowerThanTheVendorsLimit(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		d.fleet(130)
		before := len(d.engage.Calls())
		answer := d.sweep(`{}`)
		if answer.Summary.Deleted != 130 || answer.Summary.DeleteFailed != 0 || len(answer.Left) != 0 {
			t.Errorf("%+v", answer.Summary)
		}
		time.Sleep(time.Hour)
		if sum := d.sweep(`{}`).Summary; sum.Faults != 0 {
			t.Errorf("%+v", sum)
		}
		all, err := d.ledger().ReadAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for arn, view := range all.Secrets {
			for _, record := range view.Records {
				if record.State == ledger.Deleted {
					t.Errorf("a deleted token of %s keeps its record", arn)
				}
			}
		}
		calls := d.engage.Calls()[before:]
		for i := 120; i < len(calls); i++ {
			if within := calls[i].Time.Sub(calls[i-120].Time); within < time.Minute {
				t.Fatalf("121 calls within %s", within)
			}
		}
	})
}

func TestWhatDoesNotFitIsLeftForTheNextSweepAndIsNotAFault(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		d.fleet(60)
		d.limit = 40 * time.Second
		answer := d.sweep(`{}`)
		sum := answer.Summary
		if sum.Left != 1 || sum.Deleted == 0 || sum.Deleted+sum.Retiring != 60 || sum.Faults+sum.DeleteFailed != 0 {
			t.Errorf("%+v", sum)
		}
		if cursor, err := d.ledger().Cursor(t.Context()); err != nil || cursor != answer.Left[0] {
			t.Errorf("the next sweep begins with %q, %v, want %q", cursor, err, answer.Left[0])
		}
		d.limit = 300 * time.Second
		if again := d.sweep(`{}`).Summary; again.Deleted != 60-sum.Deleted || again.Left != 0 {
			t.Errorf("%+v after %+v", again, sum)
		}
	})
}

// What each secret needs is read once; what many share is read once for all.
func TestAQuietSweepReadsEachSecretOnceAndListsEachUserOnce(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.fleet(20)
		d.sweep(`{}`) // the records of deleted tokens go
		aws, vendor := len(d.aws.Calls()), len(d.engage.Calls())
		d.sweep(`{}`)
		if n := len(d.engage.Calls()) - vendor; n != 1 {
			t.Errorf("%d calls to the vendor, want 1", n)
		}
		reads := map[string]int{}
		for _, call := range d.aws.Calls()[aws:] {
			reads[call.Action]++
		}
		if reads["GetSecretValue"] != 21 || reads["DescribeSecret"] != 21 || reads["PutParameter"] != 0 {
			t.Errorf("calls of a sweep of 21 quiet secrets: %v", reads)
		}
	})
}

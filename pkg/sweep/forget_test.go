package sweep_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

const secondName, copyName = "ivr/second", "ivr/copy"

// second makes a second secret of the first user, rotates it, and returns its ARN and token.
func (d *deployment) second() (arn, token string) {
	d.t.Helper()
	arn = d.createSecret(secondName, loginFields(d.user, nil))
	return arn, d.rotateSecret(secondName)
}

// remove deletes a secret: for good, or with a recovery window of so many days.
func (d *deployment) remove(name string, days int) {
	d.t.Helper()
	in := &awstest.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: days == 0}
	if days > 0 {
		in.RecoveryWindowInDays = &days
	}
	if _, err := d.aws.Secrets.DeleteSecret(in); err != nil {
		d.t.Fatal(err)
	}
}

// days lets a sweep a day pass, each without a fault.
func (d *deployment) days(n int) {
	d.t.Helper()
	for range n {
		time.Sleep(25 * time.Hour)
		d.sweep(`{}`)
	}
}

// The intent of the lost creation is all that names its token.
func TestForgetLeavesAnUnansweredCreationToSweeps(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		d.second()
		before := d.engage.Tokens(d.user.Username)
		run := d.begin(secondName)
		d.engage.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
		if err := d.step(run, awstest.StepCreate); err == nil {
			t.Fatal("createSecret went on without an answer")
		}
		d.engage.SetFault(nil)
		left := slices.DeleteFunc(d.engage.Tokens(d.user.Username), func(token string) bool {
			return slices.Contains(before, token)
		})
		d.remove(secondName, 0)
		if _, err := d.run(`{"forget":"` + secondName + `"}`); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		s := about(t, d.sweep(`{}`), secondName)
		if len(left) != 1 || len(s.Unclaimed) != 1 || s.Unclaimed[0].Fingerprint != print(left[0]) {
			t.Errorf("unclaimed: %v, want %v", s.Unclaimed, prints(left))
		}
	})
}

// The second secret's token was copied into another one, which cannot be read and may be restored.
func TestForgetKeepsATokenThatAnUnreadableSecretMayHold(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		_, shared := d.second()
		d.createSecret(copyName, loginFields(d.user, map[string]string{"apiToken": shared}))
		d.begin(copyName)
		d.sweep(`{}`)
		d.remove(copyName, 7)
		d.remove(secondName, 0)
		_, err := d.run(`{"forget":"` + secondName + `"}`)
		if err == nil || !strings.Contains(err.Error(), copyName) {
			t.Errorf("error %v, want one that names %s", err, copyName)
		}
		d.days(3)
		if _, err := d.aws.Secrets.RestoreSecret(&awstest.SecretIdInput{SecretId: copyName}); err != nil {
			t.Fatal(err)
		}
		if !d.engage.Alive(shared) {
			t.Error("the token that AWSCURRENT of the restored secret names is dead")
		}
	})
}

// The token was created here. The secret that it was copied into never swaps it out.
func TestATokenThatWasSharedWithAForgottenSecretIsDeletedInTheEnd(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		_, shared := d.second()
		d.createSecret(copyName, loginFields(d.user, map[string]string{"apiToken": shared}))
		d.begin(copyName)
		d.sweep(`{}`)
		d.remove(secondName, 0)
		if _, err := d.run(`{"forget":"` + secondName + `"}`); err != nil {
			t.Fatal(err)
		}
		d.wantTokens(current, shared)
		d.remove(copyName, 0)
		d.days(4)
		d.wantTokens(current)
	})
}

// finishSecret was killed before it could record which user's list holds the previous token.
func TestARecordWithoutAUserOfASecretThatIsGoneIsSwept(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		arn, token := d.second()
		record, found := d.entries(arn).Find(print(token))
		record.User = ""
		if err := d.ledger().Set(t.Context(), record); err != nil || !found {
			t.Fatal(found, err)
		}
		d.remove(secondName, 0)
		d.sweep(`{}`)
		d.days(3)
		d.wantTokens(current)
		if left := d.entries(arn); len(left.Records) > 0 && left.Records[0].State != ledger.Deleted {
			t.Errorf("the record stays: %+v", left.Records)
		}
	})
}

// A secret was deleted and made again under its name: forget must not take the new one for the old.
func TestForgetRefusesANameOfTwoSecrets(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		gone, old := d.second()
		d.remove(secondName, 0)
		_, fresh := d.second()
		for range 10 {
			_, err := d.run(`{"forget":"` + secondName + `","deleteToken":true}`)
			if err == nil || !strings.Contains(err.Error(), gone) {
				t.Fatalf("error %v, want one that names %s", err, gone)
			}
		}
		d.wantTokens(current, old, fresh)
		if _, err := d.run(`{"forget":"` + gone + `"}`); err != nil {
			t.Fatal(err)
		}
		d.wantTokens(current, fresh)
	})
}

func TestDeleteTokenNamesTheSecretThatIsScheduledForDeletion(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		arn, _ := d.second()
		foreign := d.engage.CreateToken(d.user.Username)
		d.remove(secondName, 7)
		order := `{"deleteToken":"` + string(print(foreign)) + `"}`
		if _, err := d.run(order); err == nil || !strings.Contains(err.Error(), arn+" is scheduled for deletion") {
			t.Errorf("error %v, want one that names %s", err, arn)
		}
		if _, err := d.run(`{"forget":"` + secondName + `"}`); err != nil {
			t.Fatal(err)
		}
		d.sweep(order)
		d.wantTokens(current)
	})
}

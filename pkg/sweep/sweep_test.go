package sweep_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// retention returns an environment with a retention.
func retention(d string) map[string]string { return map[string]string{settings.EnvRetention: d} }

func exclusive() map[string]string { return map[string]string{settings.EnvExclusiveUser: "true"} }

func TestR11ARetiringTokenIsDeletedWhenItsRetentionIsOver(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		first, second, third := d.rotate(), d.rotate(), d.rotate()
		answer := d.sweep(`{}`)
		if n := len(answer.Secrets[0].Retiring); n != 2 {
			t.Errorf("%d tokens are reported as retiring, want 2", n)
		}
		wantCase(t, answer, second, "R14")
		d.wantTokens(first, second, third)
		time.Sleep(51 * time.Minute)
		wantCase(t, d.sweep(`{}`), first, "R11")
		d.wantTokens(second, third)
		time.Sleep(10 * time.Minute)
		answer = d.sweep(`{}`)
		d.wantTokens(third)
		if got := answer.Secrets[0].Deleted; len(got) != 1 || got[0] != print(second) {
			t.Errorf("deleted %v", got)
		}
	})
}

func TestR15R17ADeletedTokenIsRememberedUntilListsMustLackIt(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		d.engage.SetPropagation(engagetest.Propagation{DeletedListed: engagetest.Lag{For: 90 * time.Second}})
		first := d.rotate()
		d.rotate()
		time.Sleep(2 * time.Hour)
		d.sweep(`{}`)
		if state := d.record(first).State; state != ledger.Deleted {
			t.Fatalf("state %s", state)
		}
		deletions := d.engage.Count(engagetest.OpDelete)
		time.Sleep(time.Minute)
		wantCase(t, d.sweep(`{}`), first, "R15")
		if n := d.engage.Count(engagetest.OpDelete); n != deletions {
			t.Errorf("%d deletions of a token that lists may still show", n)
		}
		time.Sleep(time.Minute + time.Second)
		wantCase(t, d.sweep(`{}`), first, "R17")
		if n := len(d.entries(d.arn).Records); n != 1 {
			t.Errorf("%d records stay, want the current token's", n)
		}
	})
}

func TestR16ADeletionWithoutEffectIsMadeAgain(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		current := d.rotate()
		time.Sleep(2 * time.Hour)
		d.engage.SetMisbehavior(engagetest.Misbehavior{Delete: engagetest.DeleteIgnored})
		answer := d.sweep(`{}`)
		if n := len(answer.Secrets[0].Deleted); n != 0 {
			t.Errorf("%d tokens are reported as deleted", n)
		}
		d.engage.SetMisbehavior(engagetest.Misbehavior{})
		time.Sleep(ledger.Propagation + time.Second)
		wantCase(t, d.sweep(`{}`), first, "R16")
		d.wantTokens(current)
	})
}

func TestR18ADeletedTokenStaysRecordedWhileNoListCanBeAsked(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		d.rotate()
		time.Sleep(2 * time.Hour)
		d.sweep(`{}`)
		time.Sleep(time.Hour)
		d.engage.SetMisbehavior(engagetest.Misbehavior{Refuse: 403})
		answer, err := d.run(`{}`)
		if err != nil || len(answer.Faults) == 0 {
			t.Fatalf("faults %v, error %v", answer.Faults, err)
		}
		wantCase(t, answer, first, "R18")
		d.record(first)
	})
}

func TestADryRunChangesNothing(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		first, second := d.rotate(), d.rotate()
		d.lose()
		left := d.engage.Tokens(d.user.Username)
		time.Sleep(2 * time.Hour)
		calls, logins := len(d.aws.Calls()), d.engage.LoginCount(d.user.Username)
		answer := d.sweep(`{"dryRun":true}`)
		if got := answer.Secrets[0].Deleted; len(got) != 1 || got[0] != print(first) {
			t.Errorf("the dry run would delete %v", got)
		}
		if n := len(answer.Secrets[0].Unclaimed); n != 1 {
			t.Errorf("the dry run names %d unclaimed tokens", n)
		}
		d.wantTokens(left...)
		if d.token(secretName, awstest.StageCurrent) != second || d.engage.LoginCount(d.user.Username) != logins {
			t.Error("the dry run changed the secret, or logged in")
		}
		for _, call := range d.aws.Calls()[calls:] {
			if call.Action == "PutParameter" || call.Action == "DeleteParameter" {
				t.Errorf("the dry run called %s", call.Action)
			}
		}
	})
}

func TestR12RevokePreviousEndsTheRetention(t *testing.T) {
	for _, id := range []string{secretName, "arn"} {
		deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
			first := d.rotate()
			current := d.rotate()
			if id == "arn" {
				id = d.arn
			}
			answer := d.sweep(`{"revokePrevious":"` + id + `"}`)
			wantCase(t, answer, first, "R12")
			d.wantTokens(current)
			if got := answer.Secrets[0].Deleted; !slices.Equal(got, prints([]string{first})) {
				t.Errorf("deleted %v", got)
			}
		})
	}
}

func TestRevokePreviousOfOneSecretLeavesTheOthers(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		d.createSecret("ivr/second", loginFields(d.user, nil))
		d.rotate()
		first := d.rotate()
		other, second := d.rotateSecret("ivr/second"), d.rotateSecret("ivr/second")
		d.sweep(`{"revokePrevious":"` + secretName + `"}`)
		d.wantTokens(first, other, second)
	})
}

func TestR13RevokePreviousLeavesALateFinishSecretItsTime(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		current := d.rotate()
		run := d.begin(secretName)
		d.steps(run, awstest.StepCreate)
		pending := d.token(secretName, awstest.StagePending)
		d.move(awstest.StagePending, "") // cancelled, while a finishSecret may have read the labels already
		time.Sleep(20 * time.Minute)
		wantCase(t, d.sweep(`{}`), pending, "R8")
		wantCase(t, d.sweep(`{"revokePrevious":"`+secretName+`"}`), pending, "R13")
		wantCase(t, d.sweep(`{"revokePrevious":"`+secretName+`"}`), pending, "R14")
		d.wantTokens(current, pending)
		time.Sleep(16 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

func TestTheCurrentTokenIsReportedWithItsAge(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		foreign := d.engage.CreateToken(d.user.Username)
		time.Sleep(time.Hour)
		answer := d.sweep(`{}`)
		got := answer.Secrets[0].Current
		if got.Fingerprint != print(current) || got.AgeSeconds < 3600 || got.AgeSeconds > 3605 || got.Dead {
			t.Errorf("current %+v", got)
		}
		if answer.Users[0].Foreign != 1 {
			t.Errorf("%d foreign tokens", answer.Users[0].Foreign)
		}
		d.wantTokens(current, foreign)
	})
}

func TestADeadCurrentTokenIsReported(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		d.engage.DeleteToken(current)
		time.Sleep(time.Hour)
		if answer := d.sweep(`{}`); !answer.Secrets[0].Current.Dead {
			t.Errorf("current %+v", answer.Secrets[0].Current)
		}
	})
}

func TestNoTokenIsCalledDeadWhileTheVendorRefusesAPITokens(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		time.Sleep(time.Hour)
		d.engage.SetMisbehavior(engagetest.Misbehavior{RefuseTokens: 401}) // the list by a login still shows the token
		if answer := d.sweep(`{}`); answer.Secrets[0].Current.Dead {
			t.Error("a token that the list shows is reported as dead")
		}
	})
}

func TestW2W7W5AnUnansweredCreationIsReportedOnceTheInvocationIsOver(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		_, left := d.lose()
		answer := d.sweep(`{}`) // W2
		if s := about(t, answer, secretName); len(s.OpenIntents) != 1 || len(s.Unclaimed) != 0 {
			t.Errorf("open intents %v, unclaimed %v, while the invocation may be at work", s.OpenIntents, s.Unclaimed)
		}
		time.Sleep(20 * time.Minute)
		answer = d.sweep(`{}`) // W7, and W5 from the next sweep on
		want := report.Removable{
			Fingerprint: print(left),
			Since:       time.Now(),
			Remove:      `{"deleteToken":"` + string(print(left)) + `"}`,
		}
		got := about(t, answer, secretName).Unclaimed
		if len(got) != 1 || got[0].Fingerprint != want.Fingerprint || got[0].Remove != want.Remove {
			t.Fatalf("unclaimed %v, want %v", got, want)
		}
		for range 3 { // reported until it is gone, and never deleted
			time.Sleep(24 * time.Hour)
			answer = d.sweep(`{}`)
			wantCase(t, answer, left, "R21")
			if got := about(t, answer, secretName).Unclaimed; len(got) != 1 {
				t.Fatalf("unclaimed %v", got)
			}
		}
		d.wantTokens(current, left)
		d.sweep(want.Remove) // the event that the report names
		d.wantTokens(current)
		time.Sleep(time.Hour)
		if s := about(t, d.sweep(`{}`), secretName); len(s.Unclaimed)+len(s.OpenIntents) != 0 {
			t.Errorf("after the deletion: %+v", s)
		}
		if n := len(d.entries(d.arn).Records); n != 1 {
			t.Errorf("%d records stay", n)
		}
	})
}

func TestW1AnIntentThatARecordAnswersEnds(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		run := d.begin(secretName)
		d.steps(run, awstest.StepCreate) // its intent stays until finishSecret
		pending := d.token(secretName, awstest.StagePending)
		if n := len(d.entries(d.arn).Intents); n != 1 {
			t.Fatalf("%d intents", n)
		}
		s := about(t, d.sweep(`{}`), secretName)
		if len(s.OpenIntents)+len(s.Unclaimed) != 0 || len(d.entries(d.arn).Intents) != 0 {
			t.Errorf("report %+v", s)
		}
		d.steps(run, awstest.StepSet, awstest.StepTest, awstest.StepFinish)
		d.wantTokens(pending)
	})
}

func TestW3AnIntentStaysWhileNoListIsBelievable(t *testing.T) {
	for _, wrong := range []engagetest.Misbehavior{{Refuse: 401}, {Refuse: 403}, {List: engagetest.ListEmpty}} {
		deploy(t, nil, func(t *testing.T, d *deployment) {
			d.rotate()
			_, left := d.lose()
			time.Sleep(time.Hour)
			d.engage.SetMisbehavior(wrong)
			if _, err := d.run(`{}`); err != nil {
				t.Fatal(err)
			}
			if n := len(d.entries(d.arn).Intents); n != 1 {
				t.Fatalf("%+v: %d intents", wrong, n)
			}
			d.engage.SetMisbehavior(engagetest.Misbehavior{})
			time.Sleep(time.Minute)
			if got := about(t, d.sweep(`{}`), secretName).Unclaimed; len(got) != 1 || got[0].Fingerprint != print(left) {
				t.Errorf("%+v: unclaimed %v", wrong, got)
			}
		})
	}
}

func TestW4AnIntentWithoutAnEffectEnds(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		_, left := d.lose()
		d.engage.DeleteToken(left)
		time.Sleep(2 * time.Hour)
		s := about(t, d.sweep(`{}`), secretName)
		if len(s.Unclaimed)+len(s.OpenIntents) != 0 || len(d.entries(d.arn).Intents) != 0 {
			t.Errorf("report %+v", s)
		}
		d.wantTokens(current)
	})
}

func TestW6ACreationThatCannotBeComparedIsReportedOnce(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		for range 701 { // more than a baseline holds
			d.engage.CreateToken(d.user.Username)
		}
		d.lose()
		time.Sleep(2 * time.Hour)
		reported := 0
		for range 2 {
			answer, err := d.run(`{}`)
			if err != nil {
				t.Fatal(err)
			}
			reported += len(answer.Faults)
		}
		if reported != 1 {
			t.Errorf("reported %d times", reported)
		}
		if n := len(d.entries(d.arn).Intents); n != 0 {
			t.Errorf("%d intents stay", n)
		}
	})
}

func TestW5TokensThatRecordsNameOrSecretsHoldAreNotUnclaimed(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		d.rotate()
		run, left := d.lose()
		time.Sleep(time.Second)
		d.steps(run, run.Steps...) // the service repeats it, with another token
		d.aws.Secrets.EndRotation(run, nil)
		d.rotate()
		d.createSecret(
			"ivr/by-hand",
			loginFields(d.user, map[string]string{"apiToken": d.engage.CreateToken(d.user.Username)}),
		)
		d.rotateSecret("ivr/by-hand")
		time.Sleep(time.Hour)
		got := about(t, d.sweep(`{}`), secretName).Unclaimed
		if len(got) != 1 || got[0].Fingerprint != print(left) {
			t.Errorf("unclaimed %v, want %s alone", got, print(left))
		}
	})
}

// A rotation puts its token when the sweep has read the ledger, and is cancelled when the sweep has
// listed. A deletion that is due lets the sweep read the secrets again, and not the ledger.
func TestW4ATokenThatASecretHeldDuringTheSweepIsNotUnclaimed(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		d.rotate()
		d.rotate()
		_, lost := d.lose()
		d.engage.DeleteToken(lost)
		time.Sleep(3 * time.Hour)
		d.createSecret("ivr/other", loginFields(d.user, nil))
		run := d.begin("ivr/other")
		put, moved := false, false
		d.deny = func(c awstest.Call) bool {
			if c.Action == "ListSecrets" && !put {
				put = true
				d.steps(run, awstest.StepCreate)
				d.engage.SetFault(func(c engagetest.Call) *engagetest.Fault {
					if c.Operation == engagetest.OpList && !moved {
						moved = true
						_, _ = d.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
							SecretId: "ivr/other", VersionStage: awstest.StagePending, RemoveFromVersionId: run.VersionID,
						})
					}
					return nil
				})
			}
			return false
		}
		s := about(t, d.sweep(`{}`), secretName)
		if !moved || len(s.Deleted) != 1 || len(s.Unclaimed) != 0 {
			t.Errorf("deleted %v, unclaimed %v", s.Deleted, s.Unclaimed)
		}
	})
}

// Another sweep, or a person, removes the record of a deleted token when this sweep has read it.
// The list is older than the deletion.
func TestW7ADeletedTokenWhoseRecordIsRemovedDuringTheSweepIsNotUnclaimed(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		run, left := d.lose()
		d.engage.SetPropagation(engagetest.Propagation{DeletedListed: engagetest.Lag{For: 90 * time.Second}})
		time.Sleep(time.Second)
		d.steps(run, run.Steps...) // the service repeats it, with another token
		d.aws.Secrets.EndRotation(run, nil)
		deleted := d.token(secretName, awstest.StageCurrent)
		d.rotate()
		if state := d.record(deleted).State; state != ledger.Deleted {
			t.Fatalf("state %s", state)
		}
		removed := false
		d.engage.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpList && !removed {
				removed = true
				d.loseLedger(string(print(deleted)))
			}
			return nil
		})
		s := about(t, d.sweep(`{}`), secretName)
		if !removed || len(s.Unclaimed) != 1 || s.Unclaimed[0].Fingerprint != print(left) {
			t.Errorf("unclaimed %v, want %s alone", s.Unclaimed, print(left))
		}
	})
}

func TestR9ATokenThatWasReplacedByHandIsRetired(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		replaced := d.rotate()
		byHand := d.engage.CreateToken(d.user.Username)
		d.edit(secretName, strings.Replace(d.value(secretName, awstest.StageCurrent), replaced, byHand, 1))
		time.Sleep(20 * time.Minute)
		wantCase(t, d.sweep(`{}`), replaced, "R9")
		d.wantTokens(replaced, byHand)
		time.Sleep(61 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(byHand)
	})
}

func TestR10AnOutgoingTokenRetiresWhenFinishSecretDidNot(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		second := d.rotate()
		d.change(first, func(r *ledger.Record) { r.State = ledger.Outgoing }) // as a crash after the swap leaves it
		wantCase(t, d.sweep(`{}`), first, "R10")
		d.wantTokens(first, second)
		time.Sleep(61 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(second)
	})
}

// A late createSecret records its token when the sweep has read the ledger, and is about to record
// the token itself.
func TestR4ARecordWrittenDuringTheSweepIsNotTakenForTheSweepsOwn(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		time.Sleep(10 * time.Minute)
		run := d.begin(secretName)
		refuse := true
		d.deny = func(c awstest.Call) bool {
			return refuse && c.Action == "PutParameter" && strings.Contains(c.Resource, "/token-")
		}
		d.steps(run, awstest.StepCreate)
		pending := d.token(secretName, awstest.StagePending)
		d.move(awstest.StagePending, "")
		time.Sleep(20 * time.Minute)
		refuse = false
		late := ledger.Record{
			Secret: d.arn, Version: run.VersionID, Fingerprint: print(pending), State: ledger.Issued, CreatedAt: time.Now(),
			Until: time.Now().Add(10 * time.Minute), Base: d.holder(awstest.StageCurrent), Intent: "0123456789abcdef",
		}
		d.deny = func(c awstest.Call) bool {
			if c.Action == "ListSecrets" {
				if err := d.ledger().Set(t.Context(), late); err != nil {
					t.Error(err)
				}
			}
			return false
		}
		d.sweep(`{}`)
		if state := d.record(pending).State; state != ledger.Issued {
			t.Errorf("the record of a creation that may be at work is %s", state)
		}
	})
}

func TestR8ALateFinishSecretHasItsTimeWhenAWSCURRENTWasMovedBack(t *testing.T) {
	deploy(t, retention("1m"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		run := d.begin(secretName)
		d.steps(run, run.Steps...)
		d.aws.Secrets.EndRotation(run, nil)
		second := d.token(secretName, awstest.StageCurrent)
		d.move(awstest.StageCurrent, d.holder(awstest.StagePrevious))
		if d.token(secretName, awstest.StageCurrent) != first {
			t.Fatal("AWSCURRENT was not moved back")
		}
		time.Sleep(20 * time.Minute)
		answer := d.sweep(`{}`)
		wantCase(t, answer, second, "R8")
		wantCase(t, answer, first, "R3")
		time.Sleep(14 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(first, second)
		time.Sleep(2 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(first)
	})
}

func TestR3AReturnedTokenStartsANewRetention(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		second := d.rotate()
		d.move(awstest.StageCurrent, d.holder(awstest.StagePrevious))
		time.Sleep(2 * time.Hour)
		wantCase(t, d.sweep(`{}`), first, "R3")
		d.move(awstest.StageCurrent, d.holder(awstest.StagePrevious))
		wantCase(t, d.sweep(`{}`), first, "R10")
		time.Sleep(30 * time.Minute)
		d.sweep(`{}`)
		if !d.engage.Alive(first) || d.token(secretName, awstest.StageCurrent) != second {
			t.Error("the token did not have a new retention")
		}
		time.Sleep(31 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(second)
	})
}

func TestR4ATokenOfAnInvocationAtWorkStays(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		d.deny = func(c awstest.Call) bool { return c.Action == "PutSecretValue" }
		run := d.begin(secretName)
		if d.step(run, awstest.StepCreate) == nil {
			t.Fatal("the put was not refused")
		}
		d.deny = nil
		tokens := d.engage.Tokens(d.user.Username)
		left := tokens[len(tokens)-1]
		wantCase(t, d.sweep(`{}`), left, "R4")
		time.Sleep(time.Hour)
		wantCase(t, d.sweep(`{}`), left, "R5") // the next attempt puts it
		d.steps(run, run.Steps...)
		if d.token(secretName, awstest.StageCurrent) != left {
			t.Error("another token was put")
		}
		d.wantTokens(left)
	})
}

func TestR6TheTokenThatLostIsDeleted(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		current := d.rotate()
		loser := d.engage.CreateToken(d.user.Username)
		record := d.record(current)
		record.Fingerprint, record.State = print(loser), ledger.Issued // two attempts created for one version
		if err := d.ledger().Set(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

func TestR7TheRecordOfATokenThatIsGoneIsRemoved(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		current := d.rotate()
		d.engage.DeleteToken(first) // by hand, at the vendor
		d.sweep(`{}`)
		if n := len(d.entries(d.arn).Records); n != 1 {
			t.Errorf("%d records stay", n)
		}
		d.wantTokens(current)
	})
}

// A finishSecret writes the record while the sweep is at work.
func TestR7ARecordThatHasChangedSinceItWasReadIsNotRemoved(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		gone := d.rotate()
		d.rotate()
		time.Sleep(time.Hour)
		d.engage.DeleteToken(gone)
		changed := false
		d.engage.SetFault(func(engagetest.Call) *engagetest.Fault {
			if !changed {
				changed = true
				d.change(gone, func(r *ledger.Record) { r.State, r.At = ledger.Outgoing, time.Now() })
			}
			return nil
		})
		wantCase(t, d.sweep(`{}`), gone, "R7")
		if state := d.record(gone).State; !changed || state != ledger.Outgoing {
			t.Errorf("the record is %s", state)
		}
	})
}

func TestR7RetiringTokensStayRecordedWhateverTheVendorAnswersMeanwhile(t *testing.T) {
	for name, wrong := range map[string]engagetest.Misbehavior{
		"401 to everything":     {Refuse: 401},
		"403 to everything":     {Refuse: 403},
		"401 to tokens":         {RefuseTokens: 401},
		"[] once":               {List: engagetest.ListEmpty, Calls: 1},
		"[] twice":              {List: engagetest.ListEmpty, Calls: 2},
		"[] always":             {List: engagetest.ListEmpty},
		"the newest token only": {List: engagetest.ListNewest, Keep: 1},
		"the oldest token only": {List: engagetest.ListOldest, Keep: 1},
	} {
		t.Run(name, func(t *testing.T) {
			deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
				d.rotate()
				d.rotate()
				current := d.rotate()
				d.engage.SetMisbehavior(wrong)
				if _, err := d.run(`{}`); err != nil {
					t.Fatal(err)
				}
				time.Sleep(25 * time.Hour)
				if _, err := d.run(`{}`); err != nil {
					t.Fatal(err)
				}
				d.engage.SetMisbehavior(engagetest.Misbehavior{})
				time.Sleep(ledger.Propagation + time.Second)
				d.sweep(`{}`)
				d.wantTokens(current)
			})
		})
	}
}

// The current token may be another user's, since a person edited the login fields after the last
// rotation.
func TestR7TheListOfAnotherUserSaysNothingOfAToken(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		other := d.addUser("other@example.com")
		d.createSecret("ivr/a-edited", loginFields(other, nil)) // before the first secret, by its ARN
		theirs := d.rotateSecret("ivr/a-edited")
		first := d.rotate()
		second := d.rotate()
		d.edit("ivr/a-edited", loginFields(d.user, map[string]string{"apiToken": theirs}))
		time.Sleep(time.Hour)
		if _, err := d.run(`{}`); err != nil {
			t.Fatal(err)
		}
		d.record(first) // is recorded as before
		time.Sleep(25 * time.Hour)
		if _, err := d.run(`{}`); err != nil {
			t.Fatal(err)
		}
		d.wantTokens(second)
		if !d.engage.Alive(theirs) {
			t.Error("the token that AWSCURRENT of the edited secret names is dead")
		}
	})
}

func TestTokensOfAFormerUserAreDeletedByThemselves(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		former := d.rotate()
		other := d.addUser("other@example.com")
		d.edit(secretName, loginFields(other, nil))
		d.rotate()
		if !d.engage.Alive(former) {
			t.Fatal("the token was deleted before its time")
		}
		time.Sleep(2 * time.Hour)
		for range 2 { // it is retiring first
			if _, err := d.run(`{}`); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
		}
		d.wantTokens()
	})
}

func TestATokenOfAFormerUserThatCannotBeReachedIsReported(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		former := d.rotate()
		other := d.addUser("other@example.com")
		d.edit(secretName, loginFields(other, nil))
		d.rotate()
		d.change(
			former,
			func(r *ledger.Record) { r.Version = "00000000-0000-0000-0000-000000000000" },
		) // its version is gone
		time.Sleep(2 * time.Hour)
		answer, err := d.run(`{}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := about(t, answer, secretName).Unreachable; !slices.Equal(got, prints([]string{former})) {
			t.Errorf("unreachable: %v", got)
		}
		d.record(former)
	})
}

func TestR20AnUnclaimedTokenOfAnExclusiveUserIsDeletedAfterItsDelay(t *testing.T) {
	deploy(t, exclusive(), func(t *testing.T, d *deployment) {
		current := d.rotate()
		before := d.engage.CreateToken(d.user.Username) // in the list before the creation: foreign
		_, left := d.lose()
		time.Sleep(20 * time.Minute)
		wantUnclaimed := func(payload string) {
			t.Helper()
			if got := about(t, d.sweep(payload), secretName).Unclaimed; len(got) != 1 {
				t.Errorf("unclaimed %v", got)
			}
			d.wantTokens(current, before, left)
		}
		wantUnclaimed(`{}`)
		time.Sleep(14 * time.Minute)
		wantUnclaimed(`{}`)
		time.Sleep(2 * time.Minute)
		d.sweep(`{"dryRun":true}`)
		d.wantTokens(current, before, left)
		wantCase(t, d.sweep(`{}`), left, "R20")
		d.wantTokens(current, before) // "nothing else that is not recorded is ever deleted"
	})
}

// A person puts it into another secret when all secrets have been read again.
func TestR19AnUnclaimedTokenStaysThatASecretHoldsAtTheLastMoment(t *testing.T) {
	deploy(t, exclusive(), func(t *testing.T, d *deployment) {
		second := d.createSecret("ivr/second", loginFields(d.user, nil))
		d.rotateSecret("ivr/second")
		d.rotate()
		_, left := d.lose()
		time.Sleep(20 * time.Minute)
		d.sweep(`{}`)
		time.Sleep(16 * time.Minute)
		looks := 0
		d.deny = func(c awstest.Call) bool {
			if c.Action == "DescribeSecret" && c.Resource == second {
				if looks++; looks == 3 {
					d.edit("ivr/second", loginFields(d.user, map[string]string{"apiToken": left}))
				}
			}
			return false
		}
		d.sweep(`{}`)
		if !d.engage.Alive(left) || looks < 3 {
			t.Errorf("the token is deleted, after %d looks at the secret that holds it", looks)
		}
	})
}

func TestR21AnUnclaimedTokenOfAnExclusiveUserStaysWhileSomethingCannotBeRead(t *testing.T) {
	unreadable := "arn:aws:secretsmanager:us-east-1:123456789012:secret:ivr/second"
	for name, break_ := range map[string]func(*deployment){
		"a secret is denied": func(d *deployment) {
			d.deny = func(c awstest.Call) bool {
				return c.Action == "GetSecretValue" && strings.HasPrefix(c.Resource, unreadable)
			}
		},
		"a secret cannot be described": func(d *deployment) {
			d.deny = func(c awstest.Call) bool {
				return c.Action == "DescribeSecret" && strings.HasPrefix(c.Resource, unreadable)
			}
		},
		"the secrets cannot be listed": func(d *deployment) {
			d.deny = func(c awstest.Call) bool { return c.Action == "ListSecrets" }
		},
		"a document is broken": func(d *deployment) { d.edit("ivr/second", `{"apiToken":`) },
		"a parameter is of another form": func(d *deployment) {
			_ = d.parameters.Set(d.t.Context(), settings.DefaultPrefix+"/ledger/0123456789abcdef/token-0123456789ab",
				`{"v":2,"secret":"x","fingerprint":"0123456789ab","state":"issued"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			deploy(t, exclusive(), func(t *testing.T, d *deployment) {
				d.createSecret("ivr/second", loginFields(d.user, nil))
				d.rotateSecret("ivr/second")
				d.rotate()
				_, left := d.lose()
				time.Sleep(20 * time.Minute)
				d.sweep(`{}`)
				break_(d)
				for range 2 {
					time.Sleep(time.Hour)
					answer, err := d.run(`{}`)
					if err != nil {
						t.Fatal(err)
					}
					wantCase(t, answer, left, "R21")
					if len(answer.Faults)+len(answer.Unreadable) == 0 {
						t.Error("nothing names what cannot be read")
					}
				}
				if !d.engage.Alive(left) {
					t.Error("the token is deleted")
				}
			})
		})
	}
}

func TestR1AnUnclaimedTokenThatASecretHoldsStays(t *testing.T) {
	deploy(t, exclusive(), func(t *testing.T, d *deployment) {
		current := d.rotate()
		_, left := d.lose()
		time.Sleep(20 * time.Minute)
		d.sweep(`{}`)
		// A person puts it into use.
		d.edit(secretName, strings.Replace(d.value(secretName, awstest.StageCurrent), current, left, 1))
		time.Sleep(20 * time.Minute)
		answer := d.sweep(`{}`)
		wantCase(t, answer, left, "R1")
		if n := len(answer.Secrets[0].Unclaimed); n > 0 {
			t.Errorf("%d tokens in use are reported as unclaimed", n)
		}
		if !d.engage.Alive(left) {
			t.Error("the token that AWSCURRENT names is dead")
		}
	})
}

func TestR1NoRecordKillsTheTokenThatASecretHolds(t *testing.T) {
	for _, state := range []ledger.State{ledger.Issued, ledger.Outgoing, ledger.Retiring, ledger.Deleted,
		ledger.Unclaimed} {
		for _, env := range []map[string]string{nil, exclusive()} {
			deploy(t, env, func(t *testing.T, d *deployment) {
				current := d.rotate()
				run := d.begin(secretName)
				d.steps(run, awstest.StepCreate)
				pending := d.token(secretName, awstest.StagePending)
				time.Sleep(time.Hour)
				for _, token := range []string{current, pending} {
					d.change(token, func(r *ledger.Record) { r.State, r.At = state, time.Now().Add(-time.Hour) })
				}
				for range 3 {
					d.sweep(`{}`)
					time.Sleep(time.Hour)
				}
				_, _ = d.run(`{"revokePrevious":"` + secretName + `"}`)
				for _, token := range []string{current, pending} {
					if _, err := d.run(`{"deleteToken":"` + string(print(token)) + `"}`); err == nil {
						t.Error("deleteToken of a held token is not an error")
					}
				}
				d.wantTokens(current, pending)
			})
		}
	}
}

func TestR2ATokenThatAnotherSecretHoldsStays(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		shared := d.rotate()
		d.createSecret("ivr/copy", loginFields(d.user, map[string]string{"apiToken": shared}))
		d.begin("ivr/copy") // so that the stack's function rotates it
		d.sweep(`{}`)
		if with := d.record(shared).SharedWith; secret.NameOf(with) != "ivr/copy" {
			t.Fatalf("shared with %q", with)
		}
		current := d.rotate() // R22: left to the sweep
		for range 2 {
			wantCase(t, d.sweep(`{}`), shared, "R2")
			time.Sleep(time.Hour)
		}
		d.wantTokens(shared, current)
		// While the other secret cannot be read, it may hold the token.
		d.deny = func(c awstest.Call) bool {
			return c.Action == "GetSecretValue" && strings.Contains(c.Resource, "ivr/copy")
		}
		answer, err := d.run(`{}`)
		if err != nil {
			t.Fatal(err)
		}
		wantCase(t, answer, shared, "R2")
		d.deny = nil
		d.edit("ivr/copy", loginFields(d.user, map[string]string{"apiToken": current}))
		d.sweep(`{}`) // marks
		time.Sleep(time.Minute)
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

// A person gives the token to another secret between the two looks of a sweep. At the second one
// that secret cannot be read: its labels are moving.
func TestR2ATokenStaysWhenAnotherSecretOfTheUserCannotBeReadAgain(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		former := d.rotate()
		current := d.rotate()
		copied := d.createSecret("ivr/copy", loginFields(d.user, map[string]string{"apiToken": current}))
		d.begin("ivr/copy")
		time.Sleep(2 * time.Hour)
		looks := 0
		d.deny = func(c awstest.Call) bool {
			if c.Action != "DescribeSecret" || c.Resource != copied {
				return false
			}
			if looks++; looks == 2 {
				d.edit("ivr/copy", loginFields(d.user, map[string]string{"apiToken": former}))
			}
			return looks == 2
		}
		answer, err := d.run(`{}`)
		if err != nil || looks != 2 {
			t.Fatal(looks, err)
		}
		wantCase(t, answer, former, "R2")
		d.wantTokens(former, current)
		d.deny = nil
		wantCase(t, d.sweep(`{}`), former, "R2")
		d.edit("ivr/copy", loginFields(d.user, map[string]string{"apiToken": current}))
		d.sweep(`{}`)
		time.Sleep(2 * time.Hour)
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

// The retention of the first secret is over when the second one lets the token go.
func TestR14ASharedTokenHasItsRetentionFromTheLastSecretOn(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		shared, _ := d.share()
		current := d.rotate()
		time.Sleep(2 * time.Hour)
		wantCase(t, d.sweep(`{}`), shared, "R2")
		d.edit("ivr/copy", loginFields(d.user, map[string]string{"apiToken": current}))
		wantCase(t, d.sweep(`{}`), shared, "R14")
		time.Sleep(59 * time.Minute)
		wantCase(t, d.sweep(`{}`), shared, "R14")
		time.Sleep(2 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

// One secret was rotated long ago. A person has put the token back into the other one, which is
// rotated now: its readers have the token cached.
func TestR2ATokenStaysForTheRetentionOfAnotherSecret(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		shared, run := d.share()
		current := d.rotate()
		d.steps(run, run.Steps...)
		d.aws.Secrets.EndRotation(run, nil)
		copied := d.token("ivr/copy", awstest.StageCurrent)
		d.sweep(`{}`)
		time.Sleep(50 * time.Minute)
		d.edit("ivr/copy", loginFields(d.user, map[string]string{"apiToken": shared}))
		d.rotateSecret("ivr/copy")
		time.Sleep(30 * time.Minute)
		d.sweep(`{}`)
		if !d.engage.Alive(shared) {
			t.Fatal("the token is deleted within the retention of the other secret")
		}
		time.Sleep(40 * time.Minute)
		d.sweep(`{}`)
		time.Sleep(time.Hour)
		d.sweep(`{}`)
		d.engage.DeleteToken(copied)
		d.wantTokens(current, d.token("ivr/copy", awstest.StageCurrent))
	})
}

// Both secrets were rotated, and neither mark could be written.
func TestR10ATokenThatTwoSecretsHaveReplacedIsRetired(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		shared := d.rotate()
		copied := d.createSecret("ivr/copy", loginFields(d.user, map[string]string{"apiToken": shared}))
		run := d.begin("ivr/copy")
		d.sweep(`{}`)
		d.rotate()
		d.steps(run, run.Steps...)
		d.aws.Secrets.EndRotation(run, nil)
		for _, arn := range []string{d.arn, copied} {
			record, _ := d.entries(arn).Find(print(shared))
			record.State = ledger.Outgoing
			if record.Successor == "" {
				t.Fatalf("the record names no successor: %+v", record)
			}
			if err := d.ledger().Set(t.Context(), record); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			d.sweep(`{}`)
			time.Sleep(2 * time.Hour)
		}
		if d.engage.Alive(shared) {
			t.Error("the token lives on")
		}
	})
}

// The sweep that sees it cannot write it down.
func TestR14ASharedTokenHasItsRetentionWhenTheLedgerCannotBeWritten(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		shared, _ := d.share()
		current := d.rotate()
		time.Sleep(2 * time.Hour)
		wantCase(t, d.sweep(`{}`), shared, "R2")
		d.edit("ivr/copy", loginFields(d.user, map[string]string{"apiToken": current}))
		d.deny = func(c awstest.Call) bool { return c.Action == "PutParameter" }
		answer, err := d.run(`{}`)
		if err != nil || len(answer.Faults) == 0 {
			t.Fatalf("faults %v, error %v", answer.Faults, err)
		}
		wantCase(t, answer, shared, "R14")
		d.wantTokens(shared, current)
		d.deny = nil
		wantCase(t, d.sweep(`{}`), shared, "R14")
		time.Sleep(61 * time.Minute)
		d.sweep(`{}`)
		d.wantTokens(current)
	})
}

// Of three secrets one cannot be read, and another one does not hold the token any more.
func TestR22ASharedTokenStaysSharedWhileAThirdSecretCannotBeRead(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		for _, name := range []string{"ivr/copy", "ivr/third"} {
			d.createSecret(name, loginFields(d.user, map[string]string{"apiToken": current}))
			d.begin(name)
		}
		d.sweep(`{}`)
		with := secret.NameOf(d.record(current).SharedWith)
		other := map[string]string{"ivr/copy": "ivr/third", "ivr/third": "ivr/copy"}[with]
		d.edit(with, loginFields(d.user, nil))
		d.deny = func(c awstest.Call) bool {
			return c.Action == "GetSecretValue" && strings.Contains(c.Resource, other)
		}
		if _, err := d.run(`{}`); err != nil {
			t.Fatal(err)
		}
		if d.record(current).SharedWith == "" {
			t.Error("the record does not say that the token is shared")
		}
	})
}

// A sweep that cannot read the other secret does not know that the token is shared no more.
func TestR22ASharedTokenStaysSharedWhileTheOtherSecretCannotBeRead(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		shared, _ := d.share()
		d.deny = func(c awstest.Call) bool {
			return c.Action == "GetSecretValue" && strings.Contains(c.Resource, "ivr/copy")
		}
		if _, err := d.run(`{}`); err != nil {
			t.Fatal(err)
		}
		d.deny = nil
		d.rotate()
		if !d.engage.Alive(shared) {
			t.Error("the token that AWSCURRENT of the other secret names is dead")
		}
	})
}

func TestAnUnrecordedTokenOfAWSPREVIOUSIsReported(t *testing.T) {
	env := retention("24h")
	deploy(t, env, func(t *testing.T, d *deployment) {
		first := d.rotate()
		current := d.rotate()
		env[settings.EnvPrefix] = "/renamed"
		d.restart()
		s := about(t, d.sweep(`{}`), secretName)
		want := `{"deleteToken":"` + string(print(first)) + `"}`
		if len(s.Unrecorded) != 1 || s.Unrecorded[0].Fingerprint != print(first) || s.Unrecorded[0].Remove != want {
			t.Fatalf("unrecorded: %+v", s.Unrecorded)
		}
		_, err := d.run(`{"revokePrevious":"` + secretName + `"}`)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("revokePrevious: %v", err)
		}
		d.sweep(want)
		d.wantTokens(current)
	})
}

func TestADeploymentWithoutAnyLedgerIsSwept(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		first := d.rotate()
		current := d.rotate()
		d.loseLedger("")
		s := about(t, d.sweep(`{}`), secretName)
		if s.Current.Fingerprint != print(current) || len(s.Unrecorded) != 1 ||
			s.Unrecorded[0].Fingerprint != print(first) {
			t.Errorf("report %+v", s)
		}
		d.wantTokens(first, current)
	})
}

func TestDeleteTokenDeletesWhatNoSecretHolds(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		current := d.rotate()
		foreign := d.engage.CreateToken(d.user.Username)
		order := `{"deleteToken":"` + string(print(foreign)) + `"}`
		d.sweep(strings.Replace(order, "{", `{"dryRun":true,`, 1))
		d.wantTokens(current, foreign)
		if got := d.sweep(order).Deleted; !slices.Equal(got, prints([]string{foreign})) {
			t.Errorf("deleted %v", got)
		}
		d.wantTokens(current)
		if _, err := d.run(order); err == nil || !strings.Contains(err.Error(), string(print(foreign))) {
			t.Errorf("a fingerprint that no list shows: %v", err)
		}
	})
}

func TestDeleteTokenLeavesATokenThatARotationIsAboutToPut(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		d.deny = func(c awstest.Call) bool { return c.Action == "PutSecretValue" }
		run := d.begin(secretName)
		_ = d.step(run, awstest.StepCreate)
		d.deny = nil
		tokens := d.engage.Tokens(d.user.Username)
		left := tokens[len(tokens)-1]
		if _, err := d.run(`{"deleteToken":"` + string(print(left)) + `"}`); err == nil {
			t.Error("it is not refused while the invocation may be at work")
		}
		d.steps(run, run.Steps...)
		d.wantTokens(left)
	})
}

func TestDeleteTokenIsRefusedWhileASecretCannotBeRead(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.createSecret("ivr/second", loginFields(d.user, nil))
		second := d.rotateSecret("ivr/second")
		d.rotate()
		d.deny = func(c awstest.Call) bool {
			return c.Action == "GetSecretValue" && strings.Contains(c.Resource, "ivr/second")
		}
		if _, err := d.run(`{"deleteToken":"` + string(print(second)) + `"}`); err == nil {
			t.Error("no error")
		}
		if !d.engage.Alive(second) {
			t.Error("the token that AWSCURRENT names is dead")
		}
	})
}

func TestForgetRetiresASecretThatIsGone(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		d.createSecret("ivr/second", loginFields(d.user, nil))
		d.rotateSecret("ivr/second")
		d.rotateSecret("ivr/second")
		current := d.rotate()
		if _, err := d.run(`{"forget":"ivr/second"}`); err == nil {
			t.Fatal("a secret that exists is forgotten")
		}
		arn := d.aws.Secrets.ARN("ivr/second")
		remove := true
		if _, err := d.aws.Secrets.DeleteSecret(&awstest.DeleteSecretInput{SecretId: "ivr/second",
			ForceDeleteWithoutRecovery: remove}); err != nil {
			t.Fatal(err)
		}
		before := d.engage.Tokens(d.user.Username)
		if _, err := d.run(`{"forget":"ivr/second","dryRun":true}`); err != nil {
			t.Error(err)
		}
		d.wantTokens(before...)
		if _, err := d.run(`{"forget":"ivr/second"}`); err != nil {
			t.Fatal(err)
		}
		d.wantTokens(current)
		if left := d.entries(arn); len(left.Records)+len(left.Intents) != 0 {
			t.Errorf("entries stay: %+v", left)
		}
		if answer, err := d.run(`{}`); err != nil || len(answer.Faults) != 0 {
			t.Errorf("a later sweep: %v, %v", answer.Faults, err)
		}
	})
}

func TestOrdersAboutSomethingUnknownAreErrors(t *testing.T) {
	deploy(t, retention("24h"), func(t *testing.T, d *deployment) {
		d.rotate()
		for _, payload := range []string{
			`{"revokePrevious":"ivr/unknown"}`, `{"revokePrevious":"` + secretName + `"}`, // nothing is retiring
			`{"deleteToken":"0123456789ab"}`, `{"forget":"ivr/unknown"}`,
		} {
			if answer, err := d.run(payload); err == nil {
				t.Errorf("%s: %+v", payload, answer)
			}
		}
	})
}

func TestTwoSweepsAtOnceDoNoHarm(t *testing.T) {
	deploy(t, retention("1h"), func(t *testing.T, d *deployment) {
		d.rotate()
		current := d.rotate()
		time.Sleep(2 * time.Hour)
		done := make(chan error)
		for range 2 {
			go func() {
				_, err := d.sweeper.Run(t.Context(), events.Sweep{})
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		d.wantTokens(current)
	})
}

// crowd makes secrets of users of their own at a host, and rotates each twice.
func (d *deployment) crowd(host string, n int) (names []string) {
	for i := range n {
		u := d.addUser(fmt.Sprintf("%s-%02d@example.com", host, i))
		name := fmt.Sprintf("ivr/%s-%02d", strings.ReplaceAll(host, ".", "-"), i)
		d.createSecret(name, loginFields(u, map[string]string{"baseUrl": "https://" + host}))
		d.rotateSecret(name)
		d.rotateSecret(name)
		names = append(names, name)
	}
	return names
}

func (d *deployment) alive(names []string, host string) int {
	n := 0
	for i := range names {
		n += len(d.engage.Tokens(fmt.Sprintf("%s-%02d@example.com", host, i)))
	}
	return n
}

func TestASilentHostDoesNotKeepTheOthersWaiting(t *testing.T) {
	const silent, good = "silent.example", "good.example"
	env := retention("1h")
	env[settings.EnvAllowedHosts] = silent + "," + good
	deploy(t, env, func(t *testing.T, d *deployment) {
		d.rotate()
		bad := d.crowd(silent, 12)
		well := d.crowd(good, 12)
		time.Sleep(2 * time.Hour)
		d.hosts.setSilent(silent, true)
		answer, err := d.run(`{}`)
		if err != nil {
			t.Fatal(err)
		}
		if n := d.alive(well, good); n != len(well) {
			t.Errorf("%d tokens at the good host, want %d", n, len(well))
		}
		if n := d.alive(bad, silent); n != 2*len(bad) {
			t.Errorf("%d tokens at the silent host, want %d", n, 2*len(bad))
		}
		if len(answer.Faults) < len(bad)-len(answer.NotReached) {
			t.Errorf("%d faults, %d not reached", len(answer.Faults), len(answer.NotReached))
		}
		d.hosts.setSilent(silent, false)
		d.sweep(`{}`)
		if n := d.alive(bad, silent); n != len(bad) {
			t.Errorf("%d tokens at the host that answers again, want %d", n, len(bad))
		}
	})
}

// Whom a sweep does not reach the next one begins with, however many silent users there are.
func TestUsersThatWereNotReachedComeFirstNextTime(t *testing.T) {
	const silent = "silent.example"
	env := retention("1h")
	env[settings.EnvAllowedHosts] = silent
	deploy(t, env, func(t *testing.T, d *deployment) {
		d.crowd(silent, 90)
		d.limit = 100 * time.Second // three rounds of users would take 180 s
		d.hosts.setSilent(silent, true)
		first := map[ledger.User]bool{} // whom the sweep before did not reach, as many as a sweep reaches for certain
		for range 5 {
			time.Sleep(2 * time.Hour)
			answer, err := d.run(`{}`)
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range answer.NotReached {
				if first[user] {
					t.Errorf("user %s was not reached by two sweeps in a row", user)
				}
			}
			if len(answer.NotReached) == 0 {
				t.Fatal("all were reached: the test shows nothing")
			}
			first = map[ledger.User]bool{}
			for _, user := range answer.NotReached[:min(len(answer.NotReached), 24)] {
				first[user] = true
			}
			cursor, err := d.ledger().Cursor(t.Context())
			if err != nil || cursor != answer.NotReached[0] {
				t.Fatalf("the next sweep begins with %q, %v", cursor, err)
			}
		}
	})
}

func TestAFailingLedgerStopsTheSweep(t *testing.T) {
	deploy(t, nil, func(t *testing.T, d *deployment) {
		d.rotate()
		d.deny = func(c awstest.Call) bool {
			return c.Action == "GetParametersByPath" && strings.Contains(c.Resource, "/ledger")
		}
		if _, err := d.run(`{}`); err == nil || errors.Is(err, secret.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

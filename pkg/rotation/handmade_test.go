package rotation_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// putByHand makes a token at the vendor's page and puts it into the secret.
func (w *deployment) putByHand() string {
	w.t.Helper()
	token := w.engage.CreateToken(w.user.Username)
	w.edit(`{"adminSecretArn":"` + adminName + `","apiToken":"` + token + `"}`)
	return token
}

// holder returns the version that carries a label.
func (w *deployment) holder(label string) string {
	w.t.Helper()
	out, err := w.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: secretName})
	if err != nil {
		w.t.Fatal(err)
	}
	return secret.Description{Versions: out.VersionIdsToStages}.Holder(label)
}

// forget removes a token's record.
func (w *deployment) forget(token string) {
	w.t.Helper()
	for name := range w.ledger("token-" + fingerprints([]string{token})[0]) {
		if _, err := w.aws.Parameters.DeleteParameter(&awstest.ParameterNameInput{Name: name}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A rotation is about to replace a token that was made by hand, and AWSCURRENT is moved away. The
// next rotation first makes a token beside the hand-made one, cannot put it, and then makes another
// one beside the version that AWSCURRENT was moved to.
func TestR23ATokenThatAFailedSwapHasNamedStaysForeign(t *testing.T) {
	var w *deployment
	var beforeMove func()
	refusePut := false
	configure := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Permit = func(c awstest.Call) bool { return !refusePut || c.Action != "PutSecretValue" }
		a.Fault = func(c awstest.Call) awstest.Action {
			if c.Action != "UpdateSecretVersionStage" || beforeMove == nil {
				return awstest.Action{}
			}
			do := beforeMove
			beforeMove = nil
			return awstest.Action{BeforeEffect: do}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, theWorld *deployment) {
		w = theWorld
		first := w.rotate().VersionID
		handMade := w.putByHand()
		version := w.holder(secret.LabelCurrent)
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		beforeMove = func() { w.move(secret.LabelCurrent, first) }
		report, err := w.step(run, events.FinishSecret)
		wantCase(t, report, err, decide.F9, true)
		w.aws.Secrets.EndRotation(run, err)

		w.move(secret.LabelCurrent, version)
		next := w.begin()
		refusePut = true
		report, err = w.step(next, events.CreateSecret)
		wantCase(t, report, err, decide.C11, false)
		refusePut = false
		w.move(secret.LabelCurrent, first)
		for _, step := range next.Steps {
			if _, err := w.step(next, events.Step(step)); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		}
		w.end(next)
		for range 3 {
			time.Sleep(time.Hour)
			w.sweep()
		}
		w.wantTokens(handMade, w.token(awstest.StageCurrent))
		if left := w.ledger("token-" + fingerprints([]string{handMade})[0]); len(left) > 0 {
			t.Errorf("the ledger still names it: %v", left)
		}
	})
}

// The swap is made and its answer lost, and a person removes the record of the new token.
func TestR10ATokenThatWasSwappedOutRetiresWhenTheRecordOfTheNewOneIsLost(t *testing.T) {
	lose, swapped := false, false
	configure := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Fault = func(c awstest.Call) awstest.Action {
			swapped = swapped || c.Action == "UpdateSecretVersionStage"
			if lose && swapped {
				return awstest.Action{After: awstest.Reset()}
			}
			return awstest.Action{}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		handMade := w.putByHand()
		run := w.begin()
		for _, step := range run.Steps[:3] {
			if _, err := w.step(run, events.Step(step)); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		}
		lose = true
		report, err := w.step(run, events.FinishSecret)
		lose = false
		wantCase(t, report, err, decide.F8, false)
		w.aws.Secrets.EndRotation(run, err)
		if w.holder(secret.LabelCurrent) != run.VersionID || !w.engage.Alive(handMade) {
			t.Fatal("the swap is not made, or the token is deleted already")
		}
		w.forget(w.token(awstest.StageCurrent))
		w.rotate()
		time.Sleep(time.Hour)
		w.sweep()
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

// The swap is made, but the mark that the token is retiring cannot be written.
func TestR10ATokenWhoseMarkFailedIsRetiredByTheNextRotation(t *testing.T) {
	armed, swapped := true, false
	configure := func(a *awstest.Config, _ *engagetest.Config, env map[string]string) {
		env["PREVIOUS_TOKEN_RETENTION"] = "1h"
		a.Permit = func(c awstest.Call) bool {
			swapped = swapped || c.Action == "UpdateSecretVersionStage"
			return !armed || !swapped || c.Action != "PutParameter"
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		handMade := w.putByHand()
		w.rotate()
		if r := w.record(handMade); r.State != ledger.Outgoing {
			t.Fatalf("the record is %+v", r)
		}
		armed = false
		w.rotate()
		if r := w.record(handMade); r.State != ledger.Retiring {
			t.Errorf("the record is %+v", r)
		}
	})
}

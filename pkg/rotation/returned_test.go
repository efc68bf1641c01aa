package rotation_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// A person has put the previous version back for some hours, and moves AWSCURRENT away again when a
// late finishSecret begins: its first read of AWSCURRENT still shows that version.
func TestR10ATokenThatAWSCURRENTHasJustLeftHasItsRetention(t *testing.T) {
	old := false
	configure := func(a *awstest.Config, _ *engagetest.Config, env map[string]string) {
		env["PREVIOUS_TOKEN_RETENTION"] = "1h"
		a.Fault = func(call awstest.Call) awstest.Action {
			in, get := call.Input.(*awstest.GetSecretValueInput)
			if !old || !get || in.VersionStage != awstest.StageCurrent {
				return awstest.Action{}
			}
			old = false
			return awstest.Action{Stale: 1}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		first := w.rotate()
		returned := w.token(awstest.StageCurrent)
		run := w.rotate()
		w.move(awstest.StageCurrent, first.VersionID)
		time.Sleep(3 * time.Hour)
		w.move(awstest.StageCurrent, run.VersionID)
		old = true
		w.mustStep(run, events.FinishSecret, report.OutcomeResumed)
		w.wantTokens(returned, w.token(awstest.StageCurrent))
		if r := w.record(returned); r.State != ledger.Retiring || time.Until(r.At) < time.Hour-time.Minute {
			t.Errorf("the record is %+v", r)
		}
		time.Sleep(2 * time.Hour)
		w.mustStep(run, events.FinishSecret, report.OutcomeResumed)
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

// A late invocation, which has read that the token was due once, writes that again at the moment of
// the swap. Another token is due, so that this finishSecret reads the ledger again.
func TestR10ASwapStartsTheRetentionWhateverALateInvocationWrites(t *testing.T) {
	var w *deployment
	var late func()
	configure := func(a *awstest.Config, _ *engagetest.Config, env map[string]string) {
		env["PREVIOUS_TOKEN_RETENTION"] = "1h"
		a.Permit = func(c awstest.Call) bool {
			if write := late; write != nil && c.Action == "UpdateSecretVersionStage" {
				late = nil
				write()
			}
			return true
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, theWorld *deployment) {
		w = theWorld
		w.rotate()
		w.rotate()
		replaced := w.token(awstest.StageCurrent)
		time.Sleep(2 * time.Hour)
		late = func() {
			record := w.record(replaced)
			record.State, record.At, record.Owned = ledger.Retiring, time.Now().Add(-time.Hour), true
			w.setRecord(record)
		}
		w.rotate()
		w.wantTokens(replaced, w.token(awstest.StageCurrent))
		if r := w.record(replaced); r.State != ledger.Retiring || time.Until(r.At) < time.Hour-time.Minute {
			t.Errorf("the record is %+v", r)
		}
	})
}

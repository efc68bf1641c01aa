package rotation_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

// wantCase checks the case that a step reports, and whether it abandoned the version.
func wantCase(t *testing.T, done report.Step, err error, want decide.Case, abandoned bool) {
	t.Helper()
	if done.Case != want || errors.Is(err, report.ErrAbandoned) != abandoned {
		t.Fatalf("case %q, error %v; want %s, abandoned %v", done.Case, err, want, abandoned)
	}
}

func (w *deployment) parameters() *awsstore.Parameters {
	return awsstore.NewParameters(w.aws.SDKConfig(functionName))
}

// record returns the record of a token.
func (w *deployment) record(token string) ledger.Record {
	w.t.Helper()
	for name, value := range w.ledger("token-") {
		var record ledger.Record
		if err := json.Unmarshal([]byte(value), &record); err != nil {
			w.t.Fatal(err)
		}
		if record.Secret == w.arn && strings.HasSuffix(name, fingerprints([]string{token})[0]) {
			return record
		}
	}
	w.t.Fatalf("the ledger has no record of %s", fingerprints([]string{token})[0])
	return ledger.Record{}
}

func (w *deployment) setRecord(record ledger.Record) {
	w.t.Helper()
	if err := ledger.New(w.parameters(), settings.DefaultPrefix).Set(w.t.Context(), record); err != nil {
		w.t.Fatal(err)
	}
}

// sweep sweeps without a fault.
func (w *deployment) sweep() {
	w.t.Helper()
	environment, err := settings.FromEnvironment(func(name string) string { return w.env[name] })
	if err != nil {
		w.t.Fatal(err)
	}
	s := sweep.New(sweep.Config{
		Secrets: awsstore.NewSecrets(w.aws.SDKConfig("sweep")), Parameters: w.parameters(), Settings: environment,
		Transport: w.engage.RoundTripper(), RotationFunction: functionARN,
	})
	answer, err := s.Run(w.t.Context(), events.Sweep{})
	if err != nil || len(answer.Faults) > 0 {
		w.t.Fatal(answer.Faults, err)
	}
}

// move moves a label by hand; an empty to removes it.
func (w *deployment) move(label, to string) {
	w.t.Helper()
	description, err := w.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: secretName})
	if err != nil {
		w.t.Fatal(err)
	}
	from := secret.Description{Versions: description.VersionIdsToStages}.Holder(label)
	if _, err := w.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: secretName, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from,
	}); err != nil {
		w.t.Fatal(err)
	}
}

// finishAfresh ends a failed rotation and makes another one, which must leave one token.
func (w *deployment) finishAfresh(run awstest.Run, failed error, also ...string) {
	w.t.Helper()
	w.aws.Secrets.EndRotation(run, failed)
	time.Sleep(time.Hour)
	w.rotate()
	w.sweep()
	w.wantTokens(append(also, w.token(awstest.StageCurrent))...)
}

func TestC6ATokenThatListsDoNotShowYetIsNotReplaced(t *testing.T) {
	var refuse atomic.Bool
	configure := func(a *awstest.Config, e *engagetest.Config, _ map[string]string) {
		a.Permit = func(c awstest.Call) bool { return c.Action != "PutSecretValue" || !refuse.Load() }
		e.Propagation.NewUnlisted = engagetest.Lag{For: time.Minute}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		run := w.begin()
		refuse.Store(true)
		done, err := w.step(run, events.CreateSecret)
		wantCase(t, done, err, decide.C11, false)
		refuse.Store(false)
		time.Sleep(time.Second)
		done, err = w.step(run, events.CreateSecret)
		wantCase(t, done, err, decide.C6, false)
		time.Sleep(time.Minute)
		done, err = w.step(run, events.CreateSecret)
		wantCase(t, done, err, decide.C5, false)
		if n := w.engage.Count(engagetest.OpCreate); n != 1 {
			t.Errorf("%d creations", n)
		}
		w.wantTokens(w.token(awstest.StagePending))
	})
}

// The intent took so long that no time is left for the creation.
func TestAnIntentThatCannotBeRemovedIsLogged(t *testing.T) {
	late := func(c *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		c.Fault = func(c awstest.Call) awstest.Action {
			if c.Action == "PutParameter" && strings.Contains(c.Resource, "/intent-") {
				return awstest.Action{Delay: 4 * time.Second}
			}
			return awstest.Action{}
		}
		c.Permit = func(c awstest.Call) bool { return c.Action != "DeleteParameter" }
	}
	inDeployment(t, onlyAdmin, late, func(t *testing.T, w *deployment) {
		done, err := w.stepWithin(6*time.Second, w.begin(), events.CreateSecret)
		wantCase(t, done, err, decide.C12, false)
		if n := w.engage.Count(engagetest.OpCreate); n > 0 {
			t.Errorf("%d creations", n)
		}
		if len(w.ledger("intent-")) != 1 || !strings.Contains(w.log.String(), "an intent stays until the next") {
			t.Errorf("the ledger holds %v; log: %s", w.ledger(""), w.log.String())
		}
	})
}

func TestC8NothingIsCreatedWithTooLittleTime(t *testing.T) {
	slow := func(_ *awstest.Config, e *engagetest.Config, _ map[string]string) {
		e.Fault = func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpList && c.Stage == engagetest.Before {
				return engagetest.Delay(8 * time.Second)
			}
			return nil
		}
	}
	inDeployment(t, onlyAdmin, slow, func(t *testing.T, w *deployment) {
		done, err := w.stepWithin(11*time.Second, w.begin(), events.CreateSecret)
		if err == nil || !strings.Contains(err.Error(), "nothing was created") {
			t.Fatalf("error %v", err)
		}
		wantCase(t, done, err, decide.C8, false)
		w.wantTokens()
		if left := w.ledger(""); len(left) != 0 {
			t.Errorf("the ledger holds %v", left)
		}
	})
}

func TestC9NothingIsCreatedForADocumentThatWouldBeTooLong(t *testing.T) {
	document := `{"adminSecretArn":"` + adminName + `","note":"` + strings.Repeat("x", 65_400) + `"}`
	inDeployment(t, document, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		for range 3 {
			done, err := w.step(run, events.CreateSecret)
			wantCase(t, done, err, decide.C9, false)
			if err == nil || !strings.Contains(err.Error(), "65536 bytes") {
				t.Errorf("error %v", err)
			}
		}
		if n := w.engage.Count(engagetest.OpCreate); n != 0 {
			t.Errorf("%d creations", n)
		}
	})
}

func TestC10AnotherAttemptPutsATokenFirst(t *testing.T) {
	slow := func(_ *awstest.Config, e *engagetest.Config, _ map[string]string) {
		e.Fault = engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Delay(5*time.Second))
	}
	inDeployment(t, onlyAdmin, slow, func(t *testing.T, w *deployment) {
		run := w.begin()
		done := make(chan struct{})
		go func() {
			defer close(done)
			done, err := w.step(run, events.CreateSecret)
			if done.Case != decide.C10 || err != nil {
				t.Errorf("case %q, error %v", done.Case, err)
			}
		}()
		time.Sleep(time.Second)
		w.restart() // another instance of the function
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		<-done
		if n := len(w.engage.Tokens(w.user.Username)); n != 2 {
			t.Fatalf("%d tokens", n)
		}
		pending := w.token(awstest.StagePending)
		for _, step := range run.Steps {
			if _, err := w.step(run, events.Step(step)); err != nil {
				t.Fatal(err)
			}
		}
		w.end(run)
		if w.token(awstest.StageCurrent) != pending {
			t.Error("the rotation went on with another token")
		}
		w.wantTokens(pending) // the token that lost is deleted: R6
	})
}

func TestC11AKeyThatDeniesThePutCostsOneToken(t *testing.T) {
	denied := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Fault = func(c awstest.Call) awstest.Action {
			if c.Action != "PutSecretValue" {
				return awstest.Action{}
			}
			return awstest.Action{Before: awstest.Fail(&awstest.APIError{
				Code: "EncryptionFailure", Status: 400, Message: "Secrets Manager can't encrypt the protected secret text",
			})}
		}
	}
	inDeployment(t, onlyAdmin, denied, func(t *testing.T, w *deployment) {
		run := w.begin()
		for range 4 {
			done, err := w.step(run, events.CreateSecret)
			wantCase(t, done, err, decide.C11, false)
			if err == nil || !strings.Contains(err.Error(), "EncryptionFailure") {
				t.Errorf("error %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := w.engage.Count(engagetest.OpCreate); n != 1 {
			t.Errorf("%d creations", n)
		}
	})
}

// A rotation that failed before leaves an intent. It says nothing of the version after it.
func TestF4TheIntentOfAnOlderVersionDoesNotCount(t *testing.T) {
	lose := func(_ *awstest.Config, e *engagetest.Config, _ map[string]string) {
		e.Fault = engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop())
	}
	inDeployment(t, onlyAdmin, lose, func(t *testing.T, w *deployment) {
		run := w.begin()
		done, err := w.step(run, events.CreateSecret)
		wantCase(t, done, err, decide.C12, false)
		lost := w.engage.Tokens(w.user.Username)[0]
		w.aws.Secrets.EndRotation(run, err)
		w.move(awstest.StagePending, "")
		time.Sleep(time.Hour)
		older := w.ledger("intent-")
		run = w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		for name := range w.ledger("") {
			if older[name] == "" {
				if err := w.parameters().Delete(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		done, err = w.step(run, events.FinishSecret)
		wantCase(t, done, err, decide.F4, true)
		w.finishAfresh(run, err, lost)
	})
}

// The record of the token could not be written; its intent says the same.
func TestF7AnIntentCountsWhenItsRecordCouldNotBeWritten(t *testing.T) {
	var refuse atomic.Bool
	configure := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Permit = func(c awstest.Call) bool {
			return !refuse.Load() || c.Action != "PutParameter" || !strings.Contains(c.Resource, "/token-")
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		run := w.begin()
		refuse.Store(true)
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		refuse.Store(false)
		if n := len(w.ledger("token-")); n != 0 {
			t.Fatalf("%d records", n)
		}
		done := w.mustStep(run, events.FinishSecret, report.OutcomeSwapped)
		wantCase(t, done, nil, decide.F7, false)
		w.end(run)
		w.record(w.token(awstest.StageCurrent))
		w.rotate()
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestF2ACancelledVersionIsNotSwappedIn(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		current := w.token(awstest.StageCurrent)
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.move(awstest.StagePending, "")
		done, err := w.step(run, events.FinishSecret)
		if err == nil || done.Case != decide.F2 || w.token(awstest.StageCurrent) != current {
			t.Fatalf("case %s, error %v", done.Case, err)
		}
		w.finishAfresh(run, err)
	})
}

func TestF3AVersionThatWasMadeForATestIsNotSwappedIn(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		current := w.token(awstest.StageCurrent)
		no := false
		run, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{
			SecretId: secretName, RotationLambdaARN: functionARN, RotateImmediately: &no,
		})
		if err != nil {
			t.Fatal(err)
		}
		done, err := w.step(run, events.FinishSecret)
		wantCase(t, done, err, decide.F3, true)
		w.wantTokens(current)
		w.finishAfresh(run, err)
	})
}

func TestF5ATokenThatIsAlreadyRetiringIsNotSwappedIn(t *testing.T) {
	for _, state := range []ledger.State{ledger.Retiring, ledger.Outgoing, ledger.Deleted} {
		inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
			w.rotate()
			current := w.token(awstest.StageCurrent)
			run := w.begin()
			w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
			record := w.record(w.token(awstest.StagePending))
			record.State, record.At = state, time.Now()
			w.setRecord(record)
			done, err := w.step(run, events.FinishSecret)
			wantCase(t, done, err, decide.F5, true)
			if w.token(awstest.StageCurrent) != current || !w.engage.Alive(current) {
				t.Error("AWSCURRENT does not name the token that works")
			}
			w.finishAfresh(run, err)
		})
	}
}

// The label was taken away and a sweep has given the token up. A person puts the label back.
func TestF5ATokenThatASweepGaveUpIsNotSwappedIn(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.move(awstest.StagePending, "")
		time.Sleep(20 * time.Minute)
		w.sweep()
		w.move(awstest.StagePending, run.VersionID)
		done, err := w.step(run, events.FinishSecret)
		wantCase(t, done, err, decide.F5, true)
		w.finishAfresh(run, err)
	})
}

// The edit changes nothing but the version, so that setSecret does not see it.
func TestF6AVersionThatWasMadeFromAnotherIsNotSwappedIn(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		current := w.token(awstest.StageCurrent)
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.edit(w.value("", awstest.StageCurrent))
		if !slices.Contains(w.labels(run.VersionID), awstest.StagePending) {
			w.move(awstest.StagePending, run.VersionID) // as if the service had not noticed
		}
		w.mustStep(run, events.SetSecret, report.OutcomeChecked)
		done, err := w.step(run, events.FinishSecret)
		wantCase(t, done, err, decide.F6, true)
		if w.token(awstest.StageCurrent) != current || !w.engage.Alive(current) {
			t.Error("AWSCURRENT does not name the token that works")
		}
		w.finishAfresh(run, err)
	})
}

func TestF8ASwapThatIsRefusedIsMadeByTheNextAttempt(t *testing.T) {
	var refuse atomic.Bool
	configure := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Permit = func(c awstest.Call) bool { return c.Action != "UpdateSecretVersionStage" || !refuse.Load() }
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		w.rotate()
		current := w.token(awstest.StageCurrent)
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		refuse.Store(true)
		done, err := w.step(run, events.FinishSecret)
		if err == nil || !strings.Contains(err.Error(), "secretsmanager:UpdateSecretVersionStage") {
			t.Errorf("error %v", err)
		}
		wantCase(t, done, err, decide.F8, false)
		w.wantTokens(current, w.token(awstest.StagePending))
		w.sweep() // the token that AWSCURRENT holds is recorded as outgoing
		refuse.Store(false)
		w.mustStep(run, events.FinishSecret, report.OutcomeSwapped)
		w.end(run)
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestF9AnEditAtTheMomentOfTheSwapStays(t *testing.T) {
	var w *deployment
	edited := `{"adminSecretArn":"` + adminName + `","note":"by hand"}`
	moves := 0
	configure := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Fault = func(c awstest.Call) awstest.Action {
			if c.Action != "UpdateSecretVersionStage" {
				return awstest.Action{}
			}
			if moves++; moves != 2 { // the first one is of the rotation before
				return awstest.Action{}
			}
			return awstest.Action{BeforeEffect: func() { w.edit(edited) }}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, theWorld *deployment) {
		w = theWorld
		w.rotate()
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		done, err := w.step(run, events.FinishSecret)
		wantCase(t, done, err, decide.F9, true)
		if got := w.value("", awstest.StageCurrent); got != edited {
			t.Errorf("AWSCURRENT is %s", got)
		}
		w.finishAfresh(run, err)
	})
}

// A finishSecret comes late, when the next rotation has put its token.
func TestR1TheTokenOfAnotherPendingVersionStays(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.rotate()
		next := w.begin()
		w.mustStep(next, events.CreateSecret, report.OutcomeCreated)
		pending := w.token(awstest.StagePending)
		time.Sleep(time.Hour)
		done := w.mustStep(run, events.FinishSecret, report.OutcomeResumed)
		wantCase(t, done, nil, decide.F1, false)
		w.wantTokens(w.token(awstest.StageCurrent), pending)
		if state := w.record(pending).State; state != ledger.Issued {
			t.Errorf("the pending token is %s", state)
		}
		for _, step := range next.Steps[1:] {
			if _, err := w.step(next, events.Step(step)); err != nil {
				t.Fatal(err)
			}
		}
		w.end(next)
		w.wantTokens(pending)
	})
}

// lagging shows a record only some time after a rotation has first looked for it.
type lagging struct {
	ledger.Parameters
	hidden string // in the record's name
	lag    time.Duration
	began  time.Time
}

func (l *lagging) List(ctx context.Context, path string) (map[string]string, error) {
	values, err := l.Parameters.List(ctx, path)
	for name := range values {
		if !strings.Contains(name, l.hidden) {
			continue
		}
		if l.began.IsZero() {
			l.began = time.Now()
		}
		if time.Since(l.began) < l.lag {
			delete(values, name)
		}
	}
	return values, err
}

// Two rotations follow each other within the consistency time.
func TestR10AnOldReadOfTheLedgerDoesNotHideWhoMadeThePreviousToken(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		previous := w.token(awstest.StageCurrent)
		run := w.begin()
		for _, step := range run.Steps[:3] {
			if _, err := w.step(run, events.Step(step)); err != nil {
				t.Fatal(err)
			}
		}
		environment, err := settings.FromEnvironment(func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		w.rotator = rotation.New(rotation.Config{
			Secrets: awsstore.NewSecrets(w.aws.SDKConfig(functionName)), Transport: w.engage.RoundTripper(),
			Settings:   environment,
			Parameters: &lagging{w.parameters(), fingerprints([]string{previous})[0], ledger.Consistency, time.Time{}},
		})
		w.mustStep(run, events.FinishSecret, report.OutcomeSwapped)
		w.end(run)
		w.wantTokens(w.token(awstest.StageCurrent))
		if record := w.record(previous); record.Base == "" || record.State != ledger.Deleted {
			t.Errorf("the record of the previous token is %+v", record)
		}
	})
}

// The secret is edited and rotated between two reads of a late finishSecret: the ledger names the
// new token, and the labels are from before.
func TestR9ALateFinishSecretGivesUpNoTokenThatIsNewerThanItsReads(t *testing.T) {
	for _, c := range []struct {
		name, retention string
		read            int // of the ledger, before which the secret is edited and rotated
	}{{"it would be marked", "1h", 1}, {"it would be deleted", "0s", 1}, {"during the second look", "0s", 2}} {
		t.Run(c.name, func(t *testing.T) {
			var rotate func()
			reads := 0
			configure := func(a *awstest.Config, _ *engagetest.Config, env map[string]string) {
				env[settings.EnvRetention] = c.retention
				a.Fault = func(call awstest.Call) awstest.Action {
					if call.Action != "GetParametersByPath" || !strings.Contains(call.Resource, "/ledger/") || rotate == nil {
						return awstest.Action{}
					}
					if reads++; reads != c.read {
						return awstest.Action{}
					}
					return awstest.Action{BeforeEffect: func() { time.Sleep(time.Second); rotate() }}
				}
			}
			inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
				run := w.rotate()
				time.Sleep(time.Hour)
				w.setRecord(ledger.Record{ // what is due, so that there is a second look
					Secret: w.arn, Fingerprint: "0123456789ab", State: ledger.Retiring, At: time.Now(),
				})
				rotate = func() {
					w.edit(w.value("", awstest.StageCurrent))
					w.mustStep(w.begin(), events.CreateSecret, report.OutcomeCreated)
				}
				w.mustStep(run, events.FinishSecret, report.OutcomeResumed)
				if state := w.record(w.token(awstest.StagePending)).State; state != ledger.Issued {
					t.Errorf("the token of AWSPENDING is %s", state)
				}
			})
		})
	}
}

// A sweep notes it while a finishSecret waits for its second look, and then AWSCURRENT moves on.
func TestR22TheNoteThatAnotherSecretHoldsATokenIsKept(t *testing.T) {
	var between func()
	reads := 0
	configure := func(a *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		a.Fault = func(call awstest.Call) awstest.Action {
			if between == nil || call.Action != "GetParametersByPath" || !strings.Contains(call.Resource, "/ledger/") {
				return awstest.Action{}
			}
			if reads++; reads != 2 {
				return awstest.Action{}
			}
			return awstest.Action{BeforeEffect: between}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		w.rotate()
		previous := w.token(awstest.StageCurrent)
		w.setRecord(ledger.Record{ // what is due, so that there is a second look
			Secret: w.arn, Fingerprint: "0123456789ab", State: ledger.Retiring, At: time.Now(),
		})
		run := w.begin()
		for _, step := range run.Steps[:3] {
			if _, err := w.step(run, events.Step(step)); err != nil {
				t.Fatal(err)
			}
		}
		between = func() {
			record := w.record(previous)
			record.SharedWith = w.arn + "-copy"
			w.setRecord(record)
			w.edit(w.value("", awstest.StageCurrent))
		}
		w.mustStep(run, events.FinishSecret, report.OutcomeSwapped)
		if record := w.record(previous); record.SharedWith == "" || record.State != ledger.Retiring {
			t.Errorf("the record is %+v", record)
		}
	})
}

func TestR22ATokenThatAnotherSecretHeldIsLeftToTheSweep(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		shared := w.token(awstest.StageCurrent)
		w.createSecret("ivr/copy", w.value("", awstest.StageCurrent))
		if _, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: "ivr/copy",
			RotationLambdaARN: functionARN}); err != nil {
			t.Fatal(err)
		}
		w.sweep()
		for range 2 {
			time.Sleep(time.Hour)
			w.rotate()
			w.wantTokens(shared, w.token(awstest.StageCurrent))
		}
		if record := w.record(shared); record.State != ledger.Retiring || record.SharedWith == "" {
			t.Errorf("record %+v", record)
		}
	})
}

// The login fields were edited, so that the next token is another user's.
func TestATokenOfAnotherUserIsLeftToTheSweep(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		former := w.token(awstest.StageCurrent)
		other := engagetest.User{Username: "other@example.com", Password: "hunter2", PlatformID: "aws80"}
		w.engage.AddUser(other)
		w.edit(`{"username":"other@example.com","password":"hunter2","platformId":"aws80","apiToken":"` + former + `"}`)
		w.rotate()
		if tokens := w.engage.Tokens(other.Username); len(tokens) != 1 || tokens[0] != w.token(awstest.StageCurrent) {
			t.Errorf("the other user has %d tokens", len(tokens))
		}
		record := w.record(former)
		if record.State != ledger.Retiring || !w.engage.Alive(former) {
			t.Fatalf("record %+v", record)
		}
		time.Sleep(time.Hour)
		w.sweep() // it is deleted by itself
		w.wantTokens()
	})
}

func TestR7ATokenThatWasRevokedByHandIsNotAFailedDeletion(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		time.Sleep(time.Hour)
		w.engage.DeleteToken(w.token(awstest.StageCurrent))
		run := w.begin()
		for _, step := range run.Steps[:3] {
			if _, err := w.step(run, events.Step(step)); err != nil {
				t.Fatal(err)
			}
		}
		done := w.mustStep(run, events.FinishSecret, report.OutcomeSwapped)
		w.end(run)
		if done.DeleteFailed != 0 {
			t.Errorf("%d deletions are reported as failed", done.DeleteFailed)
		}
		time.Sleep(time.Hour)
		w.sweep()
		if n := len(w.ledger("token-")); n != 1 {
			t.Errorf("%d records stay", n)
		}
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

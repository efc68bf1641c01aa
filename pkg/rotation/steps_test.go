package rotation_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestCreateSecretMakesATokenAndPutsItAsPending(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		done := w.mustStep(run, events.CreateSecret, report.OutcomeCreated)

		tokens := w.engage.Tokens(w.user.Username)
		if len(tokens) != 1 || w.token(awstest.StagePending) != tokens[0] {
			t.Fatalf("AWSPENDING does not hold the one token that was made")
		}
		if fingerprints(tokens)[0] != string(done.Fingerprint) {
			t.Errorf("the report names %s", done.Fingerprint)
		}
		if got := w.value("", awstest.StageCurrent); got != onlyAdmin {
			t.Errorf("AWSCURRENT was changed to %s", got)
		}
		var put *awstest.PutSecretValueInput
		for _, call := range w.aws.Calls() {
			if call.Action == "PutSecretValue" {
				put = call.Input.(*awstest.PutSecretValueInput)
			}
		}
		if put.ClientRequestToken != run.VersionID || put.RotationToken != run.RotationToken || run.RotationToken == "" {
			t.Error("PutSecretValue lacks the event's ClientRequestToken or RotationToken")
		}
	})
}

func TestCreateSecretLogsInOnceListsWritesTheIntentThenCreates(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.mustStep(w.begin(), events.CreateSecret, report.OutcomeCreated)
		var order []engagetest.Operation
		for _, call := range w.engage.Calls() {
			order = append(order, call.Operation)
		}
		want := []engagetest.Operation{engagetest.OpLogin, engagetest.OpList, engagetest.OpList, engagetest.OpCreate}
		if !slices.Equal(order, want) {
			t.Errorf("calls to Engage: %v, want %v", order, want)
		}
		var intent ledger.Intent
		for _, value := range w.ledger("intent-") {
			if err := json.Unmarshal([]byte(value), &intent); err != nil {
				t.Fatal(err)
			}
		}
		for _, value := range w.ledger("token-") {
			var record ledger.Record
			if err := json.Unmarshal([]byte(value), &record); err != nil {
				t.Fatal(err)
			}
			if record.Intent != intent.ID || record.State != ledger.Issued {
				t.Errorf("the token's record does not settle the intent: %+v", record)
			}
		}
	})
}

func TestCreateSecretDoesNothingWherePendingHasAValue(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		before := len(w.engage.Calls())
		w.restart()
		w.mustStep(run, events.CreateSecret, report.OutcomeUnchanged)
		if after := len(w.engage.Calls()); after != before {
			t.Errorf("%d more calls to Engage", after-before)
		}
	})
}

func TestCreateSecretCreatesNothingWhereTheLedgerCannotBeWritten(t *testing.T) {
	deny := func(c *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		c.Permit = func(call awstest.Call) bool {
			return call.Action != "PutParameter" || !strings.Contains(call.Resource, "/ledger/")
		}
	}
	inDeployment(t, onlyAdmin, deny, func(t *testing.T, w *deployment) {
		_, err := w.step(w.begin(), events.CreateSecret)
		if err == nil || !strings.Contains(err.Error(), "nothing was created") {
			t.Fatalf("error %v", err)
		}
		w.wantTokens()
	})
}

func TestCreateSecretRefusesAVersionThatIsNotPending(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		if _, err := w.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: secretName, VersionStage: awstest.StagePending, RemoveFromVersionId: run.VersionID}); err != nil {
			t.Fatal(err)
		}
		_, err := w.step(run, events.CreateSecret)
		if !errors.Is(err, report.ErrAbandoned) {
			t.Fatalf("error %v", err)
		}
		w.wantTokens()
	})
}

func TestC12ACreationWithoutAnswerIsMadeAgainByTheNextAttempt(t *testing.T) {
	for name, fault := range map[string]*engagetest.Fault{
		"connection broke": engagetest.Drop(),
		"500":              engagetest.Status(500),
		"web page":         engagetest.Respond(engagetest.Text(200, "<html>")),
	} {
		t.Run(name, func(t *testing.T) {
			lose := func(_ *awstest.Config, c *engagetest.Config, _ map[string]string) {
				c.Fault = engagetest.Once(engagetest.OpCreate, 1, engagetest.After, fault)
			}
			inDeployment(t, onlyAdmin, lose, func(t *testing.T, w *deployment) {
				run := w.begin()
				if _, err := w.step(run, events.CreateSecret); err == nil {
					t.Fatal("no error")
				}
				lost := w.engage.Tokens(w.user.Username)[0]
				time.Sleep(time.Second)
				for _, step := range run.Steps {
					if _, err := w.step(run, events.Step(step)); err != nil {
						t.Fatal(err)
					}
				}
				w.end(run)
				if w.token(awstest.StageCurrent) == lost {
					t.Error("a token was adopted whose creation was not answered")
				}
				w.wantTokens(lost, w.token(awstest.StageCurrent))
				if len(w.ledger("intent-")) != 1 {
					t.Error("nothing leads a sweep to the token that the lost creation left")
				}
			})
		})
	}
}

func TestC5ATokenWhosePutWasRefusedIsPutAgain(t *testing.T) {
	allowed := false
	refuse := func(c *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		c.Permit = func(call awstest.Call) bool { return allowed || call.Action != "PutSecretValue" }
	}
	inDeployment(t, onlyAdmin, refuse, func(t *testing.T, w *deployment) {
		run := w.begin()
		for range 3 {
			_, err := w.step(run, events.CreateSecret)
			if err == nil || !strings.Contains(err.Error(), "secretsmanager:PutSecretValue") {
				t.Fatalf("error %v", err)
			}
			if made := w.engage.Count(engagetest.OpCreate); made != 1 {
				t.Fatalf("%d creations", made)
			}
		}
		allowed = true
		for _, step := range run.Steps {
			if _, err := w.step(run, events.Step(step)); err != nil {
				t.Fatal(err)
			}
		}
		w.end(run)
		w.wantTokens(w.token(awstest.StageCurrent))
		if left := w.ledger(""); len(left) != 1 {
			t.Errorf("the ledger holds %v", left)
		}
	})
}

func TestCreateSecretLeavesATokenWhosePutWasNotAnswered(t *testing.T) {
	lost := 0
	lose := func(c *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		c.Fault = func(call awstest.Call) awstest.Action {
			if call.Action == "PutSecretValue" && lost < 3 {
				lost++
				return awstest.Action{After: awstest.Reset()}
			}
			return awstest.Action{}
		}
	}
	inDeployment(t, onlyAdmin, lose, func(t *testing.T, w *deployment) {
		w.mustStep(w.begin(), events.CreateSecret, report.OutcomeCreated)
		w.wantTokens(w.token(awstest.StagePending))
	})
}

func TestSetSecretChangesNothing(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		calls := len(w.engage.Calls())
		w.mustStep(run, events.SetSecret, report.OutcomeChecked)
		if len(w.engage.Calls()) != calls {
			t.Error("setSecret called Engage")
		}
	})
}

func TestSetSecretRefusesAPendingValueForAnotherHostOrUser(t *testing.T) {
	for _, current := range []string{
		`{"adminSecretArn":"` + adminName + `","baseUrl":"https://ringcx.ringcentral.com"}`,
		`{"adminSecretArn":"ivr/other-admin"}`,
		`{"username":"else","password":"x","platformId":"y"}`,
	} {
		inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
			run := w.begin()
			w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
			w.edit(current)
			// As if the service had not noticed the edit.
			if _, err := w.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
				SecretId: secretName, VersionStage: awstest.StagePending, MoveToVersionId: run.VersionID}); err != nil {
				t.Fatal(err)
			}
			calls := len(w.engage.Calls())
			if _, err := w.step(run, events.SetSecret); !errors.Is(err, report.ErrAbandoned) {
				t.Fatalf("error %v", err)
			}
			if slices.Contains(w.labels(run.VersionID), awstest.StagePending) {
				t.Error("the version keeps AWSPENDING: the next rotation would meet it again")
			}
			if len(w.engage.Calls()) != calls {
				t.Error("setSecret called Engage")
			}
		})
	}
}

func TestTestSecretListsWithTheNewToken(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.restart()
		done := w.mustStep(run, events.TestSecret, report.OutcomeVerified)
		calls := w.engage.Calls()
		last := calls[len(calls)-1]
		if last.Operation != engagetest.OpList || last.Auth != "x-auth-token" ||
			last.Fingerprint != string(done.Fingerprint) {
			t.Errorf("last call %+v", last)
		}
		if n := w.engage.LoginCount(w.user.Username); n != 1 {
			t.Errorf("%d logins", n)
		}
	})
}

func TestT5ADeadTokenIsAbandonedOnceItIsOldEnough(t *testing.T) {
	for _, status := range []int{401, 403} {
		dead := func(_ *awstest.Config, c *engagetest.Config, _ map[string]string) { c.Answers.DeadToken = status }
		inDeployment(t, onlyAdmin, dead, func(t *testing.T, w *deployment) {
			run := w.begin()
			w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
			w.engage.DeleteToken(w.token(awstest.StagePending))
			done, err := w.stepWithin(30*time.Second, run, events.TestSecret)
			if err == nil || errors.Is(err, report.ErrAbandoned) || done.Case != decide.T6 {
				t.Fatalf("case %s, error %v: a new token may not be known everywhere", done.Case, err)
			}
			time.Sleep(ledger.Propagation)
			done, err = w.stepWithin(30*time.Second, run, events.TestSecret)
			if !errors.Is(err, report.ErrAbandoned) || done.Case != decide.T5 {
				t.Fatalf("case %s, error %v", done.Case, err)
			}
			if slices.Contains(w.labels(run.VersionID), awstest.StagePending) {
				t.Error("the version keeps AWSPENDING")
			}
			w.aws.Secrets.EndRotation(run, err)
			w.rotate()
			w.wantTokens(w.token(awstest.StageCurrent))
		})
	}
}

func TestT6NothingIsConcludedWhileTheVendorRefusesEverything(t *testing.T) {
	for _, status := range []int{401, 403} {
		inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
			run := w.begin()
			w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
			time.Sleep(time.Hour)
			w.engage.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Status(status) })
			done, err := w.stepWithin(30*time.Second, run, events.TestSecret)
			if err == nil || errors.Is(err, report.ErrAbandoned) || done.Case != decide.T6 {
				t.Fatalf("case %s, error %v", done.Case, err)
			}
			w.engage.SetFault(nil)
			w.mustStep(run, events.TestSecret, report.OutcomeVerified)
		})
	}
}

func TestT6ATokenThatItsOwnListLacksIsKept(t *testing.T) {
	lacking := ""
	edit := func(_ *awstest.Config, c *engagetest.Config, _ map[string]string) {
		c.EditList = func(_ string, tokens []string) []string {
			return slices.DeleteFunc(tokens, func(token string) bool { return token == lacking })
		}
	}
	inDeployment(t, onlyAdmin, edit, func(t *testing.T, w *deployment) {
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		lacking = w.token(awstest.StagePending)
		time.Sleep(time.Hour)
		done, err := w.stepWithin(30*time.Second, run, events.TestSecret)
		if err == nil || errors.Is(err, report.ErrAbandoned) || done.Case != decide.T6 {
			t.Fatalf("case %s, error %v", done.Case, err)
		}
		lacking = ""
		w.mustStep(run, events.TestSecret, report.OutcomeVerified)
	})
}

func TestTestSecretWaitsForATokenThatIsNotEverywhereYet(t *testing.T) {
	slow := func(_ *awstest.Config, c *engagetest.Config, _ map[string]string) {
		c.Propagation = engagetest.Propagation{
			NewUnlisted: engagetest.Lag{For: 15 * time.Second},
			NewRejected: engagetest.Lag{For: 10 * time.Second},
		}
	}
	inDeployment(t, onlyAdmin, slow, func(t *testing.T, w *deployment) {
		w.rotate()
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestTestSecretKeepsThePendingValueWhileTheVendorFails(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.engage.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Status(503) })
		if _, err := w.step(run, events.TestSecret); err == nil || errors.Is(err, report.ErrAbandoned) {
			t.Fatalf("error %v", err)
		}
		w.engage.SetFault(nil)
		w.mustStep(run, events.TestSecret, report.OutcomeVerified)
	})
}

func TestTestSecretIsAPreflightWhereThereIsNothingToTest(t *testing.T) {
	for name, empty := range map[string]bool{"value equal to the current one": false, "no value": true} {
		t.Run(name, func(t *testing.T) {
			configure := func(c *awstest.Config, _ *engagetest.Config,
				_ map[string]string) {
				c.Secrets.EmptyTestVersion = empty
			}
			inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
				no := false
				run, err := w.aws.Secrets.BeginRotation(
					&awstest.RotateSecretInput{SecretId: secretName, RotationLambdaARN: functionARN, RotateImmediately: &no},
				)
				if err != nil {
					t.Fatal(err)
				}
				done := w.mustStep(run, events.TestSecret, report.OutcomePreflight)
				want := report.Preflight{
					Flow:         "engage",
					Host:         "engage.ringcentral.com",
					Accounts:     1,
					Tokens:       0,
					CurrentToken: "none",
				}
				if *done.Preflight != want {
					t.Errorf("preflight %+v, want %+v", *done.Preflight, want)
				}
				w.wantTokens()
			})
		})
	}
}

func TestFinishSecretRecordsThePreviousTokenBeforeTheSwapAndDeletesItAfter(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		foreign := w.engage.CreateToken(w.user.Username)
		w.rotate()
		first := w.token(awstest.StageCurrent)
		run := w.rotate()
		second := w.token(awstest.StageCurrent)
		w.wantTokens(foreign, second)
		if first == second {
			t.Fatal("the token did not change")
		}
		recorded, swapped := 0, 0
		for _, call := range w.aws.Calls() {
			switch in := call.Input.(type) {
			case *awstest.PutParameterInput:
				if strings.Contains(in.Value, `"outgoing"`) {
					recorded = call.Number
				}
			case *awstest.UpdateSecretVersionStageInput:
				swapped = call.Number
				if in.MoveToVersionId != run.VersionID || in.RemoveFromVersionId == "" {
					t.Logf("an earlier swap: %+v", in)
				}
			}
		}
		if recorded == 0 || recorded > swapped {
			t.Errorf("the record was call %d, the swap call %d", recorded, swapped)
		}
		for name, record := range w.ledger("token-") {
			current := strings.HasSuffix(name, hidden.Fingerprint(second))
			if !current && !strings.Contains(record, `"deleted"`) {
				t.Errorf("%s is %s, want the record of a deleted token, which the sweep removes", name, record)
			}
		}
		if left := len(w.ledger("")); left != 2 {
			t.Errorf("the ledger keeps %d entries, want those of the current and the previous token", left)
		}
	})
}

func TestFinishSecretResumesTheRetirementWhereTheSwapIsMade(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.mustStep(run, events.TestSecret, report.OutcomeVerified)
		w.engage.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpDelete {
				return engagetest.Status(500)
			}
			return nil
		})
		done := w.mustStep(run, events.FinishSecret, report.OutcomeSwapped)
		if done.DeleteFailed != 1 {
			t.Errorf(
				"the report tells of %d failed deletions: a good swap is not undone, and the failure told",
				done.DeleteFailed,
			)
		}
		w.engage.SetFault(nil)
		w.restart()
		w.mustStep(run, events.FinishSecret, report.OutcomeResumed)
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestFinishSecretNeverSwapsADeadTokenIn(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		current := w.token(awstest.StageCurrent)
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		w.engage.DeleteToken(w.token(awstest.StagePending))
		if _, err := w.stepWithin(30*time.Second, run, events.FinishSecret); err == nil {
			t.Fatal("no error")
		}
		if w.token(awstest.StageCurrent) != current || !w.engage.Alive(current) {
			t.Error("AWSCURRENT does not name the token that works")
		}
	})
}

func TestF4ALostLedgerEndsTheRotationAndLeaksNothing(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		w.rotate()
		current := w.token(awstest.StageCurrent)
		run := w.begin()
		w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
		for name := range w.ledger("") {
			if _, err := w.aws.Parameters.DeleteParameter(&awstest.ParameterNameInput{Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		done, err := w.step(run, events.FinishSecret)
		if !errors.Is(err, report.ErrAbandoned) || done.Case != decide.F4 {
			t.Fatalf("case %s, error %v", done.Case, err)
		}
		if w.token(awstest.StageCurrent) != current || !w.engage.Alive(current) {
			t.Error("AWSCURRENT does not name the token that works")
		}
		w.aws.Secrets.EndRotation(run, err)
		w.rotate()
		time.Sleep(time.Hour)
		w.sweep() // which looks whether another secret holds the tokens that the ledger did not know
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestFinishSecretBearsAnOldDescriptionAfterASwapThatFailed(t *testing.T) {
	moves, described := 0, 0
	configure := func(c *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		c.Fault = func(call awstest.Call) awstest.Action {
			switch {
			case call.Action == "UpdateSecretVersionStage":
				if moves++; moves == 2 { // the first one is of the rotation before
					return awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "InvalidRequestException", Status: 400})}
				}
			case call.Action == "DescribeSecret" && moves == 2:
				if described++; described == 1 {
					return awstest.Action{Stale: 2} // before the rotation began
				}
			}
			return awstest.Action{}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		w.rotate()
		w.rotate()
		if described < 2 {
			t.Errorf("the labels were looked at %d times after the swap that failed", described)
		}
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestFinishSecretKeepsAnEditMadeDuringTheRotation(t *testing.T) {
	for _, edited := range []string{
		`{"adminSecretArn":"` + adminName + `","note":"by hand"}`,
		`{"adminSecretArn":"` + adminName + `","apiToken":"aws80:made-by-hand-0123456789"}`,
	} {
		inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
			run := w.begin()
			w.mustStep(run, events.CreateSecret, report.OutcomeCreated)
			w.mustStep(run, events.SetSecret, report.OutcomeChecked)
			w.mustStep(run, events.TestSecret, report.OutcomeVerified)
			w.edit(edited)
			_, err := w.step(run, events.FinishSecret)
			if err == nil {
				t.Fatal("no error")
			}
			if got := w.value("", awstest.StageCurrent); got != edited {
				t.Errorf("AWSCURRENT is %s", got)
			}
			w.aws.Secrets.EndRotation(run, err)
			w.rotate()
			w.wantTokens(w.token(awstest.StageCurrent))
			if !strings.Contains(edited, "note") {
				return
			}
			if got := w.value("", awstest.StageCurrent); !strings.Contains(got, `"note":"by hand"`) {
				t.Errorf("the edit is lost: %s", got)
			}
		})
	}
}

func TestFinishSecretKeepsThePreviousTokenForTheRetention(t *testing.T) {
	retain := func(_ *awstest.Config, _ *engagetest.Config, env map[string]string) {
		env["PREVIOUS_TOKEN_RETENTION"] = "1h"
	}
	inDeployment(t, onlyAdmin, retain, func(t *testing.T, w *deployment) {
		w.rotate()
		first := w.token(awstest.StageCurrent)
		w.rotate()
		second := w.token(awstest.StageCurrent)
		w.wantTokens(first, second)
		time.Sleep(30 * time.Minute)
		w.rotate()
		third := w.token(awstest.StageCurrent)
		w.wantTokens(first, second, third)
		time.Sleep(31 * time.Minute)
		w.rotate() // retires what is overdue of its secret
		w.wantTokens(second, third, w.token(awstest.StageCurrent))
	})
}

func TestStepsBearStaleReads(t *testing.T) {
	var mu sync.Mutex
	stale := map[string]int{}
	configure := func(c *awstest.Config, _ *engagetest.Config, _ map[string]string) {
		c.Fault = func(call awstest.Call) awstest.Action {
			mu.Lock()
			defer mu.Unlock()
			if call.Action != "DescribeSecret" && call.Action != "GetSecretValue" {
				stale = map[string]int{}
				return awstest.Action{}
			}
			if stale[call.Action]++; stale[call.Action] <= 2 {
				return awstest.Action{Stale: 1}
			}
			return awstest.Action{}
		}
	}
	inDeployment(t, onlyAdmin, configure, func(t *testing.T, w *deployment) {
		for range 3 {
			run := w.begin()
			for _, step := range run.Steps {
				for try := 0; ; try++ {
					_, err := w.step(run, events.Step(step))
					if err == nil {
						break
					}
					if try == 3 {
						t.Fatal(err)
					}
				}
			}
			w.end(run)
			w.wantTokens(w.token(awstest.StageCurrent))
		}
	})
}

func TestAMalformedTokenInTheSecretFailsBeforeAnythingIsCreated(t *testing.T) {
	inDeployment(t, `{"adminSecretArn":"`+adminName+`","apiToken":"todo"}`, nil, func(t *testing.T, w *deployment) {
		_, err := w.step(w.begin(), events.CreateSecret)
		if err == nil || !strings.Contains(err.Error(), `"apiToken"`) ||
			!strings.Contains(err.Error(), "nothing was created") {
			t.Fatalf("error %v", err)
		}
		w.wantTokens()
	})
}

func TestAPendingValueThatNoRotationPutIsGivenUp(t *testing.T) {
	for _, planted := range []string{`not JSON`, `{}`, `{"apiToken":"todo"}`} {
		inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
			run := w.begin()
			if _, err := w.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: secretName, SecretString: &planted,
				ClientRequestToken: run.VersionID, RotationToken: run.RotationToken,
				VersionStages: []string{awstest.StagePending}}); err != nil {
				t.Fatal(err)
			}
			_, err := w.step(run, events.CreateSecret)
			if !errors.Is(err, report.ErrAbandoned) {
				t.Fatalf("error %v", err)
			}
			w.aws.Secrets.EndRotation(run, err)
			w.rotate()
			w.wantTokens(w.token(awstest.StageCurrent))
		})
	}
}

func TestALateTestSecretOfTheCurrentVersionDoesNothing(t *testing.T) {
	inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
		run := w.rotate()
		calls := len(w.engage.Calls())
		w.mustStep(run, events.TestSecret, report.OutcomeUnchanged)
		if len(w.engage.Calls()) != calls {
			t.Error("it called Engage")
		}
	})
}

package sweep_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

const secretName = "ivr/token"

// world is one secret with its login fields inline, an Engage user, a rotator and a sweeper, on virtual time.
type world struct {
	t       *testing.T
	aws     *awstest.Server
	engage  *engagetest.Server
	user    engagetest.User
	rotator *rotation.Rotator
	sweeper *sweep.Sweeper
	arn     string
}

func inWorld(t *testing.T, env map[string]string, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, aws: awstest.NewServer(awstest.Config{}), engage: engagetest.NewServer(engagetest.Config{Seed: 1}), user: engagetest.DefaultUser()}
		defer w.aws.Close()
		value, err := json.Marshal(map[string]string{"username": w.user.Username, "password": w.user.Password, "platformId": w.user.PlatformID})
		if err != nil {
			t.Fatal(err)
		}
		text := string(value)
		out, err := w.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: secretName, SecretString: &text})
		if err != nil {
			t.Fatal(err)
		}
		w.arn = out.ARN
		environment, err := settings.FromEnvironment(func(name string) string { return env[name] })
		if err != nil {
			t.Fatal(err)
		}
		sdk := w.aws.SDKConfig("sweep")
		secrets, parameters := awsstore.NewSecrets(sdk), awsstore.NewParameters(sdk)
		w.rotator = rotation.New(rotation.Config{Secrets: secrets, Parameters: parameters, Settings: environment, Transport: w.engage.RoundTripper()})
		w.sweeper = sweep.New(sweep.Config{Secrets: secrets, Parameters: parameters, Settings: environment, Transport: w.engage.RoundTripper()})
		test(t, w)
	})
}

func (w *world) begin() awstest.Run {
	w.t.Helper()
	run, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: secretName, RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:rotate"})
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

func (w *world) step(run awstest.Run, step string) error {
	w.t.Helper()
	event, err := rotation.ParseEvent(run.Payload(step))
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.rotator.Handle(w.t.Context(), event)
	return err
}

// rotate carries out a whole rotation and returns the new token.
func (w *world) rotate() string {
	w.t.Helper()
	time.Sleep(10 * time.Minute) // within the limit of logins, past every propagation
	run := w.begin()
	for _, step := range run.Steps {
		if err := w.step(run, step); err != nil {
			w.t.Fatal(err)
		}
	}
	w.aws.Secrets.EndRotation(run, nil)
	return w.token(awstest.StageCurrent)
}

func (w *world) token(stage string) string {
	w.t.Helper()
	out, err := w.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretName, VersionStage: stage})
	if err != nil {
		w.t.Fatal(err)
	}
	document, err := secret.Parse(*out.SecretString)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := document.Token()
	if err != nil {
		w.t.Fatal(err)
	}
	return token.Reveal()
}

func (w *world) sweep(payload string) sweep.Answer {
	w.t.Helper()
	request, err := sweep.ParseRequest([]byte(payload))
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.sweeper.Run(w.t.Context(), request)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(answer.Faults) > 0 {
		w.t.Fatalf("faults: %v", answer.Faults)
	}
	return answer
}

func (w *world) wantTokens(want ...string) {
	w.t.Helper()
	got := w.engage.Tokens(w.user.Username)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("the user has %d tokens, want %d, or others", len(got), len(want))
	}
}

// records returns the ledger's records of a kind.
func (w *world) records(kind string) int {
	w.t.Helper()
	page, err := w.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: settings.DefaultPrefix + "/ledger", Recursive: true})
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, p := range page.Parameters {
		if strings.Contains(p.Name, "/"+kind) {
			n++
		}
	}
	return n
}

func TestSweepDeletesPreviousTokensWhenTheirRetentionIsOver(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "1h"}, func(t *testing.T, w *world) {
		first, second, third := w.rotate(), w.rotate(), w.rotate()
		answer := w.sweep(`{}`)
		if n := len(answer.Secrets[0].Retiring); n != 2 {
			t.Errorf("%d tokens are reported as retiring, want 2", n)
		}
		w.wantTokens(first, second, third)
		time.Sleep(51 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(second, third)
		time.Sleep(10 * time.Minute)
		answer = w.sweep(`{}`)
		w.wantTokens(third)
		if got := answer.Secrets[0].Deleted; len(got) != 1 || string(got[0]) != hidden.Fingerprint(second) {
			t.Errorf("deleted %v", got)
		}
		if n := w.records("token-"); n != 1 {
			t.Errorf("%d records stay, want the current token's alone", n)
		}
	})
}

func TestSweepDryRunChangesNothing(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "1h"}, func(t *testing.T, w *world) {
		first, second := w.rotate(), w.rotate()
		time.Sleep(2 * time.Hour)
		calls := len(w.aws.Calls())
		answer := w.sweep(`{"dryRun":true}`)
		if got := answer.Secrets[0].Deleted; len(got) != 1 || string(got[0]) != hidden.Fingerprint(first) {
			t.Errorf("the dry run would delete %v", got)
		}
		w.wantTokens(first, second)
		for _, call := range w.aws.Calls()[calls:] {
			if call.Action == "PutParameter" || call.Action == "DeleteParameter" {
				t.Errorf("the dry run called %s", call.Action)
			}
		}
	})
}

func TestSweepEndsTheRetentionOfALeakedToken(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "24h"}, func(t *testing.T, w *world) {
		w.rotate()
		current := w.rotate()
		w.sweep(`{"revokePrevious":"` + secretName + `"}`)
		w.wantTokens(current)
	})
}

func TestSweepReportsTheCurrentTokenAndItsAge(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		current := w.rotate()
		foreign := w.engage.CreateToken(w.user.Username)
		time.Sleep(time.Hour)
		answer := w.sweep(`{}`)
		got := answer.Secrets[0].Current
		if string(got.Fingerprint) != hidden.Fingerprint(current) || got.AgeSeconds < 3600 || got.AgeSeconds > 3605 || got.Dead {
			t.Errorf("current %+v", got)
		}
		if answer.Users[0].Foreign != 1 {
			t.Errorf("%d foreign tokens", answer.Users[0].Foreign)
		}
		w.wantTokens(current, foreign)
	})
}

func TestSweepTellsThatTheCurrentTokenIsDead(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		current := w.rotate()
		w.engage.DeleteToken(current)
		time.Sleep(time.Hour)
		if answer := w.sweep(`{}`); !answer.Secrets[0].Current.Dead {
			t.Errorf("current %+v", answer.Secrets[0].Current)
		}
	})
}

// crash carries out createSecret and loses what the fault says, until nothing goes on.
func (w *world) crash(lose func(engagetest.Call) *engagetest.Fault) awstest.Run {
	w.t.Helper()
	time.Sleep(10 * time.Minute)
	run := w.begin()
	w.engage.SetFault(lose)
	if err := w.step(run, "createSecret"); err == nil {
		w.t.Fatal("createSecret went on in spite of the fault")
	}
	w.engage.SetFault(nil)
	return run
}

// afterCreation loses the answer of the creation and of every call after it.
func afterCreation() func(engagetest.Call) *engagetest.Fault {
	created := false
	return func(c engagetest.Call) *engagetest.Fault {
		if c.Operation == engagetest.OpCreate && c.Stage == engagetest.After {
			created = true
		}
		if created {
			return engagetest.Drop()
		}
		return nil
	}
}

func TestSweepDeletesATokenOfACrashedCreationOnceTheInvocationIsOver(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		current := w.rotate()
		run := w.crash(afterCreation())
		if n := len(w.engage.Tokens(w.user.Username)); n != 2 {
			t.Fatalf("%d tokens after the crash", n)
		}
		answer := w.sweep(`{}`)
		if n := len(answer.Secrets[0].OpenIntents); n != 1 {
			t.Errorf("%d open intents reported while the invocation may be at work", n)
		}
		time.Sleep(20 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(current)
		if n := w.records("intent-"); n != 0 {
			t.Errorf("%d intents stay", n)
		}
		for _, step := range run.Steps { // the service attempts the old rotation again
			if err := w.step(run, step); err != nil {
				t.Fatal(err)
			}
		}
		w.wantTokens(w.token(awstest.StageCurrent))
	})
}

func TestSweepReportsWhatCannotBeProven(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		current := w.rotate()
		w.crash(afterCreation())
		foreign := w.engage.CreateToken(w.user.Username)
		tokens := w.engage.Tokens(w.user.Username)
		time.Sleep(20 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(tokens...)
		time.Sleep(time.Hour)
		w.sweep(`{}`)
		answer := w.sweep(`{}`)
		if n := len(answer.Secrets[0].Unclaimed); n != 2 {
			t.Errorf("%d unclaimed tokens reported, want both that appeared", n)
		}
		w.wantTokens(tokens...)
		// An operator deletes the one that nobody uses.
		for _, token := range tokens {
			if token != current && token != foreign {
				w.engage.DeleteToken(token)
			}
		}
		w.sweep(`{}`)
		if n := len(w.sweep(`{}`).Secrets[0].Unclaimed); n != 1 {
			t.Errorf("%d unclaimed tokens reported after one is gone", n)
		}
	})
}

func TestSweepTellsOnceOfACreationThatCannotBeCompared(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.rotate()
		for range 701 { // more than a baseline holds
			w.engage.CreateToken(w.user.Username)
		}
		w.crash(afterCreation())
		time.Sleep(2 * time.Hour)
		told := 0
		for range 2 {
			answer, err := w.sweeper.Run(t.Context(), sweep.Request{})
			if err != nil {
				t.Fatal(err)
			}
			told += len(answer.Faults)
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		if n := w.records("intent-"); n != 0 {
			t.Errorf("%d intents stay", n)
		}
	})
}

func TestSweepRetiresATokenThatWasReplacedByHand(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "1h"}, func(t *testing.T, w *world) {
		replaced := w.rotate()
		byHand := w.engage.CreateToken(w.user.Username)
		out, err := w.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretName})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(*out.SecretString, replaced, byHand, 1)
		if _, err := w.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: secretName, SecretString: &text}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(replaced, byHand)
		time.Sleep(61 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(byHand)
	})
}

func TestSweepLeavesALateFinishSecretTimeWhereAWSCURRENTWasMovedBack(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "1m"}, func(t *testing.T, w *world) {
		first := w.rotate()
		run := w.begin()
		for _, step := range run.Steps {
			if err := w.step(run, step); err != nil {
				t.Fatal(err)
			}
		}
		w.aws.Secrets.EndRotation(run, nil)
		second := w.token(awstest.StageCurrent)
		description, err := w.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: secretName})
		if err != nil {
			t.Fatal(err)
		}
		for version, stages := range description.VersionIdsToStages {
			if slices.Contains(stages, "AWSPREVIOUS") {
				_, err = w.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
					SecretId: secretName, VersionStage: awstest.StageCurrent, MoveToVersionId: version, RemoveFromVersionId: run.VersionID,
				})
			}
		}
		if err != nil || w.token(awstest.StageCurrent) != first {
			t.Fatal("AWSCURRENT was not moved back", err)
		}
		time.Sleep(20 * time.Minute)
		w.sweep(`{}`)
		time.Sleep(14 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(first, second)
		time.Sleep(2 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(first)
	})
}

func TestSweepDeletesStraysOfAnExclusiveUserALaterTime(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvExclusiveUser: "true"}, func(t *testing.T, w *world) {
		current := w.rotate()
		stray := w.engage.CreateToken(w.user.Username)
		w.sweep(`{}`)
		w.wantTokens(current, stray)
		time.Sleep(14 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(current, stray)
		time.Sleep(2 * time.Minute)
		w.sweep(`{"dryRun":true}`)
		w.wantTokens(current, stray)
		w.sweep(`{}`)
		w.wantTokens(current)
		if n := w.records("token-"); n != 1 {
			t.Errorf("%d records stay", n)
		}
	})
}

func TestSweepRevokesNoTokenThatMayYetBeSwappedIn(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "24h"}, func(t *testing.T, w *world) {
		current := w.rotate()
		run := w.begin()
		if err := w.step(run, awstest.StepCreate); err != nil {
			t.Fatal(err)
		}
		pending := w.token(awstest.StagePending)
		// Cancelled, while a finishSecret may have looked at the labels already.
		if _, err := w.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: secretName, VersionStage: awstest.StagePending, RemoveFromVersionId: run.VersionID,
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		w.sweep(`{}`)
		for range 2 {
			w.sweep(`{"revokePrevious":"` + secretName + `"}`)
		}
		w.wantTokens(current, pending)
		time.Sleep(16 * time.Minute)
		w.sweep(`{}`)
		w.wantTokens(current)
	})
}

func TestSweepNeverDeletesATokenThatIsCurrentWhateverItsRecordSays(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		current := w.rotate()
		for name, value := range map[string]string{"retiring": string(ledger.Retiring), "stray": string(ledger.Stray)} {
			page, err := w.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: settings.DefaultPrefix + "/ledger", Recursive: true})
			if err != nil {
				t.Fatal(name, err)
			}
			for _, p := range page.Parameters {
				changed := strings.Replace(p.Value, `"issued"`, `"`+value+`"`, 1)
				if _, err := w.aws.Parameters.PutParameter(&awstest.PutParameterInput{Name: p.Name, Value: changed, Overwrite: true}); err != nil {
					t.Fatal(err)
				}
			}
			w.sweep(`{}`)
			w.sweep(`{"revokePrevious":"` + secretName + `"}`)
			w.wantTokens(current)
		}
	})
}

func TestTwoSweepsAtOnceDoNoHarm(t *testing.T) {
	inWorld(t, map[string]string{settings.EnvRetention: "1h"}, func(t *testing.T, w *world) {
		w.rotate()
		current := w.rotate()
		time.Sleep(2 * time.Hour)
		done := make(chan error)
		for range 2 {
			go func() {
				_, err := w.sweeper.Run(t.Context(), sweep.Request{})
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		w.wantTokens(current)
	})
}

func TestParseRequestRefusesWhatIsNotASweepsEvent(t *testing.T) {
	for _, payload := range []string{
		``, `null`, `[]`, `1`, `"x"`, `{"dry_run":true}`, `{"dryRun":"yes"}`, `{"revokePrevious":7}`, `{"revokePrevious":"a\nb"}`, `{} {}`, `{}}`, `{"dryRun":false}}`,
		`{"source":"aws.scheduler","dryRun":true}`,
	} {
		if _, err := sweep.ParseRequest([]byte(payload)); err == nil {
			t.Errorf("%s is accepted", payload)
		}
	}
	for payload, want := range map[string]sweep.Request{
		`{}`:                             {},
		`{"dryRun":true}`:                {DryRun: true},
		`{"revokePrevious":"ivr/token"}`: {RevokePrevious: "ivr/token"},
		`{"source":"aws.events","detail-type":"x"}`: {},
		`{"source":"aws.scheduler"}`:                {},
	} {
		if got, err := sweep.ParseRequest([]byte(payload)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", payload, got, err)
		}
	}
}

package adversary_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// The attacks of this file come from AWS, from people, and from invocations that are late, repeated
// or concurrent.

// rotationCalls is more than a rotation makes to AWS.
const rotationCalls = 40

// counted returns a fault for the nth call to AWS, counted from 0, and how many calls there were.
func counted(nth int, action awstest.Action) (func(awstest.Call) awstest.Action, *atomic.Int32) {
	var n atomic.Int32
	return func(awstest.Call) awstest.Action {
		if int(n.Add(1))-1 == nth {
			return action
		}
		return awstest.Action{}
	}, &n
}

// atEachCall lets something happen at each call of a rotation to AWS.
func atEachCall(t *testing.T, keep string, action func(*attack, *stack) awstest.Action) {
	t.Helper()
	for nth := range each(rotationCalls, 12) {
		over := false
		t.Run(fmt.Sprintf("retention %s, call %d", keep, nth), func(t *testing.T) {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only(retention, keep)
				a.another(a.user)
				s.mustRotate("token", "token")
				s.sweeps(2, 2*hour)
				run := s.mustBegin("token")
				fault, n := counted(nth, action(a, s))
				s.fault = fault
				_ = s.drive(run)
				over = int(n.Load()) <= nth
				s.fault = nil
				s.sweeps(2, 20*time.Minute)
				s.operate()
			})
		})
		if over {
			if nth < 10 {
				t.Errorf("the rotation made %d calls", nth)
			}
			return
		}
	}
	t.Errorf("the rotation makes more than %d calls", rotationCalls)
}

// An operator ends what the sweep reports of it, by the events that the report names.
func TestTheLedgerIsLostAtEachMoment(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		for _, what := range []string{"", "token-", "intent-"} {
			atEachCall(t, keep, func(_ *attack, s *stack) awstest.Action {
				return awstest.Action{BeforeEffect: func() { s.loseLedger(what) }}
			})
		}
	}
}

func TestACallToAWSIsLostAtEachMoment(t *testing.T) {
	for name, action := range map[string]awstest.Action{
		"lost request": {Before: awstest.Reset()}, "lost answer": {After: awstest.Reset()},
		"500 before": {Before: awstest.ServerError()}, "500 after": {After: awstest.ServerError()},
		"throttled": {Before: awstest.Throttled()}, "slow": {Delay: 30 * time.Second},
		"denied": {Before: awstest.Fail(&awstest.APIError{Code: "AccessDeniedException", Status: 400,
			Message: "not allowed"})},
		"no key": {Before: awstest.Fail(&awstest.APIError{Code: "DecryptionFailure", Status: 400, Message: "no key"})},
		"stale":  {Stale: 3},
	} {
		t.Run(name, func(t *testing.T) {
			atEachCall(t, "0s", func(a *attack, _ *stack) awstest.Action {
				a.reported = 1
				return action
			})
		})
	}
}

// The document is edited by hand at each moment. The edit is not lost.
func TestAnEditAtEachMoment(t *testing.T) {
	for _, token := range []bool{false, true} {
		atEachCall(t, "0s", func(a *attack, s *stack) awstest.Action {
			return awstest.Action{BeforeEffect: func() {
				s.edit("token", func(f map[string]string) {
					f["note"] = "by hand"
					if token {
						f["apiToken"] = a.another(a.user)
						a.mu.Lock()
						delete(a.foreign, f["apiToken"]) // it is given to the secret
						a.mu.Unlock()
					}
				})
				a.t.Cleanup(func() {
					if !strings.Contains(s.value("token", awstest.StageCurrent), `"note":"by hand"`) {
						a.t.Error("the edit is lost")
					}
				})
			}}
		})
	}
}

// AWSCURRENT is moved back by hand, or AWSPENDING taken away, at each moment.
func TestLabelsAreMovedByHandAtEachMoment(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		atEachCall(t, keep, func(a *attack, s *stack) awstest.Action {
			return awstest.Action{BeforeEffect: func() {
				if s.holder("token", awstest.StagePending) != "" {
					s.move("token", awstest.StagePending, "")
				}
			}}
		})
	}
	atEachCall(t, "1h", func(a *attack, s *stack) awstest.Action {
		return awstest.Action{BeforeEffect: func() {
			if previous := s.holder("token", awstest.StagePrevious); previous != "" {
				s.move("token", awstest.StageCurrent, previous)
			}
		}}
	})
}

// A sweep runs at each moment of a rotation, of a user that serves the rotations alone.
func TestASweepAtEachMoment(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		atEachCall(t, keep, func(a *attack, s *stack) awstest.Action {
			s.env[exclusive] = "true"
			s.restart()
			return awstest.Action{BeforeEffect: func() { _, _ = s.sweep(`{}`) }}
		})
	}
}

// Another instance of the function runs the whole rotation at each moment.
func TestAnotherAttemptAtEachMoment(t *testing.T) {
	atEachCall(t, "0s", func(a *attack, s *stack) awstest.Action {
		return awstest.Action{BeforeEffect: func() {
			other, _ := s.functions(2 * time.Second)
			version := s.holder("token", awstest.StagePending)
			if version == "" {
				return
			}
			run := awstest.Run{SecretARN: s.aws.Secrets.ARN("token"), VersionID: version}
			for _, step := range []string{awstest.StepCreate, awstest.StepSet, awstest.StepTest, awstest.StepFinish} {
				if _, err := s.invoke(other, run, step); err != nil {
					return
				}
			}
		}}
	})
}

// Every read is old by up to three changes, within the time that the code waits.
func TestEveryReadIsOldForSomeSeconds(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "1m")
		a.another(a.user)
		var mu sync.Mutex
		var changed time.Time
		s.fault = func(c awstest.Call) awstest.Action {
			mu.Lock()
			defer mu.Unlock()
			switch c.Action {
			case "PutSecretValue", "UpdateSecretVersionStage":
				changed = time.Now()
			case "DescribeSecret", "GetSecretValue":
				if time.Since(changed) < 3*time.Second {
					return awstest.Action{Stale: 1 + int(time.Now().UnixNano()/1e8)%3}
				}
			}
			return awstest.Action{}
		}
		for range 10 {
			time.Sleep(10 * time.Minute)
			_ = s.try("token")
			s.sweeps(2, 2*time.Second)
		}
	})
}

// The Parameter Store takes three writes a second, and answers with empty pages first.
func TestTheParameterStoreIsSlowAndOdd(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		c := a.account(awstest.Config{
			Parameters: awstest.ParametersConfig{Rates: awstest.ParameterRates(), EmptyPages: true}})
		s := c.stack("main", retention, "1h")
		for n := range 12 {
			s.add(fmt.Sprintf("token-%02d", n), fields(a.user))
		}
		s.mustRotate(s.secrets...)
		time.Sleep(10 * time.Minute)
		var all sync.WaitGroup
		for _, name := range s.secrets {
			all.Go(func() { _ = s.try(name) })
		}
		all.Wait()
		s.sweeps(3, 30*time.Minute)
	})
}

// The service answers a repeated move of a label as a success, or not, and clears AWSPENDING, or
// not.
func TestTheServiceIsOdd(t *testing.T) {
	for bits := range each(1<<5, 5) { // the fifth ones have each oddity on and off
		on := func(n int) bool { return bits>>n&1 == 1 }
		attacked(t, func(t *testing.T, a *attack) {
			c := a.account(awstest.Config{Secrets: awstest.SecretsConfig{
				ReplayMoves: on(0), KeepPending: on(1), RetryUnlabelled: on(2), EmptyTestVersion: on(3), OmitRotationToken: on(4),
			}})
			s := c.stack("main", retention, "10m")
			s.add("token", fields(a.user))
			s.mustRotate("token")
			no := false
			time.Sleep(10 * time.Minute)
			test, err := s.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{
				SecretId: "token", RotationLambdaARN: s.function, RotateImmediately: &no,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.drive(test); err != nil {
				t.Error(err)
			}
			lost := 0
			s.fault = func(call awstest.Call) awstest.Action {
				if call.Action == "UpdateSecretVersionStage" && lost < 3 {
					lost++
					return awstest.Action{After: awstest.Reset()}
				}
				return awstest.Action{}
			}
			for range 3 {
				time.Sleep(10 * time.Minute)
				_ = s.try("token")
				s.sweeps(1, time.Minute)
			}
		})
	}
}

// Each step runs three times at once, and old steps come again late.
func TestStepsAreRepeatedLateAndConcurrent(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only(retention, keep)
			a.another(a.user)
			s.mustRotate("token")
			var old []awstest.Run
			for range 4 {
				time.Sleep(10 * time.Minute)
				run := s.mustBegin("token")
				for _, step := range run.Steps {
					var all sync.WaitGroup
					for n := range 3 {
						rotator, _ := s.functions(time.Duration(n) * time.Second)
						all.Go(func() { _, _ = s.invoke(rotator, run, step) })
					}
					all.Wait()
					for _, late := range old {
						for _, again := range run.Steps {
							if _, err := s.step(late, again); err == nil && again == awstest.StepFinish &&
								late.VersionID == old[0].VersionID &&
								len(old) > 1 {
								t.Error("an old finishSecret is a success")
							}
						}
					}
				}
				if s.holder("token", awstest.StageCurrent) != run.VersionID {
					t.Error("the rotation did not succeed")
				}
				s.aws.Secrets.EndRotation(run, nil)
				old = append(old, run)
			}
			s.sweeps(4, 20*time.Minute)
		})
	}
}

// The clock of the sweep is ahead of the rotation's, or behind it.
func TestClocksDiffer(t *testing.T) {
	differences := []time.Duration{70 * time.Second, -70 * time.Second, 2 * time.Second, -2 * time.Second}
	if testing.Short() {
		differences = differences[:2]
	}
	for _, ahead := range differences {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", exclusive, "true", retention, "10m")
			s.add("a", fields(a.user))
			s.add("b", fields(a.user))
			_, s.sweeper = s.functions(ahead)
			for n := range 6 {
				for _, name := range s.secrets {
					time.Sleep(10 * time.Minute)
					run := s.mustBegin(name)
					if n == 3 {
						a.reported++
						a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
						_, _ = s.step(run, awstest.StepCreate)
						a.vendor.SetFault(nil)
						time.Sleep(time.Second)
					}
					previous := s.token(name, awstest.StageCurrent)
					for _, step := range run.Steps {
						s.mustStep(run, step)
						s.sweeps(1, time.Second)
					}
					s.aws.Secrets.EndRotation(run, nil)
					time.Sleep(8 * time.Minute)
					s.sweeps(1, time.Second)
					if previous != "" && !a.vendor.Alive(previous) {
						t.Errorf("%s ahead: the previous token was deleted during its retention", ahead)
					}
				}
			}
		})
	}
}

// A secret with its token is copied into another one, which one rotates or the other.
func TestASecretIsCopied(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		for _, first := range []string{"token", "copy"} {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only(retention, keep)
				s.mustRotate("token")
				s.add("copy", s.value("token", awstest.StageCurrent))
				no := false
				run, err := s.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{
					SecretId: "copy", RotationLambdaARN: s.function, RotateImmediately: &no,
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.drive(run); err != nil {
					t.Fatal(err)
				}
				s.sweeps(1, time.Minute)
				s.mustRotate(first)
				s.sweeps(5, 30*time.Minute)
				a.look("after the first of the two has rotated")
			})
		}
	}
}

// The login fields are given to another user, before any step.
func TestTheUserChangesDuringARotation(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		for at := range 5 {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.account(awstest.Config{}).stack("main", retention, keep)
				other := engagetest.User{Username: "other@example.com", Password: "hunter2", PlatformID: "aws80"}
				a.vendor.AddUser(other)
				s.users = append(s.users, other)
				a.another(a.user)
				a.another(other)
				s.create("admin", adminFields(a.user))
				s.add("token", `{"adminSecretArn":"admin"}`)
				s.mustRotate("token", "token")
				time.Sleep(10 * time.Minute)
				run := s.mustBegin("token")
				for n, step := range append(slices.Clone(run.Steps), "") {
					if n == at {
						value := adminFields(other)
						if _, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "admin",
							SecretString: &value}); err != nil {
							t.Fatal(err)
						}
						s.restart()
					}
					if step == "" {
						break
					}
					if _, err := s.step(run, step); err != nil {
						t.Logf("%s: %v", step, err)
						_ = s.drive(run)
						break
					}
				}
				s.aws.Secrets.EndRotation(run, nil)
				s.mustRotate("token")
				s.sweeps(6, 30*time.Minute)
			})
		}
	}
}

// A person gives a secret a token of another program and takes it away again, also during a failing
// swap.
func TestATokenIsLentToASecret(t *testing.T) {
	for _, swap := range []bool{false, true} {
		for _, sweeps := range []bool{false, true} {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only()
				lent := a.another(a.user)
				s.mustRotate("token")
				own := s.current("token")
				s.edit("token", func(f map[string]string) { f["apiToken"] = lent })
				time.Sleep(10 * time.Minute)
				if sweeps {
					s.sweeps(2, 20*time.Minute)
				}
				if swap {
					s.deny = func(c awstest.Call) bool { return c.Action == "UpdateSecretVersionStage" }
					_ = s.try("token")
					s.deny = nil
				}
				s.edit("token", func(f map[string]string) {
					delete(f, "apiToken")
					if !swap && !sweeps {
						f["apiToken"] = own
					}
				})
				s.sweeps(3, 20*time.Minute)
				_ = s.rotate("token")
				s.sweeps(3, 20*time.Minute)
			})
		}
	}
}

// A person writes a token of another program into the version of a rotation that has begun.
func TestATokenOfAnotherProgramIsPutIntoThePendingVersion(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only()
		foreign := a.another(a.user)
		s.mustRotate("token")
		time.Sleep(10 * time.Minute)
		run := s.mustBegin("token")
		value := fields(a.user, "apiToken", foreign)
		if _, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{
			SecretId: "token", SecretString: &value, ClientRequestToken: run.VersionID, RotationToken: run.RotationToken,
			VersionStages: []string{awstest.StagePending},
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.drive(run); err == nil {
			t.Error("the rotation succeeded")
		}
		s.sweeps(3, 20*time.Minute)
	})
}

// The prefix is renamed between any two steps.
func TestThePrefixIsRenamedDuringARotation(t *testing.T) {
	for at := range 4 {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only()
			s.mustRotate("token")
			time.Sleep(10 * time.Minute)
			run := s.mustBegin("token")
			for n, step := range run.Steps {
				if n == at {
					s.env[prefix] = "/renamed"
					s.restart()
				}
				if _, err := s.step(run, step); err != nil {
					break
				}
			}
			s.aws.Secrets.EndRotation(run, nil)
			_ = s.rotate("token")
			s.sweeps(2, 20*time.Minute)
		})
	}
}

// Two stacks share a user, a prefix or neither, and both lose the answers of creations at once.
func TestTwoStacksLoseAnswersAtOnce(t *testing.T) {
	for _, prefixes := range [][2]string{{"/one", "/two"}, {"/both", "/both"}} {
		attacked(t, func(t *testing.T, a *attack) {
			c := a.account(awstest.Config{})
			one, two := c.stack(
				"one",
				prefix,
				prefixes[0],
				retention,
				"1h",
			), c.stack(
				"two",
				prefix,
				prefixes[1],
				retention,
				"1h",
			)
			one.add("one", fields(a.user))
			two.add("two", fields(a.user))
			one.mustRotate("one", "one")
			two.mustRotate("two", "two")
			time.Sleep(10 * time.Minute)
			var lost atomic.Int32
			a.vendor.SetFault(func(call engagetest.Call) *engagetest.Fault {
				if call.Operation == engagetest.OpCreate && call.Stage == engagetest.After && lost.Add(1) <= 4 {
					return engagetest.Drop()
				}
				return nil
			})
			a.reported = 5 // each lost one; each stack reports what the other one lost, too
			var all sync.WaitGroup
			all.Go(func() { _ = one.try("one") })
			all.Go(func() { _ = two.try("two") })
			all.Wait()
			for range 4 {
				one.sweeps(1, 20*time.Minute)
				two.sweeps(1, time.Second)
			}
			one.mustRotate("one")
			two.mustRotate("two")
		})
	}
}

// A secret is deleted and made again under its name. Operators forget the old one.
func TestASecretIsDeletedAndMadeAgain(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "24h")
		s.mustRotate("token", "token")
		arn := s.aws.Secrets.ARN("token")
		if _, err := s.aws.Secrets.DeleteSecret(&awstest.DeleteSecretInput{SecretId: "token",
			ForceDeleteWithoutRecovery: true}); err != nil {
			t.Fatal(err)
		}
		if fresh := s.create("token", fields(a.user)); fresh == arn {
			t.Fatal("the ARN is the same")
		}
		s.mustRotate("token")
		if _, err := s.sweep(`{"forget":"` + arn + `"}`); err != nil {
			t.Errorf("forget: %v", err)
		}
		if got := a.vendor.Tokens(a.user.Username); len(got) != 1 || got[0] != s.current("token") {
			t.Errorf("%d tokens", len(got))
		}
	})
}

// A secret is scheduled for deletion during a retention, and restored.
func TestASecretIsScheduledForDeletionAndRestored(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main", exclusive, "true", retention, "1h")
		s.add("a", fields(a.user))
		s.add("b", fields(a.user))
		s.mustRotate("a", "b", "a", "b")
		if _, err := s.aws.Secrets.DeleteSecret(&awstest.DeleteSecretInput{SecretId: "b"}); err != nil {
			t.Fatal(err)
		}
		s.sweeps(4, hour)
		if _, err := s.aws.Secrets.RestoreSecret(&awstest.SecretIdInput{SecretId: "b"}); err != nil {
			t.Fatal(err)
		}
		a.look("when the secret is restored")
	})
}

// Sweeps are cut off by Lambda after any time, again and again.
func TestSweepsAreCutOff(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "1h")
		s.mustRotate("token", "token", "token")
		time.Sleep(2 * hour)
		for ms := 50 * time.Millisecond; ms < 20*time.Second; ms *= 2 {
			_ = within(t.Context(), ms, func(ctx context.Context) error {
				_, err := s.sweeper.Run(ctx, events.Sweep{})
				return err
			})
			time.Sleep(time.Minute)
		}
	})
}

// Operators order deletions in the middle of a rotation.
func TestOperatorsActDuringARotation(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		atEachCall(t, keep, func(a *attack, s *stack) awstest.Action {
			return awstest.Action{BeforeEffect: func() {
				a.mu.Lock()
				foreign := a.foreign
				a.mu.Unlock()
				for _, token := range a.vendor.Tokens(a.user.Username) {
					if !foreign[token] {
						_, _ = s.sweep(`{"deleteToken":"` + string(print(token)) + `"}`)
					}
				}
				_, _ = s.sweep(`{"revokePrevious":"token"}`)
			}}
		})
	}
}

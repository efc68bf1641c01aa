package adversary_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// The attacks of this file are those that an earlier core did not withstand, one for each.

const (
	hour      = time.Hour
	retention = settings.EnvRetention
	exclusive = settings.EnvExclusiveUser
	prefix    = settings.EnvPrefix
	hosts     = settings.EnvAllowedHosts
)

// The vendor refuses everything for hours, while sweeps go on.
func TestRow01TheVendorRefusesEverything(t *testing.T) {
	for _, wrong := range []engagetest.Misbehavior{
		{Refuse: 401}, {Refuse: 403}, {RefuseTokens: 401}, {RefuseTokens: 403},
	} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only(retention, "1h")
			a.another(a.user)
			s.mustRotate("token", "token", "token")
			a.vendor.SetMisbehavior(wrong)
			for range 3 {
				s.sweeps(4, 20*time.Minute)
				if s.try("token") == nil && wrong.Refuse != 0 {
					t.Errorf("%+v: a rotation succeeded", wrong)
				}
			}
		})
	}
}

// The creation of one stack fails without effect; another stack's creation works a moment later.
func TestRow02TwoStacksOnOneUser(t *testing.T) {
	for _, stage := range []engagetest.Stage{engagetest.Before, engagetest.After} {
		attacked(t, func(t *testing.T, a *attack) {
			c := a.account(awstest.Config{})
			one, two := c.stack("one", prefix, "/one"), c.stack("two", prefix, "/two")
			one.add("one/token", fields(a.user))
			two.add("two/token", fields(a.user))
			one.mustRotate("one/token")
			two.mustRotate("two/token")
			if stage == engagetest.After {
				a.reported = 2 // the token that the lost creation left; the other stack's is in use
			}
			a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, stage, engagetest.Status(503)))
			run := one.mustBegin("one/token")
			if _, err := one.step(run, awstest.StepCreate); err == nil {
				t.Fatal("the creation did not fail")
			}
			time.Sleep(300 * time.Millisecond)
			other := two.mustBegin("two/token")
			if err := two.drive(other); err != nil {
				t.Fatal(err)
			}
			time.Sleep(700 * time.Millisecond)
			if err := one.drive(run); err != nil {
				t.Fatal(err)
			}
			if one.current("one/token") == two.current("two/token") {
				t.Error("one stack took the token of the other")
			}
			one.sweeps(3, 20*time.Minute)
			one.mustRotate("one/token", "one/token")
			one.sweeps(3, 20*time.Minute)
			a.look("after the next rotations")
		})
	}
}

// The same inside one stack: its secrets reach the user by two hosts.
func TestRow03OneUserBehindTwoHosts(t *testing.T) {
	for _, env := range [][2]string{{"false", "0s"}, {"true", "0s"}, {"false", "1h"}, {"true", "1h"}} {
		attacked(t, func(t *testing.T, a *attack) {
			c := a.account(awstest.Config{})
			s := c.stack("main", exclusive, env[0], retention, env[1])
			s.add("a", fields(a.user))
			s.add("b", fields(a.user, "baseUrl", "https://ringcx.ringcentral.com"))
			s.mustRotate("a", "b")
			for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}} {
				time.Sleep(10 * time.Minute)
				a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.Before, engagetest.Status(503)))
				run := s.mustBegin(pair[0])
				if _, err := s.step(run, awstest.StepCreate); err == nil {
					t.Fatal("the creation did not fail")
				}
				time.Sleep(300 * time.Millisecond)
				if err := s.try(pair[1]); err != nil {
					t.Fatal(err)
				}
				time.Sleep(700 * time.Millisecond)
				if err := s.drive(run); err != nil {
					t.Fatal(err)
				}
				s.sweeps(4, 20*time.Minute)
				s.mustRotate("a", "b")
			}
			s.sweeps(6, 20*time.Minute)
		})
	}
}

// The user serves the rotations alone. The ledger is lost in part or whole, or looked for
// elsewhere.
func TestRow04AnExclusiveUserAndALostLedger(t *testing.T) {
	for name, lose := range map[string]func(*stack){
		"renamed":     func(s *stack) { s.env[prefix] = "/renamed"; s.restart() },
		"wiped":       func(s *stack) { s.loseLedger("") },
		"one record":  func(s *stack) { s.loseLedger("token-" + string(print(s.current("b")))) },
		"the records": func(s *stack) { s.loseLedger("token-") },
		"the intents": func(s *stack) { s.loseLedger("intent-") },
	} {
		t.Run(name, func(t *testing.T) {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.account(awstest.Config{}).stack("main", exclusive, "true", retention, "1h")
				for _, name := range []string{"a", "b", "c"} {
					s.add(name, fields(a.user))
				}
				s.mustRotate("a", "b", "c", "a", "b", "c")
				lose(s)
				s.sweeps(1, 5*time.Minute)
				s.operate()
				s.mustRotate("a")
				s.sweeps(6, 20*time.Minute)
				a.look("after the sweeps")
				s.operate()
			})
		})
	}
}

// A list lies before a creation that fails: what it left out has not appeared.
func TestRow05AListThatLiesBeforeACreation(t *testing.T) {
	for name, wrong := range map[string]engagetest.Misbehavior{
		"[] once": {List: engagetest.ListEmpty, Calls: 1}, "[] twice": {List: engagetest.ListEmpty, Calls: 2},
		"[]":          {List: engagetest.ListEmpty},
		"newest once": {List: engagetest.ListNewest, Keep: 1, Calls: 1}, "oldest once": {List: engagetest.ListOldest,
			Keep: 1, Calls: 1},
		"newest": {List: engagetest.ListNewest, Keep: 1}, "oldest": {List: engagetest.ListOldest, Keep: 1},
	} {
		for bits := range 6 {
			rotated, foreign := bits%3, 1+bits/3*3
			t.Run(name, func(t *testing.T) {
				attacked(t, func(t *testing.T, a *attack) {
					s := a.only()
					for range foreign {
						a.another(a.user)
					}
					for range rotated {
						s.mustRotate("token")
					}
					time.Sleep(10 * time.Minute)
					a.reported = 4 // what the list left out may be reported, and is not touched
					a.vendor.SetMisbehavior(wrong)
					a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.Before, engagetest.Status(503)))
					run := s.mustBegin("token")
					_, _ = s.step(run, awstest.StepCreate)
					a.vendor.SetFault(nil)
					time.Sleep(time.Second)
					_ = s.drive(run)
					s.sweeps(2, 10*time.Minute)
					a.vendor.SetMisbehavior(engagetest.Misbehavior{})
					for range 3 {
						_ = s.try("token")
						s.sweeps(2, 20*time.Minute)
					}
					if a.foreign[s.current("token")] {
						t.Error("a token of another program is in the secret")
					}
				})
			})
		}
	}
}

// Lists show a new token after 15 s; a new token is refused for ten.
func TestRow06TheVendorIsSlowToKnowANewToken(t *testing.T) {
	for _, lag := range []engagetest.Propagation{
		{NewUnlisted: engagetest.Lag{For: 15 * time.Second}}, {NewRejected: engagetest.Lag{For: 10 * time.Second}},
		{NewUnlisted: engagetest.Lag{For: 2 * time.Minute}}, {NewRejected: engagetest.Lag{For: 2 * time.Minute}},
		{
			NewUnlisted: engagetest.Lag{For: 2 * time.Minute}, NewRejected: engagetest.Lag{For: 2 * time.Minute},
			DeletedListed: engagetest.Lag{For: 2 * time.Minute}, DeletedAccepted: engagetest.Lag{For: 2 * time.Minute},
		},
	} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only()
			a.another(a.user)
			a.vendor.SetPropagation(lag)
			for n := range 5 {
				time.Sleep(10 * time.Minute)
				if err := s.try("token"); err != nil {
					t.Errorf("rotation %d of 5 with %+v: %v", n+1, lag, err)
				}
			}
		})
	}
}

// The vendor answers a deletion well and deletes nothing, or with something that is not an answer.
func TestRow07DeletionsWithoutEffect(t *testing.T) {
	for _, lie := range []engagetest.DeleteLie{
		engagetest.DeleteErrorBody, engagetest.DeleteFalse, engagetest.DeleteNotFoundPage, engagetest.DeleteIgnored,
	} {
		for _, keep := range []string{"0s", "1h"} {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only(retention, keep)
				s.mustRotate("token")
				a.vendor.SetMisbehavior(engagetest.Misbehavior{Delete: lie})
				s.mustRotate("token", "token")
				s.sweeps(6, 20*time.Minute)
				a.vendor.SetMisbehavior(engagetest.Misbehavior{})
				s.sweeps(2, 20*time.Minute)
				if got := a.vendor.Tokens(a.user.Username); len(got) != 1 {
					t.Errorf("lie %d, retention %s: %d tokens after the next sweeps", lie, keep, len(got))
				}
			})
		}
	}
}

// A creation answers with a token that another program uses.
func TestRow08ACreationAnswersWithAnOldToken(t *testing.T) {
	for _, lie := range []engagetest.CreateLie{engagetest.CreateNothing, engagetest.CreateAnswersOld} {
		for _, rotated := range []int{0, 1} {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only()
				for range 5 {
					a.another(a.user)
				}
				for range rotated {
					s.mustRotate("token")
				}
				time.Sleep(10 * time.Minute)
				a.vendor.SetMisbehavior(engagetest.Misbehavior{Create: lie, Calls: 2})
				if lie == engagetest.CreateAnswersOld {
					a.reported = 2
				}
				_ = s.try("token")
				s.mustRotate("token", "token")
				s.sweeps(3, 20*time.Minute)
			})
		}
	}
}

// A sweep gets an empty list, when the versions of retiring tokens are gone.
func TestRow09AnEmptyListAndVersionsThatAreGone(t *testing.T) {
	for _, calls := range []int{1, 2, 3, 0} {
		attacked(t, func(t *testing.T, a *attack) {
			c := a.account(awstest.Config{Secrets: awstest.SecretsConfig{DeprecatedRetention: -1}})
			s := c.stack("main", retention, "24h")
			s.add("token", fields(a.user))
			s.mustRotate("token", "token", "token", "token")
			a.vendor.SetMisbehavior(engagetest.Misbehavior{List: engagetest.ListEmpty, Calls: calls})
			s.sweeps(2, time.Minute)
		})
	}
}

// The prefix is renamed during a retention.
func TestRow10ThePrefixIsRenamedDuringARetention(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "24h")
		s.mustRotate("token", "token")
		previous := s.token("token", awstest.StagePrevious)
		s.env[prefix] = "/renamed"
		s.restart()
		if _, err := s.sweep(`{"revokePrevious":"token"}`); err == nil {
			t.Error("revokePrevious of what the ledger does not know is a success")
		}
		answer := s.mustSweep(`{}`)
		if got := answer.Secrets[0].Unrecorded; len(got) != 1 || got[0].Fingerprint != print(previous) {
			t.Fatalf("unrecorded: %v", got)
		}
		s.mustSweep(answer.Secrets[0].Unrecorded[0].Remove)
		if a.vendor.Alive(previous) {
			t.Error("the event that the report names did not delete the token")
		}
	})
}

// One host does not answer. It has more users than a sweep has time for.
func TestRow11ASilentHost(t *testing.T) {
	const silent = "silent.example"
	attacked(t, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main", retention, "1h", hosts, silent)
		names := []string{}
		for n := range 60 {
			u := engagetest.User{Username: fmt.Sprintf("user-%02d@example.com", n), Password: "hunter2", PlatformID: "aws80"}
			a.vendor.AddUser(u)
			s.users = append(s.users, u)
			name := fmt.Sprintf("token-%02d", n)
			host := "https://" + silent
			if n%10 == 0 {
				host = settings.DefaultEngageBaseURL
			}
			s.add(name, fields(u, "baseUrl", host))
			names = append(names, name)
		}
		s.mustRotate(names...)
		s.mustRotate(names...)
		time.Sleep(2 * hour)
		a.mu.Lock()
		a.silent[silent] = true
		a.mu.Unlock()
		s.sweeps(2, hour) // each answers in its time
		for n := 0; n < 60; n += 10 {
			if got := len(a.vendor.Tokens(s.users[n+1].Username)); got != 1 {
				t.Errorf("user %d has %d tokens: its turn did not come in two sweeps", n, got)
			}
		}
	})
}

// A replica is promoted. It rotates with a ledger of its own, after the first Region has stopped
// and its copy follows; then the same way back. The manual of functions/ has the procedure.
func TestRow12AnotherRegionAndBack(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		first := a.account(awstest.Config{Secrets: awstest.SecretsConfig{Region: "eu-west-1"}}).
			stack("first", retention, "1h")
		second := a.account(awstest.Config{Secrets: awstest.SecretsConfig{Region: "eu-central-1"}}).
			stack("second", retention, "1h")
		first.create("token", fields(a.user))
		second.create("token", fields(a.user))
		primary, replica := first, second
		replicate := func() {
			value := primary.value("token", awstest.StageCurrent)
			if _, err := replica.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "token",
				SecretString: &value}); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			for range 2 {
				primary.mustRotate("token")
				time.Sleep(5 * time.Second)
				replicate()
				primary.mustSweep(`{}`)
				a.look("after a rotation")
			}
			if _, err := primary.aws.Secrets.CancelRotateSecret(&awstest.SecretIdInput{SecretId: "token"}); err != nil {
				t.Fatal(err)
			}
			primary, replica = replica, primary
		}
		time.Sleep(2 * hour)
		first.sweeps(2, hour)
		second.sweeps(2, hour)
		a.look("after the sweeps of both Regions")
		if got := len(a.vendor.Tokens(a.user.Username)); got != 1 {
			t.Errorf("%d tokens", got)
		}
		a.stacks = nil // what must hold is checked above: the copies follow by hand
	})
}

// A storm of rotations that fail: one admin secret is named by its name and by its ARN, and clocks
// differ.
func TestRow13LoginsAreCountedTogether(t *testing.T) {
	for _, ahead := range [][]time.Duration{{0, 0, 0}, {0, 2 * time.Second, 0}} {
		storm(t, 0, ahead)
	}
	storm(t, 10*time.Second, []time.Duration{45 * time.Second, 0, 0}) // the instance with the clock ahead comes first
}

// storm invokes createSecret, which fails, again and again: in an instance for each clock, one of
// them after the other begins, for three secrets.
func storm(t *testing.T, pause time.Duration, clocks []time.Duration) {
	t.Helper()
	attacked(t, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main")
		arn := s.create("admin", adminFields(a.user))
		s.add("by-name", `{"adminSecretArn":"admin"}`)
		s.add("by-arn", `{"adminSecretArn":"`+arn+`"}`)
		s.add("by-part", `{"adminSecretArn":"`+arn[:len(arn)-7]+`"}`)
		a.vendor.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpCreate && c.Stage == engagetest.Before {
				return engagetest.Status(429)
			}
			return nil
		})
		var all sync.WaitGroup
		for _, ahead := range clocks {
			for _, name := range s.secrets {
				run, err := s.begin(name)
				if err != nil {
					run.SecretARN, run.VersionID = s.aws.Secrets.ARN(name), s.holder(name, awstest.StagePending)
				}
				all.Go(func() {
					for range 12 {
						rotator, _ := s.functions(ahead) // a cold start
						if _, err := s.invoke(rotator, run, awstest.StepCreate); err == nil {
							t.Error("createSecret went on")
						}
						time.Sleep(5 * time.Second)
					}
				})
			}
			time.Sleep(pause)
		}
		all.Wait()
		if n := a.vendor.LoginCount(a.user.Username); n < logins.Max {
			t.Errorf("%d logins: the storm shows nothing", n)
		}
		a.logins()
		for _, name := range s.secrets {
			s.aws.Secrets.EndRotation(
				awstest.Run{SecretARN: s.aws.Secrets.ARN(name), VersionID: s.holder(name, awstest.StagePending)},
				errors.New("failed"),
			)
		}
	})
}

// The ledger is lost between createSecret and finishSecret.
func TestRow14TheLedgerIsLostDuringARotation(t *testing.T) {
	for _, what := range []string{"", "token-", "intent-"} {
		for lost := range 4 {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only()
				a.another(a.user)
				s.mustRotate("token")
				time.Sleep(10 * time.Minute)
				run := s.mustBegin("token")
				for n, step := range run.Steps {
					if n == lost {
						s.loseLedger(what)
					}
					if _, err := s.step(run, step); err != nil {
						s.aws.Secrets.EndRotation(run, err)
						return
					}
				}
				s.aws.Secrets.EndRotation(run, nil)
			})
		}
	}
}

// A creation is not begun when its answer cannot be stored.
func TestRow15NothingIsCreatedThatCannotBeStored(t *testing.T) {
	fails := func(t *testing.T, s *stack, most int, hint, not string) {
		t.Helper()
		err := s.try("token")
		if n := s.vendor.Count(engagetest.OpCreate); err == nil || n > most {
			t.Errorf("%d creations, error %v", n, err)
		}
		if err != nil && (!strings.Contains(err.Error(), hint) || not != "" && strings.Contains(err.Error(), not)) {
			t.Errorf("hint: %v", err)
		}
	}
	t.Run("a document of 64 KiB", func(t *testing.T) {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main")
			long := fields(a.user, "note", strings.Repeat("x", secret.MaxLength-200))
			s.add("token", long)
			fails(t, s, 0, "shorten", "PutSecretValue")
			s.edit("token", func(f map[string]string) { f["note"] = "short" })
		})
	})
	for _, code := range []string{"EncryptionFailure", "AccessDeniedException"} {
		t.Run(code, func(t *testing.T) {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only()
				s.fault = func(c awstest.Call) awstest.Action {
					if c.Action != "PutSecretValue" {
						return awstest.Action{}
					}
					denied := &awstest.APIError{Code: code, Status: 400, Message: "access to the KMS key is not allowed"}
					return awstest.Action{Before: awstest.Fail(denied)}
				}
				fails(t, s, 1, "KMS", "")
			})
		})
	}
	for left := 1 * time.Second; left < 30*time.Second; left += time.Second {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only()
			run := s.mustBegin("token")
			event, err := events.ParseRotation(run.Payload(awstest.StepCreate))
			if err != nil {
				t.Fatal(err)
			}
			a.vendor.SetFault(func(c engagetest.Call) *engagetest.Fault {
				if c.Stage == engagetest.Before && c.Operation != engagetest.OpCreate {
					return engagetest.Delay(time.Second)
				}
				return nil
			})
			a.reported = 1
			_ = within(t.Context(), left, func(ctx context.Context) error {
				_, err := s.rotator.Handle(ctx, event)
				deadline, _ := ctx.Deadline()
				for _, c := range a.vendor.Calls() {
					if c.Operation == engagetest.OpCreate && deadline.Sub(c.Time) < 2*time.Second {
						t.Errorf("a creation was begun with less than 2 s left of %s", left)
					}
				}
				return err
			})
			s.aws.Secrets.EndRotation(run, errors.New("failed"))
		})
	}
}

package adversary_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// The attacks of this file come from the vendor.

// Lists are cut for a day: rotations and sweeps go on, and fail or succeed.
func TestListsThatAreCutForADay(t *testing.T) {
	for _, lie := range []engagetest.ListLie{engagetest.ListNewest, engagetest.ListOldest, engagetest.ListEmpty} {
		for keep := range 4 {
			for _, keepOld := range []string{"0s", "1h"} {
				t.Run(fmt.Sprint(lie, keep, keepOld), func(t *testing.T) {
					attacked(t, func(t *testing.T, a *attack) {
						s := a.only(retention, keepOld)
						a.another(a.user)
						s.mustRotate("token", "token")
						a.another(a.user)
						a.vendor.SetMisbehavior(engagetest.Misbehavior{List: lie, Keep: keep})
						for range 4 {
							_ = s.try("token")
							s.sweeps(3, 2*hour)
						}
					})
				})
			}
		}
	}
}

// An exclusive user does not make a list that is cut, or empty, a reason to delete.
func TestListsThatLieToAnExclusiveUser(t *testing.T) {
	for _, lie := range []engagetest.ListLie{engagetest.ListNewest, engagetest.ListOldest, engagetest.ListEmpty} {
		t.Run(fmt.Sprint(lie), func(t *testing.T) {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.account(awstest.Config{}).stack("main", exclusive, "true", retention, "1h")
				s.add("a", fields(a.user))
				s.add("b", fields(a.user))
				s.mustRotate("a", "b", "a", "b")
				a.vendor.SetMisbehavior(engagetest.Misbehavior{List: lie, Keep: 1})
				a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
				time.Sleep(10 * time.Minute)
				_ = s.try("a")
				s.sweeps(4, 20*time.Minute)
				_ = s.try("b")
				s.sweeps(4, 20*time.Minute)
			})
		})
	}
}

// A list that lacks the current token, and a creation that answers with a token of another program,
// at once. (A cut list that holds the current token, or one before the first rotation, cannot be
// recognized.)
func TestAListWithoutTheCurrentTokenAndAnOldAnswer(t *testing.T) {
	for _, lie := range []engagetest.ListLie{engagetest.ListEmpty, engagetest.ListOldest} {
		for _, create := range []engagetest.CreateLie{engagetest.CreateNothing, engagetest.CreateAnswersOld} {
			for rotated := 1; rotated < 3; rotated++ {
				t.Run(fmt.Sprint(lie, create, rotated), func(t *testing.T) {
					attacked(t, func(t *testing.T, a *attack) {
						s := a.only()
						for range 6 {
							a.another(a.user)
						}
						for range rotated {
							s.mustRotate("token")
						}
						time.Sleep(10 * time.Minute)
						a.vendor.SetMisbehavior(engagetest.Misbehavior{List: lie, Keep: 1, Create: create})
						_ = s.try("token")
						s.sweeps(2, 20*time.Minute)
						a.vendor.SetMisbehavior(engagetest.Misbehavior{})
						s.sweeps(2, 20*time.Minute)
						_ = s.try("token")
						s.sweeps(2, 20*time.Minute)
					})
				})
			}
		}
	}
}

// The vendor refuses everything for minutes, from the nth call of a rotation on.
func TestARefusalBeginsInTheMiddleOfARotation(t *testing.T) {
	for _, wrong := range []engagetest.Misbehavior{{Refuse: 401}, {Refuse: 403}, {RefuseTokens: 401},
		{RefuseTokens: 403}} {
		for nth := range 9 {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only()
				a.another(a.user)
				s.mustRotate("token")
				time.Sleep(10 * time.Minute)
				a.onCall(nth, func() {
					a.vendor.SetMisbehavior(wrong)
					time.AfterFunc(4*time.Minute, func() { a.vendor.SetMisbehavior(engagetest.Misbehavior{}) })
				})
				_ = s.try("token")
				s.sweeps(4, 3*time.Minute)
			})
		}
	}
}

// onCall calls f before the nth call to the vendor from now on, counted from 0.
func (a *attack) onCall(nth int, f func()) {
	n := -1
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = func() {
		a.mu.Lock()
		n++
		hit := n == nth
		a.mu.Unlock()
		if hit {
			f()
		}
	}
}

// Any call to the vendor is not answered, before or after its effect.
func TestAnyCallToTheVendorIsLost(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		for _, stage := range []engagetest.Stage{engagetest.Before, engagetest.After} {
			for name, fault := range map[string]func() *engagetest.Fault{
				"reset": engagetest.Drop, "503": func() *engagetest.Fault { return engagetest.Status(503) },
				"slow": func() *engagetest.Fault { return engagetest.Delay(20 * time.Second) },
			} {
				for nth := range each(9, 3) {
					t.Run(fmt.Sprint(keep, stage, name, nth), func(t *testing.T) {
						attacked(t, func(t *testing.T, a *attack) {
							s := a.only(retention, keep)
							a.another(a.user)
							s.mustRotate("token")
							time.Sleep(10 * time.Minute)
							a.reported = 1
							var n atomic.Int32
							a.vendor.SetFault(func(c engagetest.Call) *engagetest.Fault {
								if c.Stage != stage || int(n.Add(1)) != nth+1 {
									return nil
								}
								return fault()
							})
							_ = s.try("token")
							s.sweeps(2, 20*time.Minute)
						})
					})
				}
			}
		}
	}
}

// The user may have a few tokens. Rotations fail while the cap is reached, and leave nothing.
func TestACapOnTokens(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "1h")
		a.another(a.user)
		s.mustRotate("token")
		a.vendor.SetLimits(engagetest.Limits{Tokens: 2})
		for range 3 {
			if s.try("token") == nil {
				t.Error("a rotation succeeded beyond the cap")
			}
			s.sweeps(2, 20*time.Minute)
		}
		if got := len(a.vendor.Tokens(a.user.Username)); got != 2 {
			t.Errorf("%d tokens", got)
		}
		a.vendor.SetLimits(engagetest.Limits{Tokens: 3})
		if err := s.try("token"); err != nil {
			t.Errorf("below the cap: %v", err)
		}
	})
}

// Beyond its cap the vendor removes the oldest token, which is the current one.
func TestACapThatRemovesTheCurrentToken(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "1h")
		s.mustRotate("token")
		a.mu.Lock()
		a.killed[s.current("token")] = true // the vendor will
		a.mu.Unlock()
		a.vendor.SetLimits(engagetest.Limits{Tokens: 1, RemoveOldest: true})
		if err := s.try("token"); err != nil {
			t.Errorf("the rotation does not recover: %v", err)
		}
		if !a.vendor.Alive(s.current("token")) {
			t.Error("AWSCURRENT names a dead token")
		}
		s.sweeps(3, hour)
	})
}

// A person deletes the current or the pending token at the vendor, before any step.
func TestTokensAreRevokedByHand(t *testing.T) {
	for _, stage := range []string{awstest.StageCurrent, awstest.StagePending} {
		for _, keep := range []string{"0s", "1h"} {
			for at := range 4 {
				attacked(t, func(t *testing.T, a *attack) {
					s := a.only(retention, keep)
					a.another(a.user)
					s.mustRotate("token", "token")
					time.Sleep(10 * time.Minute)
					run := s.mustBegin("token")
					for n, step := range run.Steps {
						if n == at && s.token("token", stage) != "" {
							a.kill(s.token("token", stage))
						}
						if _, err := s.step(run, step); err != nil {
							break
						}
					}
					if s.holder("token", awstest.StageCurrent) == run.VersionID {
						s.aws.Secrets.EndRotation(run, nil)
					} else if err := s.drive(run); err != nil {
						time.Sleep(5 * time.Minute)
						_ = s.try("token")
					}
					if !a.vendor.Alive(s.current("token")) {
						t.Errorf("%s was revoked before step %d: AWSCURRENT still names a dead token", stage, at)
					}
				})
			}
		}
	}
}

// One user behind two hosts and by three flows, and answers to creations are lost.
func TestOneUserBehindTwoHostsAndByThreeFlows(t *testing.T) {
	for _, more := range []string{"false", "true"} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", exclusive, more, retention, "1h")
			s.add("engage", fields(a.user))
			s.add("ringcx", fields(a.user, "baseUrl", "https://ringcx.ringcentral.com"))
			s.add("legacy", fields(a.user, "loginFlow", string(engage.FlowLegacy)))
			s.add("ringcentral", fields(a.user, "loginFlow", string(engage.FlowRingCentral), "clientId", a.user.ClientID,
				"clientSecret", a.user.ClientSecret, "jwt", a.user.JWT))
			s.mustRotate(s.secrets...)
			s.mustRotate(s.secrets...)
			for _, name := range s.secrets {
				time.Sleep(10 * time.Minute)
				a.reported++
				a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
				run := s.mustBegin(name)
				if _, err := s.step(run, awstest.StepCreate); err == nil {
					t.Fatal("the creation was answered")
				}
				for _, other := range s.secrets {
					if other != name {
						s.mustRotate(other)
					}
				}
				if err := s.drive(run); err != nil {
					t.Fatal(err)
				}
				s.sweeps(4, 20*time.Minute)
			}
			s.mustRotate(s.secrets...)
			s.sweeps(8, 20*time.Minute)
		})
	}
}

// The vendor's answers are late by up to two minutes, while sweeps go on and operators act.
func TestEverythingLagsForTwoMinutes(t *testing.T) {
	lag := engagetest.Lag{For: ledger.Propagation}
	attackedAt(t, engagetest.Config{Propagation: engagetest.Propagation{
		NewUnlisted: lag, NewRejected: lag, DeletedListed: lag, DeletedAccepted: lag,
	}}, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main", exclusive, "true", retention, "30m")
		s.add("a", fields(a.user))
		s.add("b", fields(a.user))
		for range 5 {
			time.Sleep(20 * time.Minute)
			for _, name := range s.secrets {
				if err := s.try(name); err != nil {
					t.Error(err)
				}
				s.sweeps(2, 30*time.Second)
			}
			_, _ = s.sweep(`{"revokePrevious":"a"}`)
		}
	})
}

// A creation is answered late, when the service has run the step again.
func TestACreationIsAnsweredLate(t *testing.T) {
	for late := 1 * time.Second; late < 20*time.Second; late += 3 * time.Second {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only()
			s.mustRotate("token")
			time.Sleep(10 * time.Minute)
			a.reported = 1 // a call has 15 s
			a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Delay(late)))
			run := s.mustBegin("token")
			done := make(chan error)
			go func() { done <- s.attempt(run) }()
			time.Sleep(500 * time.Millisecond)
			if err := s.drive(run); err != nil {
				t.Error(err)
			}
			<-done
			s.sweeps(3, 20*time.Minute)
		})
	}
}

// Sweeps log in when no token of a user works. Their logins count, too.
func TestSweepsKeepTheLimitOfLogins(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main")
		s.create("admin", adminFields(a.user))
		s.add("a", `{"adminSecretArn":"admin"}`)
		s.add("b", `{"adminSecretArn":"admin"}`)
		s.mustRotate("a", "b")
		a.kill(s.current("a"))
		a.kill(s.current("b"))
		time.Sleep(hour)
		for range 2 * logins.Max {
			_, _ = s.sweep(`{}`)
			_ = s.try("a")
			_ = s.try("b")
			time.Sleep(time.Second)
		}
		a.logins()
	})
}

// Two admin secrets and a token secret hold the login fields of one user.
func TestSeveralSecretsWithTheFieldsOfOneUserShareTheLimitOfLogins(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main")
		s.create("admin-1", adminFields(a.user))
		s.create("admin-2", adminFields(a.user))
		s.add("a", `{"adminSecretArn":"admin-1"}`)
		s.add("b", `{"adminSecretArn":"admin-2"}`)
		s.add("c", fields(a.user))
		a.vendor.SetFault(func(c engagetest.Call) *engagetest.Fault {
			if c.Operation == engagetest.OpCreate && c.Stage == engagetest.Before {
				return engagetest.Status(429)
			}
			return nil
		})
		var all sync.WaitGroup
		for _, name := range s.secrets {
			run := s.mustBegin(name)
			all.Go(func() {
				for range 8 {
					rotator, _ := s.functions(0) // a cold start
					_, _ = s.invoke(rotator, run, awstest.StepCreate)
				}
				s.aws.Secrets.EndRotation(run, errors.New("failed"))
			})
		}
		all.Wait()
		a.logins()
	})
}

package adversary_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// The attacks of this file combine both sides.

// Reads of the Parameter Store are old by some seconds, within the time that the code waits.
func TestTheParameterStoreLags(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", retention, keep, exclusive, "true")
			s.lag = &lag{by: 3500 * time.Millisecond}
			s.add("a", fields(a.user))
			s.add("b", fields(a.user))
			s.restart()
			for n := range 5 {
				time.Sleep(10 * time.Minute)
				if n == 2 {
					a.reported = 1
					a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
				}
				var all sync.WaitGroup
				for _, name := range s.secrets {
					all.Go(func() {
						if err := s.try(name); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					})
				}
				all.Go(func() { s.sweeps(4, time.Second) })
				all.Wait()
				s.sweeps(2, 8*time.Minute)
			}
		})
	}
}

// The function is ended at each call to AWS, before or after its effect, and the service begins
// again.
func TestACrashAtEachMoment(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		for _, after := range []bool{false, true} {
			atEachCall(t, keep, func(a *attack, s *stack) awstest.Action {
				a.reported = 1
				if after {
					return awstest.Action{AfterEffect: func() { s.crash() }, After: awstest.Reset()}
				}
				return awstest.Action{BeforeEffect: func() { s.crash() }, After: awstest.Reset()}
			})
		}
	}
}

// The function is ended at each call to the vendor, and is never run again for that version.
func TestACrashThatNothingFollows(t *testing.T) {
	for nth := range 9 {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only(retention, "1h")
			a.another(a.user)
			s.mustRotate("token")
			time.Sleep(10 * time.Minute)
			a.reported = 1
			run := s.mustBegin("token")
			a.onCall(nth, func() { s.crash() })
			for _, step := range run.Steps {
				if _, err := s.step(run, step); err != nil {
					s.aws.Secrets.EndRotation(run, err)
					break
				}
			}
			if s.holder("token", awstest.StageCurrent) != run.VersionID {
				s.move("token", awstest.StagePending, "") // an operator cancels it
			}
			s.sweeps(5, 20*time.Minute)
		})
	}
}

// A parameter of the ledger is replaced by what is not an entry, before each step.
func TestEntriesAreReplacedByNonsense(t *testing.T) {
	for _, nonsense := range []string{
		"x", `{"v":2}`, `{"v":1,"secret":"x","fingerprint":"0123456789ab","state":"retiring"}`,
	} {
		for _, what := range []string{"token-", "intent-", "cursor", "logins"} {
			for at := range each(4, 2) {
				attacked(t, func(t *testing.T, a *attack) {
					s := a.only(retention, "1h")
					a.another(a.user)
					s.mustRotate("token", "token")
					time.Sleep(10 * time.Minute)
					run := s.mustBegin("token")
					for n, step := range run.Steps {
						if n == at {
							for name := range s.parameters(s.prefix()) {
								if strings.Contains(name, what) {
									if _, err := s.aws.Parameters.PutParameter(&awstest.PutParameterInput{
										Name: name, Value: nonsense, Overwrite: true,
									}); err != nil {
										t.Fatal(err)
									}
								}
							}
						}
						if _, err := s.step(run, step); err != nil {
							break
						}
					}
					s.aws.Secrets.EndRotation(run, nil)
					s.sweeps(2, 20*time.Minute)
					for _, name := range s.mustSweep(`{}`).Unreadable { // an operator ends what is reported
						if _, fingerprint, ok := strings.Cut(name, "/token-"); ok {
							_, _ = s.sweep(`{"deleteToken":"` + fingerprint + `"}`) // an error if a secret holds it
						}
						if _, err := s.aws.Parameters.DeleteParameter(&awstest.ParameterNameInput{Name: name}); err != nil {
							t.Error(err)
						}
					}
					s.operate()
				})
			}
		}
	}
}

// The vendor's answers take every form that is known.
func TestAnswersTakeEveryForm(t *testing.T) {
	for n := range 24 {
		answers := engagetest.Answers{
			Create: engagetest.CreateForm(n % 4), List: engagetest.ListForm(n % 2), Order: engagetest.ListOrder(n % 3),
			Delete: engagetest.DeleteForm(n % 3), DeadToken: 401 + 2*(n%2), RetryAfter: engagetest.RetryAfterForm(n % 3),
			UnknownDelete: []int{404, 410, 200, 403}[n%4], EchoURL: n%2 == 0,
		}
		attackedAt(t, engagetest.Config{Answers: answers, BareTokens: n%5 == 0}, func(t *testing.T, a *attack) {
			s := a.only(retention, "1h")
			a.another(a.user)
			s.mustRotate("token", "token")
			a.kill(s.token("token", awstest.StagePrevious)) // revoked by hand during its retention
			s.sweeps(3, time.Hour)
			a.kill(s.current("token"))
			s.mustRotate("token")
			s.sweeps(3, time.Hour)
		})
	}
}

// The user may not list, create or delete for some hours.
func TestPermissionsAreTakenAway(t *testing.T) {
	for _, operation := range []engagetest.Operation{
		engagetest.OpList, engagetest.OpCreate, engagetest.OpDelete, engagetest.OpAccounts,
	} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only(retention, "1h")
			a.another(a.user)
			s.mustRotate("token", "token")
			a.vendor.Forbid(a.user.Username, operation)
			for range 3 {
				_ = s.try("token")
				s.sweeps(2, 40*time.Minute)
			}
			a.vendor.Forbid(a.user.Username)
		})
	}
}

// The vendor limits calls and exchanges, while many secrets of one user rotate at once.
func TestTheVendorLimitsCalls(t *testing.T) {
	for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowRingCentral} {
		attackedAt(t, engagetest.Config{Limits: engagetest.Limits{TokenCalls: 60}}, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", retention, "1h")
			s.create("admin", adminFields(a.user, "loginFlow", string(flow), "clientId", a.user.ClientID,
				"clientSecret", a.user.ClientSecret, "jwt", a.user.JWT))
			for n := range 8 {
				s.add(fmt.Sprintf("token-%d", n), `{"adminSecretArn":"admin"}`)
			}
			for range 3 {
				time.Sleep(30 * time.Minute)
				var all sync.WaitGroup
				for _, name := range s.secrets {
					all.Go(func() { _ = s.try(name) })
				}
				all.Go(func() { s.sweeps(2, 10*time.Second) })
				all.Wait()
			}
		})
	}
}

// A creation has its effect long after its caller has gone.
func TestACreationHasItsEffectLate(t *testing.T) {
	for _, late := range []time.Duration{20 * time.Second, time.Minute, 100 * time.Second} {
		for _, more := range []string{"false", "true"} {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.account(awstest.Config{}).stack("main", retention, "1h", exclusive, more)
				s.add("token", fields(a.user))
				s.mustRotate("token")
				time.Sleep(10 * time.Minute)
				a.reported = 1
				a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.Before, engagetest.Drop()))
				time.AfterFunc(late, func() { a.vendor.CreateToken(a.user.Username) }) // what the vendor makes of it
				if err := s.try("token"); err != nil {
					t.Error(err)
				}
				s.sweeps(10, 5*time.Minute)
			})
		}
	}
}

// The admin secret cannot be read, or does not consent, during a rotation and its retention.
func TestTheAdminSecretIsTakenAway(t *testing.T) {
	for _, consent := range []bool{false, true} {
		for at := range 4 {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.account(awstest.Config{}).stack("main", retention, "1h")
				s.create("admin", adminFields(a.user))
				s.add("token", `{"adminSecretArn":"admin"}`)
				a.another(a.user)
				s.mustRotate("token", "token")
				time.Sleep(10 * time.Minute)
				run := s.mustBegin("token")
				for n, step := range run.Steps {
					if n == at {
						s.restart()
						if consent {
							value := strings.Replace(fields(a.user), "{", `{"tokenSecrets":["other"],`, 1)
							if _, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{
								SecretId: "admin", SecretString: &value,
							}); err != nil {
								t.Fatal(err)
							}
						} else {
							s.deny = func(c awstest.Call) bool {
								return c.Action == "GetSecretValue" && strings.Contains(c.Resource, "secret:admin")
							}
						}
					}
					if _, err := s.step(run, step); err != nil {
						s.aws.Secrets.EndRotation(run, err)
						break
					}
				}
				s.aws.Secrets.EndRotation(run, nil)
				s.sweeps(3, hour)
				value := adminFields(a.user)
				put := awstest.PutSecretValueInput{SecretId: "admin", SecretString: &value}
				if _, err := s.aws.Secrets.PutSecretValue(&put); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

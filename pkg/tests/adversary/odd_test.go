package adversary_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// The document's note of when the token was created is wrong, and the ledger knows nothing.
func TestTheTimeOfCreationIsWrong(t *testing.T) {
	for _, at := range []string{"2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "yesterday", ""} {
		for _, dead := range []bool{false, true} {
			t.Run(fmt.Sprint(at, dead), func(t *testing.T) {
				attacked(t, func(t *testing.T, a *attack) {
					s := a.only(retention, "1h")
					a.another(a.user)
					s.mustRotate("token")
					s.edit("token", func(f map[string]string) { f["apiTokenCreatedAt"] = at })
					s.loseLedger("")
					if dead {
						a.kill(s.current("token"))
					}
					s.sweeps(2, 20*time.Minute)
					s.mustRotate("token")
					s.sweeps(4, 20*time.Minute)
				})
			})
		}
	}
}

// Lists hold tokens that do not exist, which change with each list.
func TestListsHoldNonsense(t *testing.T) {
	for _, more := range []string{"false", "true"} {
		n := 0
		attackedAt(t, engagetest.Config{EditList: func(_ string, tokens []string) []string {
			n++
			return append(tokens, fmt.Sprintf("aws80:nonsense-%06d-0123456789", n), "x", "")
		}}, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", retention, "1h", exclusive, more)
			s.add("token", fields(a.user))
			s.mustRotate("token", "token")
			time.Sleep(10 * time.Minute)
			a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
			a.reported = 1
			_ = s.try("token")
			s.sweeps(6, 20*time.Minute)
			s.mustRotate("token")
			s.sweeps(6, 20*time.Minute)
		})
	}
}

// A sweep sees a token that was just created, while an older creation is unresolved.
func TestASweepSeesATokenBeforeItsRecord(t *testing.T) {
	for _, delay := range []time.Duration{time.Second, 3 * time.Second, 10 * time.Second} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", retention, "1h", exclusive, "true")
			s.add("a", fields(a.user))
			s.add("b", fields(a.user))
			s.mustRotate("a", "b")
			time.Sleep(10 * time.Minute)
			a.reported = 1
			a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
			run := s.mustBegin("a")
			_, _ = s.step(run, awstest.StepCreate)
			a.vendor.SetFault(nil)
			time.Sleep(30 * time.Minute) // the intent is over, and no sweep came
			slow := func(c awstest.Call) awstest.Action {
				if c.Action == "PutSecretValue" || c.Action == "PutParameter" && strings.Contains(c.Resource, "/ledger/") {
					return awstest.Action{Delay: delay}
				}
				return awstest.Action{}
			}
			s.fault = slow
			done := make(chan error)
			go func() { done <- s.try("b") }()
			for range 8 {
				s.sweeps(1, time.Second)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			s.fault = nil
			if err := s.drive(run); err != nil {
				t.Error(err)
			}
			s.sweeps(8, 10*time.Minute)
		})
	}
}

// A secret with its token is copied, and the copy rotates before a sweep came.
func TestACopyRotatesBeforeASweep(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only(retention, keep)
			s.mustRotate("token")
			s.add("copy", s.value("token", awstest.StageCurrent))
			s.mustRotate("copy")
			s.sweeps(5, 30*time.Minute)
			a.look("after the copy has rotated")
		})
	}
}

// A token is in two secrets, as a sweep has noted, and the ledger is lost.
func TestALostLedgerDoesNotKillASharedToken(t *testing.T) {
	for _, keep := range []string{"0s", "1h"} {
		for _, first := range []string{"token", "copy"} {
			attacked(t, func(t *testing.T, a *attack) {
				s := a.only(retention, keep)
				s.mustRotate("token")
				s.add("copy", fields(a.user))
				s.mustRotate("copy")
				shared := s.current("token")
				s.edit("copy", func(f map[string]string) { f["apiToken"] = shared })
				s.sweeps(6, 20*time.Minute)
				s.loseLedger("")
				s.operate()
				s.mustRotate(first)
				s.sweeps(5, 30*time.Minute)
				a.look("after the first of the two has rotated")
			})
		}
	}
}

// A deletion had no effect, and the token is in use again: a person put the version back and copied
// it.
func TestADeletionWithoutEffectIsNotRepeatedBlindly(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		a.harmAlone = true
		s := a.only()
		s.mustRotate("token")
		first := s.current("token")
		s.add("copy", fields(a.user))
		s.mustRotate("copy")
		a.vendor.SetMisbehavior(engagetest.Misbehavior{Delete: engagetest.DeleteIgnored})
		s.mustRotate("token")
		a.vendor.SetMisbehavior(engagetest.Misbehavior{})
		s.move("token", awstest.StageCurrent, s.holder("token", awstest.StagePrevious))
		s.edit("copy", func(f map[string]string) { f["apiToken"] = first })
		s.sweeps(2, 20*time.Minute)
		s.edit("token", func(f map[string]string) { f["apiToken"] = a.another(a.user) })
		s.sweeps(2, 20*time.Minute)
		a.mu.Lock()
		delete(a.foreign, s.current("token")) // it is the secret's now
		a.mu.Unlock()
		s.mustRotate("token")
		a.look("after the rotation")
	})
}

package adversary_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// about returns what a sweep's answer says of a secret.
func about(answer report.Sweep, arn string) report.Secret {
	for _, s := range answer.Secrets {
		if s.Secret == arn {
			return *s
		}
	}
	return report.Secret{}
}

// schedule deletes a secret with a recovery window.
func (s *stack) schedule(name string, days int) {
	s.t.Helper()
	if _, err := s.aws.Secrets.DeleteSecret(&awstest.DeleteSecretInput{SecretId: name,
		RecoveryWindowInDays: &days}); err != nil {
		s.t.Fatal(err)
	}
}

// A managed secret is deleted for good. Sweeps have no fault, and after a day its tokens are
// deleted.
func TestASecretThatIsGoneHarmsNothing(t *testing.T) {
	for _, keep := range []string{"0s", "12h", "72h"} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.account(awstest.Config{}).stack("main", retention, keep)
			s.add("a", fields(a.user))
			gone := s.add("b", fields(a.user))
			a.another(a.user)
			s.mustRotate("a", "b", "a", "b")
			token := s.current("b")
			s.remove("b")
			began := time.Now()
			for time.Since(began) < 23*hour {
				answer := s.mustSweep(`{}`)
				if found := about(answer, gone); found.State != "missing" || found.MissingSince.IsZero() {
					t.Fatalf("after %s: %+v", time.Since(began), found)
				}
				if !a.vendor.Alive(token) {
					t.Fatalf("its token is deleted after %s", time.Since(began))
				}
				time.Sleep(hour)
			}
			for time.Since(began) < 104*hour {
				s.mustSweep(`{}`)
				time.Sleep(hour)
			}
			if a.vendor.Alive(token) {
				t.Error("its token lives on")
			}
			answer := s.mustSweep(`{}`)
			if found := about(answer, gone); found.Secret != "" {
				t.Errorf("it is still reported: %+v", found)
			}
			for name, value := range s.parameters(s.prefix() + "/ledger") {
				if strings.Contains(value, gone) {
					t.Errorf("%s stays: %s", name, value)
				}
			}
		})
	}
}

// While a secret is gone, the sweep deletes unclaimed tokens of an exclusive user as before.
func TestASecretThatIsGoneKeepsNoUnclaimedTokens(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.account(awstest.Config{}).stack("main", settings.EnvExclusiveUser, "true")
		s.add("a", fields(a.user))
		s.add("b", fields(a.user))
		s.mustRotate("a", "b")
		s.remove("b")
		s.sweeps(26, hour)
		a.vendor.SetFault(engagetest.Once(engagetest.OpCreate, 1, engagetest.After, engagetest.Drop()))
		s.mustRotate("a")
		if n := len(a.vendor.Tokens(a.user.Username)); n != 2 {
			t.Fatalf("%d tokens, want the current one and one that nobody knows of", n)
		}
		s.sweeps(4, hour)
		if tokens := a.vendor.Tokens(a.user.Username); !slices.Equal(tokens, []string{s.current("a")}) {
			t.Errorf("%d tokens are left", len(tokens))
		}
	})
}

// A secret that is scheduled for deletion may be restored.
func TestASecretThatIsScheduledForDeletionKeepsItsToken(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "1h")
		arn := s.add("second", fields(a.user))
		s.mustRotate("token", "second", "second")
		token := s.current("second")
		s.schedule("second", 7)
		for range 6 {
			time.Sleep(24 * hour)
			answer := s.mustSweep(`{}`)
			if found := about(answer, arn); found.State != "scheduled for deletion" {
				t.Fatalf("%+v", found)
			}
			if err := s.try("token"); err != nil {
				t.Error(err)
			}
			if !a.vendor.Alive(token) {
				t.Fatal("its token is deleted")
			}
		}
		if _, err := s.aws.Secrets.RestoreSecret(&awstest.SecretIdInput{SecretId: "second"}); err != nil {
			t.Fatal(err)
		}
		if found := about(s.mustSweep(`{}`), arn); found.State != "" {
			t.Errorf("restored: %+v", found)
		}
		s.mustRotate("second")
	})
}

// Its window is over.
func TestTheTokensOfASecretAreDeletedAfterItsWindow(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only()
		s.add("second", fields(a.user))
		s.mustRotate("token", "second")
		token := s.current("second")
		s.schedule("second", 7)
		s.secrets = s.secrets[:1]
		for range 10 {
			time.Sleep(24 * hour)
			s.mustSweep(`{}`)
		}
		if a.vendor.Alive(token) {
			t.Error("its token lives on")
		}
	})
}

// A missing secret is found again, as after a permission or a Region was wrong.
func TestASecretThatIsFoundAgainKeepsItsToken(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only()
		arn := s.add("second", fields(a.user))
		s.mustRotate("token", "second")
		lost := func(c awstest.Call) awstest.Action {
			if c.Action == "DescribeSecret" && c.Resource == arn {
				return awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "ResourceNotFoundException"})}
			}
			return awstest.Action{}
		}
		for range 3 {
			s.fault = lost
			s.sweeps(20, hour)
			s.fault = nil
			if found := about(s.mustSweep(`{}`), arn); found.State != "" {
				t.Errorf("found again: %+v", found)
			}
		}
	})
}

func TestForgetRetiresASecretAtOnce(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only(retention, "24h")
		for _, name := range []string{"exists", "scheduled"} {
			s.add(name, fields(a.user))
			s.mustRotate(name, name)
		}
		s.mustRotate("token")
		exists, scheduled := s.current("exists"), s.current("scheduled")
		for _, order := range []string{`{"forget":"exists"}`, `{"forget":"exists","deleteToken":false}`} {
			if _, err := s.sweep(order); err == nil || !a.vendor.Alive(exists) {
				t.Errorf("%s: %v", order, err)
			}
		}
		s.schedule("scheduled", 7)
		a.killed[exists], a.killed[scheduled] = true, true
		for _, order := range []string{`{"forget":"exists","deleteToken":true}`, `{"forget":"scheduled"}`} {
			if answer, err := s.sweep(order); err != nil || len(answer.Deleted) != 2 {
				t.Errorf("%s: %v, %v", order, answer.Deleted, err)
			}
		}
		if tokens := a.vendor.Tokens(a.user.Username); !slices.Equal(tokens, []string{s.current("token")}) {
			t.Errorf("%d tokens are left", len(tokens))
		}
		s.remove("exists")
		s.secrets = s.secrets[:1]
	})
}

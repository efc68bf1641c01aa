package adversary_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// put writes a parameter, as somebody with that one permission does.
func (s *stack) put(name, value string) {
	s.t.Helper()
	_, err := s.aws.Parameters.PutParameter(&awstest.PutParameterInput{
		Name: s.prefix() + "/" + name, Value: value, Type: "String", Overwrite: true,
	})
	if err != nil {
		s.t.Fatalf("put %s: %v", name, err)
	}
}

// Somebody may write below {prefix}/logins.
func TestParametersBesideTheCountsOfLoginsStopNoRotation(t *testing.T) {
	for name, value := range map[string]string{
		"%s-4503599627370496": "2020-01-01T00:00:00Z", "%s/2147483647": "2020-01-01T00:00:00Z",
		"%s/2147483648": "x", "%s/-1": "9999-12-31T23:59:59Z", "%s/007": "x", "%s/0": "9999-12-31T23:59:59Z",
	} {
		attacked(t, func(t *testing.T, a *attack) {
			s := a.only()
			key := target.LoginKey(engage.Credentials{Username: a.user.Username})
			s.put("logins/"+fmt.Sprintf(name, key), value)
			began := time.Now()
			if err := s.try("token"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took > 2*time.Minute {
				t.Errorf("%s: the rotation took %s", name, took)
			}
		})
	}
}

// Somebody has five counts stored at once, and a thousand for the time to come.
func TestALoginWaitsTwoMinutesAtMostForWhatOthersCounted(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only()
		key := target.LoginKey(engage.Credentials{Username: a.user.Username})
		for n := range 1000 {
			at := time.Now().Add(time.Duration(n) * 10 * time.Second).UTC().Format(time.RFC3339)
			s.put(fmt.Sprintf("logins/%s/%d", key, n), at)
		}
		for began := time.Now(); ; time.Sleep(10 * time.Second) {
			err := s.try("token")
			if err == nil {
				break
			}
			if time.Since(began) > 2*time.Minute {
				t.Fatalf("after %s: %v", time.Since(began), err)
			}
		}
		for range 3 {
			time.Sleep(hour)
			s.restart()
			if err := s.try("token"); err != nil {
				t.Errorf("later: %v", err)
			}
		}
	})
}

// Somebody may write one token secret, which the stack rotates, and names the admin secret of
// another team in it.
func TestAnotherTeamsAdminSecretDoesNotServe(t *testing.T) {
	for name, consent := range map[string]string{
		"no field": "", "nobody": `{"tokenSecrets":[],`, "its own": `{"tokenSecrets":["victim/token","victim/*"],`,
		"a star within": `{"tokenSecrets":["*/token","evil/*/x"],`, "a longer name": `{"tokenSecrets":["evil/token2"],`,
	} {
		attacked(t, func(t *testing.T, a *attack) {
			victim := engagetest.User{Username: "victim@example.com", Password: "hunter2", PlatformID: "aws80"}
			a.vendor.AddUser(victim)
			s := a.account(awstest.Config{}).stack("main")
			s.users = append(s.users, victim)
			theirs := fields(victim)
			if consent != "" {
				theirs = consent + theirs[1:]
			}
			admin := s.create("victim/admin", theirs)
			// The environment names the victim's pair: the stack was deployed for them.
			s.env[settings.EnvAdminSecret] = admin
			s.env[settings.EnvTokenSecret] = s.create("victim/token", `{}`)
			s.restart()
			for _, document := range []string{`{"adminSecretArn":"victim/admin"}`, `{"adminSecretArn":"` + admin + `"}`, `{}`} {
				s.add("evil/token", document)
				err := s.try("evil/token")
				if err == nil || !strings.Contains(err.Error(), "victim/admin") ||
					!strings.Contains(err.Error(), "secret:evil/token") || !strings.Contains(err.Error(), "tokenSecrets") {
					t.Errorf("%s, %s: %v", name, document, err)
				}
				if _, err := s.sweep(`{}`); err != nil {
					t.Error(err)
				}
				s.aws.Secrets.EndRotation(awstest.Run{SecretARN: s.aws.Secrets.ARN("evil/token")}, nil)
				if n := len(a.vendor.Calls()); n > 0 {
					t.Fatalf("%s, %s: %d calls to the vendor", name, document, n)
				}
				s.remove("evil/token")
			}
		})
	}
}

// remove deletes a secret for good.
func (s *stack) remove(name string) {
	s.t.Helper()
	_, err := s.aws.Secrets.DeleteSecret(&awstest.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: true})
	if err != nil {
		s.t.Fatal(err)
	}
	for n, other := range s.secrets {
		if other == name {
			s.secrets = append(s.secrets[:n:n], s.secrets[n+1:]...)
			break
		}
	}
}

// Somebody may invoke the rotation function, and no more.
func TestAnInventedVersionCausesNoCallToTheVendor(t *testing.T) {
	attacked(t, func(t *testing.T, a *attack) {
		s := a.only()
		s.mustRotate("token")
		s.restart()
		time.Sleep(hour)
		before := len(a.vendor.Calls())
		run := awstest.Run{SecretARN: s.aws.Secrets.ARN("token"), VersionID: strings.Repeat("0123", 8)}
		for _, step := range []string{
			awstest.StepCreate, awstest.StepSet, awstest.StepTest, awstest.StepFinish, awstest.StepTest, awstest.StepTest,
		} {
			var done report.Step
			done, err := s.step(run, step)
			if err == nil {
				t.Errorf("%s of an invented version: %+v", step, done)
			}
		}
		if n := len(a.vendor.Calls()); n > before {
			t.Errorf("%d calls to the vendor", n-before)
		}
		s.mustRotate("token")
	})
}

package sandbox_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/sandbox"
)

func TestDemoRotatesThreeTimesAndFindsAllWell(t *testing.T) {
	for name, config := range map[string]sandbox.Config{
		"engage":                          {Flow: engage.FlowEngage},
		"ringcentral":                     {Flow: engage.FlowRingCentral},
		"legacy":                          {Flow: engage.FlowLegacy},
		"login fields in the same secret": {OneSecret: true},
		"with retention":                  {Retention: time.Hour},
		"answers of creations lost":       {Scenario: sandbox.ScenarioCreateUnanswered},
		"a secret that has a token":       {Scenario: sandbox.ScenarioOldToken},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && config.Scenario == sandbox.ScenarioCreateUnanswered {
				t.Skip("waits for the service's retries: skipped with -short")
			}
			t.Parallel()
			config.Binaries = sandbox.FindBinaries(built)
			var out bytes.Buffer
			if err := sandbox.Demo(t.Context(), config, &out, noEnvironment); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			text := out.String()
			for _, want := range []string{"Rotation 3 of 3", "createSecret", "finishSecret", "is current", "Secrets Manager  ",
				"Parameter Store  ", "1 login for 3 rotations", "All 12 checks passed"} {
				if !strings.Contains(text, want) {
					t.Errorf("the timeline lacks %q:\n%s", want, text)
				}
			}
			user := engagetest.DefaultUser()
			for _, unwanted := range []string{"\x1b[", user.Password, user.ClientSecret, user.JWT, "aws80:"} {
				if strings.Contains(text, unwanted) {
					t.Errorf("the timeline holds %q", unwanted)
				}
			}
		})
	}
}

func TestDemoFailsAndSaysWhatIsWrong(t *testing.T) {
	for scenario, want := range map[sandbox.Scenario]string{
		sandbox.ScenarioDeleteFailing: "WRONG no previous token is overdue for deletion: overdue: [",
		sandbox.ScenarioLedgerDenied:  "the service gave up: RotationFailed",
		sandbox.ScenarioDeadToken:     "the service gave up: RotationAbandoned",
	} {
		t.Run(string(scenario), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := sandbox.Demo(t.Context(), sandbox.Config{Binaries: sandbox.FindBinaries(built), Scenario: scenario},
				&out, noEnvironment)
			if !errors.Is(err, sandbox.ErrCheck) || !strings.Contains(out.String(), want) {
				t.Errorf("error %v, want %q in\n%s", err, want, out.String())
			}
		})
	}
}

package sandbox_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
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
		"a secret that has a token":       {Scenario: sandbox.ScenarioOldToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := demo(t, config, nil)
			lacks(t, text, "Rotation 3 of 3", "createSecret", "finishSecret", "is current", "Secrets Manager  ",
				"Parameter Store  ", "1 login for 3 rotations", "All 12 checks passed")
		})
	}
}

// The page is one file, which loads nothing and holds no secret.
func TestDemoWritesAPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run.html")
	demo(t, sandbox.Config{HTML: path}, nil)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{" src=", "aws80:", engagetest.DefaultUser().Password} {
		if strings.Contains(string(text), unwanted) {
			t.Errorf("the page holds %q", unwanted)
		}
	}
	lacks(t, string(text), `"outcome":"succeeded"`, `id="view"`, "script-src 'sha256-")

	config := sandbox.Config{Binaries: sandbox.FindBinaries(built), HTML: t.TempDir()}
	if err := sandbox.Demo(t.Context(), config, io.Discard, noEnvironment); err == nil {
		t.Error("a page was written in the place of a directory")
	}
}

// demo runs Demo and returns what it printed, which must not hold a secret.
func demo(t *testing.T, config sandbox.Config, want error) string {
	t.Helper()
	config.Binaries = sandbox.FindBinaries(built)
	var out bytes.Buffer
	if err := sandbox.Demo(t.Context(), config, &out, noEnvironment); !errors.Is(err, want) {
		t.Fatalf("error %v, want %v\n%s", err, want, out.String())
	}
	text := out.String()
	user := engagetest.DefaultUser()
	for _, unwanted := range []string{"\x1b[", user.Password, user.ClientSecret, user.JWT, "aws80:"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the timeline holds %q", unwanted)
		}
	}
	return text
}

func lacks(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("the timeline lacks %q:\n%s", want, text)
		}
	}
}

// TestEachScenarioEndsAsItSays runs Demo in each scenario: what its meaning says is shown and
// checked.
func TestEachScenarioEndsAsItSays(t *testing.T) {
	const (
		failed = "the service gave up: RotationFailed"
		stays  = "ok    AWSCURRENT is still the version before"
		keeps  = "ok    the failed version keeps AWSPENDING for the next attempt"
		again  = "The next attempt at rotation 2, after the scenario"
	)
	shown := map[sandbox.Scenario][]string{
		sandbox.ScenarioNone: {"All 12 checks passed"},
		sandbox.ScenarioDeleteFailing: {
			"2 to be deleted later", "ok    each previous token is recorded as retiring", "All 12",
		},
		sandbox.ScenarioVendorDown:   {failed, stays, keeps, "All 8"},
		sandbox.ScenarioVendorSlow:   {"is current", "All 12"},
		sandbox.ScenarioVendorHTML:   {failed, stays, keeps, "All 8"},
		sandbox.ScenarioLoginRefused: {failed, stays, keeps, "All 8"},
		sandbox.ScenarioRateLimited:  {"HTTP 429", failed, stays, keeps, "All 8"},
		sandbox.ScenarioCreateUnanswered: {
			"create token", "beside 3 unclaimed", "ok    the sweep reports 3 unclaimed tokens", "All 13",
		},
		sandbox.ScenarioDeadToken:    {"failed: list with the new token", failed, stays, keeps, "All 8"},
		sandbox.ScenarioLedgerDenied: {failed, stays, keeps, again, "All 20"},
		sandbox.ScenarioPutDenied: {
			failed, stays, keeps, "beside 1 recorded for the failed version", again,
			"which an earlier attempt created", "All 20",
		},
		sandbox.ScenarioUnclaimed: {"ok    the sweep reports 2 unclaimed tokens", "All 13"},
		sandbox.ScenarioOldToken:  {"All 12"},
	}
	for _, scenario := range sandbox.Scenarios() {
		t.Run(string(scenario), func(t *testing.T) {
			if testing.Short() {
				t.Skip("waits for the service's retries: skipped with -short")
			}
			t.Parallel()
			if shown[scenario] == nil {
				t.Fatal("nothing is expected of the scenario")
			}
			lacks(t, demo(t, sandbox.Config{Scenario: scenario}, nil), shown[scenario]...)
		})
	}
}

func TestDemoFailsAndSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		config sandbox.Config
		want   string
	}{
		"a rotation fails": {
			sandbox.Config{Env: map[string]string{"ENGAGE_BASE_URL": "no address"}},
			"the service gave up: RotationFailed",
		},
		"an end that is not the scenario's": {
			sandbox.Config{Scenario: sandbox.ScenarioDeleteFailing, Retention: time.Hour},
			"WRONG each previous token is recorded as retiring, and is deleted later: recorded and due: []",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lacks(t, demo(t, test.config, sandbox.ErrCheck), test.want)
		})
	}
}

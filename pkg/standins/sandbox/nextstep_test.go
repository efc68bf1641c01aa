package sandbox_test

import (
	"encoding/json"
	"strings"
	"testing"

	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/standins/sandbox"
)

// TestEachFailureLineOfAScenarioHasANextStep rotates and sweeps under each scenario, and reads each
// line of WARN or ERROR: its message or its error ends in "; next step".
func TestEachFailureLineOfAScenarioHasANextStep(t *testing.T) {
	for _, scenario := range sandbox.Scenarios() {
		t.Run(string(scenario), func(t *testing.T) {
			if testing.Short() && scenario == sandbox.ScenarioVendorSlow {
				t.Skip("takes a quarter of a minute: skipped with -short")
			}
			t.Parallel()
			b := start(t, sandbox.Config{Scenario: scenario})
			b.rotate()
			if scenario == sandbox.ScenarioDeleteFailing {
				b.rotate() // the first one has nothing to delete
			}
			// A sweep that fails has a line in the log.
			_, _ = b.Invoke(t.Context(), sandbox.FunctionSweep, []byte(`{}`))
			failures := 0
			for _, lines := range b.Logs() {
				for _, line := range lines {
					failures += checkNextStep(t, line)
				}
			}
			switch scenario.Metric() {
			case telemetry.RotationFailed, telemetry.DeleteFailed:
				if failures == 0 {
					t.Error("the rotation or the deletion failed without a line of WARN or ERROR")
				}
			}
		})
	}
}

// checkNextStep returns 1 for a line of WARN or ERROR, and 0 for another.
func checkNextStep(t *testing.T, line string) int {
	t.Helper()
	var entry struct{ Level, Msg, Error string }
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Level != "WARN" && entry.Level != "ERROR" {
		return 0
	}
	if !strings.Contains(entry.Msg+entry.Error, "; ") {
		t.Errorf("no next step in %s", line)
	}
	return 1
}

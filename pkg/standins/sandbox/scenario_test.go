package sandbox_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// TestEachScenarioShowsInItsMetric runs one or two rotations, or a sweep, under each scenario, and
// expects a value above zero of its metric.
func TestEachScenarioShowsInItsMetric(t *testing.T) {
	for _, scenario := range sandbox.Scenarios() {
		if scenario.Metric() == "" {
			continue
		}
		t.Run(string(scenario), func(t *testing.T) {
			if testing.Short() && scenario == sandbox.ScenarioVendorSlow {
				t.Skip("takes a quarter of a minute: skipped with -short")
			}
			t.Parallel()
			b := start(t, sandbox.Config{Scenario: scenario})
			if scenario != sandbox.ScenarioOldToken {
				b.rotate()
			}
			if scenario == sandbox.ScenarioDeleteFailing {
				b.rotate() // the first one has nothing to delete
			}
			if scenario == sandbox.ScenarioUnclaimed || scenario == sandbox.ScenarioOldToken {
				if _, err := b.Invoke(t.Context(), sandbox.FunctionSweep, []byte(`{}`)); err != nil {
					t.Fatal(err)
				}
			}
			if value := b.metric(scenario.Metric()); value <= 0 {
				t.Errorf("%s is %v", scenario.Metric(), value)
			}
			if leaks := b.State().Leaks; len(leaks) > 0 {
				t.Errorf("leaks %v", leaks)
			}
		})
	}
}

// metric returns the highest value of a metric in the functions' output.
func (b *box) metric(name string) float64 {
	highest := -1.0
	for _, lines := range b.Logs() {
		for _, line := range lines {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) != nil || fields["_aws"] == nil {
				continue
			}
			if value, ok := fields[name].(float64); ok {
				highest = max(highest, value)
			}
		}
	}
	return highest
}

func TestScenarioEnds(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{Scenario: sandbox.ScenarioVendorHTML})
	if !slices.Contains(sandbox.Scenarios(), sandbox.ScenarioVendorHTML) || sandbox.ScenarioVendorHTML.Meaning() == "" {
		t.Error("the scenario is not listed")
	}
	if _, err := b.Rotate(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := b.SetScenario(t.Context(), sandbox.ScenarioNone); err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := b.State().Events
	if last := events[len(events)-1]; last.Name != "RotationSucceeded" {
		t.Errorf("the service's retries end with %+v", last)
	}
	if err := b.SetScenario(t.Context(), "no-such"); err == nil || !strings.Contains(err.Error(), "vendor-html") {
		t.Errorf("an unknown scenario: %v", err)
	}
}

func TestScenarioStrikesAWarmFunction(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	if err := b.SetScenario(t.Context(), sandbox.ScenarioLoginRefused); err != nil {
		t.Fatal(err)
	}
	b.rotate()
	if events := b.State().Events; events[len(events)-1].Name != "RotationFailed" {
		t.Errorf("the rotation ends with %+v", events[len(events)-1])
	}
}

func TestConcurrentInvocationsHaveAProcessEach(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	if err := b.SetScenario(t.Context(), sandbox.ScenarioVendorSlow); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { _, _ = b.Invoke(t.Context(), sandbox.FunctionIVR, []byte(`{}`)) })
	}
	both.Wait()
	ended := b.Invocations()
	if first, second := ended[len(ended)-2], ended[len(ended)-1]; first.PID == second.PID || first.Error != "" ||
		second.Error != "" {
		t.Errorf("process %d %s, process %d %s", first.PID, first.Error, second.PID, second.Error)
	}
}

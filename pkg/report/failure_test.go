package report_test

import (
	"errors"
	"fmt"
	"testing"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/report"
)

func TestAFailureNamesStepCauseAndNextStep(t *testing.T) {
	cause := errors.New("the cause")
	event := events.Rotation{Step: events.FinishSecret, SecretID: "engage/token", VersionID: "v1"}
	const step = "finishSecret of secret engage/token version v1: "
	for name, c := range map[string]struct {
		err       error
		text      string
		abandoned string
	}{
		"described": {report.Failed("swap", cause, "try again"), step + "swap: the cause; try again", ""},
		"once": {report.Failed("later", fmt.Errorf("around: %w", report.Failed("swap", cause, "try again")), "no"),
			step + "swap: the cause; try again", ""},
		"not described": {cause, step + "rotate: the cause", ""},
		"abandoned": {report.Failed("check", report.Abandoned(cause), ""),
			step + "check: this rotation is abandoned: the cause", report.ReasonEdited},
	} {
		t.Run(name, func(t *testing.T) {
			done := report.Step{Event: event, Case: decide.F6, Outcome: report.OutcomeSwapped}
			failure := done.Fail(c.err)
			if failure.Error() != c.text || !errors.Is(failure, cause) || step+failure.Detail() != c.text {
				t.Errorf("%q, want %q", failure, c.text)
			}
			if done.Err != error(failure) || done.Outcome != "" || done.Abandoned != c.abandoned {
				t.Errorf("step %+v", done)
			}
		})
	}
	if err := report.Failed("swap", nil, "try again"); err != nil {
		t.Errorf("no error became %v", err)
	}
}

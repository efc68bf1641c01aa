package events_test

import (
	"testing"

	"engage-token-rotation/pkg/events"
)

func TestParseSweepRefusesWhatIsNotASweepEvent(t *testing.T) {
	for _, payload := range []string{
		``, `null`, `[]`, `1`, `"x"`, `{"dry_run":true}`, `{"dryRun":"yes"}`, `{"revokePrevious":7}`,
		`{"revokePrevious":"a\nb"}`,
		`{} {}`, `{}}`, `{"dryRun":false}}`, `{"source":"aws.scheduler","dryRun":true}`, `{"deleteToken":"0123456789AB"}`,
		`{"deleteToken":"0123"}`, `{"deleteToken":"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"}`, `{"forget":"a b"}`,
		`{"forget":"a","deleteToken":"0123456789ab"}`, `{"deleteToken":true}`, `{"forget":"a","deleteToken":"true"}`,
		`{"forget":"a","deleteToken":1}`, `{"revokePrevious":"a","deleteToken":true}`, `{"forget":"a","DeleteHeld":true}`,
		`{"forget":"","deleteToken":true}`, `{"forget":"a","revokePrevious":"a"}`,
	} {
		if got, err := events.ParseSweep([]byte(payload)); err == nil || got != (events.Sweep{}) {
			t.Errorf("%s is accepted: %+v", payload, got)
		}
	}
	for payload, want := range map[string]events.Sweep{
		`{}`:                                         {},
		`{"dryRun":true}`:                            {DryRun: true},
		`{"revokePrevious":"ivr/token"}`:             {RevokePrevious: "ivr/token"},
		`{"deleteToken":"0123456789ab"}`:             {DeleteToken: "0123456789ab"},
		`{"forget":"ivr/token"}`:                     {Forget: "ivr/token"},
		`{"forget":"ivr/token","deleteToken":true}`:  {Forget: "ivr/token", DeleteHeld: true},
		`{"deleteToken":false,"forget":"ivr/token"}`: {Forget: "ivr/token"},
		`{"source":"aws.events","detail-type":"x"}`:  {},
		`{"source":"aws.scheduler"}`:                 {},
	} {
		if got, err := events.ParseSweep([]byte(payload)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", payload, got, err)
		}
	}
}

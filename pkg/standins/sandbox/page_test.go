package sandbox_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"engage-token-rotation/pkg/standins/sandbox"
)

// act makes an action of the page, which must succeed.
func (b *box) act(path string, query ...string) sandbox.Done {
	b.t.Helper()
	var done sandbox.Done
	b.call("POST", path+"?"+encode(query), http.StatusOK, &done)
	return done
}

// encode makes a query of names and values.
func encode(pairs []string) string {
	values := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		values.Set(pairs[n], pairs[n+1])
	}
	return values.Encode()
}

// turn starts a rotation by the page's action and waits for its end, whatever that is.
func (b *box) turn() {
	b.t.Helper()
	b.act(sandbox.PathRotate)
	if err := b.Wait(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// owned counts the live tokens of a world by their owner.
func owned(world sandbox.World) map[sandbox.Owner]int {
	counts := map[sandbox.Owner]int{}
	for _, token := range world.Tokens {
		counts[token.Owner]++
	}
	return counts
}

// struck counts the calls that were struck, by function.
func struck(view sandbox.View) map[string]int {
	counts := map[string]int{}
	for _, run := range view.Timeline {
		for _, attempt := range run.Attempts {
			for _, step := range attempt.Steps {
				for _, call := range step.Calls {
					if call.Struck != "" {
						counts[run.Function]++
					}
				}
			}
		}
	}
	return counts
}

type target struct{ step, service, operation string }

// TestEveryStrikeHeals strikes a call of a rotation. One further rotation and a later sweep leave
// one live token of ours, and report what a creation without an answer made.
func TestEveryStrikeHeals(t *testing.T) {
	create := target{"createSecret", "Engage", "create"}
	targets := []target{create,
		{"createSecret", "Secrets Manager", "PutSecretValue"},
		{"finishSecret", "Secrets Manager", "UpdateSecretVersionStage"},
		{"finishSecret", "Engage", "delete"},
		{"createSecret", "Parameter Store", "PutParameter"},
	}
	if testing.Short() {
		targets = targets[:1]
	}
	faults := []sandbox.StrikeFault{sandbox.LostBefore, sandbox.LostAfter, sandbox.Answers500, sandbox.Answers429,
		sandbox.KilledBefore, sandbox.KilledAfter, sandbox.EditedBefore}
	for _, at := range targets {
		for _, fault := range faults {
			t.Run(fmt.Sprint(at.step, " ", at.operation, " ", fault), func(t *testing.T) {
				t.Parallel()
				b := start(t, sandbox.Config{})
				b.rotate()
				b.act(sandbox.PathStrike, "step", at.step, "service", at.service, "operation", at.operation, "fault", string(fault))
				b.turn()
				view := b.View()
				if got := struck(view)[sandbox.FunctionRotate]; got != 1 || len(view.Waits) != 0 {
					t.Fatalf("%d calls were struck, and %v wait", got, view.Waits)
				}
				b.turn()
				b.act(sandbox.PathSweep, "later", "2h")
				counts := owned(b.View().Worlds[0])
				lost := counts[sandbox.OwnerUnclaimed]
				least, most := 0, 0
				killed := fault == sandbox.KilledBefore || fault == sandbox.KilledAfter
				switch {
				case at == create && (fault == sandbox.LostAfter || fault == sandbox.KilledAfter):
					least, most = 1, 1
				case at.operation == "PutSecretValue" && killed:
					most = 1 // the record is written at the same time, or not
				}
				if counts[sandbox.OwnerCurrent] != 1 || counts[sandbox.OwnerForeign] != 2 || lost < least || lost > most ||
					len(b.View().Worlds[0].Tokens) != 3+lost {
					t.Errorf("the owners of the live tokens are %v", counts)
				}
			})
		}
	}
}

// The yardstick has no record of the token that it is about to replace.
func TestTheYardstickLeaksThePreviousToken(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.act(sandbox.PathYardstick, "on", "true")
	b.turn()
	b.act(sandbox.PathStrike, "step", "finishSecret", "service", "Secrets Manager",
		"operation", "UpdateSecretVersionStage", "fault", string(sandbox.KilledAfter))
	b.turn()
	view := b.View()
	if got := struck(view); got[sandbox.FunctionRotate] != 1 || got[sandbox.FunctionYardstick] != 1 {
		t.Fatalf("struck calls: %v", got)
	}
	want := []map[sandbox.Owner]int{
		{sandbox.OwnerCurrent: 1, sandbox.OwnerForeign: 2},
		{sandbox.OwnerCurrent: 1, sandbox.OwnerLeaked: 1},
	}
	if got := []map[sandbox.Owner]int{owned(view.Worlds[0]), owned(view.Worlds[1])}; !reflect.DeepEqual(got, want) {
		t.Errorf("the owners of the live tokens are %v, want %v", got, want)
	}
	if alarms := view.Alarms; alarms[0].Name != "RotationCrashed" || alarms[0].Fired != 1 || alarms[1].Fired != 0 {
		t.Errorf("the alarms are %+v", alarms)
	}
	b.act(sandbox.PathYardstick, "on", "false")
	if n := len(b.View().Worlds); n != 1 {
		t.Errorf("%d worlds after the yardstick was switched off", n)
	}
}

func TestPeopleChangeTheWorld(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	before := b.View().Worlds[0]

	b.act(sandbox.PathForeign)
	b.act(sandbox.PathEdit)
	b.act(sandbox.PathEdit)
	world := b.View().Worlds[0]
	if owned(world)[sandbox.OwnerForeign] != 3 || world.Versions[0].ID == before.Versions[0].ID ||
		world.Versions[0].Fingerprint != before.Versions[0].Fingerprint {
		t.Errorf("after an edit and a foreign token: %+v\nbefore: %+v", world, before)
	}
	b.act(sandbox.PathRetention, "value", "1h")
	b.turn()
	if got := owned(b.View().Worlds[0]); got[sandbox.OwnerRetiring] != 1 || got[sandbox.OwnerCurrent] != 1 {
		t.Errorf("after a rotation with a retention: %v", got)
	}
	b.act(sandbox.PathSweep, "later", "2h")
	if got := owned(b.View().Worlds[0]); got[sandbox.OwnerRetiring] != 0 || got[sandbox.OwnerForeign] != 3 {
		t.Errorf("after the sweep: %v", got)
	}
	b.act(sandbox.PathDeleteCurrent)
	if got := owned(b.View().Worlds[0]); got[sandbox.OwnerCurrent] != 0 {
		t.Errorf("after the current token was deleted: %v", got)
	}
	b.call("POST", sandbox.PathDeleteCurrent, http.StatusBadRequest, nil)
	b.act(sandbox.PathSweep, "dryRun", "true")
	b.turn()
	if got := owned(b.View().Worlds[0]); got[sandbox.OwnerCurrent] != 1 {
		t.Errorf("after the next rotation: %v", got)
	}
}

func TestWrongActionsAreRefused(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	strike := func(step, service, operation, fault string) string {
		return sandbox.PathStrike + "?" + encode([]string{"step", step, "service", service, "operation", operation,
			"fault", fault})
	}
	for path, want := range map[string]string{
		strike("sing", "Engage", "list", "500"):          `unknown step "sing"`,
		strike("createSecret", "Mail", "list", "500"):    `unknown service "Mail"`,
		strike("createSecret", "Engage", "", "500"):      "needs an operation",
		strike("createSecret", "Engage", "list", "rain"): `unknown fault "rain"`,
		sandbox.PathRetention + "?value=long":            `"long" is not a duration`,
		sandbox.PathSweep + "?later=soon":                "later=soon is not a duration",
		sandbox.PathSweep + "?deleteToken=000000000000":  "000000000000",
		sandbox.PathScenario + "?name=rain":              `unknown scenario "rain"`,
		sandbox.PathDeleteCurrent:                        "no token that is alive",
	} {
		if body := b.call("POST", path, http.StatusBadRequest, nil); !strings.Contains(body, want) {
			t.Errorf("%s answers %q, want %q", path, body, want)
		}
	}
	if view := b.View(); len(view.Waits) != 0 || view.Retention != "0s" {
		t.Errorf("a refused action changed something: %+v", view)
	}
}

// A page of another site in the same browser can press no button.
func TestOtherSitesCannotAct(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	request, err := http.NewRequestWithContext(t.Context(), "POST", b.AWSURL+sandbox.PathRotate, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden || len(b.View().Timeline) != 0 {
		t.Errorf("status %d, timeline %v", response.StatusCode, b.View().Timeline)
	}
}

// follow reads server-sent events until use returns true.
func follow(b *box, use func(event string, data []byte) bool) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), "GET", b.AWSURL+sandbox.PathEvents, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 8<<20)
	event := ""
	for lines.Scan() {
		if name, found := strings.CutPrefix(lines.Text(), "event: "); found {
			event = name
		} else if data, found := strings.CutPrefix(lines.Text(), "data: "); found && use(event, []byte(data)) {
			return
		}
	}
	b.t.Fatalf("the events ended: %v", lines.Err())
}

// Each view is sent, and a rotation without retention fails only the reader that caches.
func TestEventsShowARotationAndTheReaders(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	rotated, shown, failed := false, 0, 0
	follow(b, func(event string, data []byte) bool {
		if event == "view" {
			var view sandbox.View
			if err := json.Unmarshal(data, &view); err != nil {
				t.Fatal(err)
			}
			shown = len(view.Timeline)
			return false
		}
		var readers []sandbox.Reader
		if err := json.Unmarshal(data, &readers); err != nil || len(readers) != 2 {
			t.Fatalf("%v in %s", err, data)
		}
		if !rotated && readers[0].Good > 0 && readers[1].Good > 0 {
			b.turn()
			rotated = true
		}
		failed = readers[0].Failed
		return readers[1].Failed > 0
	})
	if failed > 0 || shown != 2 {
		t.Errorf("the token source has %d failed calls; the latest view shows %d rotations, want 0 and 2", failed, shown)
	}
	for _, call := range b.Calls().Engage {
		if call.Operation == "accounts" {
			return
		}
	}
	t.Error("the readers did not call")
}

// The page's alarms are those of the template.
func TestTheAlarmsAreThoseOfTheTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	var want []string
	for name, resource := range template.Resources {
		if resource.Type == "AWS::CloudWatch::Alarm" {
			want = append(want, strings.TrimSuffix(name, "Alarm"))
		}
	}
	var got []string
	for _, alarm := range start(t, sandbox.Config{}).Alarms() {
		got = append(got, alarm.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the page has the alarms %v, the template %v", got, want)
	}
}

// Nothing of the sandbox is in the functions.
func TestNoFunctionHasTheAPI(t *testing.T) {
	t.Parallel()
	for _, name := range sandbox.Functions {
		program, err := os.ReadFile(sandbox.FindBinaries(built)[name])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(program, []byte("engage-token-rotation/pkg/engage")) {
			t.Errorf("%s holds no name of a package; this test does not understand it", name)
		}
		for _, unwanted := range []string{"/_sandbox/", "engage-token-rotation/pkg/standins"} {
			if bytes.Contains(program, []byte(unwanted)) {
				t.Errorf("%s holds %q", name, unwanted)
			}
		}
	}
}

func TestTheAPIIsListed(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	text := b.call("GET", sandbox.PathAPI, http.StatusOK, nil)
	for _, path := range []string{sandbox.PathState, sandbox.PathCalls, sandbox.PathLogs, sandbox.PathView,
		sandbox.PathEvents, sandbox.PathReset, sandbox.PathScenario, sandbox.PathBegin, sandbox.PathEnd, sandbox.PathRotate,
		sandbox.PathSweep, sandbox.PathRetention, sandbox.PathStrike, sandbox.PathYardstick, sandbox.PathEdit,
		sandbox.PathDeleteCurrent, sandbox.PathForeign} {
		if !strings.Contains(text, " "+path) {
			t.Errorf("the list lacks %s", path)
		}
	}
}

package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// call makes a request to the inspection and returns the body of its answer.
func (b *box) call(method, path string, status int, answer any) string {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.AWSURL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		b.t.Fatalf("%s %s: status %d, %v: %s", method, path, response.StatusCode, err, body)
	}
	if answer != nil {
		if err := json.Unmarshal(body, answer); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, path, err, body)
		}
	}
	return string(body)
}

func TestInspectionReportsWhatHappened(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	b.rotate()
	var state sandbox.State
	text := b.call("GET", sandbox.PathState, 200, &state)
	secret := tokenSecretOf(b)
	if len(secret.Versions) != 2 || !slices.Contains(secret.Versions[b.versions[1]], "AWSCURRENT") {
		t.Errorf("versions %v", secret.Versions)
	}
	user := state.Users[0]
	if len(user.Tokens) != 3 || len(user.Foreign) != 2 || user.Logins != 1 ||
		user.Tokens[2] != secret.Tokens["AWSCURRENT"] {
		t.Errorf("user %+v, secret %+v", user, secret)
	}
	if len(state.Events) != 6 || state.Events[4].Name != "Secret Label Updated" ||
		!strings.Contains(string(state.Events[4].EventBridge), `"labelUpdated": "AWSCURRENT"`) ||
		state.Events[5].Name != "RotationSucceeded" || len(state.Parameters) == 0 {
		t.Errorf("events %v, parameters %v", state.Events, state.Parameters)
	}
	var calls sandbox.Calls
	text += b.call("GET", sandbox.PathCalls, 200, &calls)
	if !slices.ContainsFunc(calls.Permissions, func(p sandbox.Permission) bool {
		return p.Function == sandbox.FunctionRotate && p.Action == "secretsmanager:UpdateSecretVersionStage" &&
			p.Resource == secret.ARN && p.Count == 2
	}) {
		t.Errorf("permissions %v", calls.Permissions)
	}
	var logs map[string][]string
	text += b.call("GET", sandbox.PathLogs, 200, &logs)
	if lines := strings.Join(logs[sandbox.FunctionRotate], "\n"); !strings.Contains(lines, `"RotationSucceeded"`) {
		t.Errorf("logs %s", lines)
	}
	if strings.Contains(text, "aws80:") {
		t.Error("the inspection holds a token")
	}
}

func TestTheStateIsBounded(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	for range 210 {
		b.call("POST", sandbox.PathEdit, 200, nil)
	}
	if events := b.State().Events; len(events) != 200 || events[199].Label != "AWSCURRENT" {
		t.Errorf("%d events, want the latest 200", len(events))
	}
}

func TestLogsOfAFunctionArePlainLines(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	text := b.call("GET", sandbox.PathLogs+"?function=engage-token-rotation-rotate", 200, nil)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !slices.Equal(lines, b.Logs()[sandbox.FunctionRotate]) || !strings.HasPrefix(lines[0], "{") {
		t.Errorf("lines %q", lines)
	}
	if body := b.call("GET", sandbox.PathLogs+"?function=other", 404, nil); !strings.Contains(body, "use one of [rotate") {
		t.Errorf("an unknown function: %s", body)
	}
}

func TestResetReturnsToTheStart(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	first := tokenSecretOf(b)
	b.rotate()
	b.call("POST", sandbox.PathScenario+"?name=vendor-down", 200, nil)
	var state sandbox.State
	b.call("POST", sandbox.PathReset, 200, &state)
	now := tokenSecretOf(b)
	if now.ARN != first.ARN || len(now.Tokens) != 0 || state.Scenario != sandbox.ScenarioNone ||
		state.Users[0].Logins != 0 || len(state.Parameters) != 0 {
		t.Errorf("after the reset: %+v", state)
	}
	b.versions = nil
	b.rotate()
	for _, finding := range b.Check(t.Context(), b.versions) {
		if !finding.OK {
			t.Errorf("%s: %s", finding.Claim, finding.Fault)
		}
	}
}

func TestRotationCanBeDrivenFromOutside(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	const version = "11111111-1111-4111-8111-111111111111"
	var events map[string]json.RawMessage
	b.call("POST", sandbox.PathBegin+"?version="+version, 200, &events)
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		b.invoke(sandbox.FunctionRotate, events[step], "")
	}
	if body := b.call("POST", sandbox.PathEnd+"?version="+version, 200, nil); !strings.Contains(body, `"succeeded"`) {
		t.Errorf("outcome %s", body)
	}
	for _, finding := range b.Check(t.Context(), []string{version}) {
		if !finding.OK {
			t.Errorf("%s: %s", finding.Claim, finding.Fault)
		}
	}
	b.call("POST", sandbox.PathEnd+"?version="+version, 404, nil)

	b.call("POST", sandbox.PathBegin+"?test=true", 200, &events)
	if len(events) != 5 && events["testSecret"] == nil {
		t.Errorf("a preflight has the events %v", events)
	}
}

func TestAnUnfinishedRotationIsContinued(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	var first, second map[string]struct{ ClientRequestToken string }
	b.call("POST", sandbox.PathBegin, 200, &first)
	version := first["createSecret"].ClientRequestToken
	b.call("POST", sandbox.PathBegin, 409, nil) // it is running
	b.call("POST", sandbox.PathEnd+"?version="+version, 200, nil)
	b.call("POST", sandbox.PathBegin, 200, &second)
	if second["createSecret"].ClientRequestToken != version {
		t.Errorf("another version was begun: %v", second)
	}
}

// invoke calls a function over Lambda's API; fault is the expected X-Amz-Function-Error.
func (b *box) invoke(function string, payload []byte, fault string) string {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), "POST",
		b.AWSURL+"/2015-03-31/functions/"+function+"/invocations", bytes.NewReader(payload))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || response.Header.Get("X-Amz-Function-Error") != fault {
		b.t.Fatalf("invoke %s: status %d, fault %q, %v: %s", function, response.StatusCode,
			response.Header.Get("X-Amz-Function-Error"), err, body)
	}
	return string(body)
}

func TestEachFunctionAnswersTheInvokeAPI(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	b.rotate()
	if body := b.invoke(sandbox.FunctionIVR, []byte(`{}`), ""); !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("ivr answered %s", body)
	}
	body := b.invoke(sandbox.FunctionSweep, []byte(`{"dryRun":true}`), "")
	if !strings.Contains(body, sandbox.TokenSecret) {
		t.Errorf("sweep answered %s", body)
	}
	b.invoke(sandbox.FunctionRotate, []byte(`{}`), "Unhandled")
	var steps []string
	for _, i := range b.Invocations() {
		steps = append(steps, i.Function+" "+i.Step)
	}
	if want := []string{"rotate createSecret", "rotate setSecret", "rotate testSecret", "rotate finishSecret", "ivr ",
		"sweep ", "rotate "}; !slices.Equal(steps, want) {
		t.Errorf("invocations %q, want %q", steps, want)
	}
}

func TestSettingsForContainersNameTheirHost(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	var file struct{ Parameters map[string]string }
	if err := json.Unmarshal(b.EnvVars(), &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "ENGAGE_BASE_URL", "RINGCENTRAL_BASE_URL"} {
		if !strings.HasPrefix(file.Parameters[name], "http://host.docker.internal:") {
			t.Errorf("%s is %q", name, file.Parameters[name])
		}
	}
	if exports := strings.Join(b.Exports(), "\n"); !strings.Contains(exports, "export AWS_ENDPOINT_URL="+b.AWSURL) {
		t.Errorf("exports %s", exports)
	}
}

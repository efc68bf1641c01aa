package lambdatest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/lambdatest"
)

// start starts the test binary as a bootstrap in a role.
func start(t *testing.T, role string, config lambdatest.Config) *lambdatest.Function {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config.Path = path
	config.Env = map[string]string{
		roleVariable: role,
		"GORACE":     "atexit_sleep_ms=0", // else the race detector delays each end of a process by a second
	}
	if config.Timeout == 0 {
		config.Timeout = 20 * time.Second
	}
	f, err := lambdatest.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func invoke(t *testing.T, f *lambdatest.Function, e event) lambdatest.Result {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func look(t *testing.T, f *lambdatest.Function) seen {
	t.Helper()
	result := invoke(t, f, event{Do: "look"})
	var s seen
	if err := json.Unmarshal(result.Payload, &s); err != nil || result.FunctionError != "" {
		t.Fatalf("%s %s: %v", result.FunctionError, result.Payload, err)
	}
	return s
}

func TestAnInvocationHasLambdasContextAndEnvironment(t *testing.T) {
	t.Setenv("INHERITED", "no")
	directory := t.TempDir()
	f := start(t, "handler", lambdatest.Config{
		FunctionName: "rotate", MemoryMB: 256, Dir: directory, LogFormat: "JSON", Region: "eu-central-1",
		Timeout: 30 * time.Second,
	})
	s := look(t, f)
	if s.ARN != "arn:aws:lambda:eu-central-1:123456789012:function:rotate" || s.ARN != f.ARN() {
		t.Errorf("ARN %q", s.ARN)
	}
	if s.Remaining > 30*time.Second || s.Remaining < 20*time.Second {
		t.Errorf("%v remain of 30s", s.Remaining)
	}
	if real, _ := filepath.EvalSymlinks(directory); s.Value != directory && s.Value != real {
		t.Errorf("working directory %q, want %q", s.Value, directory)
	}
	for _, want := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=rotate", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=eu-central-1", "AWS_LAMBDA_LOG_FORMAT=JSON", "_HANDLER=bootstrap",
		"LAMBDA_TASK_ROOT=" + directory, "TZ=:UTC",
	} {
		if !slices.Contains(s.Environ, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, variable := range s.Environ {
		if name, _, _ := strings.Cut(variable, "="); name == "INHERITED" || name == "HOME" {
			t.Errorf("%s was inherited", name)
		}
	}
}

func TestWarmProcessServesOneAfterTheOther(t *testing.T) {
	f := start(t, "handler", lambdatest.Config{})
	first, second := invoke(t, f, event{}), invoke(t, f, event{})
	if first.PID == 0 || first.PID != second.PID || first.RequestID == second.RequestID {
		t.Errorf("processes %d and %d, requests %s and %s", first.PID, second.PID, first.RequestID, second.RequestID)
	}
	if first.InitDuration <= 0 || second.InitDuration != 0 {
		t.Errorf("init %v and %v, want some and none", first.InitDuration, second.InitDuration)
	}
	if first.Duration <= 0 || first.FunctionError != "" || string(first.Payload) != fmt.Sprint(first.PID) {
		t.Errorf("result %+v", first)
	}
}

func TestColdStartsGiveEachInvocationAProcess(t *testing.T) {
	f := start(t, "handler", lambdatest.Config{ColdStarts: true})
	first, second := invoke(t, f, event{}), invoke(t, f, event{})
	if first.PID == second.PID || second.InitDuration <= 0 {
		t.Errorf("processes %d and %d, init %v", first.PID, second.PID, second.InitDuration)
	}
}

// TestFailures has each way in which a function fails, the caller's result, and whether the process
// survives.
func TestFailures(t *testing.T) {
	tests := []struct {
		name          string
		role          string
		event         event
		config        lambdatest.Config
		kind, message string
		survives      bool
	}{
		{"error", "handler", event{Do: "fail"}, lambdatest.Config{}, "errorString", "it failed", true},
		{"panic", "handler", event{Do: "panic"}, lambdatest.Config{}, "string", "at the disco", false},
		{"exit 7", "handler", event{Do: "exit", N: 7}, lambdatest.Config{}, "Runtime.ExitError",
			"Runtime exited with error: exit status 7", false},
		{"exit 0", "handler", event{Do: "exit"}, lambdatest.Config{}, "Runtime.ExitError",
			"Runtime exited without providing a reason", false},
		{"time-out", "handler", event{Do: "hang"}, lambdatest.Config{Timeout: 700 * time.Millisecond}, "Sandbox.Timedout",
			"Task timed out after 0.70 seconds", false},
		{"time-out with a child", "handler", event{Do: "child"}, lambdatest.Config{Timeout: 700 * time.Millisecond},
			"Sandbox.Timedout", "Task timed out after 0.70 seconds", false},
		{"too large", "handler", event{Do: "big", N: lambdatest.MaxPayload}, lambdatest.Config{},
			"Function.ResponseSizeTooLarge", "6291456", false},
		{"init error", "init error", event{}, lambdatest.Config{}, "Config.Missing", "no table", false},
		{"init exit", "init exit", event{}, lambdatest.Config{}, "Runtime.ExitError",
			"Runtime exited with error: exit status 3", false},
		{"init exit 0", "init exit 0", event{}, lambdatest.Config{}, "Runtime.ExitError",
			"without providing a reason", false},
		{"init time-out", "init hang", event{}, lambdatest.Config{InitTimeout: 200 * time.Millisecond}, "Sandbox.Timedout",
			"Task timed out after 0.20 seconds", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := start(t, test.role, test.config)
			first := invoke(t, f, test.event)
			if first.FunctionError != lambdatest.Unhandled || first.ErrorType != test.kind ||
				!strings.Contains(first.ErrorMessage, test.message) {
				t.Errorf("%s %s %q, want Unhandled %s %q", first.FunctionError, first.ErrorType, first.ErrorMessage,
					test.kind, test.message)
			}
			var document map[string]any
			if err := json.Unmarshal(first.Payload, &document); err != nil || document["errorType"] != test.kind {
				t.Errorf("payload %s: %v", first.Payload, err)
			}
			next := invoke(t, f, event{})
			if survives := first.PID == next.PID; survives != test.survives {
				t.Errorf("process %d, then %d: survived %v, want %v", first.PID, next.PID, survives, test.survives)
			}
			if test.role == "handler" && next.FunctionError != "" {
				t.Errorf("the next invocation fails: %s", next.Payload)
			}
		})
	}
}

func TestABinaryThatDoesNotRunIsAnInvalidEntrypoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(path, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := lambdatest.Start(t.Context(), lambdatest.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if result := invoke(t, f, event{}); result.ErrorType != lambdatest.TypeInvalidEntrypoint {
		t.Errorf("result %s", result.Payload)
	}
}

func TestStartRefusesAPathThatIsNotAFile(t *testing.T) {
	for _, path := range []string{"", t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, err := lambdatest.Start(t.Context(), lambdatest.Config{Path: path}); err == nil {
			t.Errorf("path %q was accepted", path)
		}
	}
}

func TestOutputIsCompleteWhenInvokeReturns(t *testing.T) {
	var output bytes.Buffer // not locked: writes are never concurrent, and have ended when Invoke returns
	f := start(t, "handler", lambdatest.Config{Stdout: &output, Stderr: &output})
	const lines = 2000
	for range 3 {
		output.Reset()
		result := invoke(t, f, event{Do: "print", N: lines})
		text := output.String()
		if strings.Count(text, "out ") != lines || strings.Count(text, "err ") != lines || strings.Contains(text, "\x00") {
			t.Fatalf("%d and %d lines, want %d each", strings.Count(text, "out "), strings.Count(text, "err "), lines)
		}
		if len(result.LogTail) != 4096 || !strings.HasSuffix(text, string(result.LogTail)) {
			t.Errorf("a log tail of %d bytes is not the end of the output", len(result.LogTail))
		}
	}
	output.Reset()
	invoke(t, f, event{Do: "panic"})
	if !strings.Contains(output.String(), "at the disco") {
		t.Errorf("the output of a crash is missing: %q", output.String())
	}
}

func TestKillDuringAndBetweenInvocations(t *testing.T) {
	var f *lambdatest.Function
	var once sync.Once
	f = start(t, "handler", lambdatest.Config{Observe: func(e lambdatest.Event) {
		if e.Kind == lambdatest.InvocationSent {
			once.Do(func() { f.Kill() })
		}
	}})
	if result := invoke(t, f, event{Do: "hang"}); result.ErrorType != lambdatest.TypeExit ||
		!strings.Contains(result.ErrorMessage, "signal: killed") {
		t.Errorf("result %s", result.Payload)
	}
	if result := invoke(t, f, event{}); result.FunctionError != "" || result.InitDuration == 0 {
		t.Errorf("the next invocation: %s", result.Payload)
	}
	f.Kill() // while idle: the next invocation does not notice
	if result := invoke(t, f, event{}); result.FunctionError != "" || result.InitDuration == 0 {
		t.Errorf("after a kill between invocations: %s", result.Payload)
	}
}

func TestEventsComeInOrder(t *testing.T) {
	events := make(chan lambdatest.EventKind, 100)
	f := start(t, "handler", lambdatest.Config{Observe: func(e lambdatest.Event) { events <- e.Kind }})
	invoke(t, f, event{})
	f.Close()
	close(events)
	var got []lambdatest.EventKind
	for kind := range events {
		got = append(got, kind)
	}
	want := []lambdatest.EventKind{lambdatest.ProcessStarted, lambdatest.ProcessReady, lambdatest.InvocationSent,
		lambdatest.InvocationAnswered, lambdatest.ProcessExited}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestMeasures(t *testing.T) {
	f := start(t, "handler", lambdatest.Config{})
	before := invoke(t, f, event{})
	after := invoke(t, f, event{Do: "use", N: 64 << 20})
	if before.PeakRSS == 0 {
		t.Skip("this system does not report the memory use of a running process")
	}
	if grown := after.PeakRSS - before.PeakRSS; grown < 50<<20 {
		t.Errorf("peak memory grew by %d bytes, want about 64 MB", grown)
	}
	f.Close()
	all := f.Processes()
	if len(all) != 1 {
		t.Fatalf("%d processes", len(all))
	}
	if p := all[0]; p.CPU <= 0 || p.Init != before.InitDuration || p.Invocations != 2 || p.PeakRSS < after.PeakRSS {
		t.Errorf("process %+v", p)
	}
}

package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/sandbox"
)

// watched is an output that can wait for a text.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wants string
	came  chan struct{}
	done  bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if !w.done && strings.Contains(w.text.String(), w.wants) {
		w.done = true
		close(w.came)
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestServeRotatesOnScheduleAndStops(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "env.json")
	out := &watched{wants: "; deleted ", came: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- sandbox.Serve(ctx, sandbox.ServeConfig{
			Config: sandbox.Config{Binaries: sandbox.FindBinaries(built)}, Every: time.Second,
			SweepEvery: time.Second, EnvFile: file,
		}, out, noEnvironment)
	}()
	select {
	case <-out.came:
	case <-ctx.Done():
		t.Fatalf("no second rotation:\n%s", out)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if !strings.HasPrefix(out.String(), "Sandbox  http://127.0.0.1:") {
		t.Errorf("the address of the page is not printed first:\n%s", out)
	}
	text, err := os.ReadFile(file)
	if err != nil || !json.Valid(text) {
		t.Errorf("the --env-vars file: %v %s", err, text)
	}
	for _, want := range []string{"export AWS_ENDPOINT_URL=http://127.0.0.1:", "--env-vars " + file,
		"createSecret", "stopped\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if !strings.HasSuffix(out.String(), "stopped\n") {
		t.Errorf("something follows the last line:\n%s", out)
	}
}

func TestServeWithoutAScheduleOnlyChecksTheSetUp(t *testing.T) {
	t.Parallel()
	out := &watched{wants: "preflight: flow engage", came: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- sandbox.Serve(ctx, sandbox.ServeConfig{Config: sandbox.Config{Binaries: sandbox.FindBinaries(built)}},
			out, noEnvironment)
	}()
	select {
	case <-out.came:
	case <-ctx.Done():
		t.Errorf("no preflight:\n%s", out)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// serving starts Serve with a schedule of none, and waits for a text of its output.
func serving(t *testing.T, file, wants string) *watched {
	t.Helper()
	out := &watched{wants: wants, came: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	ended := make(chan error, 1)
	go func() {
		ended <- sandbox.Serve(ctx, sandbox.ServeConfig{
			Config: sandbox.Config{Binaries: sandbox.FindBinaries(built)}, EnvFile: file,
		}, out, noEnvironment)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	select {
	case <-out.came:
	case <-ctx.Done():
		t.Fatalf("no %q:\n%s", wants, out)
	}
	return out
}

func TestAnotherSandboxKeepsTheFileOfTheFirst(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "env.json")
	t.Run("while the first runs", func(t *testing.T) {
		serving(t, file, "No schedule")
		first, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		serving(t, file, "was left alone; name another file with -env-vars")
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, first) {
			t.Errorf("the file changed: %v\n%s\nwas\n%s", err, now, first)
		}
	})
	left, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	serving(t, file, "--env-vars "+file)
	if now, err := os.ReadFile(file); err != nil || bytes.Equal(now, left) {
		t.Errorf("the file of a sandbox that has ended was kept: %v", err)
	}
}

func TestInvalidCommandLinesAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"none":             {nil, 2, "usage"},
		"help":             {[]string{"help"}, 0, "usage"},
		"help of one":      {[]string{"run", "-h"}, 0, "-flow"},
		"scenarios":        {[]string{"run", "-h"}, 0, sandbox.ScenarioDeadToken.Meaning()},
		"unknown command":  {[]string{"jump"}, 2, `unknown command "jump"`},
		"unknown flag":     {[]string{"run", "-jump"}, 2, "-jump"},
		"an argument":      {[]string{"run", "now"}, 2, `unexpected argument "now"`},
		"no unit":          {[]string{"serve", "-every", "30"}, 2, "-every: the unit is missing, as in 30s, 30m or 30h"},
		"no duration":      {[]string{"serve", "-retention", "soon"}, 2, "not a duration"},
		"below zero":       {[]string{"run", "-retention", "-1s"}, 2, "a duration from 0"},
		"no such port":     {[]string{"serve", "-aws-port", "70000"}, 2, "up to 65535"},
		"one port":         {[]string{"serve", "-aws-port", "4581"}, 2, "both ports are 4581"},
		"no binaries":      {[]string{"run", "-functions", t.TempDir()}, 1, "make functions"},
		"unknown flow":     {[]string{"run", "-flow", "oauth"}, 2, `unknown login flow "oauth"`},
		"unknown scenario": {[]string{"serve", "-scenario", "rain"}, 2, `unknown scenario "rain"`},
		"no address":       {[]string{"serve", "-listen", "somewhere"}, 2, "is not an IP address"},
		"too often":        {[]string{"serve", "-every", "1ms"}, 2, "too frequent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, complaints bytes.Buffer
			status := sandbox.Main(t.Context(), test.args, &out, &complaints, noEnvironment)
			if n := strings.Count(complaints.String(), "\n"); len(test.args) > 1 && n > 1 {
				t.Errorf("%d lines, want one:\n%s", n, complaints.String())
			}
			if text := out.String() + complaints.String(); status != test.status || !strings.Contains(text, test.want) {
				t.Errorf("status %d, want %d with %q in\n%s", status, test.status, test.want, text)
			}
		})
	}
}

func TestAnInterruptedRotationIsReportedAsThat(t *testing.T) {
	t.Parallel()
	out := &watched{wants: "Rotation 1 of", came: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var complaints bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- sandbox.Main(ctx, []string{"run", "-functions", built, "-scenario", "vendor-slow"}, out, &complaints,
			noEnvironment)
	}()
	select {
	case <-out.came:
		cancel()
	case <-ctx.Done():
		t.Errorf("no rotation:\n%s", out)
	}
	if status := <-ended; status != 130 || complaints.String() != "interrupted\n" {
		t.Errorf("status %d, want 130 and \"interrupted\" in %q", status, complaints.String())
	}
}

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
		"unknown command":  {[]string{"jump"}, 2, `no command "jump"`},
		"unknown flag":     {[]string{"run", "-jump"}, 2, "-jump"},
		"an argument":      {[]string{"run", "now"}, 2, `unexpected argument "now"`},
		"no binaries":      {[]string{"run", "-functions", t.TempDir()}, 1, "make build"},
		"unknown flow":     {[]string{"run", "-functions", built, "-flow", "oauth"}, 1, `no login flow "oauth"`},
		"unknown scenario": {[]string{"serve", "-functions", built, "-scenario", "rain"}, 1, `no scenario "rain"`},
		"no address":       {[]string{"serve", "-functions", built, "-listen", "somewhere"}, 1, "is not an IP address"},
		"too often": {[]string{"serve", "-functions", built, "-every", "1ms", "-aws-port", "0", "-engage-port", "0",
			"-env-vars", ""}, 1, "too frequent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, complaints bytes.Buffer
			status := sandbox.Main(t.Context(), test.args, &out, &complaints, noEnvironment)
			if text := out.String() + complaints.String(); status != test.status || !strings.Contains(text, test.want) {
				t.Errorf("status %d, want %d with %q in\n%s", status, test.status, test.want, text)
			}
		})
	}
}

package bench_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// subject is a program that is measured, and its work.
type subject struct {
	name string
	path string
	args []string
	// rare measures a slow program only in each rare-th round; zero means in each.
	rare int
	// work invokes the function in a new process. It marks each invocation that is measured.
	work func(t testing.TB, sv *services, invoke func(payload []byte) time.Duration) sample
}

// sample is the measurements of one process.
type sample struct {
	init, initCPU   time.Duration
	first, firstCPU time.Duration // the first invocation
	warm            time.Duration // the same in the warm process
	rotation        time.Duration // a whole rotation that begins with the start of the process; rotations only
	peak            int64         // bytes
	cpu             time.Duration // of the process's whole life
}

// start is how a process is started.
type start struct {
	secure bool
	// throttle is called once the process has asked for its first invocation, as Lambda limits the CPU
	// of a function that has started; nil sets no limit.
	throttle func(pid int) error
}

// once starts a function, runs its work, ends it, and returns the measurements.
func (s subject) once(t testing.TB, how start) sample {
	t.Helper()
	sv := newServices(t, engage.FlowEngage, false, 0)
	defer sv.end()
	environment := sv.listen(how.secure)
	if bundle := environment["SSL_CERT_FILE"]; bundle != "" && len(s.args) > 0 {
		environment["AWS_CA_BUNDLE"] = bundle // boto3 has roots of its own, and the SDK for Go would load them twice
	}
	var (
		initCPU  time.Duration
		firstCPU atomic.Int64
		answered int
	)
	function, err := lambdatest.Start(t.Context(), lambdatest.Config{
		Path: s.path, Args: s.args, Env: environment, FunctionName: "rotate",
		Timeout: time.Minute, InitTimeout: time.Minute,
		Observe: func(e lambdatest.Event) {
			switch e.Kind {
			case lambdatest.ProcessReady:
				initCPU = cpuOf(e.PID)
				if how.throttle != nil {
					if err := how.throttle(e.PID); err != nil {
						t.Error(err)
					}
				}
			case lambdatest.InvocationAnswered:
				if answered++; answered == 1 {
					firstCPU.Store(int64(cpuOf(e.PID) - initCPU))
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer function.Close()
	var init time.Duration
	measured := s.work(t, sv, func(payload []byte) time.Duration {
		result, err := function.Invoke(t.Context(), payload)
		if err != nil || result.FunctionError != "" {
			t.Fatalf("%s: %v %s", s.name, err, result.Payload)
		}
		init = max(init, result.InitDuration)
		return result.Duration
	})
	function.Close()
	process := function.Processes()[0]
	measured.init, measured.initCPU, measured.firstCPU = init, initCPU, time.Duration(firstCPU.Load())
	measured.rotation += init
	measured.peak, measured.cpu = process.PeakRSS, process.CPU
	return measured
}

// cpuOf returns the CPU time of a running process until now, on Linux.
func cpuOf(pid int) time.Duration {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum time.Duration
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var ns int64
		if _, err := fmt.Sscan(strings.Fields(string(text))[0], &ns); err == nil {
			sum += time.Duration(ns)
		}
	}
	return sum
}

// idle sends the same event twice.
func idle(event string) func(testing.TB, *services, func([]byte) time.Duration) sample {
	return func(_ testing.TB, _ *services, invoke func([]byte) time.Duration) sample {
		return sample{first: invoke([]byte(event)), warm: invoke([]byte(event))}
	}
}

// rotations rotates twice; createSecret is the measured invocation of each rotation.
func rotations(_ testing.TB, sv *services, invoke func([]byte) time.Duration) sample {
	var measured sample
	var took []time.Duration
	for range 2 {
		sv.rotate(func(payload []byte) error {
			took = append(took, invoke(payload))
			return nil
		}, nil)
	}
	measured.first, measured.warm = took[0], took[4]
	for _, d := range took[:4] {
		measured.rotation += d
	}
	return measured
}

// answers rotates the secret once without measuring, and then asks like a contact flow.
func answers(t testing.TB, sv *services, invoke func([]byte) time.Duration) sample {
	sv.rotate(sv.newRotator(), nil)
	event := []byte(`{"Details":{"ContactData":{"ContactId":"1"},"Parameters":{}}}`)
	return sample{first: invoke(event), warm: invoke(event)}
}

// sweeps only reports, which makes all reads of a sweep.
func sweeps(t testing.TB, sv *services, invoke func([]byte) time.Duration) sample {
	sv.rotate(sv.newRotator(), nil)
	event, err := json.Marshal(map[string]bool{"dryRun": true})
	if err != nil {
		t.Fatal(err)
	}
	return sample{first: invoke(event), warm: invoke(event)}
}

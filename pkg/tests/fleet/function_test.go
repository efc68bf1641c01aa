package fleet_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"engage-token-rotation/pkg/rotation"
)

// coldStart is how long a process takes to start.
const coldStart = 300 * time.Millisecond

// errThrottled is Lambda's refusal of an invocation beyond the concurrency.
var errThrottled = errors.New("429 TooManyRequestsException: ReservedFunctionConcurrentInvocationLimitExceeded")

// function is the rotation function as Lambda runs it: a process serves one invocation at a time
// and is kept for the next one, which so finds its settings and its login. It is safe for
// concurrent use.
type function struct {
	world       *world
	concurrency int
	limit       time.Duration // of an invocation

	mu        sync.Mutex
	idle      []*rotation.Rotator
	running   int
	processes int
	throttled int // invocations that Lambda refused
	failed    int // invocations that failed
	served    int // invocations that succeeded
	billed    time.Duration
}

// invoke carries out one invocation.
func (f *function) invoke(ctx context.Context, payload []byte) error {
	rotator, started := f.acquire()
	if rotator == nil {
		return errThrottled
	}
	began := time.Now()
	if started {
		time.Sleep(coldStart)
	}
	err := invoke(ctx, rotator, payload, f.limit)
	f.release(rotator, time.Since(began), err)
	return err
}

// acquire returns the process that was used last, or a new one, or nil beyond the concurrency.
func (f *function) acquire() (rotator *rotation.Rotator, started bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == f.concurrency {
		f.throttled++
		return nil, false
	}
	f.running++
	if n := len(f.idle); n > 0 {
		rotator, f.idle = f.idle[n-1], f.idle[:n-1]
		return rotator, false
	}
	f.processes++
	return f.world.newRotator(), true
}

func (f *function) release(rotator *rotation.Rotator, took time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	f.idle = append(f.idle, rotator)
	f.billed += took
	if err != nil {
		f.failed++
	} else {
		f.served++
	}
}

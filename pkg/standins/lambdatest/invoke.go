package lambdatest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// MaxPayload is the longest payload and the longest response, in bytes: Lambda's 6 MB for
// synchronous invocations.
const MaxPayload = 6 << 20

// FunctionError values of a Result.
const (
	// Unhandled is the error of a function that answered with an error, crashed, or timed out.
	Unhandled = "Unhandled"
)

// Error types that the service makes.
const (
	TypeTimeout           = "Sandbox.Timedout"
	TypeExit              = "Runtime.ExitError"
	TypeInvalidEntrypoint = "Runtime.InvalidEntrypoint"
	TypeResponseTooLarge  = "Function.ResponseSizeTooLarge"
)

// Result is the result of an invocation.
type Result struct {
	RequestID string
	// Payload is the function's answer, or the error document.
	Payload []byte
	// FunctionError is "" for success, else Unhandled.
	FunctionError string
	// ErrorType and ErrorMessage are those of the error document.
	ErrorType, ErrorMessage string
	// Duration is from the process taking the invocation until it asked for the next one or ended.
	Duration time.Duration
	// InitDuration is from the start of the process until it asked for its first invocation; 0 in a
	// warm process.
	InitDuration time.Duration
	// PID is the process of the invocation; 0 if none could be started.
	PID int
	// PeakRSS is the process's highest memory use so far, in bytes; 0 if it is not known.
	PeakRSS int64
	// LogTail is the last 4 KB that the process wrote.
	LogTail []byte
}

// invocation is a running invocation with its Result.
type invocation struct {
	id       string
	traceID  string
	payload  []byte
	deadline time.Time
	answer   chan reply // buffered
}

// reply is an answer that the process posts.
type reply struct {
	payload   []byte
	failed    bool
	errorType string // of the header, for a failure
}

// Invoke runs one invocation and returns its result. It waits while other invocations use all
// processes. The function gets the payload as it is; Lambda accepts only JSON, as [API] does. When
// ctx ends, Invoke returns its error, and the invocation continues, as in Lambda.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	done, err := f.begin(ctx, payload)
	if err != nil {
		return Result{}, err
	}
	select {
	case outcome := <-done:
		return outcome.result, outcome.err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

type outcome struct {
	result Result
	err    error
}

// begin waits for a free slot and starts the invocation.
func (f *Function) begin(ctx context.Context, payload []byte) (<-chan outcome, error) {
	if len(payload) > MaxPayload {
		return nil, ErrTooLarge
	}
	s, err := f.acquire(ctx, !f.config.Throttle)
	if err != nil {
		return nil, err
	}
	return f.launch(s, payload)
}

// enqueue runs an invocation when a slot is free, and does not wait for it.
func (f *Function) enqueue(payload []byte) error {
	switch {
	case len(payload) > MaxPayload:
		return ErrTooLarge
	case !f.enter():
		return ErrClosed
	}
	go func() {
		defer f.work.Done()
		s, err := f.acquire(context.Background(), true) // the function's end frees every slot
		if err != nil {
			return
		}
		_, _ = f.launch(s, payload)
	}()
	return nil
}

// launch runs an invocation in a slot, and frees the slot.
func (f *Function) launch(s *slot, payload []byte) (<-chan outcome, error) {
	if !f.enter() {
		f.release(s)
		return nil, ErrClosed
	}
	i := &invocation{
		id: newUUID(), traceID: newTraceID(), payload: payload, answer: make(chan reply, 1),
	}
	done := make(chan outcome, 1)
	go func() {
		defer f.work.Done()
		result, err := f.run(s, i)
		f.release(s)
		done <- outcome{result, err}
	}()
	return done, nil
}

func (f *Function) acquire(ctx context.Context, wait bool) (*slot, error) {
	select {
	case <-f.free:
		return f.latest(), nil
	default:
		if !wait {
			return nil, ErrThrottled
		}
	}
	select {
	case <-f.free:
		return f.latest(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// latest takes the slot that was used last. The caller has taken an item of free.
func (f *Function) latest() *slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.idle) - 1
	s := f.idle[last]
	f.idle = f.idle[:last]
	return s
}

// release makes a slot idle.
func (f *Function) release(s *slot) {
	f.mu.Lock()
	f.idle = append(f.idle, s)
	f.mu.Unlock()
	f.free <- struct{}{}
}

// enter adds a goroutine to those that Close waits for. It returns false if the function is closed.
func (f *Function) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.work.Add(1)
	return true
}

// run runs the invocation in the slot's process, which it starts if there is none.
func (f *Function) run(s *slot, i *invocation) (Result, error) {
	var initDuration time.Duration
	if s.environment != nil && s.environment.isRenewed() {
		s.environment.kill()
	}
	if s.environment == nil || s.environment.hasEnded() {
		e, failed := f.boot(i)
		if failed != nil {
			return f.finish(*failed)
		}
		s.environment, initDuration = e, e.process.Init
	}
	e := s.environment
	result := e.invoke(i)
	result.InitDuration = initDuration
	if f.config.ColdStarts {
		e.kill()
		<-e.exited
	}
	return f.finish(result)
}

// finish turns the result into an error if the function was closed meanwhile.
func (f *Function) finish(result Result) (Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed && result.ErrorType == TypeExit {
		return Result{}, ErrClosed
	}
	return result, nil
}

// boot starts a process and waits until it asks for work; failed is the result of a failed init.
func (f *Function) boot(i *invocation) (e *environment, failed *Result) {
	e, err := f.start()
	if err != nil {
		result := failure(i.id, TypeInvalidEntrypoint, err.Error())
		return nil, &result
	}
	timer := time.NewTimer(f.config.InitTimeout)
	defer timer.Stop()
	var result Result
	select {
	case <-e.polled:
		e.ready()
		return e, nil
	case r := <-e.initError:
		e.kill()
		result = answered(i.id, r)
	case <-timer.C:
		e.kill()
		result = failure(i.id, TypeTimeout, timeoutMessage(f.config.InitTimeout))
	case <-e.exited:
		select {
		case r := <-e.initError:
			result = answered(i.id, r)
		default:
			result = failure(i.id, TypeExit, e.exitMessage())
		}
	}
	<-e.exited
	e.describe(&result)
	return nil, &result
}

// invoke gives the invocation to an idle process and waits until the process is idle again, or has
// ended.
func (e *environment) invoke(i *invocation) Result {
	timeout := e.function.config.Timeout
	i.deadline = time.Now().Add(timeout)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	e.begin(i)

	begun := time.Now()
	result, late := e.await(i, timer.C)
	if late {
		e.sample()
		e.kill()
		<-e.exited
	}
	result.Duration = time.Since(begun)
	e.end()
	e.describe(&result)
	return result
}

// await waits for the answer and for the process to poll again. late means that the timeout is
// over.
func (e *environment) await(i *invocation, timeUp <-chan time.Time) (result Result, late bool) {
	select {
	case e.work <- i:
	case <-e.exited:
		return failure(i.id, TypeExit, e.exitMessage()), false
	case <-timeUp:
		return failure(i.id, TypeTimeout, timeoutMessage(e.function.config.Timeout)), true
	}
	select {
	case r := <-i.answer:
		result = answered(i.id, r)
	case <-e.exited:
		select {
		case r := <-i.answer: // its last action
			return answered(i.id, r), false
		default:
			return failure(i.id, TypeExit, e.exitMessage()), false
		}
	case <-timeUp:
		return failure(i.id, TypeTimeout, timeoutMessage(e.function.config.Timeout)), true
	}
	e.sample()
	select {
	case <-e.polled:
		e.flush()
	case <-e.exited:
	case <-timeUp:
		return result, true
	}
	return result, false
}

// answered returns the result for a posted answer.
func answered(id string, r reply) Result {
	result := Result{RequestID: id, Payload: r.payload}
	if !r.failed {
		return result
	}
	result.FunctionError = Unhandled
	var document struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal(r.payload, &document) == nil {
		result.ErrorType, result.ErrorMessage = document.ErrorType, document.ErrorMessage
	}
	result.ErrorType = or(result.ErrorType, r.errorType)
	return result
}

// failure returns the result for an error that the service found.
func failure(id, kind, message string) Result {
	message = "RequestId: " + id + " Error: " + message
	payload, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return Result{RequestID: id, Payload: payload, FunctionError: Unhandled, ErrorType: kind, ErrorMessage: message}
}

func timeoutMessage(d time.Duration) string {
	return fmt.Sprintf("Task timed out after %.2f seconds", d.Seconds())
}

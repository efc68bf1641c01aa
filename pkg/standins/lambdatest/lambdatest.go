// Package lambdatest runs a Lambda function's bootstrap binary as the Lambda service does, for tests and local trials:
// it starts the process with an environment of its own, speaks the Runtime API with it, keeps deadlines, kills and
// restarts it, and measures it.
//
//	function, err := lambdatest.Start(ctx, lambdatest.Config{Path: "build/rotate/bootstrap"})
//	defer function.Close()
//	result, err := function.Invoke(ctx, []byte(`{}`))
//
// An [API] puts the service's Invoke call in front of functions, for the AWS CLI and SDKs.
//
// What is like the service: one invocation at a time in a process; a process is started by the first invocation that
// needs one, serves later ones, and is replaced after a time-out, a crash or an init error; an invocation ends when the
// process asks for the next one. What is not: there is no isolation and no limit of memory or CPU; a failed init is not
// tried again within the same invocation; asynchronous events are not retried; extensions and response streaming are
// missing.
package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says what to run and how. Path is required; the zero value of everything else is Lambda's default.
type Config struct {
	// Path is the bootstrap binary.
	Path string
	// Args are its arguments; Lambda passes none.
	Args []string
	// Env is added to the environment that Lambda makes, and goes before it. Nothing is inherited from this process.
	Env map[string]string
	// Dir is the working directory and LAMBDA_TASK_ROOT; "": the directory of Path.
	Dir string

	// FunctionName; "": "function".
	FunctionName string
	// FunctionARN; "": an ARN made of region, account 123456789012 and name.
	FunctionARN string
	// Region; "": us-east-1.
	Region string
	// Handler is _HANDLER; "": "bootstrap".
	Handler string
	// MemoryMB is only told to the function, not enforced; 0: 128.
	MemoryMB int
	// LogFormat is AWS_LAMBDA_LOG_FORMAT, "Text" or "JSON"; "": "Text".
	LogFormat string
	// Credentials are what the function finds in its environment; zero: fakes.
	Credentials Credentials

	// Timeout of an invocation; 0: 3 seconds.
	Timeout time.Duration
	// InitTimeout is how long a process may take to ask for its first invocation; 0: 10 seconds.
	InitTimeout time.Duration
	// Concurrency is how many processes may run; 0: one. Further invocations wait, or with Throttle are refused.
	Concurrency int
	// Throttle refuses an invocation that no process is free for, with ErrThrottled.
	Throttle bool
	// ColdStarts gives each invocation a fresh process, which is killed after it.
	ColdStarts bool

	// Stdout and Stderr get what the processes write, whole before the invocation that wrote it returns; nil: dropped.
	// Writes to the two are never concurrent, so that both may be the same.
	Stdout, Stderr io.Writer
	// Observe is told what happens, in order for one process; it may call Kill. nil: nobody is told.
	Observe func(Event)
}

// Credentials are AWS credentials.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// EventKind is what happened.
type EventKind string

// The events in the life of a process.
const (
	ProcessStarted     EventKind = "process started"
	ProcessReady       EventKind = "process ready"       // it asked for its first invocation
	InvocationSent     EventKind = "invocation sent"     // it has taken the invocation
	InvocationAnswered EventKind = "invocation answered" // with a response or an error
	ProcessExited      EventKind = "process exited"
)

// Event tells of a process.
type Event struct {
	Kind      EventKind
	PID       int
	RequestID string // of the invocation, where there is one
	Time      time.Time
}

// Errors of Invoke. What goes wrong in the function is no error but a Result with a FunctionError.
var (
	ErrClosed    = errors.New("lambdatest: the function is closed")
	ErrThrottled = errors.New("lambdatest: no process is free (TooManyRequestsException)")
	ErrTooLarge  = errors.New("lambdatest: the payload is longer than 6 MB (RequestTooLargeException)")
)

// Function is a deployed function. It is safe for concurrent use.
type Function struct {
	config Config
	output sync.Mutex // of Stdout and Stderr
	slots  chan *slot
	cancel func() bool
	work   sync.WaitGroup // goroutines

	mu        sync.Mutex
	closed    bool
	live      map[*environment]bool
	processes []*Process
}

// slot is the right to run one process, and that process once it runs.
type slot struct{ environment *environment }

// Start checks the config and returns the function; its first process starts with the first invocation. When ctx ends,
// the function is closed as by Close, which is to be called all the same.
func Start(ctx context.Context, config Config) (*Function, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Function{config: config, slots: make(chan *slot, config.Concurrency), live: map[*environment]bool{}}
	for range config.Concurrency {
		f.slots <- &slot{}
	}
	f.cancel = context.AfterFunc(ctx, f.shut)
	return f, nil
}

// Close kills what runs, waits until every process and goroutine of the function has ended, and returns. Invocations
// under way return an error. It may be called more than once, but not from Observe.
func (f *Function) Close() {
	f.cancel()
	f.shut()
	f.work.Wait()
}

// shut kills what runs and lets nothing new start.
func (f *Function) shut() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.Kill()
}

// Kill kills every process of the function now with SIGKILL, as a machine that fails does. An invocation under way gets
// the Result of a crash; the next one starts a fresh process.
func (f *Function) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range f.live {
		e.kill()
	}
}

// Name returns the function's name.
func (f *Function) Name() string { return f.config.FunctionName }

// ARN returns the function's ARN.
func (f *Function) ARN() string { return f.config.FunctionARN }

func (f *Function) observe(kind EventKind, pid int, requestID string) {
	if f.config.Observe != nil {
		f.config.Observe(Event{kind, pid, requestID, time.Now()})
	}
}

func (c Config) withDefaults() (Config, error) {
	if c.Path == "" {
		return c, errors.New("lambdatest: Config.Path is missing: the bootstrap binary to run")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return c, fmt.Errorf("lambdatest: %w", err)
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		return c, fmt.Errorf("lambdatest: the bootstrap binary: %w", err)
	case !info.Mode().IsRegular():
		return c, fmt.Errorf("lambdatest: the bootstrap binary %s is no file", path)
	}
	c.Path = path
	c.Dir = or(c.Dir, filepath.Dir(path))
	c.FunctionName = or(c.FunctionName, "function")
	c.Region = or(c.Region, "us-east-1")
	c.FunctionARN = or(c.FunctionARN, "arn:aws:lambda:"+c.Region+":123456789012:function:"+c.FunctionName)
	c.Handler = or(c.Handler, "bootstrap")
	c.MemoryMB = or(c.MemoryMB, 128)
	c.LogFormat = or(c.LogFormat, "Text")
	c.Credentials = or(c.Credentials, Credentials{"LAMBDATESTACCESSKEY", "lambdatest-secret-access-key", "lambdatest-session-token"})
	c.Timeout = or(c.Timeout, 3*time.Second)
	c.InitTimeout = or(c.InitTimeout, 10*time.Second)
	c.Concurrency = or(c.Concurrency, 1)
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	return c, nil
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

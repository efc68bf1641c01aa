// Package lambdatest runs a Lambda function's bootstrap binary as the Lambda service does, for
// tests and for trials on a laptop: it starts the process with an environment of its own, serves
// the Runtime API, enforces deadlines, kills and restarts the process, and measures it.
//
//	function, err := lambdatest.Start(ctx, lambdatest.Config{Path: "build/rotate/bootstrap"})
//	defer function.Close()
//	result, err := function.Invoke(ctx, []byte(`{}`))
//
// An [API] serves the Invoke call for functions, for the AWS CLI and SDKs.
//
// As in the service, a process runs one invocation at a time. The first invocation that needs a
// process starts it; later ones use it; it is replaced after a time-out, a crash or an init error.
// Of several idle processes, the one used last is used next.
// An invocation ends when the process asks for the next one. Unlike the service, there is no
// isolation and no limit of memory or CPU, a failed init is not tried again within the same
// invocation, asynchronous events are not retried, and extensions and response streaming are
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

// Config is the configuration of a function. Path is required; the zero value of every other field
// is Lambda's default.
type Config struct {
	// Path is the bootstrap binary.
	Path string
	// Args are the binary's arguments; Lambda passes none.
	Args []string
	// Env is added to the environment that Lambda makes, and overrides it. Nothing is inherited from
	// this process.
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
	// MemoryMB is in the function's environment; it is not enforced. 0: 128.
	MemoryMB int
	// LogFormat is AWS_LAMBDA_LOG_FORMAT, "Text" or "JSON"; "": "Text".
	LogFormat string
	// Credentials are those in the function's environment; zero: made-up ones.
	Credentials Credentials

	// Timeout of an invocation; 0: 3 seconds.
	Timeout time.Duration
	// InitTimeout is how long a process may take to ask for its first invocation; 0: 10 seconds.
	InitTimeout time.Duration
	// Concurrency is how many processes may run; 0: one. Further invocations wait, or with Throttle
	// are refused.
	Concurrency int
	// Throttle refuses an invocation with ErrThrottled if no process is free.
	Throttle bool
	// ColdStarts starts a process for each invocation, and kills it afterwards.
	ColdStarts bool

	// Stdout and Stderr get the output of the processes, completely before Invoke returns; nil:
	// dropped. Writes to the two are never concurrent, so that both may be the same writer.
	Stdout, Stderr io.Writer
	// Observe is called for each event, in order for one process; it may call Kill. nil: not called.
	Observe func(Event)
}

// Credentials are AWS credentials.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// EventKind is the kind of an event.
type EventKind string

// The events in the life of a process.
const (
	ProcessStarted     EventKind = "process started"
	ProcessReady       EventKind = "process ready"       // the process asked for its first invocation
	InvocationSent     EventKind = "invocation sent"     // the process has taken the invocation
	InvocationAnswered EventKind = "invocation answered" // with a response or an error
	ProcessExited      EventKind = "process exited"
)

// Event is an event in the life of a process.
type Event struct {
	Kind      EventKind
	PID       int
	RequestID string // of the invocation, if there is one
	Time      time.Time
}

// The errors of Invoke. A failure of the function is not an error but a Result with a
// FunctionError.
var (
	ErrClosed    = errors.New("lambdatest: the function is closed")
	ErrThrottled = errors.New("lambdatest: no process is free (TooManyRequestsException)")
	ErrTooLarge  = errors.New("lambdatest: the payload is longer than 6 MB (RequestTooLargeException)")
)

// Function is a deployed function. It is safe for concurrent use.
type Function struct {
	config Config
	output sync.Mutex    // of Stdout and Stderr
	free   chan struct{} // has an item for each slot in idle
	cancel func() bool
	work   sync.WaitGroup // goroutines

	mu        sync.Mutex
	closed    bool
	idle      []*slot // the one used last is at the end, and is used next
	live      map[*environment]bool
	renewals  int
	processes []*Process
}

// slot is the permission to run one process, and that process once it runs.
type slot struct{ environment *environment }

// Start checks the config and returns the function; its first process starts with the first
// invocation. When ctx ends, the function is closed as by Close; call Close nevertheless.
func Start(ctx context.Context, config Config) (*Function, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Function{config: config, free: make(chan struct{}, config.Concurrency), live: map[*environment]bool{}}
	for range config.Concurrency {
		f.release(&slot{})
	}
	f.cancel = context.AfterFunc(ctx, f.shut)
	return f, nil
}

// Close kills the processes, waits until every process and goroutine of the function has ended, and
// returns. Running invocations return an error. It may be called more than once, but not from
// Observe.
func (f *Function) Close() {
	f.cancel()
	f.shut()
	f.work.Wait()
}

// shut kills the processes and prevents new ones.
func (f *Function) shut() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.Kill()
}

// Kill kills every process of the function with SIGKILL, as a failing machine does. A running
// invocation gets the Result of a crash; the next one starts a new process.
func (f *Function) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range f.live {
		e.kill()
	}
}

// Renew has each process replaced before its next invocation, as an update of the function's
// configuration does. Running invocations continue.
func (f *Function) Renew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewals++
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
		return c, fmt.Errorf("lambdatest: the bootstrap binary %s is not a file", path)
	}
	c.Path = path
	c.Dir = or(c.Dir, filepath.Dir(path))
	c.FunctionName = or(c.FunctionName, "function")
	c.Region = or(c.Region, "us-east-1")
	c.FunctionARN = or(c.FunctionARN, "arn:aws:lambda:"+c.Region+":123456789012:function:"+c.FunctionName)
	c.Handler = or(c.Handler, "bootstrap")
	c.MemoryMB = or(c.MemoryMB, 128)
	c.LogFormat = or(c.LogFormat, "Text")
	c.Credentials = or(c.Credentials,
		Credentials{"LAMBDATESTACCESSKEY", "lambdatest-secret-access-key", "lambdatest-session-token"})
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

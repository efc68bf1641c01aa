package lambdatest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// environment is one process with its own Runtime API, Lambda's execution environment.
type environment struct {
	function *Function
	command  *exec.Cmd
	api      *http.Server
	stdout   *pump
	stderr   *pump
	tail     *tail
	process  *Process // guarded by function.mu
	renewals int      // the function's at the start

	polled    chan struct{}    // holds one item once the process has asked for work
	work      chan *invocation // taken by the process that asked
	initError chan reply
	exited    chan struct{} // closed at the end, when all output is written

	killed  atomic.Bool
	mu      sync.Mutex
	current *invocation
}

// start starts a process. The error is that of the operating system.
func (f *Function) start() (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &environment{
		function: f, tail: &tail{},
		polled: make(chan struct{}, 1), work: make(chan *invocation), initError: make(chan reply, 1),
		exited: make(chan struct{}),
	}
	e.api = &http.Server{Handler: e.handler(), ReadHeaderTimeout: time.Minute}
	if err := e.startCommand(listener.Addr().String()); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	f.work.Go(func() { _ = e.api.Serve(listener) }) // always ErrServerClosed
	f.work.Go(e.reap)
	f.observe(ProcessStarted, e.process.PID, "")
	return e, nil
}

func (e *environment) startCommand(address string) error {
	f := e.function
	var err error
	if e.stdout, err = newPump(f.config.Stdout, e.tail, &f.output); err != nil {
		return err
	}
	if e.stderr, err = newPump(f.config.Stderr, e.tail, &f.output); err != nil {
		e.stdout.close()
		return err
	}
	begin := func() error {
		e.command = exec.Command(f.config.Path, f.config.Args...)
		e.command.Dir = f.config.Dir
		e.command.Env = f.config.environment(address)
		e.command.Stdout, e.command.Stderr = e.stdout.in, e.stderr.in
		separate(e.command)
		return e.command.Start()
	}
	started := time.Now()
	err = begin()
	for try := 0; errors.Is(err, syscall.ETXTBSY) && try < 20; try++ {
		// A binary that was just written is busy while a process that was forked meanwhile has the
		// writer's descriptor.
		time.Sleep(10 * time.Millisecond)
		started = time.Now()
		err = begin()
	}
	if err != nil {
		e.stdout.close()
		e.stderr.close()
		return err
	}
	e.register(started)
	return nil
}

// register adds the process to the function, and kills it if the function was closed meanwhile.
func (e *environment) register(started time.Time) {
	f := e.function
	e.process = &Process{PID: e.command.Process.Pid, Started: started}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[e] = true
	e.renewals = f.renewals
	if f.processes = append(f.processes, e.process); len(f.processes) > maxProcesses {
		f.processes = f.processes[1:]
	}
	if f.closed {
		e.kill()
	}
}

// reap waits for the end of the process and then ends its children and its Runtime API.
func (e *environment) reap() {
	err := e.command.Wait()
	e.stdout.close()
	e.stderr.close()
	f := e.function
	f.mu.Lock()
	delete(f.live, e)
	e.process.exit(e.command.ProcessState, err)
	f.mu.Unlock()
	f.observe(ProcessExited, e.process.PID, "")
	close(e.exited)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if e.api.Shutdown(ctx) != nil {
		_ = e.api.Close()
	}
}

// hasEnded reports whether the process cannot run another invocation. It waits for the end of a
// killed one.
func (e *environment) hasEnded() bool {
	if e.killed.Load() {
		<-e.exited
	}
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// isRenewed reports whether the function was renewed after the process had started.
func (e *environment) isRenewed() bool {
	e.function.mu.Lock()
	defer e.function.mu.Unlock()
	return e.renewals != e.function.renewals
}

// kill ends the process and those that it started. It does not wait.
func (e *environment) kill() {
	e.killed.Store(true)
	killAll(e.command)
}

// ready is called when the process asks for its first invocation.
func (e *environment) ready() {
	e.function.mu.Lock()
	e.process.Init = time.Since(e.process.Started)
	e.function.mu.Unlock()
	e.function.observe(ProcessReady, e.process.PID, "")
}

// begin makes an invocation the process's current one.
func (e *environment) begin(i *invocation) {
	e.tail.reset()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = i
}

// end ends the current invocation: an answer that the process posts for it later is refused.
func (e *environment) end() {
	e.mu.Lock()
	e.current = nil
	e.mu.Unlock()
	e.function.mu.Lock()
	e.process.Invocations++
	e.function.mu.Unlock()
}

// describe adds the measurements of the process to a result.
func (e *environment) describe(result *Result) {
	e.function.mu.Lock()
	defer e.function.mu.Unlock()
	result.PID, result.PeakRSS = e.process.PID, e.process.PeakRSS
	result.LogTail = e.tail.bytes()
}

// flush waits until everything that the process has written has reached Stdout and Stderr.
func (e *environment) flush() {
	e.stdout.flush()
	e.stderr.flush()
}

// exitMessage returns the service's text for a process that ended by itself. The process has
// exited.
func (e *environment) exitMessage() string {
	e.function.mu.Lock()
	defer e.function.mu.Unlock()
	if e.process.Exit == "exit status 0" {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + e.process.Exit
}

// environment is the process's environment: Lambda's variables, then the function's own.
func (c Config) environment(address string) []string {
	variables := map[string]string{
		"PATH":                            "/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG":                            "en_US.UTF-8",
		"TZ":                              ":UTC",
		"LAMBDA_TASK_ROOT":                c.Dir,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"_HANDLER":                        c.Handler,
		"AWS_REGION":                      c.Region,
		"AWS_DEFAULT_REGION":              c.Region,
		"AWS_ACCESS_KEY_ID":               c.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":           c.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN":               c.Credentials.SessionToken,
		"AWS_LAMBDA_RUNTIME_API":          address,
		"AWS_LAMBDA_FUNCTION_NAME":        c.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION":     functionVersion,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + c.FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local/[" + functionVersion + "]" + newUUID(),
		"AWS_LAMBDA_LOG_FORMAT":           c.LogFormat,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
	}
	if c.LogFormat == "JSON" {
		variables["AWS_LAMBDA_LOG_LEVEL"] = "INFO"
	}
	if root := os.Getenv("SystemRoot"); root != "" {
		variables["SystemRoot"] = root // Windows starts no program without this variable
	}
	for name, value := range c.Env {
		variables[name] = value
	}
	list := make([]string, 0, len(variables))
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}

const functionVersion = "$LATEST"

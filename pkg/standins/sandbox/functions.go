package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// Invocation is one invocation of a function, and what it did. It holds no secret.
type Invocation struct {
	Function string
	// Step, Secret and Version are those of the event; rotate only.
	Step, Secret, Version string
	Started               time.Time
	Duration              time.Duration
	// Init is how long the process took to start; zero in a warm one.
	Init time.Duration
	PID  int
	// Answer is the function's answer, Error the text of its error.
	Answer json.RawMessage
	Error  string
	// AWS are this function's calls meanwhile, of concurrent invocations too; Engage those of all
	// functions.
	AWS    []AWSCall
	Engage []EngageCall
}

// concurrency is how many invocations of a function run at a time, as in a new AWS account.
const concurrency = 10

// startFunctions starts the functions that have a binary.
func (s *Sandbox) startFunctions(ctx context.Context) error {
	for _, name := range Functions {
		path := s.config.Binaries[name]
		if path == "" {
			continue
		}
		s.outputs[name] = &output{observe: func(line string) { s.alarms.line(name, line) }}
		f, err := lambdatest.Start(ctx, lambdatest.Config{
			Path: path, FunctionName: name, Region: Region, Timeout: s.config.Timeout, LogFormat: "JSON", MemoryMB: 256,
			Concurrency: concurrency,
			Credentials: lambdatest.Credentials{AccessKeyID: callerOf(name), SecretAccessKey: "sandbox",
				SessionToken: "sandbox"},
			Env:    s.environment(),
			Stdout: s.outputs[name], Stderr: s.outputs[name],
		})
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		s.functions[name] = f
		s.api.Register(f)
		s.api.RegisterAs(StackName+"-"+name, f)
	}
	return nil
}

// environment returns the variables that the template sets, with the stand-ins' addresses.
func (s *Sandbox) environment() map[string]string {
	env := s.Settings(s.config.reachable())
	env["AWS_EC2_METADATA_DISABLED"] = "true"
	maps.Copy(env, s.config.Env)
	return env
}

// invokeARN invokes a function, as Secrets Manager and schedules do.
func (s *Sandbox) invokeARN(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	if arn == yardstickARN {
		return s.invokeYardstick(ctx, payload)
	}
	f := s.api.Function(arn)
	if f == nil {
		return nil, errors.New("unknown function " + arn)
	}
	var result lambdatest.Result
	invocation, err := s.record(f.Name(), payload, func() (reply, error) {
		var err error
		result, err = f.Invoke(ctx, payload)
		return reply{result.Payload, result.FunctionError != "", result.ErrorMessage, result.Duration, result.InitDuration,
			result.PID}, err
	})
	switch {
	case err != nil:
		return nil, err
	case invocation.Error != "":
		return nil, errors.New(invocation.Error)
	}
	return result.Payload, nil
}

// reply is the result of an invocation.
type reply struct {
	payload        []byte
	failed         bool
	message        string
	duration, init time.Duration
	pid            int
}

// record runs an invocation, records its calls and calls Observe.
func (s *Sandbox) record(function string, payload []byte, invoke func() (reply, error)) (Invocation, error) {
	var event awstest.RotationEvent
	if isRotation(function) && json.Unmarshal(payload, &event) == nil {
		s.witness.see("a RotationToken", event.RotationToken)
	}
	sv := s.services.Load()
	i := Invocation{Function: function, Step: event.Step, Secret: event.SecretId, Version: event.ClientRequestToken,
		Started: time.Now()}
	since := marksOf(sv)
	s.strikes.begin(function)
	begun := s.running.begin(i, sv, since)
	r, err := invoke()
	i.Duration, i.Init, i.PID = r.duration, r.init, r.pid
	if i.Duration == 0 {
		i.Duration = time.Since(i.Started)
	}
	switch {
	case errors.Is(err, lambdatest.ErrClosed):
		i.Error = interrupted
	case err != nil:
		i.Error = err.Error()
	case r.failed:
		i.Error = r.message
	case json.Valid(r.payload):
		i.Answer = r.payload
	}
	i.AWS, i.Engage = since.calls(sv, function)
	s.alarms.invoked(function, i.Error)
	defer s.changes.fire()
	s.steps.Lock()
	defer s.steps.Unlock()
	s.running.end(begun)
	if s.invocations = append(s.invocations, i); len(s.invocations) > 2*maxLines {
		s.invocations = append([]Invocation(nil), s.invocations[maxLines:]...)
	}
	s.config.Observe(i)
	return i, err
}

// Invocations returns the latest invocations that have ended, oldest first.
func (s *Sandbox) Invocations() []Invocation {
	s.steps.Lock()
	defer s.steps.Unlock()
	return append([]Invocation(nil), s.invocations...)
}

// marks are the highest numbers in the records of calls. Calls are numbered as they arrive and
// recorded as they end: the last record need not have the highest number.
type marks struct {
	aws    int
	engage int64
}

func marksOf(sv *services) marks {
	var m marks
	for _, call := range sv.aws.Calls() {
		m.aws = max(m.aws, call.Number)
	}
	for _, call := range sv.engage.Calls() {
		m.engage = max(m.engage, call.Number)
	}
	return m
}

// calls returns the calls of a function since the marks; Engage's are also those of other
// functions.
func (m marks) calls(sv *services, function string) (aws []AWSCall, vendor []EngageCall) {
	for _, call := range sv.aws.Calls() {
		if call.Number > m.aws && call.Caller == callerOf(function) {
			aws = append(aws, newAWSCall(call))
		}
	}
	for _, call := range sv.engage.Calls() {
		if call.Number > m.engage && mayBeOf(call, function) {
			vendor = append(vendor, newEngageCall(call))
		}
	}
	return aws, vendor
}

// invokeAPI is Lambda's Invoke call, recorded.
func (s *Sandbox) invokeAPI(rw http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, lambdatest.MaxPayload+1)) // a longer payload is refused below
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(payload))
	f := s.api.Function(functionOfPath(r.URL.Path))
	if f == nil {
		s.api.ServeHTTP(rw, r)
		return
	}
	_, _ = s.record(f.Name(), payload, func() (reply, error) {
		copied := &copyWriter{ResponseWriter: rw}
		s.api.ServeHTTP(copied, r)
		answer := reply{payload: copied.body.Bytes(), failed: rw.Header().Get("X-Amz-Function-Error") != ""}
		if answer.failed {
			var document struct{ ErrorMessage string }
			_ = json.Unmarshal(answer.payload, &document)
			answer.message = document.ErrorMessage
		}
		return answer, nil
	})
}

func functionOfPath(path string) string {
	const prefix, suffix = "/2015-03-31/functions/", "/invocations"
	if len(path) < len(prefix)+len(suffix) {
		return ""
	}
	return path[len(prefix) : len(path)-len(suffix)]
}

// newEngageCall and newAWSCall leave out everything that may be a secret.
func newEngageCall(c engagetest.Call) EngageCall {
	return EngageCall{Number: c.Number, Operation: string(c.Operation), User: c.User, Auth: c.Auth, Status: c.Status,
		Fingerprint: c.Fingerprint, Fault: c.Fault, Time: c.Time, DurationMs: milliseconds(c.Took)}
}

func newAWSCall(c awstest.Call) AWSCall {
	return AWSCall{Number: c.Number, Function: functionOfCaller(c.Caller), Action: c.Service + ":" + c.Action,
		Resource: c.Resource, Code: c.Code, Time: c.Time, DurationMs: milliseconds(c.Took)}
}

func functionOfCaller(caller string) string {
	for _, name := range append([]string{FunctionYardstick}, Functions...) {
		if caller == callerOf(name) {
			return name
		}
	}
	if caller == callerUser {
		return "user"
	}
	return "other (" + caller + ")"
}

// Invoke invokes a function by name, and returns its answer; a function that failed is an error.
func (s *Sandbox) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	f := s.functions[name]
	if f == nil {
		return nil, fmt.Errorf("sandbox: the binary of the function %q is missing", name)
	}
	return s.invokeARN(ctx, f.ARN(), payload)
}

package adversary_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

// stack is one deployment in an account: a rotation function, a sweep function and secrets.
type stack struct {
	*account
	name     string
	function string // ARN of the rotation function
	env      map[string]string
	secrets  []string
	users    []engagetest.User
	// ahead is how far the clock of the functions is ahead.
	ahead   time.Duration
	rotator *rotation.Rotator
	sweeper *sweep.Sweeper
	// attempts is how often the service runs a failing rotation.
	attempts int
	// end ends the invocation that began last; see crash.
	end context.CancelFunc
	// lag is how old reads of the Parameter Store may be; nil: they are new.
	lag *lag
}

// stack deploys a stack.
func (c *account) stack(name string, env ...string) *stack {
	s := &stack{
		account: c, name: name, env: map[string]string{}, attempts: 3,
		function: "arn:aws:lambda:us-east-1:123456789012:function:" + name,
	}
	for n := 0; n+1 < len(env); n += 2 {
		s.env[env[n]] = env[n+1]
	}
	s.users = []engagetest.User{c.user}
	c.stacks = append(c.stacks, s)
	s.restart()
	return s
}

// only deploys one stack with one secret in an account of its own.
func (a *attack) only(env ...string) *stack {
	s := a.account(awstest.Config{}).stack("main", env...)
	s.add("token", fields(a.user))
	return s
}

// restart makes new functions from the environment, as a deployment and a cold start do.
func (s *stack) restart() {
	s.t.Helper()
	s.rotator, s.sweeper = s.functions(s.ahead)
}

// functions returns another instance of both functions, with a clock that is ahead.
func (s *stack) functions(ahead time.Duration) (*rotation.Rotator, *sweep.Sweeper) {
	s.t.Helper()
	environment, err := settings.FromEnvironment(func(name string) string { return s.env[name] })
	if err != nil {
		s.t.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(ahead) }
	sdk := s.aws.SDKConfig(s.name)
	secrets, parameters := awsstore.NewSecrets(sdk), ledger.Parameters(awsstore.NewParameters(sdk))
	if s.lag != nil {
		parameters = &lagging{parameters, s.lag}
	}
	var number atomic.Int32
	rotator := rotation.New(rotation.Config{
		Secrets: secrets, Parameters: parameters, Settings: environment, Transport: s.attack, Now: now,
		Attempt: func(context.Context) string { return fmt.Sprintf("%p %d", &number, number.Add(1)) },
	})
	sweeper := sweep.New(sweep.Config{
		Secrets: secrets, Parameters: parameters, Settings: environment, Transport: s.attack, Now: now,
		RotationFunction: s.function,
	})
	return rotator, sweeper
}

// prefix returns where the stack's parameters are.
func (s *stack) prefix() string {
	if prefix := s.env[settings.EnvPrefix]; prefix != "" {
		return prefix
	}
	return settings.DefaultPrefix
}

// loseLedger removes the parameters of the stack's ledger that have a text in their name.
func (s *stack) loseLedger(text string) { s.lose(s.prefix()+"/ledger", text) }

// add makes a secret that the stack rotates.
func (s *stack) add(name, value string) (arn string) {
	s.t.Helper()
	arn = s.create(name, value)
	s.secrets = append(s.secrets, name)
	return arn
}

// begin starts a rotation as the service does, or goes on with the one that is not complete.
func (s *stack) begin(name string) (awstest.Run, error) {
	run, err := s.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: name, RotationLambdaARN: s.function})
	if err == nil {
		return run, nil
	}
	return s.aws.Secrets.ResumeRotation(name)
}

func (s *stack) mustBegin(name string) awstest.Run {
	s.t.Helper()
	run, err := s.begin(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// step invokes the rotation function for a step.
func (s *stack) step(run awstest.Run, step string) (report.Step, error) {
	return s.invoke(s.rotator, run, step)
}

func (s *stack) invoke(rotator *rotation.Rotator, run awstest.Run, step string) (done report.Step, err error) {
	event, err := events.ParseRotation(run.Payload(step))
	if err != nil {
		s.t.Error(err)
		return report.Step{}, err
	}
	err = within(s.t.Context(), 90*time.Second, func(ctx context.Context) (err error) {
		ctx, end := context.WithCancel(ctx)
		defer end()
		s.mu.Lock()
		s.end = end
		s.mu.Unlock()
		done, err = rotator.Handle(ctx, event)
		return err
	})
	return done, err
}

// crash ends the invocation that began last, as if the function had crashed.
func (s *stack) crash() {
	s.mu.Lock()
	end := s.end
	s.mu.Unlock()
	end()
}

// mustStep is step for one that is to succeed.
func (s *stack) mustStep(run awstest.Run, steps ...string) {
	s.t.Helper()
	for _, step := range steps {
		if _, err := s.step(run, step); err != nil {
			s.t.Fatalf("%s: %v", step, err)
		}
	}
}

// drive runs a rotation that has begun as the service does: all steps, several times while they
// fail.
func (s *stack) drive(run awstest.Run) error {
	var err error
	for attempt := range s.attempts {
		if attempt > 0 {
			time.Sleep(time.Second)
		}
		if err = s.attempt(run); err == nil || errors.Is(err, awstest.ErrRotationOver) || !s.labelled(run) {
			break
		}
	}
	s.aws.Secrets.EndRotation(run, err)
	return err
}

func (s *stack) attempt(run awstest.Run) error {
	for _, step := range run.Steps {
		if _, err := s.step(run, step); err != nil {
			return err
		}
		if err := s.aws.Secrets.CheckRotation(run); err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
	}
	return nil
}

// labelled reports whether the run's version carries AWSPENDING or AWSCURRENT: else the service
// does not repeat it.
func (s *stack) labelled(run awstest.Run) bool {
	return slices.Contains([]string{
		s.holder(run.SecretARN, awstest.StagePending), s.holder(run.SecretARN, awstest.StageCurrent),
	}, run.VersionID)
}

// try begins a rotation and drives it.
func (s *stack) try(name string) error {
	run, err := s.begin(name)
	if err != nil {
		return err
	}
	return s.drive(run)
}

// rotate is "one further rotation": when the first one abandons a version of before, the next one.
func (s *stack) rotate(name string) error {
	before := s.holder(name, awstest.StageCurrent)
	err := s.try(name)
	if s.holder(name, awstest.StageCurrent) == before {
		time.Sleep(5 * time.Minute)
		err = s.try(name)
	}
	return err
}

// mustRotate is rotate for a rotation that is to succeed at once.
func (s *stack) mustRotate(names ...string) {
	s.t.Helper()
	for _, name := range names {
		time.Sleep(10 * time.Minute)
		if err := s.try(name); err != nil {
			s.t.Fatalf("rotate %s: %v", name, err)
		}
	}
}

// sweep invokes the sweep function.
func (s *stack) sweep(payload string) (answer report.Sweep, err error) {
	s.t.Helper()
	request, err := events.ParseSweep([]byte(payload))
	if err != nil {
		s.t.Fatal(err)
	}
	err = within(s.t.Context(), 300*time.Second, func(ctx context.Context) (err error) {
		answer, err = s.sweeper.Run(ctx, request)
		return err
	})
	if errors.Is(err, errTimeout) {
		s.t.Errorf("the sweep did not answer in time: %v", err)
	}
	return answer, err
}

// mustSweep sweeps without a fault.
func (s *stack) mustSweep(payload string) report.Sweep {
	s.t.Helper()
	answer, err := s.sweep(payload)
	if err != nil || len(answer.Faults) > 0 {
		s.t.Fatalf("sweep %s: %v, faults %v", payload, err, answer.Faults)
	}
	return answer
}

// sweeps sweeps several times, with pauses, whatever they return.
func (s *stack) sweeps(n int, pause time.Duration) {
	s.t.Helper()
	for range n {
		time.Sleep(pause)
		if _, err := s.sweep(`{}`); errors.Is(err, errTimeout) {
			s.t.Error(err)
		}
	}
}

// operate sends the events that a report names for tokens that the ledger does not know.
func (s *stack) operate() {
	s.t.Helper()
	answer, err := s.sweep(`{}`)
	if err != nil {
		s.t.Error(err)
	}
	for _, report := range answer.Secrets {
		for _, unrecorded := range report.Unrecorded {
			if _, err := s.sweep(unrecorded.Remove); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// explain sweeps and adds the tokens that the report leaves to an operator, with the event that it
// names.
func (s *stack) explain(explained map[engage.Fingerprint]string) {
	s.t.Helper()
	answer, err := s.sweep(`{}`)
	if err != nil {
		s.t.Errorf("sweep of stack %s: %v", s.name, err)
	}
	for _, fault := range answer.Faults {
		s.t.Errorf("sweep of stack %s: %s", s.name, fault)
	}
	for _, report := range answer.Secrets {
		for _, removable := range slices.Concat(report.Unclaimed, report.Unrecorded) {
			explained[removable.Fingerprint] = removable.Remove
		}
		for _, fingerprint := range report.Unreachable {
			explained[fingerprint] = "unreachable"
		}
	}
}

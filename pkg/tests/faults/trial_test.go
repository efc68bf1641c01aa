package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// trial is one case: a variant of the deployment, and a strike.
type trial struct {
	variant variant
	strike  strike
}

// Times and counts of the service, as the harness plays it.
const (
	// attempts is how often the service repeats a rotation while faults strike; enough for a burst
	// to end.
	maxAttempts = 8
	// cleanAttempts is how often the service repeats the clean rotation.
	cleanAttempts = 3
	retryDelay    = 50 * time.Millisecond
	// functionTimeout is the template's.
	functionTimeout = 90 * time.Second
	// shortTimeout is the rotation function's timeout in cases that wait for it: long enough for a
	// clean finishSecret on a busy machine, which else leaves work to two sweeps.
	shortTimeout  = 12 * time.Second
	foreignTokens = 2
)

// deployment is the functions, services and secrets of one case.
type deployment struct {
	t        testing.TB
	services services
	variant  variant
	verdict  *verdict

	main, other *actor // other is nil without a neighbour
	sweep       *actor // nil unless a sweep follows the strikes
	adminARN    string // empty if the login fields are in the token secret
	foreign     []string
	attempts    int // of the main secret's rotation
}

// actor is a function's process with its gate, and the secret that it rotates.
type actor struct {
	gate     *gate
	function *lambdatest.Function
	arn      string
	began    time.Time // of the last invocation
}

func newDeployment(t testing.TB, v variant, s services, result *verdict) *deployment {
	d := &deployment{t: t, services: s, variant: v, verdict: result}
	for range foreignTokens {
		d.foreign = append(d.foreign, s.makeToken())
	}
	login, _ := json.Marshal(s.login(v.flow))
	document := string(login)
	if !v.inline {
		d.adminARN = s.store("engage/admin", `{"tokenSecrets":["*"],`+string(login[1:]))
		document = fmt.Sprintf(`{"adminSecretArn":%q,"note":"stays"}`, d.adminARN)
	}
	d.main = d.newActor("rotate", "")
	d.main.arn = s.store("engage/token", document)
	if s.direct() {
		d.main.gate.effect = func(name string) { d.lookForDead("during " + name) }
	}
	if v.neighbour {
		d.other = d.newActor("rotate", "                              other: ")
		d.other.arn = s.store("engage/other", document)
	}
	if v.after == afterSweep || v.after == afterLateSweep {
		d.sweep = d.newActor("sweep", "sweep: ")
	}
	return d
}

// newGate makes a gate. The history shows its calls after label.
func (d *deployment) newGate(label string) *gate {
	return &gate{
		counts: map[string]int{}, adminARN: d.adminARN, effect: func(string) {},
		log: func(format string, args ...any) { d.verdict.log(label+format, args...) },
	}
}

// newActor makes an actor with a process. The history shows its calls after label.
func (d *deployment) newActor(name, label string) *actor {
	a := &actor{gate: d.newGate(label)}
	a.gate.listen(d.t)
	a.gate.pass = d.passer(a.gate)
	var output io.Writer = &reader{verdict: d.verdict}
	if *verbose {
		output = io.MultiWriter(output, os.Stderr)
	}
	function, err := lambdatest.Start(context.Background(), lambdatest.Config{
		Path: built.Function(d.t, name), FunctionName: name, Timeout: d.variant.timeout(name), InitTimeout: time.Minute,
		Stdout: output, Stderr: output, Env: d.environment(a.gate),
	})
	must(err)
	a.function, a.gate.kill = function, function.Kill
	d.t.Cleanup(function.Close)
	return a
}

// environment returns the environment of a function that calls the gate.
func (d *deployment) environment(g *gate) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": g.url, "AWS_EC2_METADATA_DISABLED": "true", "PARAMETER_PREFIX": d.services.prefix(),
		"ROTATION_FUNCTION_ARN": d.services.rotationFunction(),
		"ENGAGE_BASE_URL":       g.url, "RINGCENTRAL_BASE_URL": g.url, "ENGAGE_ALLOWED_HOSTS": g.url,
	}
}

// passer returns the function that passes on the calls of a gate. The ledger's name of a user is
// made of host and user name, and each gate is another host. So the gates of the other processes
// replace their name with that of the main gate.
func (d *deployment) passer(g *gate) func(*http.Request, []byte) answer {
	if d.main == nil {
		return d.services.pass
	}
	ours, theirs := d.ledgerName(d.main.gate), d.ledgerName(g)
	return func(r *http.Request, body []byte) answer {
		if _, aws := target(r); !aws {
			return d.services.pass(r, body)
		}
		a := d.services.pass(r, bytes.ReplaceAll(body, theirs, ours))
		a.body = bytes.ReplaceAll(a.body, ours, theirs)
		return a
	}
}

func (d *deployment) ledgerName(g *gate) []byte {
	base, err := url.Parse(g.url)
	must(err)
	fields := d.services.login(d.variant.flow)
	return []byte(ledger.NewUser(engage.Endpoint{Flow: d.variant.flow, BaseURL: base}, engage.Credentials{
		Flow: d.variant.flow, Username: fields["username"], ClientID: fields["clientId"], JWT: hidden.New(fields["jwt"]),
	}))
}

// rotate runs a rotation as the service does, with up to attempts attempts, and returns the last
// one's failure.
func (d *deployment) rotate(ctx context.Context, a *actor, attempts int) error {
	run := d.services.begin(a.arn)
	var err error
	for n := range attempts {
		if n > 0 {
			time.Sleep(retryDelay)
		}
		if a == d.main {
			d.attempts++
		}
		err = d.attempt(run, func(step string) error {
			_, err := d.invoke(ctx, a, step, run.Payload(step))
			return err
		})
		if err == nil || ctx.Err() != nil || !d.services.retryable(run) {
			break
		}
	}
	d.services.end(run, err)
	return err
}

// attempt invokes the function for each step, once.
func (d *deployment) attempt(run awstest.Run, invoke func(step string) error) error {
	for _, step := range run.Steps {
		if err := invoke(step); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		if err := d.services.goesOn(run); err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
	}
	return nil
}

// invoke runs one invocation, and waits for the calls that a killed process has sent.
func (d *deployment) invoke(ctx context.Context, a *actor, step string, payload []byte) ([]byte, error) {
	a.gate.enter(step)
	result, err := a.function.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	a.began = time.Now().Add(-result.Duration)
	if result.FunctionError != "" {
		a.gate.log("-- %s failed: %s: %s", step, result.ErrorType, result.ErrorMessage)
		if result.ErrorType == lambdatest.TypeExit || result.ErrorType == lambdatest.TypeTimeout {
			a.gate.drain(ctx)
		}
		err = errors.New(result.ErrorMessage)
	} else {
		a.gate.log("-- %s: %s", step, result.Payload)
	}
	d.lookForDead("after " + step)
	if d.services.direct() || step == awstest.StepFinish {
		d.lookForForeign("after " + step)
	}
	return result.Payload, err
}

// run runs the case.
func (c trial) run(t testing.TB) (v *verdict) {
	v = &verdict{}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	started := time.Now()
	defer func() { v.took = time.Since(started) }()
	d := newDeployment(t, c.variant, c.variant.services(t), v)
	if err := d.prepare(ctx); err != nil {
		v.add(other, "the rotation before the case failed: "+err.Error())
		return v
	}
	d.main.gate.arm(c.strike)
	neighbour := d.startNeighbour(ctx)
	err := d.struckPart(ctx)
	v.attempts = d.attempts
	v.struck, v.names = d.main.gate.disarm()
	if failure := neighbour(); failure != nil {
		v.add(other, "the other secret's rotation failed: "+failure.Error())
	}
	v.log("-- no more faults; the last attempt: %v", err)
	for _, a := range d.rotating() {
		if err := d.rotate(ctx, a, cleanAttempts); err != nil {
			v.add(wedged, "a clean rotation failed: "+err.Error())
		}
	}
	d.checkEnd(ctx)
	return v
}

func (d *deployment) rotating() []*actor {
	if d.other != nil {
		return []*actor{d.main, d.other}
	}
	return []*actor{d.main}
}

// prepare brings the deployment to the start of the case: after a first rotation, if the variant
// has one. The process of a warm variant makes it; all others start with the first strike.
func (d *deployment) prepare(ctx context.Context) error {
	if d.variant.first {
		return nil
	}
	for _, a := range d.rotating() {
		var err error
		if d.variant.warm {
			err = d.rotate(ctx, a, 1)
		} else {
			err = d.rotateInProcess(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	d.attempts = 0
	return nil
}

// struckPart is the part of the case with faults.
func (d *deployment) struckPart(ctx context.Context) error {
	switch d.variant.after {
	case afterCancel:
		err := d.rotate(ctx, d.main, 1)
		d.services.cancel(d.main.arn)
		return err
	case afterSweep, afterLateSweep:
		err := d.rotate(ctx, d.main, 1)
		if d.variant.after == afterLateSweep {
			time.Sleep(time.Until(d.main.began.Add(shortTimeout + time.Second)))
		}
		if _, failure := d.invoke(ctx, d.sweep, "sweep", []byte(`{}`)); failure != nil {
			d.verdict.add(other, "the sweep failed: "+failure.Error())
		}
		if d.variant.after == afterLateSweep {
			d.lookForLeaked(ctx, "after the sweep")
		}
		return err
	}
	return d.rotate(ctx, d.main, maxAttempts)
}

// startNeighbour rotates the other secret twice meanwhile; the returned function waits for the end.
func (d *deployment) startNeighbour(ctx context.Context) func() error {
	if d.other == nil {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(d.rotate(ctx, d.other, cleanAttempts), d.rotate(ctx, d.other, cleanAttempts))
	}()
	return func() error { return <-done }
}

// command returns the command that replays the case.
func (c trial) command() string {
	test := "TestFaultMatrix"
	if c.variant.foreign {
		test = "TestForeignServers"
	}
	command := fmt.Sprintf("go test ./pkg/tests/faults -run %s -count=1 -v -flow=%s -variant=%s -call=%s -fault=%s "+
		"-burst=%d", test,
		c.variant.flow, c.variant.name, c.strike.call, c.strike.fault, c.strike.burst)
	if c.strike.again {
		command += " -again"
	}
	return command
}

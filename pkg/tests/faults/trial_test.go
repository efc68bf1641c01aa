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
	// shortTimeout is the rotation function's timeout in cases that wait for it.
	shortTimeout  = 8 * time.Second
	foreignTokens = 2
)

// deployment is the functions, services and secrets of one case.
type deployment struct {
	t        testing.TB
	services services
	variant  variant
	verdict  *verdict

	main, other *actor // other is nil without a neighbour
	sweep       *actor // nil until something sweeps
	adminARN    string // empty if the login fields are in the token secret
	foreign     []string
	attempts    int // of the main secret's rotation
}

// actor is a function's process with its gate, and the secret that it rotates.
type actor struct {
	gate     *gate
	function *lambdatest.Function
	arn      string
}

func newDeployment(t testing.TB, v variant, s services, result *verdict) *deployment {
	d := &deployment{t: t, services: s, variant: v, verdict: result}
	for range foreignTokens {
		d.foreign = append(d.foreign, s.makeToken())
	}
	login, _ := json.Marshal(s.login(v.flow))
	document := string(login)
	if !v.inline {
		d.adminARN = s.store("engage/admin", document)
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
		d.startSweep()
	}
	return d
}

// startSweep starts the sweep function, unless it runs.
func (d *deployment) startSweep() {
	if d.sweep == nil {
		d.sweep = d.newActor("sweep", "sweep: ")
	}
}

// newActor makes an actor. The history shows its calls after label.
func (d *deployment) newActor(name, label string) *actor {
	a := &actor{gate: newGate(d.t)}
	a.gate.log = func(format string, args ...any) { d.verdict.log(label+format, args...) }
	a.gate.adminARN, a.gate.pass = d.adminARN, d.passer(a.gate)
	output := io.Discard
	if *verbose {
		output = os.Stderr
	}
	function, err := lambdatest.Start(context.Background(), lambdatest.Config{
		Path: built.Function(d.t, name), FunctionName: name, Timeout: d.variant.timeout(name), InitTimeout: time.Minute,
		Stdout: output, Stderr: output,
		Env: map[string]string{
			"AWS_ENDPOINT_URL": a.gate.url, "AWS_EC2_METADATA_DISABLED": "true", "PARAMETER_PREFIX": d.services.prefix(),
			"ROTATION_FUNCTION_ARN": d.services.rotationFunction(),
			"ENGAGE_BASE_URL":       a.gate.url, "RINGCENTRAL_BASE_URL": a.gate.url, "ENGAGE_ALLOWED_HOSTS": a.gate.url,
		},
	})
	must(err)
	a.function, a.gate.kill = function, function.Kill
	d.t.Cleanup(function.Close)
	return a
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
		if err = d.attempt(ctx, a, run); err == nil || ctx.Err() != nil || !d.services.retryable(run) {
			break
		}
	}
	d.services.end(run, err)
	return err
}

// attempt runs the steps once.
func (d *deployment) attempt(ctx context.Context, a *actor, run awstest.Run) error {
	for _, step := range run.Steps {
		if _, err := d.invoke(ctx, a, step, run.Payload(step)); err != nil {
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

// cold kills the actor's idle process.
func (a *actor) cold(ctx context.Context) {
	a.function.Kill()
	a.gate.drain(ctx)
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

// prepare brings the deployment to the start of the case: after a first rotation, with a warm
// process or with none.
func (d *deployment) prepare(ctx context.Context) error {
	if d.variant.first {
		return nil
	}
	for _, a := range d.rotating() {
		if err := d.rotate(ctx, a, 1); err != nil {
			return err
		}
		if !d.variant.warm {
			a.cold(ctx)
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
			time.Sleep(shortTimeout + time.Second)
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

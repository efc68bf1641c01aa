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
	"slices"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// trial is one case: a variant of the world, and what strikes which call.
type trial struct {
	variant variant
	strike  strike
}

// Times and counts of the service that the harness plays.
const (
	// attempts is how often the service repeats a rotation while faults strike; enough for a burst to end.
	maxAttempts = 8
	// cleanAttempts is how often it repeats the clean one.
	cleanAttempts = 3
	retryDelay    = 50 * time.Millisecond
	// functionTimeout is that of the template.
	functionTimeout = 90 * time.Second
	// shortTimeout is the rotation function's in cases that wait for the end of an invocation's time.
	shortTimeout  = 8 * time.Second
	foreignTokens = 2
)

// world is the surroundings of one case.
type world struct {
	t        testing.TB
	services services
	variant  variant
	verdict  *verdict

	main, other *actor // other is nil without a neighbour
	sweep       *actor // nil unless the variant sweeps
	foreign     []string
	attempts    int // of the main secret's rotation
}

// actor is a function's process with its gate, and the secret that it rotates.
type actor struct {
	gate     *gate
	function *lambdatest.Function
	arn      string
}

func newWorld(t testing.TB, v variant, s services, result *verdict) *world {
	w := &world{t: t, services: s, variant: v, verdict: result}
	for range foreignTokens {
		w.foreign = append(w.foreign, s.makeToken())
	}
	login, _ := json.Marshal(s.login(v.flow))
	document, adminARN := string(login), ""
	if !v.inline {
		adminARN = s.store("engage/admin", document)
		document = fmt.Sprintf(`{"adminSecretArn":%q,"note":"stays"}`, adminARN)
	}
	w.main = w.newActor("rotate", adminARN, "")
	w.main.arn = s.store("engage/token", document)
	if s.direct() {
		w.main.gate.effect = func(name string) { w.lookForDead("during " + name) }
	}
	if v.neighbour {
		w.other = w.newActor("rotate", adminARN, "                              other: ")
		w.other.arn = s.store("engage/other", document)
	}
	if v.after == afterSweep || v.after == afterLateSweep {
		w.sweep = w.newActor("sweep", adminARN, "sweep: ")
	}
	return w
}

// newActor makes an actor; label stands before its calls in the history.
func (w *world) newActor(name, adminARN, label string) *actor {
	a := &actor{gate: newGate(w.t)}
	a.gate.log = func(format string, args ...any) { w.verdict.log(label+format, args...) }
	a.gate.adminARN, a.gate.pass = adminARN, w.passer(a.gate)
	output := io.Discard
	if *verbose {
		output = os.Stderr
	}
	function, err := lambdatest.Start(context.Background(), lambdatest.Config{
		Path: built.Function(w.t, name), FunctionName: name, Timeout: w.variant.timeout(name), InitTimeout: time.Minute,
		Stdout: output, Stderr: output,
		Env: map[string]string{
			"AWS_ENDPOINT_URL": a.gate.url, "AWS_EC2_METADATA_DISABLED": "true", "PARAMETER_PREFIX": w.services.prefix(),
			"ENGAGE_BASE_URL": a.gate.url, "RINGCENTRAL_BASE_URL": a.gate.url, "ENGAGE_ALLOWED_HOSTS": a.gate.url,
		},
	})
	must(err)
	a.function, a.gate.kill = function, function.Kill
	w.t.Cleanup(function.Close)
	return a
}

// passer returns what passes on the calls of a gate. The ledger's name of the user is made of host and user name, and each
// gate is another host: the gates of the other processes put the name of the main one in place of theirs.
func (w *world) passer(g *gate) func(*http.Request, []byte) answer {
	if w.main == nil {
		return w.services.pass
	}
	ours, theirs := w.ledgerName(w.main.gate), w.ledgerName(g)
	return func(r *http.Request, body []byte) answer {
		if _, aws := target(r); !aws {
			return w.services.pass(r, body)
		}
		a := w.services.pass(r, bytes.ReplaceAll(body, theirs, ours))
		a.body = bytes.ReplaceAll(a.body, ours, theirs)
		return a
	}
}

func (w *world) ledgerName(g *gate) []byte {
	base, err := url.Parse(g.url)
	must(err)
	fields := w.services.login(w.variant.flow)
	return []byte(ledger.NewUser(engage.Endpoint{Flow: w.variant.flow, BaseURL: base}, engage.Credentials{
		Flow: w.variant.flow, Username: fields["username"], ClientID: fields["clientId"], JWT: hidden.New(fields["jwt"]),
	}))
}

// rotate runs a rotation as the service does, with up to attempts repetitions, and returns the failure of the last one.
func (w *world) rotate(ctx context.Context, a *actor, attempts int) error {
	run := w.services.begin(a.arn)
	var err error
	for n := range attempts {
		if n > 0 {
			time.Sleep(retryDelay)
		}
		if a == w.main {
			w.attempts++
		}
		if err = w.attempt(ctx, a, run); err == nil || ctx.Err() != nil || !w.services.retryable(run) {
			break
		}
	}
	w.services.end(run, err)
	return err
}

// attempt runs the steps once.
func (w *world) attempt(ctx context.Context, a *actor, run awstest.Run) error {
	for _, step := range run.Steps {
		if _, err := w.invoke(ctx, a, step, run.Payload(step)); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		if err := w.services.goesOn(run); err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
	}
	return nil
}

// invoke runs one invocation, and waits for what a killed process has left on its way.
func (w *world) invoke(ctx context.Context, a *actor, step string, payload []byte) ([]byte, error) {
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
	w.lookForDead("after " + step)
	if w.services.direct() || step == awstest.StepFinish {
		w.lookForForeign("after " + step)
	}
	return result.Payload, err
}

// cold kills the actor's process, which is idle.
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
	w := newWorld(t, c.variant, c.variant.services(t), v)
	if err := w.prepare(ctx); err != nil {
		v.add(other, "the rotation before the case failed: "+err.Error())
		return v
	}
	w.main.gate.arm(c.strike)
	neighbour := w.startNeighbour(ctx)
	err := w.struckPart(ctx)
	v.attempts = w.attempts
	v.struck, v.names = w.main.gate.disarm()
	if failure := neighbour(); failure != nil {
		v.add(other, "the other secret's rotation failed: "+failure.Error())
	}
	v.log("-- no more faults; the last attempt: %v", err)
	for _, a := range w.rotating() {
		if err := w.rotate(ctx, a, cleanAttempts); err != nil {
			v.add(wedged, "a clean rotation failed: "+err.Error())
		}
	}
	w.settle()
	return v
}

func (w *world) rotating() []*actor {
	if w.other != nil {
		return []*actor{w.main, w.other}
	}
	return []*actor{w.main}
}

// prepare brings the world to where the case begins: a first rotation made, the process warm or not there.
func (w *world) prepare(ctx context.Context) error {
	if w.variant.first {
		return nil
	}
	for _, a := range w.rotating() {
		if err := w.rotate(ctx, a, 1); err != nil {
			return err
		}
		if !w.variant.warm {
			a.cold(ctx)
		}
	}
	w.attempts = 0
	return nil
}

// struckPart is the part of the case in which faults strike.
func (w *world) struckPart(ctx context.Context) error {
	switch w.variant.after {
	case afterCancel:
		err := w.rotate(ctx, w.main, 1)
		w.services.cancel(w.main.arn)
		return err
	case afterSweep, afterLateSweep:
		err := w.rotate(ctx, w.main, 1)
		if w.variant.after == afterLateSweep {
			time.Sleep(shortTimeout + time.Second)
		}
		if _, failure := w.invoke(ctx, w.sweep, "sweep", []byte(`{}`)); failure != nil {
			w.verdict.add(other, "the sweep failed: "+failure.Error())
		}
		if w.variant.after == afterLateSweep {
			w.lookForLeaked("after the sweep")
		}
		return err
	}
	return w.rotate(ctx, w.main, maxAttempts)
}

// startNeighbour rotates the other secret twice meanwhile; the function returned waits for that to end.
func (w *world) startNeighbour(ctx context.Context) func() error {
	if w.other == nil {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(w.rotate(ctx, w.other, cleanAttempts), w.rotate(ctx, w.other, cleanAttempts))
	}()
	return func() error { return <-done }
}

// lookForDead checks that AWSCURRENT names a live token. What it reads may change meanwhile: it looks again.
func (w *world) lookForDead(when string) {
	for _, a := range w.rotating() {
		for range 3 {
			token := tokenOf(w.services.value(a.arn))
			if token == "" || slices.Contains(w.services.live(), token) {
				break
			}
			if tokenOf(w.services.value(a.arn)) == token {
				w.verdict.add(dead, "AWSCURRENT holds a dead token "+when)
				break
			}
		}
	}
}

// lookForForeign checks that the tokens of other programs live, and that no secret holds one.
func (w *world) lookForForeign(when string) {
	live := w.services.live()
	for _, token := range w.foreign {
		if !slices.Contains(live, token) {
			w.verdict.add(foreignDeleted, "a foreign token is deleted "+when)
		}
	}
	for _, a := range w.rotating() {
		for _, v := range w.services.versions(a.arn) {
			if slices.Contains(w.foreign, tokenOf(v.value)) {
				w.verdict.add(foreignAdopted, "a version holds a foreign token "+when)
			}
		}
	}
}

// settle checks the end: each secret has one live token, and there is no other but the foreign ones.
func (w *world) settle() {
	w.lookForDead("at the end")
	w.lookForForeign("at the end")
	holder := map[string]string{}
	for _, a := range w.rotating() {
		token := tokenOf(w.services.value(a.arn))
		if token == "" {
			w.verdict.add(wedged, "a secret has no token at the end")
		}
		if holder[token] != "" {
			w.verdict.add(other, "two secrets share a token at the end")
		}
		holder[token] = a.arn
	}
	if live := len(w.services.live()); live < len(w.foreign)+len(holder) {
		w.verdict.add(dead, fmt.Sprintf("%d tokens are live at the end", live))
	} else if live > len(w.foreign)+len(holder) {
		w.verdict.add(leaked, fmt.Sprintf("%d tokens are live at the end", live))
	}
}

// lookForLeaked checks that every live token is foreign, or held by AWSCURRENT or a pending version.
func (w *world) lookForLeaked(when string) {
	held := slices.Clone(w.foreign)
	for _, a := range w.rotating() {
		for _, v := range w.services.versions(a.arn) {
			if v.kept() {
				held = append(held, tokenOf(v.value))
			}
		}
	}
	for _, token := range w.services.live() {
		if !slices.Contains(held, token) {
			w.verdict.add(leaked, "a live token that no version holds "+when)
		}
	}
}

// command is the one that replays the case.
func (c trial) command() string {
	test := "TestFaultMatrix"
	if c.variant.foreign {
		test = "TestForeignServers"
	}
	command := fmt.Sprintf("go test ./pkg/tests/faults -run %s -count=1 -v -flow=%s -variant=%s -call=%s -fault=%s -burst=%d", test,
		c.variant.flow, c.variant.name, c.strike.call, c.strike.fault, c.strike.burst)
	if c.strike.again {
		command += " -again"
	}
	return command
}

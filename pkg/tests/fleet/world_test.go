package fleet_test

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

// world is one deployment with its fleet of secrets, in virtual time: a test makes it in a bubble
// of testing/synctest. Every call takes its latency, and is refused beyond its rate.
type world struct {
	t       testing.TB
	aws     *awstest.Server
	vendor  *engagetest.Server
	buckets map[string]*bucket
	// uniform is the latency of every call, instead of those of the services, and lifts AWS's quotas;
	// 0: those of the services.
	uniform time.Duration
	// unlimited lifts the vendor's limit of calls.
	unlimited bool
	fleet     fleet
	// arns are the token secrets, in the order of their creation.
	arns []string
	// previous are the tokens that are due.
	previous []string
	// silent are the tokens and the name of the user that the vendor never answers.
	silent map[string]bool

	mu sync.Mutex
	tally
}

// tally counts calls by operation.
type tally struct {
	calls     map[string]int // AWS operations, and "Engage list" and so on
	throttled map[string]int // of them those refused for their rate
}

func newTally() tally { return tally{map[string]int{}, map[string]int{}} }

// aws and engage return how many calls were made to each side.
func (y tally) aws() int { return y.sum() - y.engage() }
func (y tally) engage() int {
	return y.sumOf(func(name string) bool { return engageCall.MatchString(name) })
}
func (y tally) sum() int { return y.sumOf(func(string) bool { return true }) }

func (y tally) sumOf(wanted func(string) bool) int {
	n := 0
	for name, count := range y.calls {
		if wanted(name) {
			n += count
		}
	}
	return n
}

func (y tally) add(other tally) {
	for name, n := range other.calls {
		y.calls[name] += n
	}
	for name, n := range other.throttled {
		y.throttled[name] += n
	}
}

// refused returns how many calls were refused for their rate.
func (y tally) refused() int {
	n := 0
	for _, count := range y.throttled {
		n += count
	}
	return n
}

var engageCall = regexp.MustCompile(`^Engage `)

// take returns the counts since the last take.
func (w *world) take() tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.tally
	w.tally = newTally()
	return taken
}

func (w *world) count(name string, throttled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[name]++
	if throttled {
		w.throttled[name]++
	}
}

// newServices makes the stand-ins, without a secret.
func (w *world) newServices(users []engagetest.User) {
	w.tally = newTally()
	w.silent = map[string]bool{}
	w.buckets = newBuckets()
	w.aws = awstest.NewServer(awstest.Config{
		Secrets: awstest.SecretsConfig{History: 1}, Fault: w.awsCall, RecordLimit: 1,
	})
	limits := engagetest.Limits{TokenCalls: vendorCalls, Logins: vendorLogins}
	if w.unlimited {
		limits.TokenCalls = 0
	}
	w.vendor = engagetest.NewServer(engagetest.Config{
		Seed: 1, Users: users, Answers: engagetest.Answers{Order: engagetest.OrderOldestFirst}, LogLength: 2000,
		Limits: limits,
	})
}

// awsCall delays, counts and throttles a call to AWS.
func (w *world) awsCall(c awstest.Call) awstest.Action {
	action := awstest.Action{Delay: awsLatency}
	if w.uniform > 0 {
		action.Delay = w.uniform
	}
	b := w.buckets[c.Action]
	if b == nil {
		w.t.Errorf("no quota of %s is known", c.Action)
		return action
	}
	pass := b.take() || w.uniform > 0
	if !pass {
		action.Before = awstest.Throttled()
	}
	w.count(c.Action, !pass)
	return action
}

// transport carries calls to the vendor, and delays and counts them.
type transport struct{ *world }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.silent[r.Header.Get("X-Auth-Token")] || t.silent[r.URL.Query().Get("username")] {
		<-r.Context().Done()
		t.count("Engage unanswered", false)
		return nil, r.Context().Err()
	}
	latency := vendorLatency
	if t.uniform > 0 {
		latency = t.uniform
	}
	select {
	case <-time.After(latency):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	response, err := t.vendor.RoundTripper().RoundTrip(r)
	t.count("Engage "+operation(r), err == nil && response.StatusCode == http.StatusTooManyRequests)
	return response, err
}

// operation names a call to the vendor.
func operation(r *http.Request) string {
	switch {
	case loginPath.MatchString(r.URL.Path):
		return "login"
	case r.Method == http.MethodPost:
		return "create"
	case r.Method == http.MethodDelete:
		return "delete"
	}
	return "list"
}

var loginPath = regexp.MustCompile(`/auth/`)

// environment returns the settings of the functions.
func (w *world) environment() settings.Settings {
	w.t.Helper()
	values := map[string]string{}
	if w.fleet.retention > 0 {
		values[settings.EnvRetention] = w.fleet.retention.String()
	}
	set, err := settings.FromEnvironment(func(name string) string { return values[name] })
	if err != nil {
		w.t.Fatal(err)
	}
	return set
}

// newRotator is a cold start of the rotation function.
func (w *world) newRotator() *rotation.Rotator {
	w.t.Helper()
	sdk := w.aws.SDKConfig("rotate")
	return rotation.New(rotation.Config{
		Secrets: awsstore.NewSecrets(sdk), Parameters: awsstore.NewParameters(sdk), Settings: w.environment(),
		Transport: transport{w},
	})
}

// newSweeper is a cold start of the sweep function.
func (w *world) newSweeper() *sweep.Sweeper {
	w.t.Helper()
	sdk := w.aws.SDKConfig("sweep")
	return sweep.New(sweep.Config{
		Secrets: awsstore.NewSecrets(sdk), Parameters: awsstore.NewParameters(sdk), Settings: w.environment(),
		Transport: transport{w}, RotationFunction: functionARN,
	})
}

// timeout returns the Timeout of a function of the template.
func timeout(t testing.TB, function string) time.Duration {
	t.Helper()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)\n  ` + function + `:\n.*?\n      Timeout: (\d+)\n`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("the template has no Timeout of %s", function)
	}
	seconds, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds) * time.Second
}

// begin starts a rotation as the service does.
func (w *world) begin(arn string) awstest.Run {
	w.t.Helper()
	run, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: arn, RotationLambdaARN: functionARN})
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

// invoke carries out a step as Lambda does, with the function's time limit.
func invoke(ctx context.Context, rotator *rotation.Rotator, payload []byte, limit time.Duration) error {
	event, err := events.ParseRotation(payload)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err = rotator.Handle(ctx, event)
	return err
}

// live returns how many tokens of the fleet's users are alive.
func (w *world) live() int {
	n := 0
	for _, u := range w.fleet.userNames() {
		n += len(w.vendor.Tokens(u))
	}
	return n
}

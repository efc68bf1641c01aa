package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"engage-token-rotation/pkg/standins/lambdatest"
)

// Sandbox is a running sandbox. It is safe for concurrent use.
type Sandbox struct {
	// AWSURL and EngageURL are the addresses of the two listeners for this machine.
	AWSURL, EngageURL string

	config    Config
	witness   *witness
	api       *lambdatest.API
	outputs   map[string]*output
	functions map[string]*lambdatest.Function
	servers   []*http.Server
	serving   sync.WaitGroup

	// What the page shows and does.
	changes   signal
	running   running
	strikes   strikes
	yardstick yardstick
	alarms    alarms
	readers   readers

	services atomic.Pointer[services]
	scenario atomic.Pointer[activeScenario]

	reset sync.Mutex                  // one reset at a time
	setUp func(context.Context) error // guarded by reset; may be nil

	steps sync.Mutex // of invocations and of the calls to Observe
	// invocations are the latest, oldest first.
	invocations []Invocation
}

// Start starts a sandbox in its first state: there are secrets, and nothing has rotated. Close it
// after use. The end of ctx ends the functions, but not the listeners.
func Start(ctx context.Context, config Config) (*Sandbox, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return start(ctx, config, config.Scenario)
}

// start starts a sandbox whose first scenario may be another than the one that it is configured
// for.
func start(ctx context.Context, config Config, first Scenario) (*Sandbox, error) {
	s := &Sandbox{config: config, witness: &witness{}, api: lambdatest.NewAPI(), outputs: map[string]*output{},
		functions: map[string]*lambdatest.Function{}}
	awsListener, err := listen(config.Listen, config.AWSPort)
	if err != nil {
		return nil, err
	}
	engageListener, err := listen(config.Listen, config.EngagePort)
	if err != nil {
		return nil, errors.Join(err, awsListener.Close())
	}
	s.AWSURL, s.EngageURL = s.url(awsListener), s.url(engageListener)
	sv := s.newServices()
	s.services.Store(sv)
	s.serve(awsListener, s.awsHandler())
	vendor := func(rw http.ResponseWriter, r *http.Request) { s.services.Load().engage.ServeHTTP(rw, r) }
	s.serve(engageListener, s.changes.after(s.witness.watch(http.HandlerFunc(vendor))))
	err = s.startFunctions(ctx)
	if err == nil {
		err = s.seed(ctx, sv)
	}
	if err == nil {
		err = s.SetScenario(ctx, first)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func listen(host string, port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w; choose another address (-listen) or other ports (-aws-port, -engage-port)", err)
	}
	return listener, nil
}

func (s *Sandbox) url(l net.Listener) string {
	port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // listen makes TCP listeners alone
	return "http://" + net.JoinHostPort(s.config.reachable(), strconv.Itoa(port))
}

func (s *Sandbox) serve(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	s.servers = append(s.servers, server)
	s.serving.Go(func() { _ = server.Serve(l) }) // always ErrServerClosed
}

// Close ends rotations, function processes and listeners, and returns when all have ended. It may
// be called again.
func (s *Sandbox) Close() {
	for _, f := range s.functions {
		f.Close()
	}
	s.services.Load().aws.Close()
	for _, server := range s.servers {
		_ = server.Close()
	}
	s.serving.Wait()
}

// SetUp calls do now, and again after each Reset: to set a schedule, for instance.
func (s *Sandbox) SetUp(ctx context.Context, do func(context.Context) error) error {
	s.reset.Lock()
	defer s.reset.Unlock()
	s.setUp = do
	return do(ctx)
}

// Reset returns to the first state: new secrets, an empty ledger, no scenario, and cold functions.
func (s *Sandbox) Reset(ctx context.Context) error {
	s.reset.Lock()
	defer s.reset.Unlock()
	defer s.changes.fire()
	for _, f := range s.functions {
		f.Kill()
	}
	s.yardstick.kill()
	s.services.Load().aws.Close()
	s.scenario.Store(nil)
	s.strikes.set(Strike{})
	s.alarms.clear()
	sv := s.newServices()
	s.services.Store(sv)
	s.steps.Lock()
	s.invocations = nil
	s.steps.Unlock()
	for _, o := range s.outputs {
		o.clear()
	}
	if err := s.seed(ctx, sv); err != nil || s.setUp == nil {
		return err
	}
	return s.setUp(ctx)
}

// client calls Secrets Manager as a user does.
func (s *Sandbox) client() *secretsmanager.Client {
	return secretsmanager.NewFromConfig(s.services.Load().aws.SDKConfig(callerUser))
}

// Rotate calls RotateSecret for the token secret, as a user does, and returns the new version's id.
// A schedule of "" sets none; "rate(30 seconds)" is allowed, which AWS refuses.
func (s *Sandbox) Rotate(ctx context.Context, schedule string) (version string, err error) {
	return s.rotate(ctx, schedule, true)
}

// Preflight sets the rotation up without a first rotation (RotateImmediately=false): the service
// tests it only.
func (s *Sandbox) Preflight(ctx context.Context, schedule string) (version string, err error) {
	return s.rotate(ctx, schedule, false)
}

func (s *Sandbox) rotate(ctx context.Context, schedule string, immediately bool) (string, error) {
	in := &secretsmanager.RotateSecretInput{
		SecretId: aws.String(TokenSecret), RotationLambdaARN: aws.String(s.functions[FunctionRotate].ARN()),
		RotateImmediately: aws.Bool(immediately),
	}
	if schedule != "" {
		in.RotationRules = &types.RotationRulesType{ScheduleExpression: aws.String(schedule)}
	}
	out, err := s.client().RotateSecret(ctx, in)
	if err != nil {
		return "", fmt.Errorf("RotateSecret: %w", err)
	}
	return aws.ToString(out.VersionId), nil
}

// Wait waits until no rotation runs, or returns ctx's error.
func (s *Sandbox) Wait(ctx context.Context) error { return s.services.Load().aws.Wait(ctx) }

// RunSchedules starts rotations whose time has come, until ctx ends. The yardstick, if it is
// switched on, rotates with the product.
func (s *Sandbox) RunSchedules(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-time.After(200 * time.Millisecond):
			sv := s.services.Load()
			if len(sv.aws.Secrets.RunDue(now)) > 0 && sv.hasYardstick() {
				_ = s.rotateSecret(ctx, FunctionYardstick) // refused while an earlier rotation runs again
			}
		}
	}
}

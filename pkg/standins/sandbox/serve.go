package sandbox

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// ServeConfig configures Serve.
type ServeConfig struct {
	Config
	// Every is the time between rotations; 0 sets the rotation up without running one.
	Every time.Duration
	// SweepEvery is the time between sweeps; 0 starts none.
	SweepEvery time.Duration
	// EnvFile is the path of the file to write for `sam local invoke --env-vars`; "" writes none.
	EnvFile string
	// Verbose also prints the output of the functions.
	Verbose bool
}

func (c ServeConfig) check() error {
	for _, every := range []time.Duration{c.Every, c.SweepEvery} {
		if every != 0 && every < time.Second {
			return fmt.Errorf("sandbox: rotations or sweeps every %s are too frequent; use at least a second", every)
		}
	}
	return c.Config.check()
}

// Serve runs a sandbox until ctx ends, and prints a line for each invocation. It returns nil when
// ctx ended.
func Serve(ctx context.Context, config ServeConfig, out io.Writer, getenv func(string) string) error {
	if err := config.check(); err != nil {
		return err
	}
	t := timeline{out, newPalette(out, getenv)}
	printed := map[string]int{}
	var box *Sandbox
	config.Observe = func(i Invocation) {
		t.brief(i, nameOf(i.Secret))
		if config.Verbose && box != nil {
			lines := box.outputs[i.Function].all()
			for _, line := range lines[min(printed[i.Function], len(lines)):] {
				t.line("          %s", t.dim(line))
			}
			printed[i.Function] = len(lines)
		}
	}
	box, err := Start(ctx, config.Config)
	if err != nil {
		return err
	}
	defer box.Close()
	owner, err := box.writeEnvFile(ctx, config.EnvFile)
	if err != nil {
		return err
	}
	t.instruct(box, config, owner)
	if err := box.SetUp(ctx, func(ctx context.Context) error { return box.schedule(ctx, config.Every) }); err != nil {
		if ctx.Err() == nil {
			return err
		}
		t.line(interrupted)
		return nil
	}
	sweeping := make(chan struct{})
	go func() {
		defer close(sweeping)
		box.sweep(ctx, config.SweepEvery)
	}()
	_ = box.RunSchedules(ctx) // ends with ctx alone
	<-sweeping
	box.Close() // rotations under way end, and say so
	t.line("stopped")
	return nil
}

// schedule sets the rotation up, and starts the first one if there is a schedule.
func (s *Sandbox) schedule(ctx context.Context, every time.Duration) error {
	if every == 0 {
		_, err := s.Preflight(ctx, "")
		return err
	}
	_, err := s.Rotate(ctx, fmt.Sprintf("rate(%d seconds)", int(every.Seconds())))
	return err
}

// sweep invokes the sweep on a schedule, as EventBridge does.
func (s *Sandbox) sweep(ctx context.Context, every time.Duration) {
	f := s.functions[FunctionSweep]
	if every <= 0 || f == nil {
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// Observe prints a failure.
			_, _ = s.Invoke(ctx, FunctionSweep, []byte("{}"))
		}
	}
}

// instruct prints how to use the sandbox. owner is the address of the sandbox that the --env-vars
// file belongs to, or "" for this one.
func (t timeline) instruct(box *Sandbox, config ServeConfig, owner string) {
	t.line("%s  %s/  %s", t.bold("Sandbox"), box.AWSURL, t.dim("open it in a browser: see a rotation, and break it"))
	t.line("  AWS      %s   Secrets Manager, SSM, Lambda Invoke (%s)", box.AWSURL,
		strings.Join(box.State().Functions, ", "))
	t.line("  Engage   %s   all three logins; the secrets use %s", box.EngageURL, box.config.Flow)
	t.line("  secrets  %s (rotates), %s", TokenSecret, AdminSecret)
	t.line("  API      curl -s %s%s", box.AWSURL, PathAPI)
	t.line("  faults   curl -s -X POST '%s%s?name=%s'    %s", box.AWSURL, PathScenario, ScenarioDeleteFailing,
		t.dim(fmt.Sprint(Scenarios())))
	t.line("\n%s", t.bold("AWS CLI (from 1.29 or 2.13) and SDKs, in another shell"))
	for _, export := range box.Exports() {
		t.line("  %s", export)
	}
	t.line("  aws secretsmanager rotate-secret --secret-id %s", TokenSecret)
	t.line("  aws secretsmanager describe-secret --secret-id %s", TokenSecret)
	if box.functions[FunctionSweep] != nil {
		t.line("  aws lambda invoke --function-name %s --payload fileb://events/sweep-dry-run.json /dev/stdout",
			"engage-token-rotation-sweep")
	}
	t.line("\n%s", t.bold("sam local invoke"))
	switch {
	case owner != "":
		t.line("  %s belongs to the sandbox at %s and was left alone; name another file with -env-vars", config.EnvFile,
			owner)
	case config.EnvFile != "":
		t.line("  sam local invoke RotateFunction --event events/rotate-create.json --env-vars %s", config.EnvFile)
	}
	if net.ParseIP(box.config.Listen).IsLoopback() {
		t.line("  %s", t.dim("containers cannot reach "+box.config.Listen+
			": start with -listen 0.0.0.0, or the address of docker0, for that"))
	}
	t.line("")
	if config.Every > 0 {
		t.line("%s", t.dim(fmt.Sprintf("Rotating every %s; stop with Ctrl-C.", config.Every)))
		return
	}
	t.line("%s", t.dim("No schedule: a preflight now, rotations on demand; stop with Ctrl-C."))
}

// nameOf returns the name in a secret's ARN.
func nameOf(arn string) string {
	_, name, found := strings.Cut(arn, ":secret:")
	if !found {
		return arn
	}
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		name = name[:at]
	}
	return name
}

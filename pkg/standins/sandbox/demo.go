package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/older"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/sandbox/page"
)

// ErrCheck is Demo's error for a wrong end state, which it has printed.
var ErrCheck = errors.New("sandbox: the end state is wrong")

// demoRotations is how many rotations Demo runs.
const demoRotations = 3

// Demo runs a first and two further rotations, prints what happens and checks the end. In a
// scenario in which rotations fail, it runs one rotation before the scenario begins and one that
// must fail.
func Demo(ctx context.Context, config Config, out io.Writer, getenv func(string) string) error {
	t := timeline{out, newPalette(out, getenv)}
	started := time.Now()
	config.Observe = t.step
	config, err := config.withDefaults()
	if err != nil {
		return err
	}
	chosen := scenarios[config.Scenario]
	first := config.Scenario
	if chosen.fails {
		first = ScenarioNone
	}
	box, err := start(ctx, config, first)
	if err != nil {
		return err
	}
	defer box.Close()
	t.introduce(box)
	var findings []Finding
	if chosen.fails {
		findings, err = t.failure(ctx, box)
	} else {
		findings, err = t.success(ctx, box)
	}
	if err == nil {
		err = box.writePage(config.HTML)
	}
	if err != nil {
		return err
	}
	return t.verdict(findings, time.Since(started))
}

// writePage writes the page with the present view to a file.
func (s *Sandbox) writePage(path string) error {
	if path == "" {
		return nil
	}
	text, err := page.Static(s.View())
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("sandbox: write the page: %w", err)
	}
	return nil
}

// success runs rotations that must succeed.
func (t timeline) success(ctx context.Context, box *Sandbox) ([]Finding, error) {
	var versions []string
	for n := 1; n <= demoRotations; n++ {
		title := fmt.Sprintf("Rotation %d of %d", n, demoRotations)
		version, outcome, err := t.rotation(ctx, box, title)
		if err == nil && outcome != awstest.RotationSucceeded {
			err = fmt.Errorf("%w: rotation %d did not succeed", ErrCheck, n)
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, version)
	}
	if unclaimed := scenarios[box.config.Scenario].unclaimed; unclaimed != nil {
		if err := t.sweepLater(ctx, box); err != nil {
			return nil, err
		}
	}
	return box.Check(ctx, versions), nil
}

// failure runs a rotation that succeeds, begins the scenario, and runs one that must fail.
func (t timeline) failure(ctx context.Context, box *Sandbox) ([]Finding, error) {
	name := box.config.Scenario
	before, outcome, err := t.rotation(ctx, box, "Rotation 1 of 2, before the scenario begins")
	if err == nil && outcome != awstest.RotationSucceeded {
		err = fmt.Errorf("%w: rotation 1 did not succeed", ErrCheck)
	}
	if err != nil {
		return nil, err
	}
	if err := box.SetScenario(ctx, name); err != nil {
		return nil, err
	}
	failed, outcome, err := t.rotation(ctx, box, "Rotation 2 of 2, in scenario "+string(name))
	if err != nil {
		return nil, err
	}
	if outcome == awstest.RotationSucceeded {
		return nil, fmt.Errorf("%w: rotation 2 succeeded", ErrCheck)
	}
	if err := box.SetScenario(ctx, ScenarioNone); err != nil {
		return nil, err
	}
	findings := box.checkFailed(ctx, before, failed)
	if !scenarios[name].resumes {
		return findings, nil
	}
	t.heading("The next attempt at rotation 2, after the scenario", rotateCommand)
	if outcome, err = t.attempt(ctx, box, failed); err != nil {
		return nil, err
	}
	if outcome != awstest.RotationSucceeded {
		return nil, fmt.Errorf("%w: the next attempt did not succeed", ErrCheck)
	}
	return append(findings, box.Check(ctx, []string{before, failed})...), nil
}

// introduce prints the state before the first rotation.
func (t timeline) introduce(box *Sandbox) {
	sv := box.services.Load()
	t.line("%s", t.bold("Engage token rotation: the real function between stand-ins for AWS and the vendor"))
	t.line("")
	if box.config.OneSecret {
		t.line("  secret   %s  holds the login fields; no token yet", t.bold(TokenSecret))
	} else {
		t.line("  secret   %s  names the admin secret %s, which holds the login; no token yet", t.bold(TokenSecret),
			t.bold(AdminSecret))
	}
	t.line("  login    flow %s, user %s", box.config.Flow, sv.user.Username)
	t.line("  others   %s of the same user belong to other programs: %s", number(len(sv.others()), "token"),
		strings.Join(fingerprints(sv.others()), ", "))
	t.line("  tokens are shown as fingerprints, the first 12 hex digits of their SHA-256")
	if name := box.config.Scenario; name != ScenarioNone {
		t.line("  scenario %s: %s", t.bold(string(name)), name.Meaning())
	}
}

// heading prints a title, and the command that does the same in AWS.
func (t timeline) heading(title, command string) {
	t.line("\n%s%s", t.bold(title), t.dim("  "+command))
}

const rotateCommand = "aws secretsmanager rotate-secret --secret-id " + TokenSecret

// rotation starts a rotation, prints its steps and returns the service's last event about it.
func (t timeline) rotation(ctx context.Context, box *Sandbox, title string) (version, outcome string, err error) {
	t.heading(title, rotateCommand)
	since := t.now(box)
	if version, err = box.Rotate(ctx, ""); err != nil {
		return "", "", err
	}
	outcome, err = t.wait(ctx, box, since, version)
	return version, outcome, err
}

// attempt makes the service repeat an incomplete rotation: RotateSecret refuses a new one and does
// that.
func (t timeline) attempt(ctx context.Context, box *Sandbox, version string) (outcome string, err error) {
	since := t.now(box)
	if _, err := box.Rotate(ctx, ""); err == nil {
		return "", errors.New("sandbox: the service did not repeat the incomplete rotation")
	}
	return t.wait(ctx, box, since, version)
}

// moment is a time, and the number of the service's events by then.
type moment struct {
	at     time.Time
	events int
}

func (t timeline) now(box *Sandbox) moment {
	return moment{time.Now(), len(box.services.Load().told())}
}

// wait waits for the end of a rotation, prints it and returns the service's last event about it.
func (t timeline) wait(ctx context.Context, box *Sandbox, since moment, version string) (outcome string, err error) {
	if err := box.Wait(ctx); err != nil {
		return "", err
	}
	for _, event := range box.services.Load().told()[since.events:] {
		if event.VersionID == version && event.Name != awstest.RotationStarted {
			outcome = event.Name
		}
	}
	result := t.red("the service gave up: " + outcome)
	if outcome == awstest.RotationSucceeded {
		result = fmt.Sprintf("version %s is %s; EventBridge has Secret Label Updated", version, t.green("AWSCURRENT"))
	}
	t.line("  %s %8s  %s", t.bold(pad("in all", 12)), round(time.Since(since.at)), result)
	return outcome, nil
}

// sweepLater makes the ledger two hours older and sweeps.
func (t timeline) sweepLater(ctx context.Context, box *Sandbox) error {
	t.heading("A sweep, two hours later", "aws lambda invoke --function-name sweep")
	parameters := awsstore.NewParameters(box.services.Load().aws.SDKConfig(callerUser))
	if err := older.Ledger(ctx, parameters, settings.DefaultPrefix, decide.WatchTime+time.Hour); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	_, err := box.Invoke(ctx, FunctionSweep, []byte(`{}`))
	return err
}

// verdict prints the findings.
func (t timeline) verdict(findings []Finding, took time.Duration) error {
	t.line("\n%s", t.bold("Checks"))
	wrong := 0
	for _, f := range findings {
		if f.OK {
			t.line("  %s %s", t.green("ok   "), f.Claim)
			continue
		}
		wrong++
		t.line("  %s %s: %s", t.red("WRONG"), f.Claim, f.Fault)
	}
	t.line("")
	if wrong > 0 {
		t.line("%s", t.red(fmt.Sprintf("%s of %d failed, after %s.", number(wrong, "check"), len(findings), round(took))))
		return fmt.Errorf("%w: %s failed", ErrCheck, number(wrong, "check"))
	}
	t.line("%s Next: %s keeps this running for the AWS CLI and SAM.",
		t.green(fmt.Sprintf("All %d checks passed in %s.", len(findings), round(took))), t.bold("make sandbox"))
	return nil
}

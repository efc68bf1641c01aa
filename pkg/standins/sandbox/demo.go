package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

// ErrCheck is Demo's error for a wrong end state, which it has printed.
var ErrCheck = errors.New("sandbox: the end state is wrong")

// demoRotations is how many rotations Demo runs.
const demoRotations = 3

// Demo runs a first and two further rotations, prints what happens and checks the end.
func Demo(ctx context.Context, config Config, out io.Writer, getenv func(string) string) error {
	t := timeline{out, newPalette(out, getenv)}
	started := time.Now()
	config.Observe = t.step
	box, err := Start(ctx, config)
	if err != nil {
		return err
	}
	defer box.Close()
	t.introduce(box)
	var versions []string
	for n := 1; n <= demoRotations; n++ {
		version, err := t.rotation(ctx, box, n)
		if err != nil {
			return err
		}
		versions = append(versions, version)
	}
	return t.verdict(box.Check(ctx, versions), time.Since(started))
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
	t.line("  others   %s of the same user belong to other programs: %s", number(len(sv.foreign), "token"),
		strings.Join(fingerprints(sv.foreign), ", "))
	t.line("  tokens are shown as fingerprints, the first 12 hex digits of their SHA-256")
}

// rotation runs one rotation and prints its outcome.
func (t timeline) rotation(ctx context.Context, box *Sandbox, n int) (version string, err error) {
	t.line("")
	started := time.Now()
	before := len(box.services.Load().told())
	t.line("%s", t.bold(fmt.Sprintf("Rotation %d of %d", n,
		demoRotations))+t.dim("  aws secretsmanager rotate-secret --secret-id "+TokenSecret))
	if version, err = box.Rotate(ctx, ""); err != nil {
		return "", err
	}
	if err := box.Wait(ctx); err != nil {
		return "", err
	}
	for _, event := range box.services.Load().told()[before:] {
		if event.VersionID != version || event.Name == awstest.RotationStarted {
			continue
		}
		if event.Name != awstest.RotationSucceeded {
			t.line("  %s %8s  %s", t.bold(pad("in all", 12)), round(time.Since(started)),
				t.red("the service gave up: "+event.Name))
			return "", fmt.Errorf("%w: rotation %d did not succeed", ErrCheck, n)
		}
		t.line("  %s %8s  version %s is %s", t.bold(pad("in all", 12)), round(time.Since(started)), version,
			t.green("AWSCURRENT"))
	}
	return version, nil
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

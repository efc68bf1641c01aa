package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
)

// Finding is a claim that must be true after rotations, and whether it is.
type Finding struct {
	OK bool
	// Claim is what must be true, Fault what is wrong.
	Claim, Fault string
}

// Check reports whether the state is one that rotations may leave. It expects that every rotation
// succeeded, that none is running, and that versions are the version ids in the order of their
// rotations. In a scenario that leaves unclaimed tokens it expects a sweep after them.
func (s *Sandbox) Check(ctx context.Context, versions []string) []Finding {
	c := s.newChecking()
	if c == nil {
		return noSecret
	}
	c.labels(versions)
	c.token(ctx)
	c.tokensOfOurs("")
	c.previous(len(versions))
	c.foreign()
	c.logins(len(versions))
	c.intents()
	c.unclaimed(len(versions))
	c.otherFields()
	c.rules()
	c.leaks()
	return c.findings
}

// checkFailed reports whether the state is one that a failed rotation may leave after one that
// succeeded.
func (s *Sandbox) checkFailed(ctx context.Context, before, failed string) []Finding {
	c := s.newChecking()
	if c == nil {
		return noSecret
	}
	c.labelsAfterFailure(before, failed)
	c.token(ctx)
	c.tokensOfOurs(failed)
	c.foreign()
	c.otherFields()
	c.rules()
	c.leaks()
	return c.findings
}

var noSecret = []Finding{{Claim: "there is a secret " + TokenSecret, Fault: "it is gone"}}

// newChecking returns nil if the token secret is gone.
func (s *Sandbox) newChecking() *checking {
	state := s.State()
	at := slices.IndexFunc(state.Secrets, func(sec Secret) bool { return sec.Name == TokenSecret })
	if at < 0 {
		return nil
	}
	c := &checking{s: s, state: state, secret: state.Secrets[at], user: state.Users[0]}
	c.scenario = scenarios[s.config.Scenario]
	c.readLedger()
	return c
}

// checking is a running Check.
type checking struct {
	s        *Sandbox
	state    State
	scenario scenario
	secret   Secret
	user     User
	records  []ledger.Record
	open     []ledger.Intent
	findings []Finding
}

// must adds a finding; fault counts only if ok is false.
func (c *checking) must(ok bool, claim, fault string, args ...any) {
	f := Finding{OK: ok, Claim: claim}
	if !ok {
		f.Fault = fmt.Sprintf(fault, args...)
	}
	c.findings = append(c.findings, f)
}

func (c *checking) holder(label string) string {
	return cmp.Or(holder(c.secret.Versions, label), "none")
}

func (c *checking) labels(versions []string) {
	newest := versions[len(versions)-1]
	current, pending := c.holder(awstest.StageCurrent), c.holder(awstest.StagePending)
	c.must(current == newest, "AWSCURRENT is the newest version", "it is %s, not %s", current, newest)
	c.must(pending == "none" || pending == newest, "no version is left pending", "%s carries AWSPENDING", pending)
	if len(versions) > 1 {
		before, previous := versions[len(versions)-2], c.holder(awstest.StagePrevious)
		c.must(previous == before, "AWSPREVIOUS is the version before", "it is %s, not %s", previous, before)
	}
}

func (c *checking) labelsAfterFailure(before, failed string) {
	current, pending := c.holder(awstest.StageCurrent), c.holder(awstest.StagePending)
	c.must(current == before, "AWSCURRENT is still the version before", "it is %s, not %s", current, before)
	c.must(pending == failed, "the failed version keeps AWSPENDING for the next attempt", "%s carries it, not %s",
		pending, failed)
}

// token calls the vendor with the current token, as a reader does.
func (c *checking) token(ctx context.Context) {
	token, err := engage.ParseToken(c.s.services.Load().tokenOf(awstest.StageCurrent))
	if err != nil {
		c.must(false, "the current token works", "%v", err)
		return
	}
	base, err := url.Parse(c.s.EngageURL)
	if err != nil {
		c.must(false, "the current token works", "%v", err)
		return
	}
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{Flow: c.s.config.Flow, BaseURL: base, PlatformURL: base}})
	listed, err := client.List(ctx, token)
	claim := "the current token " + string(token.Fingerprint()) + " works"
	if err != nil {
		c.must(false, claim, "%v", err)
		return
	}
	c.must(slices.Contains(listed, token), claim, "it is not in its own list")
}

func (c *checking) foreign() {
	var gone []string
	for _, token := range c.user.Foreign {
		if !slices.Contains(c.user.Tokens, token) {
			gone = append(gone, token)
		}
	}
	c.must(len(gone) == 0, fmt.Sprintf("the %d tokens of other programs are untouched", len(c.user.Foreign)),
		"deleted: %v", gone)
}

// logins checks the number of logins: one for each rotation, or for each process that stays warm
// and so keeps its session for the life of an access token.
func (c *checking) logins(rotations int) {
	processes := map[int]bool{}
	for _, i := range c.s.Invocations() {
		if i.Function == FunctionRotate && i.Step == awstest.StepCreate {
			processes[i.PID] = true
		}
	}
	claim := fmt.Sprintf("%s for %s (a warm function keeps its session)", number(c.user.Logins, "login"),
		number(rotations, "rotation"))
	c.must(c.user.Logins >= 1 && c.user.Logins <= len(processes), claim, "%d processes did the work", len(processes))
}

// otherFields compares the document with what the user stored.
func (c *checking) otherFields() {
	const claim = "all other fields of the secret are unchanged"
	value, err := c.s.services.Load().aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: TokenSecret})
	if err != nil {
		c.must(false, claim, "%v", err)
		return
	}
	c.must(strings.Contains(*value.SecretString, extraFields), claim, "the fields that the user added have changed")
}

func (c *checking) rules() {
	c.must(len(c.state.Violations) == 0, "no call broke a rule of the vendor's", "%s",
		strings.Join(c.state.Violations, "; "))
}

func (c *checking) leaks() {
	lines := 0
	for _, output := range c.s.outputs {
		lines += len(output.all())
	}
	claim := fmt.Sprintf("none of %d passwords and tokens is in %d lines of the function's output",
		c.s.witness.count(), lines)
	c.must(len(c.state.Leaks) == 0 && lines > 0, claim, "found: %v", c.state.Leaks)
}

func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

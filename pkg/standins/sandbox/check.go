package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
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
// rotations.
func (s *Sandbox) Check(ctx context.Context, versions []string) []Finding {
	state := s.State()
	at := slices.IndexFunc(state.Secrets, func(sec Secret) bool { return sec.Name == TokenSecret })
	if at < 0 {
		return []Finding{{Claim: "the secret " + TokenSecret + " stands", Fault: "it is gone"}}
	}
	managed := state.Secrets[at]
	c := &checking{s: s, state: state, secret: managed, user: state.Users[0]}
	c.labels(versions)
	c.token(ctx)
	c.tokensOfOurs()
	c.foreign()
	c.logins(len(versions))
	c.ledger()
	c.otherFields()
	c.rules()
	c.leaks()
	return c.findings
}

// checking is a running Check.
type checking struct {
	s        *Sandbox
	state    State
	secret   Secret
	user     User
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

func (c *checking) labels(versions []string) {
	holder := func(label string) string {
		for version, labels := range c.secret.Versions {
			if slices.Contains(labels, label) {
				return version
			}
		}
		return "none"
	}
	newest := versions[len(versions)-1]
	current, pending := holder(awstest.StageCurrent), holder(awstest.StagePending)
	c.must(current == newest, "AWSCURRENT is the newest version", "it is %s, not %s", current, newest)
	c.must(pending == "none" || pending == newest, "no version is left pending", "%s carries AWSPENDING", pending)
	if len(versions) > 1 {
		before, previous := versions[len(versions)-2], holder(awstest.StagePrevious)
		c.must(previous == before, "AWSPREVIOUS is the version before", "it is %s, not %s", previous, before)
	}
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

// records returns the fingerprints of the tokens that the ledger keeps for later and of those it
// should have no more, and the open intents. One whose token was found without the creation's
// answer stays, in doubt, until anything else that the creation made would have shown.
func (c *checking) records() (retiring, overdue, intents []string) {
	for _, p := range c.state.Parameters {
		name := p.Name[strings.LastIndexByte(p.Name, '/')+1:]
		var record struct {
			Fingerprint, State string
			NotBefore          time.Time
			InDoubt, Deleted   bool
		}
		switch {
		case !strings.Contains(p.Name, "/ledger/"):
		case strings.HasPrefix(name, "intent-") && json.Unmarshal(p.Value, &record) == nil && record.InDoubt:
		case strings.HasPrefix(name, "intent-"):
			intents = append(intents, p.Name)
		case strings.HasPrefix(name, "token-") && json.Unmarshal(p.Value, &record) == nil && record.State == "retiring" &&
			!record.Deleted:
			if retiring = append(retiring, record.Fingerprint); record.NotBefore.Before(time.Now()) {
				overdue = append(overdue, record.Fingerprint)
			}
		}
	}
	return retiring, overdue, intents
}

func (c *checking) tokensOfOurs() {
	retiring, overdue, _ := c.records()
	var ours []string
	for _, token := range c.user.Tokens {
		if !slices.Contains(c.user.Foreign, token) && !slices.Contains(retiring, token) {
			ours = append(ours, token)
		}
	}
	current := c.secret.Tokens[awstest.StageCurrent]
	claim := "it is the only live token of ours"
	if len(retiring) > 0 {
		claim += fmt.Sprintf(", beside %d in retention", len(retiring))
	}
	c.must(slices.Equal(ours, []string{current}), claim, "these live: %v", ours)
	c.must(len(overdue) == 0, "no previous token is overdue for deletion", "overdue: %v", overdue)
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
		if i.Function == FunctionRotate && i.Step == awstest.StepCreate && i.Error == "" {
			processes[i.PID] = true
		}
	}
	claim := fmt.Sprintf("%s for %s (a warm function keeps its session)", number(c.user.Logins, "login"),
		number(rotations, "rotation"))
	c.must(c.user.Logins >= 1 && c.user.Logins <= len(processes), claim, "%d processes did the work", len(processes))
}

func (c *checking) ledger() {
	_, _, intents := c.records()
	c.must(len(intents) == 0, "the ledger holds no open intent whose token was not found", "open: %v", intents)
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

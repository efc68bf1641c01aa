package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/standins/awstest"
)

func (c *checking) readLedger() {
	for _, p := range c.state.Parameters {
		name := p.Name[strings.LastIndexByte(p.Name, '/')+1:]
		var record ledger.Record
		var intent ledger.Intent
		switch {
		case !strings.Contains(p.Name, "/ledger/"):
		case strings.HasPrefix(name, "intent-") && json.Unmarshal(p.Value, &intent) == nil:
			c.open = append(c.open, intent)
		case strings.HasPrefix(name, "token-") && json.Unmarshal(p.Value, &record) == nil:
			c.records = append(c.records, record)
		}
	}
}

// inState returns the live tokens that a record names with the state.
func (c *checking) inState(state ledger.State) (records []ledger.Record) {
	for _, record := range c.records {
		if record.State == state && slices.Contains(c.user.Tokens, string(record.Fingerprint)) {
			records = append(records, record)
		}
	}
	return records
}

// tokensOfOurs checks the live tokens. failed is the version of a rotation that failed, or "".
func (c *checking) tokensOfOurs(failed string) {
	accounted := slices.Clone(c.user.Foreign)
	claim := "it is the only live token of ours"
	account := func(records []ledger.Record, as string) {
		for _, record := range records {
			accounted = append(accounted, string(record.Fingerprint))
		}
		if len(records) > 0 {
			claim += fmt.Sprintf(", beside %d %s", len(records), as)
		}
	}
	account(c.inState(ledger.Retiring), "in retention")
	account(c.inState(ledger.Unclaimed), "unclaimed")
	if failed != "" {
		account(slices.DeleteFunc(c.inState(ledger.Issued), func(r ledger.Record) bool { return r.Version != failed }),
			"recorded for the failed version")
	}
	ours := slices.DeleteFunc(slices.Clone(c.user.Tokens),
		func(token string) bool { return slices.Contains(accounted, token) })
	c.must(slices.Equal(ours, []string{c.secret.Tokens[awstest.StageCurrent]}), claim, "these live: %v", ours)
}

// previous checks what became of the previous tokens.
func (c *checking) previous(rotations int) {
	var overdue []engage.Fingerprint
	for _, record := range c.inState(ledger.Retiring) {
		if record.At.Before(time.Now()) {
			overdue = append(overdue, record.Fingerprint)
		}
	}
	if c.scenario.undeleted {
		c.must(len(overdue) == rotations-1, "each previous token is recorded as retiring, and is deleted later",
			"recorded and due: %v", overdue)
		return
	}
	c.must(len(overdue) == 0, "no previous token is overdue for deletion", "overdue: %v", overdue)
}

func (c *checking) intents() {
	var open []string
	for _, intent := range c.open {
		open = append(open, intent.Version)
	}
	c.must(len(open) == 0, "no creation is left of which the outcome is not known", "for versions: %v", open)
}

// unclaimed checks that the last sweep names as many unclaimed tokens as the scenario leaves, each
// with the event that deletes it.
func (c *checking) unclaimed(rotations int) {
	if c.scenario.unclaimed == nil {
		return
	}
	var answer report.Sweep
	for _, i := range c.s.Invocations() {
		if i.Function == FunctionSweep && json.Unmarshal(i.Answer, &answer) != nil {
			answer = report.Sweep{}
		}
	}
	var reported []string
	for _, secret := range answer.Secrets {
		for _, token := range secret.Unclaimed {
			if slices.Contains(c.user.Tokens, string(token.Fingerprint)) && token.Remove != "" {
				reported = append(reported, string(token.Fingerprint))
			}
		}
	}
	want := c.scenario.unclaimed(rotations)
	claim := fmt.Sprintf("the sweep reports %s, each with the event that deletes it", number(want, "unclaimed token"))
	c.must(len(reported) == want, claim, "it reports %v", reported)
}

package decide_test

import (
	"slices"
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/engagetest"
)

// made returns two tokens: the first one was in the intent's list, the second one appeared.
func made(t *testing.T) (before, appeared engage.Token) {
	t.Helper()
	server := engagetest.NewServer(engagetest.Config{Seed: 3})
	var tokens [2]engage.Token
	for n := range tokens {
		token, err := engage.ParseToken(server.CreateToken(engagetest.DefaultUser().Username))
		if err != nil {
			t.Fatal(err)
		}
		tokens[n] = token
	}
	return tokens[0], tokens[1]
}

func TestIntent(t *testing.T) {
	before, after := made(t)
	old, appeared := before.Fingerprint(), after.Fingerprint()
	intent := ledger.NewIntent("secret", version, "attempt", now.Add(-time.Hour))
	intent.Until, intent.Baseline = now.Add(-59*time.Minute), ledger.NewBaseline([]engage.Token{before})
	late, unknown := intent, intent
	late.Until = now.Add(-ledger.Propagation)
	unknown.Baseline = ledger.Baseline{}
	both := []engage.Fingerprint{old, appeared}
	for _, e := range []struct {
		name     string // begins with the number of the case
		intent   ledger.Intent
		traces   decide.Traces
		want     decide.Case
		action   decide.Action
		appeared []engage.Fingerprint
	}{
		{"W1 a record answers it", late, decide.Traces{Answered: true, Listed: both}, decide.W1, decide.Forget, nil},
		{"W2 it may be at work", late, decide.Traces{Listed: both}, decide.W2, decide.Keep, nil},
		{"W3 no list", intent, decide.Traces{}, decide.W3, decide.Keep, nil},
		{"W4 nothing has appeared", intent, decide.Traces{Listed: []engage.Fingerprint{old}}, decide.W4, decide.Forget, nil},
		{"W4 a record names what appeared",
			intent, decide.Traces{Listed: both, Known: map[engage.Fingerprint]bool{appeared: true}}, decide.W4, decide.Forget, nil},
		{"W4 the user has no token", intent, decide.Traces{Listed: []engage.Fingerprint{}}, decide.W4, decide.Forget, nil},
		{"W5 a token has appeared",
			intent, decide.Traces{Listed: both}, decide.W5, decide.Report, []engage.Fingerprint{appeared}},
		{"W6 there were too many tokens to compare", unknown, decide.Traces{Listed: both}, decide.W6, decide.Forget, nil},
	} {
		t.Run(e.name, func(t *testing.T) {
			e.traces.Now = now
			c, action, found := decide.Intent(e.intent, e.traces)
			if c != e.want || action != e.action || !slices.Equal(found, e.appeared) {
				t.Errorf("%s, %s, %v; want %s, %s, %v", c, action, found, e.want, e.action, e.appeared)
			}
		})
	}
}

func TestEverySituationOfAnIntentKeepsTheRules(t *testing.T) {
	before, after := made(t)
	old, appeared := before.Fingerprint(), after.Fingerprint()
	lists := [][]engage.Fingerprint{nil, {}, {old}, {appeared}, {old, appeared}}
	known := []map[engage.Fingerprint]bool{nil, {old: true}, {appeared: true}, {old: true, appeared: true}}
	for _, answered := range []bool{false, true} {
		for _, until := range []time.Duration{-time.Hour, -ledger.Propagation, 0, time.Hour} {
			for _, baseline := range []ledger.Baseline{{}, ledger.NewBaseline(nil), ledger.NewBaseline([]engage.Token{before})} {
				for _, list := range lists {
					for _, k := range known {
						intent := ledger.Intent{Until: now.Add(until), Baseline: baseline}
						x := decide.Traces{Now: now, Answered: answered, Listed: list, Known: k}
						c, action, found := decide.Intent(intent, x)
						over := intent.Over(now) && list != nil
						switch {
						case action == decide.Keep:
							if answered || over {
								t.Errorf("%s keeps %+v by %+v", c, intent, x)
							}
						case action == decide.Forget, action == decide.Report:
							if !answered && !over {
								t.Errorf("%s ends %+v by %+v", c, intent, x)
							}
						default:
							t.Errorf("%s, %s of %+v by %+v", c, action, intent, x)
						}
						for _, f := range found {
							if k[f] || baseline.Contains(f) || !slices.Contains(list, f) || action != decide.Report {
								t.Errorf("%s: %s is unclaimed by %+v", c, f, x)
							}
						}
					}
				}
			}
		}
	}
}

package decide_test

import (
	"slices"
	"testing"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/baseline"
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
	intent := ledger.NewIntent("secret", version, "attempt", now.Add(-2*time.Hour))
	intent.Until, intent.Baseline = now.Add(-2*decide.WatchTime), baseline.Of([]engage.Token{before})
	late, recent, ancient, unknown := intent, intent, intent, intent
	late.Until = now.Add(-ledger.Propagation)
	recent.Until = now.Add(-decide.WatchTime)
	ancient.Until = now.Add(-2 * decide.LongWatchTime)
	unknown.Baseline = baseline.Tokens{}
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
		{"W3 an empty list", intent, decide.Traces{Listed: []engage.Fingerprint{}}, decide.W3, decide.Keep, nil},
		{"W3 a cut list", intent, decide.Traces{Listed: []engage.Fingerprint{old}, Believable: true}, decide.W3,
			decide.Keep, nil},
		{"W3 a list of the first hour",
			recent, decide.Traces{Listed: []engage.Fingerprint{old}, Believable: true,
				Complete: true}, decide.W3, decide.Keep, nil},
		{"W4 nothing has appeared", intent,
			decide.Traces{Listed: []engage.Fingerprint{old}, Believable: true, Complete: true}, decide.W4, decide.Forget, nil},
		{"W4 nothing has appeared for a month",
			ancient, decide.Traces{Listed: []engage.Fingerprint{old}, Believable: true}, decide.W4, decide.Forget, nil},
		{"W4 a record names what appeared", intent,
			decide.Traces{Believable: true, Complete: true, Listed: both, Known: map[engage.Fingerprint]bool{appeared: true}},
			decide.W4, decide.Forget, nil},
		{"W5 a token has appeared", intent,
			decide.Traces{Listed: both, Believable: true,
				Complete: true}, decide.W5, decide.Report, []engage.Fingerprint{appeared}},
		{"W7 although the list lacks others", intent,
			decide.Traces{Listed: []engage.Fingerprint{appeared}}, decide.W7, decide.Watch, []engage.Fingerprint{appeared}},
		{"W7 within the first hour", recent,
			decide.Traces{Listed: both, Believable: true,
				Complete: true}, decide.W7, decide.Watch, []engage.Fingerprint{appeared}},
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
		for _, until := range []time.Duration{-decide.LongWatchTime - time.Hour, -2 * time.Hour, -time.Hour,
			-ledger.Propagation, 0, time.Hour} {
			for _, baseline := range []baseline.Tokens{{}, baseline.Of(nil), baseline.Of([]engage.Token{before})} {
				for _, list := range lists {
					for _, k := range known {
						for _, trust := range [][2]bool{{false, false}, {true, false}, {true, true}} {
							i := ledger.Intent{Until: now.Add(until), Baseline: baseline}
							checkIntent(
								t,
								i,
								decide.Traces{Now: now, Answered: answered, Listed: list, Believable: trust[0], Complete: trust[1], Known: k},
							)
						}
					}
				}
			}
		}
	}
}

func checkIntent(t *testing.T, i ledger.Intent, x decide.Traces) {
	t.Helper()
	c, action, found := decide.Intent(i, x)
	age := x.Now.Sub(i.Until)
	certain := x.Complete && age > decide.WatchTime || x.Believable && age > decide.LongWatchTime
	mayEnd := x.Answered || i.Over(x.Now) && x.Listed != nil && (certain || !i.Baseline.Known())
	mayReport := i.Over(x.Now) && x.Listed != nil
	switch {
	case action == decide.Report && (!mayEnd || len(found) == 0), action == decide.Forget && !mayEnd,
		action == decide.Watch && (!mayReport || certain || len(found) == 0):
		t.Errorf("%s, %s of %+v by %+v", c, action, i, x)
	case (action == decide.Keep || action == decide.Watch) && mayEnd:
		t.Errorf("%s keeps %+v by %+v", c, i, x)
	case !slices.Contains([]decide.Action{decide.Keep, decide.Forget, decide.Report, decide.Watch}, action) || c == "":
		t.Errorf("%s, %s of %+v by %+v", c, action, i, x)
	}
	for _, f := range found {
		if x.Known[f] || i.Baseline.Contains(f) || !slices.Contains(x.Listed, f) ||
			action != decide.Report && action != decide.Watch {
			t.Errorf("%s: %s is unclaimed by %+v", c, f, x)
		}
	}
}

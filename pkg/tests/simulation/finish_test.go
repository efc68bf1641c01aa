package simulation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/sweep"
)

// finish ends all faults and looks whether everything comes right.
func (w *world) finish() {
	w.alone = w.alone && time.Since(w.weather.lostAt) > 45*time.Minute // else nobody may have had the time for a proof
	w.calm, w.weather, w.staleRate, w.lagging = true, weather{}, 0, 0
	w.logf("=== calm")
	w.quiet()
	w.mend()
	w.pass(3 * time.Minute)
	sweepsFirst := !w.options.yardstick && w.chance(0.4)
	if sweepsFirst {
		w.sweepUp()
		w.check(true)
	}
	for _, s := range w.secrets {
		w.further(s)
		w.pass(2 * time.Minute)
	}
	w.checkCurrent()
	w.check(w.options.yardstick)
	if !sweepsFirst && !w.options.yardstick {
		w.sweepUp()
		w.check(true)
	}
	if w.alone && w.unclaimed > 0 && !w.options.yardstick {
		w.violate(tardy, "%d tokens could have been proven", w.unclaimed)
	}
}

// mend puts right what people have left wrong.
func (w *world) mend() {
	for _, u := range w.users {
		w.storePassword(u)
	}
}

// sweepUp lets the sweeps of some hours pass.
func (w *world) sweepUp() {
	for range 3 {
		w.pass(40 * time.Minute)
		w.latest = w.sweep(sweep.Request{})
		w.quiet()
	}
}

// further rotates a secret once more, as an operator does: where an old rotation is resumed first, and given up, there
// is another one.
func (w *world) further(s *managed) {
	for try := 1; ; try++ {
		var outcome awstest.Outcome
		before := s.currentVersion
		w.begin(s, false, func(o awstest.Outcome) { outcome = o })
		s.run.attempts = 3
		w.loop(func() bool { return outcome != "" })
		switch {
		case outcome == awstest.Succeeded && s.currentVersion != before:
			return
		case try == 2:
			w.violate(wedged, "%s cannot be rotated any more: %s", s, outcome)
			return
		}
		w.pass(time.Minute)
	}
}

// checkCurrent checks that AWSCURRENT names a token that works.
func (w *world) checkCurrent() {
	for _, s := range w.secrets {
		if t := w.tokens[s.current]; !w.vendor.Alive(s.current) && (t == nil || !t.coincidence) {
			w.violate(dead, "token %s of %s is dead after a further rotation", w.tokens[s.current], s)
		}
	}
}

// records returns the ledger's parameters.
func (w *world) records() map[string]string {
	values, _, err := w.page("/engage-token-rotation/ledger", "", true, 0)
	for err == nil {
		names := slices.Sorted(maps.Keys(values))
		if len(names) == 0 || len(names)%pageSize != 0 {
			break
		}
		var more map[string]string
		if more, _, err = w.page("/engage-token-rotation/ledger", names[len(names)-1], true, 0); len(more) == 0 {
			break
		}
		maps.Copy(values, more)
	}
	return values
}

// check looks for live tokens of ours that nobody owns. settled tells that sweeps have had the time to find them all.
func (w *world) check(settled bool) {
	var (
		tokens  []ledger.Token
		intents []ledger.Intent
	)
	records := w.records()
	for _, name := range slices.Sorted(maps.Keys(records)) {
		kind, value := name[strings.LastIndexByte(name, '/')+1:], records[name]
		var (
			t   ledger.Token
			i   ledger.Intent
			err error
		)
		if strings.HasPrefix(kind, "intent-") {
			err = json.Unmarshal([]byte(value), &i)
			intents = append(intents, i)
		} else {
			err = json.Unmarshal([]byte(value), &t)
			tokens = append(tokens, t)
		}
		if err != nil {
			w.violate(broken, "the record %s cannot be read: %v", name, err)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(w.tokens)) {
		t := w.tokens[text]
		if t.by == nil && !t.replaced || !t.alive() || w.isHeld(text) {
			continue
		}
		why := w.accounted(t, tokens, intents, settled)
		switch {
		case why == "":
		case settled && w.latest != nil && !w.reachable(t.user) && w.reportedUnclaimed(t):
			w.unclaimed++ // no secret that the sweep knows gives access to the user any more
		case !settled && (t.coincidence || t.sharedWith != nil), t.by != nil && t.by.coincidence: // the creation came late, after its intent was settled by another token
			w.coincidences++
		default:
			w.violate(leaked, "token %s of %v, made by %v: %s", t, t.secret, t.by, why)
		}
	}
}

func (w *world) isHeld(text string) bool {
	for _, s := range w.secrets {
		if s.current == text || s.pending == text {
			return true
		}
	}
	return false
}

// accounted returns "" where a token that no secret holds is told of, and else what is wrong.
func (w *world) accounted(t *token, tokens []ledger.Token, intents []ledger.Intent, settled bool) string {
	why := ""
	for _, record := range tokens {
		if string(record.Fingerprint) != t.fingerprint {
			continue
		}
		if why = w.accountedBy(t, record, settled); why == "" {
			return ""
		}
	}
	if why != "" {
		return why
	}
	for _, i := range intents {
		truth := w.intents[i.ID]
		if !settled && t.secret != nil && i.Secret == t.secret.arn && !i.Baseline.Contains(engage.Fingerprint(t.fingerprint)) {
			return ""
		}
		switch {
		case truth == nil || truth.by != t.by:
		case w.reachable(t.user):
			return "an intent that no sweep settles"
		case w.reported(i):
			w.unclaimed++ // no secret that the sweep knows gives access to the user any more
			return ""
		}
	}
	if settled {
		return "no record"
	}
	return "neither record nor intent"
}

// accountedBy is accounted for one record of the token.
func (w *world) accountedBy(t *token, record ledger.Token, settled bool) string {
	s := w.secretOf[record.Secret] // nil for strays
	left := t.left() || t.secret == nil && s != nil && s.user.name != t.user
	switch record.State {
	case ledger.Retiring:
		swapped := s.since
		if settled && record.NotBefore.Before(w.latest.began) || w.retention == 0 && !record.Elsewhere && !left && record.NotBefore.Before(swapped) {
			return "retiring, and overdue"
		}
	case ledger.Unclaimed:
		if settled {
			w.unclaimed++
		}
	case ledger.Issued:
		if settled || !left {
			return "issued, and no secret holds it"
		}
	}
	return ""
}

// reachable reports whether a secret that the user's part of the ledger names is still of that user, so that a sweep can
// list the user's tokens. A secret that has not been rotated yet is not named, and a sweep does not know it.
func (w *world) reachable(name string) bool {
	for parameter, value := range w.records() {
		if !strings.Contains(parameter, "/"+w.ledgerUsers[name]+"/") {
			continue
		}
		if slices.ContainsFunc(w.secrets, func(s *managed) bool { return s.user.name == name && strings.Contains(value, s.arn) }) {
			return true
		}
	}
	return false
}

// reported reports whether the latest sweep told of an open intent.
func (w *world) reported(i ledger.Intent) bool {
	for _, s := range w.latest.answer.Secrets {
		for _, open := range s.OpenIntents {
			if open.Version == i.Version {
				return true
			}
		}
	}
	return false
}

// left reports whether the token's secret is another user's by now: then sweeps alone look after the token.
func (t *token) left() bool { return t.secret != nil && t.secret.user.name != t.user }

// reportedUnclaimed reports whether the latest sweep told of the token.
func (w *world) reportedUnclaimed(t *token) bool {
	for _, s := range w.latest.answer.Secrets {
		if slices.Contains(s.Unclaimed, engage.Fingerprint(t.fingerprint)) || slices.Contains(s.DeleteFailed, engage.Fingerprint(t.fingerprint)) {
			return true
		}
	}
	return false
}

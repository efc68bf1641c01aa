package simulation

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/sweep"
)

// observeParameter sees a record of the ledger.
func (w *world) observeParameter(c *call, name, value, before string, overwrite bool) {
	by := c.by
	if by.request.DryRun && !strings.Contains(name, "/logins/") {
		w.violate(broken, "a dry run wrote %s", name)
	}
	kind := name[strings.LastIndexByte(name, '/')+1:]
	if len(value) > 4096 {
		w.violate(broken, "the parameter %s has %d characters", name, len(value))
	}
	if strings.Contains(name, "/ledger/") && !by.sweeping {
		by.ledgerUser = userOf(name)
	}
	if id, ok := strings.CutPrefix(kind, "intent-"); ok {
		if w.intents[id] != nil {
			return // written once more, by whoever leaves it in doubt
		}
		w.intents[id] = &intent{by: by, at: time.Now(), listed: c.listed}
		if by.secret != nil {
			by.secret.madeFrom(by.version, by.base)
		}
		return
	}
	if strings.HasPrefix(kind, "token-") {
		w.observeStates(by, name, before, value)
		if t := w.byFingerprint[kind[len("token-"):][:12]]; t != nil && t.renewed.Before(t.currentSince) {
			t.renewed = time.Now()
		}
	}
	if strings.HasPrefix(kind, "token-") && by.sweeping {
		if t := w.byFingerprint[kind[len("token-"):][:12]]; t != nil && t.stray.IsZero() {
			t.stray = c.proof
		}
	}
	if strings.HasPrefix(kind, "token-") {
		if t := w.byFingerprint[kind[len("token-"):][:12]]; t != nil && t.recorded.IsZero() && strings.Contains(value, `"state":"issued"`) {
			t.recorded = time.Now()
		}
	}
	if !strings.HasPrefix(kind, "token-") || !strings.Contains(value, `"adopted":true`) {
		return
	}
	var record ledger.Token
	if err := json.Unmarshal([]byte(value), &record); err != nil {
		w.violate(broken, "the record %s cannot be read: %v", name, err)
		return
	}
	t := w.byFingerprint[string(record.Fingerprint)]
	if t != nil && !overwrite && !t.recorded.IsZero() && t.forgottenBy == userOf(name) && t.recorded.Before(by.firstRead.Add(-w.staleness)) && t.forgotten.After(c.proof) && t.forgotten.After(by.firstRead) {
		w.violate(broken, "%s takes token %s for one whose creation was not answered, though it had read whose it is", by, t)
	}
	if t != nil && t.by != nil && !overwrite && !t.by.coincidence && t.forgotten.IsZero() {
		i := w.intents[record.Intent]
		switch {
		case t.secret.arn != record.Secret:
			w.violate(stolen, "%s takes token %s, which was made for %s, for one of %s", by, t, t.secret, w.secretOf[record.Secret])
		case record.State == ledger.Retiring && by.sweeping && t.by.over != nil && i != nil && i.by != t.by:
			w.violate(stolen, "%s takes token %s, which %s is at work on, for one of an earlier invocation", by, t, t.by)
		}
	}
	if i := w.intents[record.Intent]; t != nil && t.by == nil && !t.coincidence && w.isCoincidence(c, t, i) {
		t.coincidence, i.by.coincidence = true, true
		w.coincidences++
		w.logf("  a coincidence: the foreign token %s is the only one that appeared", t)
	}
	if t != nil && t.found.IsZero() {
		t.found, t.foundIn, t.foundFor = time.Now(), c.proof, w.secretOf[record.Secret]
	}
}

// userOf returns the part of the ledger that a record is in.
func userOf(name string) string { return strings.Split(name, "/")[3] }

// observeStates sees a record that is written over another one: what is known of a token is not forgotten.
func (w *world) observeStates(by *invocation, name, before, value string) {
	var old, record ledger.Token
	if before == "" || json.Unmarshal([]byte(before), &old) != nil || json.Unmarshal([]byte(value), &record) != nil {
		return
	}
	claimed := func(s ledger.State) bool { return s == ledger.Issued || s == ledger.Retiring }
	if claimed(old.State) && !claimed(record.State) || old.State == ledger.Retiring && record.State == ledger.Issued {
		w.violate(broken, "%s made the %s record %s a record of an %s token", by, old.State, name, record.State)
	}
}

// observeForgotten sees that a record is removed.
func (w *world) observeForgotten(name string) {
	_, kind, found := strings.Cut(name, "/token-")
	if !found {
		return
	}
	if t := w.byFingerprint[kind[:12]]; t != nil {
		t.forgotten, t.forgottenBy = time.Now(), userOf(name)
	}
}

// isCoincidence reports whether a foreign token is taken for ours as the documentation of pkg/rotation says that it may
// be: the creation after the intent had failed, or has not shown yet, and the token is the only one that has appeared.
func (w *world) isCoincidence(c *call, t *token, i *intent) bool {
	shown := func(t *token) bool { return t.listed.Before(c.proof) }
	if i == nil || w.isKnownHeld(c.by, t) || slices.ContainsFunc(i.by.created, shown) || t.born.Before(i.listed) || c.proof.Sub(i.at) > ledger.ProofWindow {
		return false
	}
	for _, other := range w.tokens {
		if other != t && other.user == t.user && other.foundFor == i.by.secret && other.found.Before(c.proof) && other.foundIn.After(i.at) && other.born.After(i.listed) {
			return false // it may have come of the same intent
		}
		if other != t && other.alive() && other.born.After(i.listed) && shown(other) && !w.recorded(other) && !other.held && other.user == t.user {
			return false
		}
	}
	return true
}

// isKnownHeld reports whether a secret held the token when the program looked at it, or was to look, as it does at those
// that the ledger names: a sweep at all, a rotation at those of its user.
func (w *world) isKnownHeld(by *invocation, t *token) bool {
	return slices.ContainsFunc(w.secrets, func(s *managed) bool {
		looked := by.began.Add(-w.staleness)
		if by.looked[s].After(looked) {
			looked = by.looked[s]
		}
		held := s.current == t.text && s.since.Before(looked) || s.pending == t.text && s.pendingSince.Before(looked)
		return held && w.inLedger(s, by.ledgerUser)
	})
}

// observeFirstRead sees that a program reads the ledger.
func (w *world) observeFirstRead(by *invocation) {
	if !by.firstRead.IsZero() {
		return
	}
	by.firstRead, by.named = time.Now(), map[*managed]bool{}
	for _, s := range w.secrets {
		by.named[s] = by.sweeping && w.exclusive && w.inLedger(s, "")
	}
}

// inLedger reports whether any record of the user names the secret, or of any user where that is "".
func (w *world) inLedger(s *managed, user string) bool {
	for name, value := range w.records() {
		if strings.Contains(name, "/"+user) && strings.Contains(value, s.arn) {
			return true
		}
	}
	return false
}

// tellsHolder reports whether the ledger, as far as the program reads it, tells that the secret may hold the token.
func (w *world) tellsHolder(by *invocation, s *managed, t *token) bool {
	for name, value := range w.records() {
		var record ledger.Token
		if !strings.Contains(name, "/"+by.ledgerUser) || !strings.Contains(name, "/token-"+t.fingerprint) || json.Unmarshal([]byte(value), &record) != nil {
			continue
		}
		if record.Secret == s.arn && (record.State == ledger.Issued || record.State == ledger.Retiring && !record.Replaced) {
			return true
		}
	}
	return false
}

// recorded reports whether the ledger has a record of the token.
func (w *world) recorded(t *token) bool {
	for name := range w.records() {
		if strings.Contains(name, "/token-"+t.fingerprint) {
			return true
		}
	}
	return false
}

// observeSent sees a call on its way.
func (w *world) observeSent(c *call) {
	if c.op != opLogin && c.op != opGrant && c.op != opExchange {
		return
	}
	if w.options.yardstick {
		return
	}
	key := c.op + " " + c.by.loginUser
	times := w.loginTimes[key]
	for len(times) > 0 && c.sent.Sub(times[0]) >= time.Minute {
		times = times[1:]
	}
	w.loginTimes[key] = append(times, c.sent)
	if len(times) >= 5 {
		w.violate(logins, "%d of %s within a minute", len(times)+1, key)
	}
	if s := c.by.step; s == awstest.StepSet || s == awstest.StepFinish {
		w.violate(logins, "%s logs in", c.by)
	}
}

// observeStep sees the end of a step.
func (w *world) observeStep(i *invocation) {
	if i.loggedIn > 1 {
		w.violate(logins, "%s logged in %d times", i, i.loggedIn)
	}
	if w.options.yardstick || i.dead || i.faults > 0 || i.drag > 0 {
		return
	}
	if t := i.replaced; t != nil && !t.coincidence && t.sharedWith == nil && !i.failed && w.retention == 0 && t.alive() && !w.isHeld(t.text) && w.vendor.Alive(i.secret.current) && w.byFingerprint[string(i.report.Fingerprint)].alive() {
		w.violate(tardy, "%s left token %s alive, which it has replaced", i, t)
	}
	for _, t := range i.created {
		if i.putRefused && t.alive() && !t.held {
			w.violate(tardy, "%s left token %s alive, which was refused", i, t)
		}
	}
}

// observeSweep sees the end of a sweep.
func (w *world) observeSweep(i *invocation) {
	if i.dead || i.failed || i.faults > 0 || len(i.answer.Faults) > 0 || i.request != (sweep.Request{}) {
		return
	}
	for _, s := range w.secrets {
		if t := w.tokens[s.current]; t != nil && t.currentSince.Before(i.began) && w.inLedger(s, "") {
			t.swept = true
		}
	}
}

// observeSecond sees that a program makes a token for a version that has one.
func (w *world) observeSecond(by *invocation, made *token) {
	for _, value := range w.records() {
		var record ledger.Token
		if json.Unmarshal([]byte(value), &record) != nil || record.State != ledger.Issued || record.Secret != by.secret.arn || record.Version != by.version || record.Base != by.base {
			continue
		}
		if t := w.byFingerprint[string(record.Fingerprint)]; t != nil && t != made && t.alive() && t.user == made.user && t.listed.Before(by.began) && t.recorded.Before(by.began.Add(-w.staleness)) {
			w.violate(tardy, "%s made token %s for version %.8s, which token %s was made for", by, made, by.version, t)
		}
	}
}

// observeRecord sees that a program reads a record of its secret as it was some time ago.
func (i *invocation) observeRecord(name, value string, age time.Duration) {
	_, kind, found := strings.Cut(name, "/token-")
	if !found || !strings.Contains(value, `"state":"retiring"`) {
		return
	}
	if i.retiring == nil {
		i.retiring, i.givenUp = map[string]reading{}, map[string]time.Time{}
	}
	i.retiring[kind[:12]] = reading{time.Now(), time.Now().Add(-age)}
	if i.secret == nil || !strings.Contains(value, i.secret.arn) {
		return
	}
	if _, known := i.givenUp[kind[:12]]; !known {
		i.givenUp[kind[:12]] = time.Now()
	}
}

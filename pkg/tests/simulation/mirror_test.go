package simulation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// mirror is a stack's ledger by its types, brought up to date with each write and removal.
type mirror struct {
	records map[string]record    // by the parameter's name
	since   map[string]time.Time // when a record was first written
	intents map[string]intent
}

func newMirror() mirror {
	return mirror{map[string]record{}, map[string]time.Time{}, map[string]intent{}}
}

// of returns the records of a token, in the order of their names.
func (m mirror) of(t *token) []record {
	var found []record
	for _, name := range slices.Sorted(maps.Keys(m.records)) {
		if r := m.records[name]; string(r.Fingerprint) == t.fingerprint {
			found = append(found, r)
		}
	}
	return found
}

// stackOf returns the stack that a parameter belongs to.
func (h *history) stackOf(name string) *stack {
	for _, s := range h.stacks {
		if strings.HasPrefix(name, s.prefix+"/") {
			return s
		}
	}
	return nil
}

// kindOf returns what an entry of the ledger is, and its name.
func kindOf(name string) (kind, rest string) {
	kind, rest, _ = strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	return kind, rest
}

// observeParameter sees a parameter that a program has written.
func (h *history) observeParameter(by *invocation, name, value string) {
	s := h.stackOf(name)
	inLedger := s != nil && strings.HasPrefix(name, s.ledgerPath()+"/")
	switch {
	case s != by.stack:
		h.violate(broken, "%s wrote %s, which is not its stack's", by, name)
		return
	case by.request.DryRun && inLedger:
		h.violate(broken, "a dry run wrote %s", name)
	case len(value) > maxParameter:
		h.violate(broken, "the parameter %s has %d characters", name, len(value))
	}
	if !inLedger {
		return
	}
	switch kind, _ := kindOf(name); kind {
	case "intent":
		var i intent
		if h.decode(name, value, &i) {
			s.intents[name] = i
			h.observeIntent(by, i)
		}
	case "token":
		var r record
		if h.decode(name, value, &r) {
			before, found := s.records[name]
			s.records[name] = r
			if !found {
				s.since[name] = time.Now()
			} else {
				h.checkTransition(by, before, r)
				h.checkRetired(by, before, r)
			}
			h.checkDeletedRecord(by, before, r)
			h.observeRecord(by, r)
		}
	}
}

func (h *history) decode(name, value string, entry any) bool {
	err := json.Unmarshal([]byte(value), entry)
	if err != nil {
		h.violate(broken, "the parameter %s cannot be read: %v", name, err)
	}
	return err == nil
}

// observeRemoved sees a parameter that a program has removed.
func (h *history) observeRemoved(by *invocation, name string) {
	s := h.stackOf(name)
	if s != by.stack {
		h.violate(broken, "%s removed %s, which is not its stack's", by, name)
		return
	}
	if i, found := s.intents[name]; found {
		h.observeIntentEnd(by, h.creations[i.ID])
	}
	delete(s.intents, name)
	delete(s.records, name)
	delete(s.since, name)
}

// observeIntentEnd sees that a program ends an intent.
func (h *history) observeIntentEnd(by *invocation, c *creation) {
	for _, t := range c.by.created {
		c.hidden = c.hidden || by.sweeping() && h.fooled(by, t.user)
	}
}

// observeIntent sees an intent.
func (h *history) observeIntent(by *invocation, i intent) {
	if h.creations[i.ID] != nil {
		return
	}
	c := &creation{intent: i, by: by}
	if u := h.userOf(by); u != nil {
		c.listed = by.listedOf[u.name]
	}
	h.checkBaseline(by)
	h.creations[i.ID] = c
	if by.secret != nil {
		by.secret.madeFrom(by.version, by.base)
	}
}

// observeRecord sees a record of a token.
func (h *history) observeRecord(by *invocation, r record) {
	t := h.byFingerprint[string(r.Fingerprint)]
	if t == nil {
		return
	}
	now := time.Now()
	if by != t.writtenBy {
		t.writtenBefore = t.written
	}
	t.written, t.writtenBy = now, by
	if t.renewed.Before(t.currentSince) {
		t.renewed = now
	}
	if r.State == ledger.Issued && t.recorded.IsZero() {
		t.recorded = now
	}
	if r.State == ledger.Unclaimed && t.unclaimedSince.IsZero() {
		t.unclaimedSince = now
		if !by.firstListed.IsZero() { // a sweep sees it in a list
			t.unclaimedSince = by.firstListed
		}
		h.checkUnclaimed(r, t)
		h.checkKnownToken(by, t)
	}
}

// forget removes a parameter of a stack's ledger, as a person does.
func (h *history) forget(s *stack, name string) {
	h.parameters.remove(name)
	h.ledgerLost = true
	if r, found := s.records[name]; found {
		if t := h.byFingerprint[string(r.Fingerprint)]; t != nil {
			t.lost = true
			if t.copiedTo != nil && !t.copySeenAt.IsZero() { // what a sweep has seen is forgotten
				t.copiedAt, t.copySeenAt, t.copyLost = time.Now(), time.Time{}, true
			}
		}
	}
	if i, found := s.intents[name]; found {
		h.creations[i.ID].lost = true
	}
	delete(s.records, name)
	delete(s.since, name)
	delete(s.intents, name)
}

package simulation

import (
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

const (
	// calmBefore is how long after the faults nothing happens: the vendor's lags of before are over.
	calmBefore = propagation + time.Minute
	// betweenSweeps is how far apart the last sweeps are; three of them see to what exclusiveWait
	// holds back.
	betweenSweeps = 40 * time.Minute
	lastSweeps    = 3
	// furtherTries is how often an operator rotates a secret until it must have gone well: an old
	// rotation may be resumed first, and given up; and with lags, its token may be too new to be
	// believed.
	furtherTries    = 3
	betweenFurther  = propagation + time.Minute
	furtherAttempts = 3 // of the service's, for each
)

// finish ends all faults and looks whether everything comes right.
func (h *history) finish() {
	h.calm, h.nature.weather, h.nature.staleRate = true, weather{}, 0
	h.logf("=== calm")
	h.quiet()
	for _, u := range h.users {
		h.storePassword(u)
	}
	h.pass(calmBefore)
	h.settleDeletions()
	h.makeRoom()
	swept := false
	capped := h.nature.witness.lie == capsTokens // a rotation needs the room that sweeps make
	if !h.options.yardstick && (h.chance(0.4) || capped) {
		h.sweepUp()
		h.checkLeaks(true)
		swept = true
	}
	for _, s := range h.usable() {
		h.further(s)
		h.pass(2 * time.Minute)
	}
	h.checkCurrent()
	h.checkLeaks(h.options.yardstick)
	if !swept && !h.options.yardstick {
		h.sweepUp()
		h.checkLeaks(true)
	}
}

// makeRoom deletes tokens that are not ours at the vendor's page, if there may be no more tokens.
func (h *history) makeRoom() {
	v := h.nature.witness
	if v.lie != capsTokens {
		return
	}
	for _, u := range h.users {
		for _, text := range h.vendor.Tokens(u.name) {
			if t := h.tokens[text]; !h.isHeld(text) && !(t.by != nil && t.answered) && !t.swapped {
				h.deleteByHand(t)
			}
		}
	}
}

// sweepUp lets the sweeps of some hours pass.
func (h *history) sweepUp() {
	for range lastSweeps {
		h.pass(betweenSweeps)
		h.sweepOnce()
	}
	h.checkSweeps()
}

// sweepOnce lets each stack sweep once.
func (h *history) sweepOnce() {
	if h.options.yardstick {
		return
	}
	for _, s := range h.stacks {
		s.latest = h.sweep(s, plainSweep)
		h.quiet()
	}
}

// further rotates a secret once more, as an operator does.
func (h *history) further(s *managed) {
	for try := 1; ; try++ {
		var outcome awstest.Outcome
		before := s.currentVersion
		h.begin(s, false, func(o awstest.Outcome) { outcome = o })
		s.run.attempts = furtherAttempts
		h.loop(func() bool { return outcome != "" })
		switch {
		case outcome == awstest.Succeeded && s.currentVersion != before:
			return
		case try == furtherTries:
			h.violate(wedged, "%s cannot be rotated any more: %s", s, outcome)
			return
		}
		h.pass(betweenFurther)
	}
}

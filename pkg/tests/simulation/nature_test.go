package simulation

import (
	"time"

	"engage-token-rotation/pkg/engage"
)

// drawNature draws how the history behaves, and lets its profile change that.
func (h *history) drawNature() {
	h.nature = nature{
		weather:    h.drawWeather(),
		flow:       pick(h, engage.FlowEngage, engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy),
		retention:  pick(h, 0, 0, 0, 10*time.Minute, 3*time.Hour),
		exclusive:  h.chance(0.25),
		lifetime:   pick(h, 30*time.Second, time.Minute, 5*time.Minute),
		drag:       pick(h, 0, 0, 0.1, 0.5),
		slowest:    8 * time.Second,
		skew:       pick(h, 0, 2*time.Second),
		staleRate:  pick(h, 0, 0.02, 0.2),
		impatience: pick(h, 0, 0.02, 0.1),
		patience:   4,
		tests:      0.02,
		people:     pick(h, 0, 0, 0.002, 0.01),
		strangers:  pick(h, 0, 0, 0.003, 0.02),
		sweepRate:  pick(h, 0, 0, 0.002, 0.01),
		together:   h.chance(0.4),
	}
	n := &h.nature
	n.witness.lagging = pick(h, 0, 0, 0.3)
	n.witness.longestLag = pick(h, 3*time.Second, 10*time.Second, time.Minute)
	if n.exclusive {
		n.strangers /= 4
	}
	h.setProfile()
	if h.options.yardstick {
		n.retention, n.exclusive, n.sweepRate, n.duels, n.twoStacks = 0, false, 0, 0, false
	}
	n.smooth = h.isSmooth()
}

// isSmooth reports whether nothing is to go wrong in the history that a second try does not put
// right.
func (h *history) isSmooth() bool {
	n := &h.nature
	harmless := n.weather.mild || n.weather.still() && n.drag == 0
	alone := n.people == 0 && n.habit == nil && n.impatience == 0 && n.strangers == 0
	return harmless && alone && n.witness.lagging == 0 && n.witness.lie == noLie && n.lifetime >= time.Minute
}

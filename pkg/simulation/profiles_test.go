package simulation

import (
	"time"

	"engage-token-rotation/pkg/engage"
)

// gather makes frequent in some histories what meets rarely where all is drawn apart.
func (w *world) gather() {
	w.tests = 0.02
	n := w.random.IntN(24)
	if n < 8 { // as it was drawn
		return
	}
	w.weather.rate, w.weather.burst = min(w.weather.rate, 0.02), 0
	switch {
	case n < 11: // secrets of one user, rotated at once, whose creations get lost; hand-made tokens are put into them
		w.crowded, w.together, w.exclusive = true, true, false
		w.weather.at = map[string]float64{opCreate: 0.5}
		w.strangers = []float64{0, 0.01}[w.random.IntN(2)]
		w.people, w.bent, w.staleRate, w.sweepRate = 0.03, w.handMade, 0.1, 0.003
	case n < 13: // one secret, whose creations get lost, and another program that makes tokens
		w.lonely, w.exclusive = true, false
		w.weather.at = map[string]float64{opCreate: 0.6, opPutParam: 0.05}
		w.strangers, w.people, w.sweepRate = 0.015, 0.005, 0.005
	case n < 16: // sweeps that meet rotations which are run again, puts that fail, and rotations that are cancelled
		w.duels, w.drag, w.staleRate, w.impatience = 0.6, 0.5, 0.2, 0.1
		w.weather.at = map[string]float64{opPut: 0.4, opMove: 0.3, opCreate: 0.1, opDelete: 0.3, opList: 0.05}
		w.people, w.bent = max(w.people, 0.005), w.cancel
	case n < 18: // records that cannot be written, tokens that are revoked, and rotations that are only tested
		w.weather.at = map[string]float64{opPutParam: 0.3, opCreate: 0.1}
		w.strangers, w.people, w.tests, w.sweepRate = 0.02, 0.02, 0.2, 0
		w.bent = w.revokeByHand
		if w.chance(0.5) {
			w.bent = w.moveBack
		}
	case n < 20: // people at work all the time
		w.people, w.staleRate, w.tests = 0.03, 0.1, 0.1
		w.bent = w.moveBack
		w.weather.at = map[string]float64{opCreate: 0.2, opPut: 0.3}
	case n < 22: // logins that are slow or fail
		w.impatience, w.drag = 0.1, 0.3
		if w.options.flow == "" {
			w.flow = engage.FlowRingCentral
		}
		w.weather.at = map[string]float64{opGrant: 0.5, opExchange: 0.6, opLogin: 0.6}
	default: // only faults that a second try mends: nobody is to notice
		w.weather = weather{only: -1, mild: true, rate: 0.2}
		w.people, w.impatience, w.lagging, w.staleRate, w.drag, w.strangers = 0, 0, 0, 0, 0, 0
		w.lifetime = 5 * time.Minute
		w.sweepRate = []float64{0, 0.005, 0.015}[w.random.IntN(3)]
	}
}

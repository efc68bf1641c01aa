package simulation

import "time"

// gather makes frequent in some histories what meets rarely where all is drawn apart.
func (w *world) gather() {
	switch n := w.random.IntN(20); {
	case n < 8: // as it was drawn
	case n < 11: // secrets of one user, rotated at once, whose creations get lost
		w.crowded, w.together, w.exclusive = true, true, false
		w.weather.at = map[string]float64{opCreate: 0.4}
		w.weather.rate = min(w.weather.rate, 0.02)
		w.weather.burst = 0
	case n < 14: // sweeps that meet rotations which are run again, and puts that fail
		w.duels = 0.7
		w.weather.at = map[string]float64{opPut: 0.4, opCreate: 0.1, opDelete: 0.2}
		w.weather.rate = min(w.weather.rate, 0.02)
		w.weather.burst = 0
		w.drag = 0.5
		w.people = max(w.people, 0.002)
	case n < 16: // records that cannot be written, and people at work
		w.weather.at = map[string]float64{opPutParam: 0.3, opCreate: 0.1}
		w.weather.rate = min(w.weather.rate, 0.02)
		w.weather.burst = 0
		w.people, w.strangers = 0.01, max(w.strangers, 0.003)
	case n < 18: // people at work all the time
		w.people = 0.03
		w.weather.at = map[string]float64{opCreate: 0.2}
		w.weather.rate = min(w.weather.rate, 0.03)
		w.weather.burst = 0
	default: // only faults that a second try mends: nobody is to notice
		w.weather = weather{only: -1, mild: true, rate: 0.2}
		w.people, w.impatience, w.lagging, w.staleRate, w.drag, w.strangers = 0, 0, 0, 0, 0, 0
		w.lifetime = 5 * time.Minute
		w.sweepRate = []float64{0, 0.005, 0.015}[w.random.IntN(3)]
	}
}

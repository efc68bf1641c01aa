package simulation

import (
	"time"

	"engage-token-rotation/pkg/engage"
)

// profile makes frequent in some histories what meets rarely where all is drawn apart.
type profile struct {
	name   string
	weight int
	set    func(*world)
}

var profiles = []profile{
	{"", 8, func(*world) {}}, // as it was drawn

	// Secrets of one user, rotated at once, whose creations get lost; hand-made and shared tokens are put into them.
	{"crowd", 3, func(w *world) {
		w.crowded, w.together, w.exclusive = true, w.chance(0.6), false
		if !w.together {
			w.pauses = w.pausing(0, 0)
		}
		w.weather.at = map[string]float64{opCreate: 0.5, opDescribe: 0.05}
		w.strangers = []float64{0, 0.01}[w.random.IntN(2)]
		w.people, w.staleRate, w.sweepRate = 0.02, []float64{0.1, 0.5}[w.random.IntN(2)], 0.003
		w.bent, w.duels = []func(*managed){w.handMade, w.handMade, w.share}[w.random.IntN(3)], []float64{0, 0.4}[w.random.IntN(2)]
	}},
	// One secret, whose creations get lost, and another program that makes tokens.
	{"stranger", 2, func(w *world) {
		w.lonely, w.exclusive = true, false
		w.weather.at = map[string]float64{opCreate: 0.6, opPutParam: 0.05}
		w.strangers, w.people, w.sweepRate = 0.015, 0.005, 0.005
		if w.chance(0.5) { // right after a creation was found again
			w.strangers, w.meddling, w.pauses = 0, 0.5, w.pausing(0, 20*time.Minute)
			w.bent = func(*managed) { w.stranger() }
		}
	}},
	// A user of the rotations' own, on whom somebody makes tokens nevertheless.
	{"exclusive", 2, func(w *world) {
		w.lonely, w.exclusive = w.chance(0.7), true
		w.weather.at = map[string]float64{opCreate: 0.4}
		w.strangers, w.people, w.sweepRate = 0.015, 0.005, 0.01
		w.bent = w.changeUser
	}},
	// Sweeps that meet rotations which are run again, puts that fail, and rotations that are cancelled.
	{"duel", 3, func(w *world) {
		w.duels, w.drag, w.staleRate, w.impatience = 0.6, 0.5, 0.2, 0.1
		w.weather.at = map[string]float64{opPut: 0.4, opMove: 0.3, opCreate: 0.1, opDelete: 0.3, opList: 0.05}
		w.people = max(w.people, 0.005)
		w.bent = []func(*managed){w.cancel, w.moveBack}[w.random.IntN(2)]
		if w.chance(0.5) {
			w.lagging, w.longestLag, w.impatience = 0.8, 15*time.Second, 0.2
		}
	}},
	// Records that cannot be written, tokens that are revoked, and rotations that are only tested.
	{"records", 2, func(w *world) {
		w.weather.at = map[string]float64{opPutParam: 0.3, opCreate: 0.1, opAccounts: 0.3}
		w.strangers, w.people, w.tests, w.sweepRate = 0.02, 0.02, 0.2, 0
		w.bent = []func(*managed){w.revokeByHand, w.moveBack}[w.random.IntN(2)]
		if w.chance(0.5) { // and somebody makes tokens right after
			w.lonely, w.people, w.strangers, w.meddling, w.pauses = true, 0, 0, 0.5, w.pausing(0, 20*time.Minute)
			w.bent, w.weather.at[opDropParam], w.weather.at[opMove] = func(*managed) { w.stranger() }, 0.2, 0.2
		}
	}},
	// People at work all the time.
	{"people", 2, func(w *world) {
		w.people, w.staleRate, w.tests, w.sweepRate = 0.03, 0.1, 0.1, 0.003
		w.drag = []float64{0, 0.3}[w.random.IntN(2)]
		w.bent = w.moveBack
		w.weather.at = map[string]float64{opCreate: 0.2, opPut: 0.3}
	}},
	// Versions that are put back by hand, steps that come twice, and reads that are old.
	{"returns", 2, func(w *world) {
		w.lonely, w.retention = w.chance(0.7), []time.Duration{0, 10 * time.Minute, 3 * time.Hour}[w.random.IntN(3)]
		w.people, w.impatience, w.staleRate, w.drag = 0.03, 0.3, 0.4, 0.2
		w.sweepRate, w.duels = []float64{0, 0.005}[w.random.IntN(2)], 0.2
		w.bent = w.moveBack
		w.weather.at = map[string]float64{opMove: 0.2}
	}},
	// Puts that are refused, in steps that come twice and are slow.
	{"refused", 1, func(w *world) {
		w.lonely, w.impatience, w.drag, w.patience = true, 0.6, 0.6, 1+w.random.IntN(2)
		w.lagging, w.longestLag = []float64{0, 0.8}[w.random.IntN(2)], 10*time.Second
		w.staleRate = []float64{0.2, 0.7}[w.random.IntN(2)]
		w.weather.at = map[string]float64{opCreate: []float64{0, 0.3}[w.random.IntN(2)]}
		w.weather.refused = map[string]float64{opPut: 0.4}
		w.people, w.sweepRate = 0, 0
	}},
	// Creations that are lost, and tried again late or not at all, tokens that are put by hand, and sweeps.
	{"stranded", 1, func(w *world) {
		w.lonely = w.chance(0.5)
		w.crowded, w.together, w.exclusive, w.patience = !w.lonely, false, false, 1+w.random.IntN(2)
		w.weather.at = map[string]float64{opCreate: 0.6, opDescribe: 0.1}
		w.people, w.interval = 0.01, 30*time.Minute
		w.bent = w.handMade
	}},
	// Versions that are put back, and replaced by a rotation at once, in the midst of sweeps.
	{"undone", 1, func(w *world) {
		w.atOnce, w.unswept, w.meddling = true, true, 0.2
		w.retention, w.exclusive, w.staleRate = []time.Duration{0, 10 * time.Minute, 10 * time.Minute}[w.random.IntN(3)], false, 0.5
		w.people, w.interval, w.sweepRate, w.drag = 1e-9, 25*time.Minute, 0, []float64{0, 0.4}[w.random.IntN(2)]
		w.bent = w.either(w.putBack, w.putBack, w.putBack, w.editNow)
		w.schedule(w.interval, func() { w.bent(w.secrets[w.random.IntN(len(w.secrets))]) })
	}},
	// Attempts at the same step that are slow and lose their creations, while somebody edits the secret.
	{"torn", 1, func(w *world) {
		w.lonely, w.impatience, w.drag, w.lifetime = true, 0.6, 0.6, time.Minute
		w.people, w.sweepRate, w.unswept, w.strangers = 0.02, 0, true, 0
		w.bent = w.editNow
		w.weather.at = map[string]float64{opCreate: 0.5}
	}},
	// Rotations that are cancelled at their end, and slow.
	{"late", 1, func(w *world) {
		w.lonely, w.meddling, w.duels, w.drag, w.staleRate = true, 0.6, 0.6, 0.7, 0.2
		w.lifetime, w.retention = 30*time.Second, 0
		w.bent = w.cancel
		w.weather.at = map[string]float64{opMove: 0.4, opList: 0.1}
	}},
	// Versions that wait for their values until another attempt puts them, beside sweeps.
	{"awaited", 1, func(w *world) {
		w.lonely, w.patience, w.pauses, w.lifetime, w.retention = true, 1, w.pausing(31*time.Second, 2*time.Minute), 30*time.Second, 0
		w.duels, w.drag, w.staleRate, w.impatience = 0.8, 0.3, 0.7, 0
		w.people, w.sweepRate, w.strangers = 0, 0, 0
		w.weather.at = map[string]float64{opPut: 0.6, opList: 0.1}
		w.meddling, w.bent = []float64{0, 0.6}[w.random.IntN(2)], w.cancel
	}},
	// Tokens that are made by hand, put and rotated away before a list shows them.
	{"fresh", 1, func(w *world) {
		w.lonely, w.pauses, w.atOnce, w.lagging, w.longestLag = w.chance(0.5), w.pausing(0, 0), true, 0.8, 30*time.Second
		w.people, w.interval, w.exclusive = 0.03, 30*time.Minute, false
		w.bent = w.handMade
		w.weather.at = map[string]float64{opCreate: 0.6}
	}},
	// Secrets that change hands between users of the rotations' own.
	{"hands", 1, func(w *world) {
		w.exclusive, w.retention, w.staleRate, w.lagging = true, 3*time.Hour, 0.02, 0
		w.people, w.interval, w.strangers = 0.02, 10*time.Minute, 0
		w.bent = w.either(w.handMade, w.changeUser)
	}},
	// Nobody else is there: whatever comes of the creations that are lost can be proven.
	{"alone", 1, func(w *world) {
		w.alone, w.exclusive, w.together = true, false, false
		w.people, w.impatience, w.strangers, w.drag, w.sweepRate, w.staleRate = 0, 0, 0, 0, 0, 0
		w.lifetime, w.weather = time.Minute, weather{only: -1, lost: map[string]float64{opCreate: 0.5}}
		if w.lonely = w.chance(0.5); w.lonely {
			w.lagging, w.longestLag, w.interval, w.retention = []float64{0, 0.8}[w.random.IntN(2)], 10*time.Second, 10*time.Minute, 0
			w.pauses = w.pausing(time.Hour, 4*time.Hour) // sweeps have the time to look between
			return
		}
		w.crowded, w.patience, w.lagging, w.interval, w.retention = true, 1, 0, 25*time.Minute, 3*time.Hour
		w.pauses = w.pausing(5*time.Minute, 40*time.Minute)
	}},
	// Rotations that are only tested and are cancelled, so that their versions stay pending, and versions that are put back.
	{"tested", 1, func(w *world) {
		w.lonely, w.tests, w.patience, w.strangers = true, 0.5, 1, 0
		w.pauses, w.people, w.interval, w.sweepRate = w.pausing(0, 10*time.Minute), 0.03, 10*time.Hour, 0
		w.bent = w.either(w.halt, w.moveBack)
	}},
	// Logins that are slow or fail.
	{"logins", 1, func(w *world) {
		w.impatience, w.drag = 0.1, 0.3
		if w.options.flow == "" {
			w.flow = engage.FlowRingCentral
		}
		w.weather.at = map[string]float64{opGrant: 0.5, opExchange: 0.6, opLogin: 0.6}
	}},
	// Only faults that a second try mends, reads that are old, and calls that are slow: nobody is to notice.
	{"mild", 2, func(w *world) {
		w.weather = weather{only: -1, mild: true, rate: 0.2, throttled: []float64{0, 0, 0.9}[w.random.IntN(3)]}
		w.duels = []float64{0, 0.3}[w.random.IntN(2)]
		w.people, w.impatience, w.lagging, w.strangers = 0, 0, 0, 0
		w.staleRate, w.drag, w.slowest = []float64{0, 0.3, 0.8}[w.random.IntN(3)], []float64{0, 0.3}[w.random.IntN(2)], 1500*time.Millisecond
		w.lifetime = 5 * time.Minute
		w.sweepRate = []float64{0, 0.005, 0.015}[w.random.IntN(3)]
	}},
}

// pausing draws the times between a secret's rotations.
func (w *world) pausing(least, most time.Duration) func() time.Duration {
	return func() time.Duration { return w.between(least, most) }
}

// setProfile draws the history's profile, or takes the one that is asked for.
func (w *world) setProfile() {
	w.tests, w.patience, w.slowest = 0.02, 4, 8*time.Second
	sum := 0
	for _, p := range profiles {
		sum += p.weight
	}
	n := w.random.IntN(sum)
	for _, p := range profiles {
		if n -= p.weight; n < 0 && w.options.profile == "" || p.name != "" && p.name == w.options.profile {
			if p.name != "" {
				w.weather.rate, w.weather.burst = min(w.weather.rate, 0.02), 0
			}
			w.profile = p.name
			p.set(w)
			return
		}
	}
}

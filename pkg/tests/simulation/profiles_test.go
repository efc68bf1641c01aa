package simulation

import (
	"time"

	"engage-token-rotation/pkg/engage"
)

// profile makes frequent in some histories what rarely coincides when everything is drawn apart.
type profile struct {
	name   string
	weight int
	why    string // in one sentence
	set    func(*history, *nature)
}

// profiles are drawn by their weights. The first changes nothing.
var profiles = []profile{
	{"", 8, "everything as it was drawn", func(*history, *nature) {}},
	{"crowd", 2, "secrets of one user lose their creations at the same time, and share tokens",
		func(h *history, n *nature) {
			n.oneUser, n.together, n.exclusive = true, h.chance(0.6), false
			if !n.together {
				n.pauses = h.pausing(0, 0)
			}
			n.weather.at = map[string]float64{opCreate: 0.5, opDescribe: 0.05}
			n.strangers, n.people, n.staleRate, n.sweepRate = pick(h, 0, 0.01), 0.02, pick(h, 0.1, 0.5), 0.003
			n.habit, n.duels = pick(h, h.handMade, h.handMade, h.share), pick(h, 0, 0.4)
		}},
	{"stranger", 2, "another program makes tokens around creations that are lost", func(h *history, n *nature) {
		n.oneSecret, n.exclusive = true, false
		n.weather.at = map[string]float64{opCreate: 0.6, opPutParam: 0.05}
		n.strangers, n.people, n.sweepRate = 0.015, 0.005, 0.005
		if h.chance(0.5) { // while a sweep or a swap is at work
			n.strangers, n.meddling, n.pauses = 0, 0.5, h.pausing(0, 20*time.Minute)
			n.habit = func(*managed) { h.stranger() }
		}
	}},
	{"exclusive", 2, "unclaimed tokens are deleted, and some secrets cannot be read", func(h *history, n *nature) {
		n.oneSecret, n.oneUser, n.exclusive = h.chance(0.4), true, true
		n.weather.at = map[string]float64{opCreate: 0.4, opDescribe: pick(h, 0, 0.1), opPutParam: 0.05}
		n.strangers, n.people, n.sweepRate, n.interval = pick(h, 0, 0.01), 0.005, 0.01, 40*time.Minute
		n.pauses = h.pausing(0, time.Hour)
		n.habit, n.hesitation = pick(h, h.changeUser, h.handMade), pick(h, 0, time.Hour)
	}},
	{"duel", 3, "sweeps meet rotations that are run again, puts that fail, and rotations that are cancelled",
		func(h *history, n *nature) {
			n.duels, n.drag, n.staleRate, n.impatience = 0.4, 0.5, 0.2, 0.1
			n.weather.at = map[string]float64{opPut: 0.4, opMove: 0.3, opCreate: 0.1, opDelete: 0.3, opList: 0.05}
			n.people = max(n.people, 0.005)
			n.habit = pick(h, h.cancel, h.moveBack)
			if h.chance(0.5) {
				n.witness.lagging, n.witness.longestLag, n.impatience = 0.8, 15*time.Second, 0.2
			}
		}},
	{"records", 2, "records cannot be written, tokens are revoked, and rotations are only tested",
		func(h *history, n *nature) {
			n.weather.at = map[string]float64{opPutParam: 0.3, opCreate: 0.1, opAccounts: 0.3, opDropParam: 0.1}
			n.strangers, n.people, n.tests, n.sweepRate = 0.01, 0.02, 0.2, pick(h, 0, 0.005)
			n.habit = pick(h, h.revokeByHand, h.moveBack)
		}},
	{"people", 2, "people change secrets all the time", func(h *history, n *nature) {
		n.people, n.staleRate, n.tests, n.sweepRate, n.drag = 0.03, 0.1, 0.1, 0.003, pick(h, 0, 0.3)
		n.habit = h.moveBack
		n.weather.at = map[string]float64{opCreate: 0.2, opPut: 0.3}
	}},
	{"returns", 2, "versions are put back by hand, steps come twice, and reads are old",
		func(h *history, n *nature) {
			n.oneSecret, n.retention = h.chance(0.7), pick(h, 0, 10*time.Minute, 3*time.Hour)
			n.people, n.impatience, n.staleRate, n.drag = 0.03, 0.3, 0.4, 0.2
			n.sweepRate, n.duels, n.habit = pick(h, 0, 0.005), 0.2, h.moveBack
			n.weather.at = map[string]float64{opMove: 0.2}
		}},
	{"refused", 1, "puts are refused, in steps that come twice and are slow", func(h *history, n *nature) {
		n.oneSecret, n.impatience, n.drag, n.patience = true, 0.6, 0.6, 1+h.random.IntN(2)
		n.witness.lagging, n.witness.longestLag, n.staleRate = pick(h, 0, 0.8), 10*time.Second, pick(h, 0.2, 0.7)
		n.weather.at = map[string]float64{opCreate: pick(h, 0, 0.3)}
		n.weather.refused = map[string]float64{opPut: 0.4}
		n.people, n.sweepRate, n.duels = 0, 0, pick(h, 0, 0.3)
	}},
	{"undone", 1, "versions are put back and rotated away at once, beside sweeps", func(h *history, n *nature) {
		n.atOnce, n.unswept, n.meddling = true, true, 0.2
		n.retention, n.exclusive, n.staleRate = pick(h, 0, 10*time.Minute, 10*time.Minute), false, 0.5
		n.people, n.interval, n.sweepRate, n.drag = 0, 25*time.Minute, 0, pick(h, 0, 0.4)
		n.habit = h.either(h.putBack, h.putBack, h.putBack, h.editNow)
		h.schedule(n.interval, func() { n.habit(pick(h, h.secrets...)) })
	}},
	{"torn", 1, "attempts at the same step are slow and lose their creations, while the secret is edited",
		func(h *history, n *nature) {
			n.oneSecret, n.impatience, n.drag, n.lifetime = true, 0.6, 0.6, time.Minute
			n.people, n.sweepRate, n.unswept, n.strangers, n.atOnce = 0.02, 0, true, 0, true
			n.habit = h.editNow
			n.weather.at = map[string]float64{opCreate: 0.5}
		}},
	{"late", 1, "rotations are slow, and cancelled at their end", func(h *history, n *nature) {
		n.oneSecret, n.meddling, n.duels, n.drag, n.staleRate = true, 0.6, 0.4, 0.7, 0.2
		n.lifetime, n.retention, n.habit = 30*time.Second, 0, h.cancel
		n.weather.at = map[string]float64{opMove: 0.4, opList: 0.1}
	}},
	{"awaited", 1, "versions wait for their values until another attempt puts them, beside sweeps",
		func(h *history, n *nature) {
			n.oneSecret, n.patience, n.lifetime, n.retention = true, 1, 30*time.Second, 0
			n.pauses = h.pausing(31*time.Second, 2*time.Minute)
			n.duels, n.drag, n.staleRate, n.impatience = 0.5, 0.3, 0.7, 0
			n.people, n.sweepRate, n.strangers = 0, 0, 0
			n.weather.at = map[string]float64{opPut: 0.6, opList: 0.1}
			n.meddling, n.habit = pick(h, 0, 0.6), h.cancel
		}},
	{"hands", 1, "secrets change hands between users", func(h *history, n *nature) {
		n.exclusive, n.retention, n.staleRate = h.chance(0.5), pick(h, 0, 3*time.Hour), 0.02
		n.people, n.interval, n.strangers, n.pauses = 0.02, 20*time.Minute, 0, h.pausing(0, 40*time.Minute)
		n.weather.at = map[string]float64{opCreate: 0.1}
		n.habit = h.either(h.handMade, h.changeUser)
	}},
	{"tested", 1, "rotations are only tested or cancelled, so that versions stay pending",
		func(h *history, n *nature) {
			n.oneSecret, n.tests, n.patience, n.strangers = true, 0.5, 1, 0
			n.pauses, n.people, n.interval, n.sweepRate = h.pausing(0, 10*time.Minute), 0.03, 10*time.Hour, 0
			n.habit = h.either(h.halt, h.moveBack)
		}},
	{"logins", 1, "logins are slow or fail", func(h *history, n *nature) {
		n.impatience, n.drag, n.flow = pick(h, 0.1, 0.4), 0.5, engage.FlowRingCentral
		n.slowest, n.sweepRate = pick(h, 8*time.Second, 30*time.Second), pick(h, 0, 0.02)
		if h.chance(0.5) {
			n.pauses = h.pausing(0, 0)
		}
		n.oneUser, n.together, n.lifetime = h.chance(0.5), h.chance(0.5), pick(h, time.Minute, 5*time.Minute)
		n.weather.at = map[string]float64{opGrant: 0.5, opExchange: 0.6, opLogin: 0.6}
	}},
	{"mild", 2, "faults are such that a second try succeeds, so no rotation may fail", func(h *history, n *nature) {
		n.weather = weather{only: anyService, mild: true, rate: 0.2, throttled: pick(h, 0, 0, 0.9)}
		n.duels = pick(h, 0, 0.3)
		n.people, n.impatience, n.witness.lagging, n.strangers = 0, 0, 0, 0
		n.staleRate, n.drag, n.slowest = pick(h, 0, 0.3, 0.8), pick(h, 0, 0.3), 1500*time.Millisecond
		n.lifetime, n.sweepRate, n.patience = 5*time.Minute, pick(h, 0, 0.005, 0.015), pick(h, 1, 4)
	}},
	{"outage", 2, "the vendor answers 401 or 403 to everything for minutes", func(h *history, n *nature) {
		n.witness.spell(refusesAll, 20*time.Minute, 5*time.Minute, 1)
		n.retention, n.sweepRate, n.interval = pick(h, 0, 10*time.Minute, 3*time.Hour), 0.005, time.Hour
		n.pauses = h.pausing(0, 20*time.Minute)
	}},
	{"blind", 2, "lists are empty or cut, around creations that are lost", func(h *history, n *nature) {
		n.witness.spell(pick(h, listsNothing, listsNewest, listsOldest), 5*time.Minute, 5*time.Minute, pick(h, 0.3, 1))
		n.witness.most = 1 + h.random.IntN(4)
		n.weather.at = map[string]float64{opCreate: 0.3, opPut: 0.1}
		n.strangers, n.exclusive, n.sweepRate = 0.01, h.chance(0.3), 0.005
		n.retention, n.pauses = pick(h, 0, 10*time.Minute), h.pausing(0, 10*time.Minute)
	}},
	{"undeleted", 1, "deletions answer 200 and have no effect", func(h *history, n *nature) {
		n.witness.spell(pick(h, failsDeleting, feignDeleting), 20*time.Minute, 20*time.Minute, pick(h, 0.5, 1))
		n.sweepRate, n.pauses = 0.005, h.pausing(0, 20*time.Minute)
	}},
	{"echo", 1, "creations answer with a token that there is", func(h *history, n *nature) {
		n.witness.spell(repeatsToken, 20*time.Minute, 5*time.Minute, pick(h, 0.3, 1))
		n.oneUser, n.strangers, n.sweepRate, n.pauses = h.chance(0.5), 0.01, 0.002, h.pausing(0, 10*time.Minute)
		n.weather.at = map[string]float64{opPut: 0.1}
	}},
	{"lagging", 2, "lists and acceptance lag up to the propagation time, in the calm too",
		func(h *history, n *nature) {
			n.witness.lagging, n.witness.longestLag, n.witness.lagsInCalm = 0.8, propagation, true
			n.sweepRate, n.duels = pick(h, 0, 0.005, 0.03), pick(h, 0, 0, 0.4)
			n.weather.at = map[string]float64{opCreate: pick(h, 0, 0.1, 0.4)}
		}},
	{"capped", 1, "a user may have so many tokens and no more", func(h *history, n *nature) {
		n.witness.lie, n.witness.most = capsTokens, 8
		n.retention, n.interval, n.pauses = pick(h, 0, 10*time.Minute), 20*time.Minute, h.pausing(0, time.Hour)
		n.weather.at = map[string]float64{opCreate: 0.1}
	}},
	{"lost", 2, "people remove entries of the ledger, or all of it", func(h *history, n *nature) {
		n.people, n.meddling, n.exclusive = 0.005, 0.3, h.chance(0.5)
		n.habit = h.either(h.loseEntry, h.loseEntry, h.loseLedger)
		n.weather.at = map[string]float64{opCreate: 0.2, opPut: 0.1, opMove: 0.1}
		n.sweepRate, n.retention = 0.005, pick(h, 0, 10*time.Minute, 3*time.Hour)
	}},
	{"stacks", 2, "two stacks with ledgers of their own share a user", func(h *history, n *nature) {
		n.twoStacks, n.oneUser, n.exclusive = true, true, false
		n.weather.at = map[string]float64{opCreate: 0.4, opPut: 0.1, opDelete: 0.1}
		n.sweepRate, n.interval, n.pauses = 0.005, time.Hour, h.pausing(0, 10*time.Minute)
		n.people = pick(h, 0, 0.005)
		n.witness.lagging = pick(h, 0, 0.3)
	}},
	{"hosts", 2, "one user logs in at two hosts and by two flows", func(h *history, n *nature) {
		n.twoHosts, n.oneUser, n.exclusive = true, true, h.chance(0.5)
		n.weather.at = map[string]float64{opCreate: 0.3, opDescribe: 0.05}
		n.sweepRate, n.interval, n.people, n.strangers = 0.005, 30*time.Minute, pick(h, 0, 0.005), 0
	}},
	writers,
	leaving,
	gone,
}

// spell sets the kind of lie that the vendor has spells of.
func (v *witness) spell(l lie, every, lasts time.Duration, rate float64) {
	v.lie, v.every, v.lasts, v.rate = l, every, lasts, rate
}

// pausing draws the times between a secret's rotations.
func (h *history) pausing(least, most time.Duration) func() time.Duration {
	return func() time.Duration { return h.between(least, most) }
}

// setProfile draws the history's profile, or takes the one that is asked for.
func (h *history) setProfile() {
	sum := 0
	for _, p := range profiles {
		sum += p.weight
	}
	n := h.random.IntN(sum)
	for _, p := range profiles {
		drawn := h.options.profile == "" && n >= 0 && n < p.weight
		n -= p.weight
		if !drawn && (p.name == "" || p.name != h.options.profile) {
			continue
		}
		if p.name != "" {
			h.nature.weather.rate, h.nature.weather.burst = min(h.nature.weather.rate, 0.02), 0
		}
		h.profile = p.name
		p.set(h, &h.nature)
		return
	}
}

package simulation

import (
	"cmp"
	"strings"
	"time"
)

// fault is what goes wrong with a call.
type fault uint8

const (
	none         fault = iota
	lostRequest        // no effect, the connection breaks
	noConnection       // no effect, and the caller knows
	lostAnswer         // the effect, and the connection breaks
	silence            // no effect, no answer
	silenceAfter       // the effect, no answer
	lateEffect         // the connection breaks, and some time later there is the effect
	slowRequest        // effect and answer come late
	slowAnswer         // the effect at once, the answer late
	error500           // no effect
	error500After
	throttle
	page // some web page instead of an answer
	pageAfter
	denied // no effect: a permission is missing for a while
	staleRead
	killBefore
	killAfter
	numberOfFaults
)

var faultNames = [numberOfFaults]string{
	"none", "lost request", "no connection", "lost answer", "time-out before", "time-out after", "effect after time-out",
	"slow request", "slow answer", "500 before", "500 after", "429 or throttled", "web page before", "web page after",
	"access denied", "stale read", "killed before", "killed after",
}

// weather is how often faults come.
type weather struct {
	rate       float64 // for each call
	burst      float64 // the rate within a burst
	burstEvery time.Duration
	burstFor   time.Duration
	only       int                // the service that bursts are limited to, or anyService
	at         map[string]float64 // more faults at some operations
	refused    map[string]float64 // operations that lack a permission now and then
	lost       map[string]float64 // operations whose answer gets lost, not more than once an hour
	lostAt     time.Time          // when one was
	mild       bool               // a second try has luck
	throttled  float64            // how often a PutParameter of the ledger is throttled, in mild weather

	until, next time.Time // of the present burst; when the next one starts
}

// anyService is weather.only for bursts that all services have.
const anyService = -1

// still reports whether there are no faults.
func (f weather) still() bool {
	return f.rate == 0 && f.burst == 0 && f.at == nil && f.refused == nil && f.lost == nil
}

func (h *history) drawWeather() weather {
	weather := weather{only: anyService}
	switch n := h.random.IntN(100); {
	case n < 15:
	case n < 50:
		weather.rate = 0.01 + 0.03*h.random.Float64()
	case n < 70:
		weather.rate = 0.05 + 0.2*h.random.Float64()
	default:
		weather.rate = 0.01 * h.random.Float64()
		weather.burst = 0.4 + 0.6*h.random.Float64()
		weather.burstFor = h.between(time.Second, 3*time.Minute)
		weather.burstEvery = h.between(10*time.Second, 30*time.Minute)
		weather.only = h.random.IntN(int(numberOfServices)+1) + anyService
	}
	return weather
}

// faultRate returns the present rate for a service.
func (h *history) faultRate(s service) float64 {
	f := &h.nature.weather
	if f.burst > 0 {
		now := time.Now()
		if !now.Before(f.next) {
			f.until = now.Add(h.between(0, 2*f.burstFor))
			f.next = f.until.Add(h.between(0, 2*f.burstEvery))
		}
		if now.Before(f.until) && (f.only == anyService || f.only == int(s)) {
			return f.burst
		}
	}
	return f.rate
}

// decide draws what becomes of a call.
func (h *history) decide(c *call) fault {
	if h.nature.weather.mild && !h.calm {
		return cmp.Or(h.mildFault(c), h.oldRead(c))
	}
	if rate := h.nature.weather.refused[c.op]; rate > 0 && !h.calm && h.random.Float64() < rate {
		return denied
	}
	if rate := h.nature.weather.lost[c.op]; rate > 0 && !h.calm && time.Since(h.nature.weather.lostAt) > time.Hour &&
		h.random.Float64() < rate {
		h.nature.weather.lostAt = time.Now()
		return []fault{lostAnswer, silenceAfter, error500After, pageAfter, killAfter}[h.random.IntN(5)]
	}
	if rate := h.nature.weather.at[c.op]; rate > 0 && !h.calm && h.random.Float64() < rate {
		return []fault{lostRequest, lostAnswer, silence, silenceAfter, lateEffect, slowAnswer, error500After, killAfter,
			refusal(c)}[h.random.IntN(9)]
	}
	if h.calm || h.random.Float64() >= h.faultRate(c.service) {
		return h.oldRead(c)
	}
	for {
		f := fault(1 + h.random.IntN(int(numberOfFaults)-1))
		switch {
		case f == staleRead && !c.reads(),
			f == denied && (c.service == vendor || h.random.IntN(2) > 0),
			(f == page || f == pageAfter || f == noConnection) && c.service != vendor,
			(f == killBefore || f == killAfter) && h.random.IntN(3) > 0:
			continue
		}
		return f
	}
}

// oldRead draws whether a call that reads is answered from an older state.
func (h *history) oldRead(c *call) fault {
	if !h.calm && h.nature.staleRate > 0 && c.reads() && h.random.Float64() < h.nature.staleRate {
		return staleRead
	}
	return none
}

// refusal is how a call is refused for certain.
func refusal(c *call) fault {
	if c.service == vendor {
		return throttle
	}
	return denied
}

// mildFault draws what becomes of a call that is tried again by whoever makes it, without being
// counted.
func (h *history) mildFault(c *call) fault {
	switch {
	case c.op == opPutParam && strings.Contains(c.resource,
		"/ledger/") && c.try <= 5 && h.random.Float64() < h.nature.weather.throttled:
		return throttle
	case c.service == vendor && c.op != opList && c.op != opDelete,
		c.try > 1,
		h.random.Float64() >= h.nature.weather.rate:
		return none
	}
	return []fault{lostRequest, lostAnswer, error500, error500After, throttle}[h.random.IntN(5)]
}

// serve lets a call go on.
func (h *history) serve(c *call) {
	f := h.decide(c)
	h.faults[f]++
	if f != none {
		c.by.faults++
		if f != staleRead {
			c.by.disturbed++
		}
		if c.op == opPutParam {
			c.by.ledgerFaults++
		}
	}
	if h.trace != nil && f != none {
		h.logf("  %s %s %s: %s", c.by, c.op, h.shown(c.resource), faultNames[f])
	}
	final := h.random.IntN(2) == 0 && !h.nature.weather.mild
	c.unseen = f != none && f != staleRead && f != slowRequest && f != slowAnswer
	switch f {
	case none:
		h.act(c, 0)
		h.reply(c, verdict{})
	case staleRead:
		h.act(c, h.between(0, consistency))
		h.reply(c, verdict{})
	case lostRequest:
		h.reply(c, verdict{reset, final})
	case noConnection:
		h.reply(c, verdict{unreachable, final})
	case lostAnswer:
		h.act(c, 0)
		h.reply(c, verdict{reset, final})
	case silence:
	case silenceAfter:
		h.act(c, 0)
	case lateEffect:
		h.scheduler.lateEffects++
		h.after(h.between(0, lateness(c)), func() { h.scheduler.lateEffects--; h.act(c, 0) })
		h.reply(c, verdict{reset, true})
	case slowRequest:
		h.after(h.between(0, 20*time.Second), func() {
			if !c.isGone() {
				h.act(c, 0)
				h.reply(c, verdict{})
			}
		})
	case slowAnswer:
		h.act(c, 0)
		h.after(h.between(0, 20*time.Second), func() { h.reply(c, verdict{}) })
	case error500:
		h.reply(c, verdict{serverError, final})
	case error500After:
		h.act(c, 0)
		h.reply(c, verdict{serverError, final})
	case throttle:
		h.reply(c, verdict{throttled, final})
	case denied:
		h.reply(c, verdict{refused, true})
	case page:
		h.reply(c, verdict{webPage, final})
	case pageAfter:
		h.act(c, 0)
		h.reply(c, verdict{webPage, final})
	case killBefore:
		h.kill(c.by)
	case killAfter:
		h.act(c, 0)
		h.kill(c.by)
	}
}

// lateness is how long after its caller has given up a request may still have its effect.
func lateness(c *call) time.Duration {
	if c.service == vendor {
		return 30 * time.Second
	}
	return 3 * time.Second
}

// shown names what a call is about; a token by its fingerprint, as everywhere.
func (h *history) shown(resource string) string {
	if t := h.tokens[resource]; t != nil {
		return t.fingerprint
	}
	return resource
}

func (h *history) act(c *call, age time.Duration) {
	if h.trace != nil {
		if age > 0 {
			h.logf("%s %s %s (as of %v ago)", c.by, c.op, h.shown(c.resource), age.Round(time.Millisecond))
		} else {
			h.logf("%s %s %s", c.by, c.op, h.shown(c.resource))
		}
	}
	c.age = age
	c.effect(c)
}

// reads reports whether the call may be answered from an older state.
func (c *call) reads() bool {
	return c.op == opDescribe || c.op == opGet || c.op == opParameter || c.op == opParameters
}

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
	only       int                // the service that bursts are limited to, or -1
	at         map[string]float64 // more faults at some operations
	refused    map[string]float64 // operations that lack a permission now and then
	lost       map[string]float64 // operations whose answer gets lost, not more than once an hour
	lostAt     time.Time          // when one was
	mild       bool               // a second try has luck
	throttled  float64            // how often a PutParameter of the ledger is throttled, in mild weather

	until, next time.Time // of the present burst; when the next one starts
}

// still reports whether there are no faults.
func (f weather) still() bool {
	return f.rate == 0 && f.burst == 0 && f.at == nil && f.refused == nil && f.lost == nil
}

func (w *world) newWeather() weather {
	weather := weather{only: -1}
	switch n := w.random.IntN(100); {
	case n < 15:
	case n < 50:
		weather.rate = 0.01 + 0.03*w.random.Float64()
	case n < 70:
		weather.rate = 0.05 + 0.2*w.random.Float64()
	default:
		weather.rate = 0.01 * w.random.Float64()
		weather.burst = 0.4 + 0.6*w.random.Float64()
		weather.burstFor = w.between(time.Second, 3*time.Minute)
		weather.burstEvery = w.between(10*time.Second, 30*time.Minute)
		weather.only = w.random.IntN(4) - 1
	}
	return weather
}

// faultRate returns the present rate for a service.
func (w *world) faultRate(s service) float64 {
	f := &w.weather
	if f.burst > 0 {
		now := time.Now()
		if !now.Before(f.next) {
			f.until = now.Add(w.between(0, 2*f.burstFor))
			f.next = f.until.Add(w.between(0, 2*f.burstEvery))
		}
		if now.Before(f.until) && (f.only < 0 || f.only == int(s)) {
			return f.burst
		}
	}
	return f.rate
}

// decide draws what becomes of a call.
func (w *world) decide(c *call) fault {
	if w.weather.mild && !w.calm {
		return cmp.Or(w.mildFault(c), w.oldRead(c))
	}
	if rate := w.weather.refused[c.op]; rate > 0 && !w.calm && w.random.Float64() < rate {
		return denied
	}
	if rate := w.weather.lost[c.op]; rate > 0 && !w.calm && time.Since(w.weather.lostAt) > time.Hour && w.random.Float64() < rate {
		w.weather.lostAt = time.Now()
		return []fault{lostAnswer, silenceAfter, error500After, pageAfter, killAfter}[w.random.IntN(5)]
	}
	if rate := w.weather.at[c.op]; rate > 0 && !w.calm && w.random.Float64() < rate {
		return []fault{lostRequest, lostAnswer, silence, silenceAfter, lateEffect, slowAnswer, error500After, killAfter, refusal(c)}[w.random.IntN(9)]
	}
	if w.calm || w.random.Float64() >= w.faultRate(c.service) {
		return w.oldRead(c)
	}
	for {
		f := fault(1 + w.random.IntN(int(numberOfFaults)-1))
		switch {
		case f == staleRead && !c.reads(),
			f == denied && (c.service == vendor || w.random.IntN(2) > 0),
			(f == page || f == pageAfter || f == noConnection) && c.service != vendor,
			(f == killBefore || f == killAfter) && w.random.IntN(3) > 0:
			continue
		}
		return f
	}
}

// oldRead draws whether a call that reads is answered from an older state.
func (w *world) oldRead(c *call) fault {
	if !w.calm && w.staleRate > 0 && c.reads() && w.random.Float64() < w.staleRate {
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

// mildFault draws what becomes of a call that is tried again by whoever makes it, without being counted.
func (w *world) mildFault(c *call) fault {
	switch {
	case c.op == opPutParam && strings.Contains(c.resource, "/ledger/") && c.try <= 5 && w.random.Float64() < w.weather.throttled:
		return throttle
	case c.service == vendor && c.op != opList && c.op != opDelete, c.try > 1, w.random.Float64() >= w.weather.rate:
		return none
	}
	return []fault{lostRequest, lostAnswer, error500, error500After, throttle}[w.random.IntN(5)]
}

// serve lets a call go on.
func (w *world) serve(c *call) {
	f := w.decide(c)
	w.faults[f]++
	switch {
	case f == denied && c.op == opPut:
		c.by.putRefused = true
	case f != none:
		c.by.faults++
	}
	if w.trace != nil && f != none {
		w.logf("  %s %s %s: %s", c.by, c.op, w.shown(c.resource), faultNames[f])
	}
	final := w.random.IntN(2) == 0 && !w.weather.mild
	c.unseen = f != none && f != staleRead && f != slowRequest && f != slowAnswer
	switch f {
	case none:
		w.act(c, 0)
		w.reply(c, verdict{})
	case staleRead:
		w.act(c, w.between(0, w.staleness))
		w.reply(c, verdict{})
	case lostRequest:
		w.reply(c, verdict{reset, final})
	case noConnection:
		w.reply(c, verdict{unreachable, final})
	case lostAnswer:
		w.act(c, 0)
		w.reply(c, verdict{reset, final})
	case silence:
	case silenceAfter:
		w.act(c, 0)
	case lateEffect:
		w.lateEffects++
		w.after(w.between(0, lateness(c)), func() { w.lateEffects--; w.act(c, 0) })
		w.reply(c, verdict{reset, true})
	case slowRequest:
		w.after(w.between(0, 20*time.Second), func() {
			if !c.by.dead && !c.gone {
				w.act(c, 0)
				w.reply(c, verdict{})
			}
		})
	case slowAnswer:
		w.act(c, 0)
		w.after(w.between(0, 20*time.Second), func() { w.reply(c, verdict{}) })
	case error500:
		w.reply(c, verdict{serverError, final})
	case error500After:
		w.act(c, 0)
		w.reply(c, verdict{serverError, final})
	case throttle:
		w.reply(c, verdict{throttled, final})
	case denied:
		w.reply(c, verdict{refused, true})
	case page:
		w.reply(c, verdict{webPage, final})
	case pageAfter:
		w.act(c, 0)
		w.reply(c, verdict{webPage, final})
	case killBefore:
		w.kill(c.by)
	case killAfter:
		w.act(c, 0)
		w.kill(c.by)
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
func (w *world) shown(resource string) string {
	if t := w.tokens[resource]; t != nil {
		return t.fingerprint
	}
	return resource
}

func (w *world) act(c *call, age time.Duration) {
	if w.trace != nil {
		if age > 0 {
			w.logf("%s %s %s (as of %v ago)", c.by, c.op, w.shown(c.resource), age.Round(time.Millisecond))
		} else {
			w.logf("%s %s %s", c.by, c.op, w.shown(c.resource))
		}
	}
	c.age = age
	c.effect(c)
}

// reads reports whether the call may be answered from an older state.
func (c *call) reads() bool {
	return c.op == opDescribe || c.op == opGet || c.op == opParameter || c.op == opParameters
}

// faultCounts counts the calls by what became of them.
type faultCounts [numberOfFaults]int

func (c faultCounts) calls() int {
	sum := 0
	for _, n := range c {
		sum += n
	}
	return sum
}

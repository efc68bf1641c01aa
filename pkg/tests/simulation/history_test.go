package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// history is one run: the services, the programs and people that use them, and the observer. All of
// it but the programs runs on one goroutine, the scheduler's.
type history struct {
	options options
	random  *rand.Rand
	trace   *strings.Builder // nil: nothing is printed
	began   time.Time

	secretsManager *awstest.SecretsManager
	parameters     parameterStore
	vendor         *engagetest.Server
	ids            int

	users    []*user
	stacks   []*stack
	secrets  []*managed
	secretOf map[string]*managed       // by ARN
	stored   map[string]*storedChanges // changes of each secret in the store, by ARN and by name

	profile string
	nature  nature
	calm    bool // no faults and no people any more
	// ambiguous tells that a program made the same write twice at once: the history may not replay.
	ambiguous bool

	scheduler scheduler
	readers   *readers // nil beside the yardstick

	observer
}

// nature says how this history behaves. populate draws it, and the profile changes what it was
// drawn.
type nature struct {
	weather weather
	witness witness // how the vendor's answers mislead

	flow       engage.Flow   // of all secrets
	retention  time.Duration // of all stacks
	exclusive  bool          // all stacks are told that their users are theirs alone
	lifetime   time.Duration // of an invocation
	drag       float64       // how often a process is slow
	slowest    time.Duration // how long a call may be on its way in a slow process
	skew       time.Duration // how far apart the clocks of two processes may be
	staleRate  float64       // how often a read is answered from an older state
	impatience float64       // how often the service repeats a step too early or late, or loses a connection
	patience   int           // how often the service tries a rotation at the most
	tests      float64       // how often a rotation is only to be tested

	people     float64              // how often a person does something, for each call
	habit      func(*managed)       // what people do mostly; nil: anything
	meddling   float64              // how often somebody follows the habit while a sweep or a finishSecret is at work
	hesitation time.Duration        // how long people keep a token before they put it into a secret; zero: a minute
	atOnce     bool                 // people rotate what they have changed
	strangers  float64              // how often another program makes a token, for each call
	sweepRate  float64              // how often a sweep starts, for each call of a rotation
	duels      float64              // how often sweeps start when a token is made, or a rotation is run again or cancelled
	unswept    bool                 // no sweep starts by the schedule
	interval   time.Duration        // the mean time between sweeps, and between manual changes; zero: drawn
	pauses     func() time.Duration // between a secret's rotations; nil: drawn
	together   bool                 // all secrets are rotated at the same times

	oneUser   bool // all secrets log in as one user
	oneSecret bool
	twoStacks bool // the secrets are of two stacks, each with a ledger of its own
	twoHosts  bool // the secrets name two hosts, and log in by two flows
	smooth    bool // nothing goes wrong, so that no rotation may fail
}

// options choose the history.
type options struct {
	seed      uint64
	flow      engage.Flow // empty: the seed decides
	rotations int
	yardstick bool
	profile   string // empty: the seed decides
}

// simulate runs one history inside a synctest bubble.
func simulate(o options, trace *strings.Builder) *history {
	h := &history{options: o, random: rand.New(rand.NewPCG(o.seed, 1)), trace: trace, began: time.Now(),
		stored: map[string]*storedChanges{}, secretOf: map[string]*managed{}}
	h.scheduler.awake = make(chan struct{}, 1)
	h.observer.init()
	h.drawNature()
	h.build()
	h.populate()
	h.loop(func() bool { return h.started >= h.options.rotations && !h.rotating() })
	h.finish()
	h.drain()
	return h
}

// scheduler holds what waits for its turn.
type scheduler struct {
	mu       sync.Mutex // guards arrivals and ended, and the flags of calls and invocations
	arrivals []*call
	ended    []*invocation

	awake       chan struct{}
	ready       []*call
	endings     []*invocation
	events      []event
	eventCount  int
	invocations int
	steps       int
	live        int // invocations at work
	lateEffects int
}

// event is something that happens at a time.
type event struct {
	at time.Time
	n  int
	do func()
}

const (
	// maxSteps is after how many steps nothing new begins but rotations: each of the rest makes more
	// steps.
	maxSteps = 30_000
	// endlessSteps is after how many steps a history is taken for one that does not end.
	endlessSteps = 200_000
)

// loop runs the history until done.
func (h *history) loop(done func() bool) {
	for steps := 0; ; steps++ {
		synctest.Wait()
		h.collect()
		h.endInvocations()
		h.happen()
		if done() {
			return
		}
		if steps > endlessSteps {
			panic(fmt.Sprintf("seed %d: the history does not end", h.options.seed))
		}
		h.step()
	}
}

// step lets one call go on, or time pass.
func (h *history) step() {
	s := &h.scheduler
	if len(s.ready) == 0 {
		h.idle()
		return
	}
	if s.steps++; s.steps > maxSteps {
		h.nature.people, h.nature.strangers, h.nature.sweepRate, h.nature.duels = 0, 0, 0, 0
	}
	n := 0
	if len(s.ready) > 1 {
		n = h.random.IntN(len(s.ready))
	}
	c := s.ready[n]
	h.disturb(c)
	s.ready = slices.Delete(s.ready, n, n+1)
	if twins := h.twinsOf(c); len(twins) > 0 {
		h.serveAlike(append(twins, c))
	} else {
		h.serve(c)
	}
	time.Sleep(h.between(time.Millisecond, 40*time.Millisecond))
}

// twinsOf takes the twins of a call out of those that wait.
func (h *history) twinsOf(c *call) (twins []*call) {
	s := &h.scheduler
	s.ready = slices.DeleteFunc(s.ready, func(other *call) bool {
		twin := other.isTwin(c)
		if twin {
			twins = append(twins, other)
		}
		return twin
	})
	return twins
}

// serveAlike lets calls go on that nobody can tell apart.
func (h *history) serveAlike(calls []*call) {
	f, age := h.oldRead(calls[0]), time.Duration(0)
	if f == staleRead {
		age = h.between(0, consistency)
	}
	for _, c := range calls {
		h.faults[f]++
		h.act(c, age)
		h.reply(c, verdict{})
	}
}

// disturb lets others do something before a call goes on. Sweeps meet the calls of rotations: drawn
// for those of sweeps too, most would meet nothing but one another.
func (h *history) disturb(c *call) {
	if h.calm {
		return
	}
	n := &h.nature
	if n.people > 0 && h.chance(n.people) {
		h.intervene()
	}
	if n.strangers > 0 && h.chance(n.strangers) {
		h.stranger()
	}
	if n.sweepRate > 0 && !c.by.sweeping() && h.chance(n.sweepRate) {
		h.sweep(h.anyStack(), plainSweep)
	}
}

// idle waits for the next event, or for a program that makes a call before.
func (h *history) idle() {
	s := &h.scheduler
	select { // what woke it earlier is collected
	case <-s.awake:
		return
	default:
	}
	if len(s.events) == 0 {
		if s.live == 0 {
			panic(fmt.Sprintf("seed %d: nothing is left to happen", h.options.seed))
		}
		<-s.awake
		return
	}
	timer := time.NewTimer(time.Until(s.events[0].at))
	select {
	case <-s.awake:
	case <-timer.C:
	}
	timer.Stop()
}

// happen lets what is due happen.
func (h *history) happen() {
	s := &h.scheduler
	for len(s.events) > 0 && !s.events[0].at.After(time.Now()) {
		e := s.events[0]
		s.events = slices.Delete(s.events, 0, 1)
		e.do()
		time.Sleep(time.Nanosecond) // nothing else happens at the same time
	}
}

// after plans an event.
func (h *history) after(d time.Duration, do func()) {
	s := &h.scheduler
	s.eventCount++
	e := event{at: time.Now().Add(d), n: s.eventCount, do: do}
	i, _ := slices.BinarySearchFunc(s.events, e, func(a, b event) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.n - b.n
	})
	s.events = slices.Insert(s.events, i, e)
}

// unlessCalm plans an event that does not happen any more in the calm.
func (h *history) unlessCalm(d time.Duration, do func()) {
	h.after(d, func() {
		if !h.calm {
			do()
		}
	})
}

// pass lets time pass.
func (h *history) pass(d time.Duration) {
	over := false
	h.after(d, func() { over = true })
	h.loop(func() bool { return over })
}

// quiet lets everything that is at work come to its end.
func (h *history) quiet() {
	h.loop(func() bool { return h.scheduler.live == 0 && h.scheduler.lateEffects == 0 })
}

// drain ends what still runs, so that the bubble can end.
func (h *history) drain() {
	h.quiet()
	h.readers.end()
	h.scheduler.events = nil
}

// between draws a duration.
func (h *history) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(h.random.Int64N(int64(high-low)))
}

// chance draws whether something happens.
func (h *history) chance(p float64) bool { return h.random.Float64() < p }

// pick draws one of some things.
func pick[T any](h *history, things ...T) T { return things[h.random.IntN(len(things))] }

func (h *history) logf(format string, args ...any) {
	if h.trace == nil {
		return
	}
	fmt.Fprintf(h.trace, "%14.3fs  %s\n", time.Since(h.began).Seconds(), fmt.Sprintf(format, args...))
}

package simulation

import (
	"context"
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
	"engage-token-rotation/pkg/sweep"
)

// world is one history: the services, the programs and people that use them, and the observer. All of it but the
// programs runs on one goroutine, the scheduler's.
type world struct {
	options options
	random  *rand.Rand
	trace   *strings.Builder // nil: nothing is told
	began   time.Time

	secretsManager *awstest.SecretsManager
	parameters     *awstest.ParameterStore
	vendor         *engagetest.Server
	born           string // the token that the vendor has made just now
	ids            int

	flow      engage.Flow
	retention time.Duration
	exclusive bool
	lifetime  time.Duration // of an invocation
	users     []*user
	secrets   []*managed
	stored    map[string]*history // changes of each secret in the store, by ARN and by name
	puts      []parameterChange

	weather   weather
	staleRate float64
	staleness time.Duration
	calm      bool // no faults and no people any more
	people    float64
	tests     float64 // how often a rotation is only to be tested
	profile   string
	bent      func(*managed)       // what people do mostly
	crowded   bool                 // all secrets are of one user
	lonely    bool                 // there is one secret
	slowest   time.Duration        // how long a call may be on its way in a slow process
	patience  int                  // how often the service tries a rotation at the most
	interval  time.Duration        // the mean time between sweeps, and between deeds of people; zero: drawn
	duels     float64              // how often sweeps start when a token is made, or a rotation is run again or cancelled
	meddling  float64              // how often somebody does the bent thing while a sweep or a finishSecret is at work
	pauses    func() time.Duration // between a secret's rotations; nil: as drawn
	atOnce    bool                 // people rotate what they have changed
	unswept   bool                 // no sweep starts by itself
	alone     bool                 // whatever is made can be proven ours

	// The scheduler's.
	mu          sync.Mutex // guards the next three, and the flags of calls and invocations
	arrivals    []*call
	ended       []*invocation
	invocations int
	awake       chan struct{}
	ready       []*call
	endings     []*invocation
	events      []event
	eventCount  int
	steps       int
	live        int // invocations at work
	lateEffects int

	readers *readers // nil beside the yardstick

	observer
}

// event is something that happens at a time.
type event struct {
	at time.Time
	n  int
	do func()
}

// options say which history is wanted.
type options struct {
	seed      uint64
	flow      engage.Flow // empty: the seed decides
	rotations int
	yardstick bool
	profile   string // empty: the seed decides
}

// simulate runs one history inside a synctest bubble.
func simulate(o options, trace *strings.Builder) *world {
	w := &world{options: o, random: rand.New(rand.NewPCG(o.seed, 1)), trace: trace, began: time.Now(),
		awake: make(chan struct{}, 1), stored: map[string]*history{}}
	w.observer.init(w)
	w.build()
	w.populate()
	w.loop(func() bool { return w.started >= w.options.rotations && !w.rotating() })
	w.finish()
	w.drain()
	return w
}

// loop runs the world until done.
func (w *world) loop(done func() bool) {
	for steps := 0; ; steps++ {
		synctest.Wait()
		w.collect()
		w.tellEndings()
		w.happen()
		if done() {
			return
		}
		if steps > 200_000 {
			panic(fmt.Sprintf("seed %d: the history does not end", w.options.seed))
		}
		w.step()
	}
}

// maxSteps is after how many steps nothing new is begun that is not the service's.
const maxSteps = 30_000

// step lets one call go on, or time pass.
func (w *world) step() {
	if len(w.ready) == 0 {
		w.idle()
		return
	}
	if w.steps++; w.steps > maxSteps {
		w.people, w.strangers, w.sweepRate, w.duels = 0, 0, 0, 0 // each of them makes more steps
	}
	if !w.calm && w.people > 0 && w.random.Float64() < w.people {
		w.intervene()
	}
	if !w.calm && w.strangers > 0 && w.random.Float64() < w.strangers {
		w.stranger()
	}
	if !w.calm && w.sweepRate > 0 && w.random.Float64() < w.sweepRate {
		w.sweep(sweep.Request{})
	}
	n := 0
	if len(w.ready) > 1 {
		n = w.random.IntN(len(w.ready))
	}
	c := w.ready[n]
	w.ready = slices.Delete(w.ready, n, n+1)
	w.serve(c)
	time.Sleep(w.between(time.Millisecond, 40*time.Millisecond))
}

// idle waits for the next event, or for a program that makes a call before.
func (w *world) idle() {
	select { // what woke it earlier is collected
	case <-w.awake:
		return
	default:
	}
	if len(w.events) == 0 {
		if w.live == 0 {
			panic(fmt.Sprintf("seed %d: nothing is left to happen", w.options.seed))
		}
		<-w.awake
		return
	}
	timer := time.NewTimer(time.Until(w.events[0].at))
	select {
	case <-w.awake:
	case <-timer.C:
	}
	timer.Stop()
}

// happen lets what is due happen.
func (w *world) happen() {
	for len(w.events) > 0 && !w.events[0].at.After(time.Now()) {
		e := w.events[0]
		w.events = slices.Delete(w.events, 0, 1)
		e.do()
		time.Sleep(time.Nanosecond) // nothing else happens at the same time
	}
}

// after plans an event.
func (w *world) after(d time.Duration, do func()) {
	w.eventCount++
	e := event{at: time.Now().Add(d), n: w.eventCount, do: do}
	i, _ := slices.BinarySearchFunc(w.events, e, func(a, b event) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.n - b.n
	})
	w.events = slices.Insert(w.events, i, e)
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	over := false
	w.after(d, func() { over = true })
	w.loop(func() bool { return over })
}

// quiet lets everything that is at work come to its end.
func (w *world) quiet() {
	w.loop(func() bool { return w.live == 0 && w.lateEffects == 0 })
}

// drain ends what still runs, so that the bubble can end.
func (w *world) drain() {
	w.quiet()
	w.readers.end()
	w.events = nil
}

// between draws a duration.
func (w *world) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(w.random.Int64N(int64(high-low)))
}

// chance draws whether something happens.
func (w *world) chance(p float64) bool { return w.random.Float64() < p }

func (w *world) logf(format string, args ...any) {
	if w.trace == nil {
		return
	}
	fmt.Fprintf(w.trace, "%14.3fs  %s\n", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// invocation is a program at work on an event.
type invocation struct {
	id     int
	name   string
	run    *rotationRun // nil for sweeps
	step   string
	secret *managed
	cancel context.CancelFunc
	drag   time.Duration // how long each of its calls may be on its way
	// dead is set when the process is killed; guarded by world.mu.
	dead bool
	err  error
	over func(*invocation) // told of the end, of whatever kind

	memory // the observer's
}

func (i *invocation) String() string { return i.name }

// invoke starts an invocation of a function.
func (w *world) invoke(i *invocation, work func(context.Context) error, over func(*invocation)) {
	w.invocations++
	i.id, i.over, i.began = w.invocations, over, time.Now()
	if w.drag > 0 && w.chance(w.drag) {
		i.drag = w.between(0, w.slowest)
	}
	if w.trace != nil {
		i.name = fmt.Sprintf("#%d %s", i.id, i.name)
		w.logf("%s starts", i)
	}
	ctx, cancel := context.WithDeadline(context.WithValue(context.Background(), invocationKey{}, i), time.Now().Add(w.lifetime))
	i.cancel = cancel
	w.live++
	w.after(w.lifetime, func() { w.kill(i) })
	go func() {
		err := work(ctx)
		w.mu.Lock()
		i.err = err
		w.ended = append(w.ended, i)
		w.mu.Unlock()
		w.wake()
	}()
}

// kill ends a process at once: none of its calls that have not had their effect will have it.
func (w *world) kill(i *invocation) {
	if i.over == nil {
		return
	}
	w.mu.Lock()
	i.dead = true
	w.mu.Unlock()
	i.cancel()
	w.ready = slices.DeleteFunc(w.ready, func(c *call) bool { return c.by == i })
	w.logf("%s is killed", i)
	w.end(i, errKilled)
}

// tellEndings tells of invocations that came to their own end.
func (w *world) tellEndings() {
	endings := w.endings
	w.endings = nil
	for _, i := range endings {
		if i.over == nil {
			continue
		}
		i.cancel()
		if i.err != nil {
			w.logf("%s fails: %v", i, i.err)
		} else {
			w.logf("%s ends", i)
		}
		w.end(i, i.err)
	}
}

func (w *world) end(i *invocation, err error) {
	over := i.over
	i.over, i.failed = nil, err != nil
	w.live--
	over(i)
}

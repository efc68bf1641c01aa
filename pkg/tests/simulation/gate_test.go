package simulation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// call is a call of an invocation that waits for the scheduler.
type call struct {
	by       *invocation
	service  service
	op       string
	resource string
	sent     time.Time
	try      int
	// effect does what the call asks for, on the scheduler's goroutine.
	effect func(*call)
	age    time.Duration // of the state that a read is given
	answer chan verdict
	gone   bool // nobody waits for the answer any more
	unseen bool // the caller is not given what the effect answers
	// listed is when its invocation had listed the tokens, and proof when it had done so before it last read the ledger.
	listed, proof time.Time
}

// service is who is called.
type service uint8

const (
	secretsManager service = iota
	parameterStore
	vendor
)

// verdict is what the caller sees of its call.
type verdict struct {
	seen seen
	// final tells that a client which repeats calls by itself had no luck with that either.
	final bool
}

type seen uint8

const (
	answered    seen = iota // the call's own answer
	reset                   // the connection broke
	unreachable             // there was no connection
	serverError             // 500
	throttled               // 429, or ThrottlingException
	webPage                 // 200, and some page
	refused                 // AccessDeniedException
)

var errKilled = errors.New("the process is gone")

type invocationKey struct{}

// do hands a call to the scheduler and waits for what becomes of it. Every call of every program goes through here.
func (w *world) do(ctx context.Context, c *call) (verdict, error) {
	c.by = ctx.Value(invocationKey{}).(*invocation)
	c.answer = make(chan verdict, 1)
	w.mu.Lock()
	if c.by.dead {
		w.mu.Unlock()
		return verdict{}, errKilled
	}
	if err := ctx.Err(); err != nil {
		w.mu.Unlock()
		return verdict{}, err
	}
	c.sent = time.Now()
	w.arrivals = append(w.arrivals, c)
	w.mu.Unlock()
	w.wake()
	select {
	case v := <-c.answer:
		return v, nil
	case <-ctx.Done():
		w.mu.Lock()
		c.gone = true
		w.mu.Unlock()
		return verdict{}, ctx.Err()
	}
}

// wake ends the scheduler's sleep.
func (w *world) wake() {
	select {
	case w.awake <- struct{}{}:
	default:
	}
}

// collect takes over the calls that have arrived and the invocations that have ended, in an order that does not depend
// on the goroutines'.
func (w *world) collect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	arrivals, ended := w.arrivals, w.ended
	w.arrivals, w.ended = nil, nil
	slices.SortStableFunc(arrivals, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.by.id, b.by.id), cmp.Compare(a.op, b.op), cmp.Compare(a.resource, b.resource))
	})
	slices.SortFunc(ended, func(a, b *invocation) int { return cmp.Compare(a.id, b.id) })
	gone := func(c *call) bool { return c.gone || c.by.dead }
	w.ready = slices.DeleteFunc(w.ready, gone)
	for _, c := range arrivals {
		w.observeSent(c)
		if c.op == opParameters && strings.HasSuffix(c.resource, " ") { // the first page
			c.by.proofAt = c.by.listedAt
		}
		if what := c.op + c.resource; c.by.sweeping && (len(c.by.sent) == 0 || c.by.sent[len(c.by.sent)-1].what != what) {
			c.by.sent = append(c.by.sent, sending{c.sent, what})
		}
		c.listed, c.proof = c.by.listedAt, c.by.proofAt
		if c.service == vendor {
			c.try = c.by.nextTry(c.op + c.resource)
		}
		switch {
		case gone(c):
		case c.by.drag > 0 && !w.calm:
			w.after(w.between(0, c.by.drag), func() { w.ready = append(w.ready, c) })
		default:
			w.ready = append(w.ready, c)
		}
	}
	for _, i := range ended {
		if !i.dead {
			w.endings = append(w.endings, i)
		}
	}
}

// nextTry counts the calls of a kind to the vendor. In mild weather every other one goes well.
func (i *invocation) nextTry(kind string) int {
	if i.calls == nil {
		i.calls = map[string]int{}
	}
	i.calls[kind]++
	return 2 - i.calls[kind]%2
}

// reply answers a call, unless nobody listens any more.
func (w *world) reply(c *call, v verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.gone && !c.by.dead {
		c.answer <- v
	}
}

// sleep waits inside a program; false means that its time is over.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package simulation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// call is a call of an invocation that waits for the scheduler.
type call struct {
	by       *invocation
	service  service
	op       string
	resource string
	auth     string // the credential of a call to the vendor
	way      string // the path of a login
	sent     time.Time
	try      int
	// effect does what the call asks for, on the scheduler's goroutine.
	effect func(*call)
	delay  time.Duration // of a slow process, until the call is on its way
	age    time.Duration // of the state that a read is given
	answer chan verdict
	gone   bool // nobody waits for the answer any more
	unseen bool // the caller is not given what the effect answers
}

// service is who is called.
type service uint8

const (
	secretsManager service = iota
	parameterService
	vendor
	numberOfServices
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

// do hands a call to the scheduler and waits for what becomes of it. Every call of every program
// goes through here.
func (h *history) do(ctx context.Context, c *call) (verdict, error) {
	c.by = invocationOf(ctx)
	c.answer = make(chan verdict, 1)
	s := &h.scheduler
	s.mu.Lock()
	if c.by.dead {
		s.mu.Unlock()
		return verdict{}, errKilled
	}
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return verdict{}, err
	}
	c.sent = time.Now()
	s.arrivals = append(s.arrivals, c)
	s.mu.Unlock()
	h.wake()
	select {
	case v := <-c.answer:
		return v, nil
	case <-ctx.Done():
		s.mu.Lock()
		c.gone = true
		s.mu.Unlock()
		return verdict{}, ctx.Err()
	case <-c.by.killed:
		return verdict{}, errKilled
	}
}

// wake ends the scheduler's sleep.
func (h *history) wake() {
	select {
	case h.scheduler.awake <- struct{}{}:
	default:
	}
}

// isGone reports whether nobody waits for the call's answer. scheduler.mu is held.
func (c *call) isGone() bool { return c.gone || c.by.dead }

// collect takes over the calls that have arrived and the invocations that have ended, in an order
// that does not depend on the goroutines'.
func (h *history) collect() {
	s := &h.scheduler
	s.mu.Lock()
	defer s.mu.Unlock()
	arrivals, ended := s.arrivals, s.ended
	s.arrivals, s.ended = nil, nil
	if len(arrivals) > 1 {
		slices.SortStableFunc(arrivals, func(a, b *call) int {
			return cmp.Or(cmp.Compare(a.by.id, b.by.id), cmp.Compare(a.op, b.op), cmp.Compare(a.resource, b.resource),
				cmp.Compare(a.auth, b.auth))
		})
	}
	slices.SortFunc(ended, func(a, b *invocation) int { return cmp.Compare(a.id, b.id) })
	s.ready = slices.DeleteFunc(s.ready, (*call).isGone)
	for n, c := range arrivals {
		h.ambiguous = h.ambiguous || n > 0 && c.op == opPutParam && c.isSame(arrivals[n-1])
		if n > 0 && c.isTwin(arrivals[n-1]) {
			c.delay = arrivals[n-1].delay
		} else if c.by.drag > 0 && !h.calm {
			c.delay = h.between(0, c.by.drag)
		}
		h.accept(c)
	}
	for _, i := range ended {
		if !i.dead {
			s.endings = append(s.endings, i)
		}
	}
}

// isTwin reports whether two calls of an invocation are the same read, by two of its goroutines.
// Nobody can tell such calls apart, so that they are served together and alike.
func (c *call) isTwin(other *call) bool { return c.isSame(other) && c.reads() }

// isSame reports whether two calls of an invocation ask for the same. Which of its goroutines makes
// which of two PutParameters is not known either, and only one of them creates the parameter.
func (c *call) isSame(other *call) bool {
	return c.by == other.by && c.op == other.op && c.resource == other.resource && c.auth == other.auth
}

// accept puts a call that has arrived among those that wait. scheduler.mu is held.
func (h *history) accept(c *call) {
	h.observeSent(c)
	if c.service == vendor {
		c.try = c.by.nextTry(c.op + c.resource + c.auth)
	}
	switch {
	case c.isGone():
	case c.delay > 0:
		h.after(c.delay, func() { h.scheduler.ready = append(h.scheduler.ready, c) })
	default:
		h.scheduler.ready = append(h.scheduler.ready, c)
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
func (h *history) reply(c *call, v verdict) {
	h.scheduler.mu.Lock()
	defer h.scheduler.mu.Unlock()
	if !c.isGone() {
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

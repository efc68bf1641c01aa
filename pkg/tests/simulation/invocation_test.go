package simulation

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// invocation is a program at work on an event.
type invocation struct {
	id     int
	name   string
	stack  *stack
	run    *rotationRun // nil for sweeps
	step   string
	secret *managed // nil for sweeps
	cancel context.CancelFunc
	drag   time.Duration // how long each of its calls may be on its way
	// dead is set when the process is killed; guarded by scheduler.mu.
	dead   bool
	killed chan struct{} // closed when the process is killed
	err    error
	over   func(*invocation) // called at the end, of whatever kind

	memory // the observer's
}

func (i *invocation) String() string { return i.name }

type invocationKey struct{}

// invocationOf returns who makes a call.
func invocationOf(ctx context.Context) *invocation { return ctx.Value(invocationKey{}).(*invocation) }

// invoke starts an invocation of a function.
func (h *history) invoke(i *invocation, work func(context.Context) error, over func(*invocation)) {
	s := &h.scheduler
	s.invocations++
	i.id, i.over, i.began, i.killed = s.invocations, over, time.Now(), make(chan struct{})
	if h.nature.drag > 0 && h.chance(h.nature.drag) {
		i.drag = h.between(0, h.nature.slowest)
	}
	lifetime := h.nature.lifetime
	if h.calm && i.name == "sweep" {
		lifetime = sweepTimeout
	}
	if h.trace != nil {
		i.name = fmt.Sprintf("#%d %s", i.id, i.name)
		h.logf("%s starts", i)
	}
	ctx := context.WithValue(context.Background(), invocationKey{}, i)
	ctx, cancel := context.WithDeadline(ctx, time.Now().Add(lifetime))
	i.cancel = cancel
	s.live++
	h.after(lifetime, func() { h.kill(i) })
	go func() {
		growStack()
		err := work(ctx)
		s.mu.Lock()
		i.err = err
		s.ended = append(s.ended, i)
		s.mu.Unlock()
		h.wake()
	}()
}

// sweepTimeout is the template's time limit of a sweep, which the calm keeps to. Before the calm a
// sweep may be cut off much sooner.
const sweepTimeout = 15 * time.Minute

// growStack makes the goroutine's stack as big as a step needs it, at once, while there is nothing
// on it to be copied.
//
//go:noinline
func growStack() {
	var room [16 << 10]byte
	_ = room[len(room)-1]
	runtime.KeepAlive(&room)
}

// kill ends a process at once: none of its calls that have not had their effect will have it.
func (h *history) kill(i *invocation) {
	if i.over == nil {
		return
	}
	s := &h.scheduler
	s.mu.Lock()
	i.dead = true
	s.mu.Unlock()
	close(i.killed)
	i.cancel()
	s.ready = slices.DeleteFunc(s.ready, func(c *call) bool { return c.by == i })
	h.logf("%s is killed", i)
	h.end(i, errKilled)
}

// endInvocations ends those that came to their own end.
func (h *history) endInvocations() {
	endings := h.scheduler.endings
	h.scheduler.endings = nil
	for _, i := range endings {
		if i.over == nil {
			continue
		}
		i.cancel()
		if i.err != nil {
			h.logf("%s fails: %v", i, i.err)
		} else {
			h.logf("%s ends", i)
		}
		h.end(i, i.err)
	}
}

func (h *history) end(i *invocation, err error) {
	over := i.over
	i.over, i.failed, i.ended = nil, err != nil, time.Now()
	h.scheduler.live--
	over(i)
}

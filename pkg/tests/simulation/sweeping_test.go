package simulation

import (
	"context"
	"time"

	"engage-token-rotation/pkg/events"
)

// anyStack draws a stack.
func (h *history) anyStack() *stack { return pick(h, h.stacks...) }

// idleSweeps is how often a scheduled sweep runs although nothing has happened since the last one:
// it has nothing to find, and would take most of the simulation's time.
const idleSweeps = 0.1

// scheduledSweep starts a sweep by the schedule.
func (h *history) scheduledSweep(s *stack) {
	if h.nature.unswept {
		return
	}
	changes := len(h.parameters.changes) + h.manual
	if changes == s.changesSwept && h.scheduler.live == 0 && !h.chance(idleSweeps) {
		h.idleSweeps++
		return
	}
	s.changesSwept = changes
	h.sweep(s, plainSweep)
}

// sweep starts a sweep.
func (h *history) sweep(s *stack, request events.Sweep) *invocation {
	sweeper := h.newSweeper(s)
	i := &invocation{name: "sweep", stack: s}
	i.request = request
	h.sweeps++
	h.meddle(pick(h, s.secrets...))
	h.invoke(i, func(ctx context.Context) error {
		answer, err := sweeper.Run(ctx, request)
		i.answer = answer
		return err
	}, h.observeSweep)
	return i
}

// meddle lets a person do something to a secret that a program is at work on.
func (h *history) meddle(s *managed) {
	if h.calm || h.nature.meddling == 0 || !h.chance(h.nature.meddling) {
		return
	}
	h.unlessCalm(h.between(0, pick(h, 8*time.Second, time.Minute)), func() {
		if s.present() {
			h.manual++
			h.nature.habit(s)
		}
	})
}

// duel starts sweeps that meet what is going on.
func (h *history) duel(s *stack) {
	if h.nature.smooth && h.succeeded < len(h.secrets) {
		return // without tokens sweeps log in, and a user may do so five times a minute
	}
	for !h.calm && h.nature.duels > 0 && h.chance(h.nature.duels) {
		h.after(h.between(0, pick(h, 500*time.Millisecond, 3*time.Second)), func() { h.sweep(s, plainSweep) })
	}
}

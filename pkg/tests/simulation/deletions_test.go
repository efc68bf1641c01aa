package simulation

import (
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/standins/awstest"
)

// People schedule secrets for deletion, restore them, and delete them for good.

// leaving is the profile in which secrets mostly come back.
var leaving = profile{"leaving", 1, "secrets are scheduled for deletion and restored, beside rotations and sweeps",
	func(h *history, n *nature) {
		h.deleting(n)
		n.habit = h.either(h.leave, h.leave, h.leave, h.share, h.handMade)
		n.weather.at = map[string]float64{opCreate: 0.1, opPut: 0.2, opMove: 0.2}
	}}

// gone is the profile in which secrets mostly do not come back.
var gone = profile{"gone", 1, "secrets are deleted for good, or retired by an operator, beside rotations and sweeps",
	func(h *history, n *nature) {
		h.deleting(n)
		n.habit = h.either(h.vanish, h.leave, h.handMade)
		n.weather.at = map[string]float64{opCreate: 0.3, opPut: 0.1, opDelete: 0.1}
		n.witness.lagging = pick(h, 0, 0.3)
	}}

// deleting sets what both profiles share. The secrets are of one user, so that a deleted secret's
// tokens can still be reached.
func (h *history) deleting(n *nature) {
	n.oneUser, n.exclusive, n.retention = h.chance(0.8), h.chance(0.3), pick(h, 0, 10*time.Minute, 3*time.Hour)
	n.people, n.meddling, n.sweepRate, n.interval = 0.004, 0.2, 0.004, 3*time.Hour
	n.pauses = h.pausing(0, pick(h, 20*time.Minute, 8*time.Hour))
}

// presence is what became of a secret at Secrets Manager.
type presence struct {
	scheduled time.Time // when it was scheduled for deletion; zero: it is not
	restored  time.Time // when it was last restored
	deleted   time.Time // when it was deleted for good; zero: it was not
	swept     time.Time // when the latest sweep began that saw it and went well
	doomed    bool      // it is scheduled, and nobody restores it
	held      []*token  // the tokens of AWSCURRENT and AWSPENDING when it was deleted
	retired   bool      // an operator has told a sweep to retire it
	waits     bool      // its rotations go on when it is restored
}

// present reports whether the secret can be used.
func (p *presence) present() bool { return p.scheduled.IsZero() && p.deleted.IsZero() }

// isGone reports whether the secret was deleted for good.
func (p *presence) isGone() bool { return !p.deleted.IsZero() }

// presentSince reports whether the secret could be used all the time since.
func (p *presence) presentSince(since time.Time) bool { return p.present() && !p.restored.After(since) }

// recoveryDays is AWS's shortest recovery window.
const recoveryDays = 7

const recoveryWindow = recoveryDays * 24 * time.Hour

// leave schedules a secret for deletion. Some time later it is restored or deleted for good.
func (h *history) leave(s *managed) {
	if !s.present() {
		return
	}
	days := recoveryDays
	in := &awstest.DeleteSecretInput{SecretId: s.arn, RecoveryWindowInDays: &days}
	if _, err := h.secretsManager.DeleteSecret(in); err != nil {
		panic(err)
	}
	h.logf("a person schedules %s for deletion", s)
	s.scheduled = time.Now()
	h.changed(s.arn)
	h.breakOff(s)
	scheduled := s.scheduled
	h.unlessCalm(h.between(0, pick(h, 10*time.Second, 10*time.Minute, 12*time.Hour, recoveryWindow)), func() {
		if s.scheduled.Equal(scheduled) && !s.doomed {
			h.decideFate(s)
		}
	})
}

// breakOff ends the rotation of a secret that is deleted. Whether the service does so is not
// documented: in half of the cases it goes on to call the function.
func (h *history) breakOff(s *managed) {
	if s.run != nil && h.chance(0.5) {
		h.finishRun(s.run, errKilled)
	}
}

// decideFate restores a secret, or deletes it for good, now or at the end of its recovery window.
func (h *history) decideFate(s *managed) {
	if !h.isSpare(s) || h.chance(0.5) {
		h.restore(s)
		return
	}
	if h.chance(0.3) {
		h.vanish(s)
		return
	}
	s.doomed = true
	h.after(time.Until(s.scheduled.Add(recoveryWindow)), func() {
		if !s.isGone() {
			h.logf("the recovery window of %s is over", s)
			h.observeGone(s)
		}
	})
	if h.chance(0.5) {
		h.after(h.between(0, time.Hour), func() { h.retire(s) })
	}
}

// isSpare reports whether another secret is left if this one is deleted for good.
func (h *history) isSpare(s *managed) bool {
	for _, other := range h.secrets {
		if other != s && !other.doomed && !other.isGone() {
			return true
		}
	}
	return false
}

// restore restores a secret that is scheduled for deletion.
func (h *history) restore(s *managed) {
	if _, err := h.secretsManager.RestoreSecret(&awstest.SecretIdInput{SecretId: s.arn}); err != nil {
		panic(err)
	}
	h.logf("a person restores %s", s)
	s.scheduled, s.restored = time.Time{}, time.Now()
	h.changed(s.arn)
	h.storePassword(s.user)
	if s.waits {
		s.waits = false
		h.after(h.pause(), func() { h.rotate(s) })
	}
}

// vanish deletes a secret for good, at once.
func (h *history) vanish(s *managed) {
	if s.isGone() || s.doomed || !h.isSpare(s) {
		return
	}
	in := &awstest.DeleteSecretInput{SecretId: s.arn, ForceDeleteWithoutRecovery: true}
	if _, err := h.secretsManager.DeleteSecret(in); err != nil {
		panic(err)
	}
	h.logf("a person deletes %s for good", s)
	h.observeGone(s)
	if h.chance(0.3) {
		h.unlessCalm(h.between(0, time.Hour), func() { h.retire(s) })
	}
}

// observeGone sees that a secret is deleted for good.
func (h *history) observeGone(s *managed) {
	now := time.Now()
	for _, text := range []string{s.current, s.pending} {
		if t := h.tokens[text]; t != nil {
			s.held = append(s.held, t)
		}
	}
	if t := h.tokens[s.current]; t != nil {
		t.lastCurrent, t.lastOf, t.replacedByHand = now, s, true
	}
	s.deleted, s.scheduled = now, time.Time{}
	s.current, s.pending, s.currentVersion, s.pendingVersion = "", "", "", ""
	h.breakOff(s)
}

// retire tells a sweep to retire a secret that is scheduled for deletion, or gone.
func (h *history) retire(s *managed) {
	if h.options.yardstick {
		return
	}
	h.logf("an operator retires %s", s)
	s.retired = true
	h.sweep(s.stack, events.Sweep{Forget: s.name})
}

// retires reports whether an operator told the sweep to retire the secret.
func (i *invocation) retires(s *managed) bool {
	return i.request.Forget != "" && i.request.Forget == s.name
}

// settleDeletions decides about the secrets that are scheduled for deletion, in the calm, and waits
// until those that are gone count as gone for the sweep.
func (h *history) settleDeletions() {
	if h.any((*managed).isScheduled) {
		h.sweepOnce()
		h.checkSweeps()
	}
	for _, s := range h.secrets {
		if s.isScheduled() && !s.doomed {
			h.decideFate(s)
		}
	}
	if h.any((*managed).isScheduled) {
		h.pass(recoveryWindow)
		h.quiet()
	}
	if h.any((*managed).isGone) {
		h.pass(consistency)
		h.sweepOnce()
		h.checkSweeps()
		h.pass(holders.GoneAfter)
	}
}

func (s *managed) isScheduled() bool { return !s.scheduled.IsZero() }

// any reports whether a secret is so.
func (h *history) any(is func(*managed) bool) bool {
	for _, s := range h.secrets {
		if is(s) {
			return true
		}
	}
	return false
}

// usable returns the secrets that can be used.
func (h *history) usable() []*managed {
	var all []*managed
	for _, s := range h.secrets {
		if s.present() {
			all = append(all, s)
		}
	}
	return all
}

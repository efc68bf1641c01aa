package awstest

import (
	"errors"
	"slices"
	"time"
)

// ErrRotationOver is CheckRotation's error for a rotation that must not continue: it was abandoned
// or cancelled.
var ErrRotationOver = errors.New("awstest: the rotation is over")

// errForeignWriter fails a rotation if another caller wrote the pending value.
var errForeignWriter = errors.New("the pending version was not written by the rotation function")

// CheckRotation reports whether a run continues after a step that succeeded. It returns
// ErrRotationOver if a write by hand abandoned the rotation or it was cancelled, and another error
// if the attempt failed because another caller than the rotation function wrote the pending
// version.
func (s *SecretsManager) CheckRotation(run Run) error {
	s.mu.Lock()
	defer s.unlock()
	sec := s.byARN[run.SecretARN]
	if r := sec.rotationOf(run); r == nil || r.outcome != "" {
		return ErrRotationOver
	}
	if v := sec.byID[run.VersionID]; v == nil || v.byHand {
		return errForeignWriter
	}
	return nil
}

// retryable reports whether a failed attempt may be repeated.
func (s *SecretsManager) retryable(run Run) bool {
	s.mu.Lock()
	defer s.unlock()
	sec := s.byARN[run.SecretARN]
	if r := sec.rotationOf(run); r == nil || r.outcome != "" {
		return false
	}
	v := sec.byID[run.VersionID]
	return v != nil && (s.config.RetryUnlabelled || v == sec.labels[StagePending] || v == sec.labels[StageCurrent])
}

// EndRotation ends a run: after its last step with a nil failure, or with the failure of its last
// attempt. After a success the service clears AWSPENDING and dates the rotation; after a failure
// the labels stay. It returns the outcome, which can differ from what the caller expects.
func (s *SecretsManager) EndRotation(run Run, failed error) Outcome {
	s.mu.Lock()
	defer s.unlock()
	sec := s.byARN[run.SecretARN]
	if sec == nil {
		return Cancelled
	}
	r, now := sec.rotationOf(run), s.config.Now()
	if r == nil {
		return Abandoned
	}
	r.running = false
	sec.overtaken = slices.DeleteFunc(slices.Clone(sec.overtaken), func(other *rotation) bool { return other == r })
	if r.outcome != "" {
		return r.outcome
	}
	v := sec.byID[run.VersionID]
	switch {
	case failed != nil || r.test:
	case r != sec.rotation: // it made its version AWSCURRENT before it was overtaken
	case v == nil || sec.labels[StageCurrent] != v:
		failed = errors.New("finishSecret succeeded, but the version is not AWSCURRENT")
	case v.byHand:
		failed = errForeignWriter
	}
	s.remember(sec)
	s.reschedule(sec, now)
	r.outcome = Succeeded
	reason := ""
	switch {
	case failed != nil:
		r.outcome, reason = Failed, failed.Error()
	case !r.test:
		sec.lastRotated = now
		if sec.labels[StagePending] == v && !s.config.KeepPending {
			sec.detach(StagePending, now)
		}
	}
	if r.test && v != nil && v == sec.labels[StagePending] {
		sec.dropVersion(v, now)
	}
	s.emit(eventName(r.test, r.outcome), sec, run.VersionID, reason, now)
	s.prune(sec, now)
	return r.outcome
}

// rotationOf returns the rotation that a run drives, or nil if it is not known any more.
func (sec *secret) rotationOf(run Run) *rotation {
	if sec == nil {
		return nil
	}
	for _, r := range append(slices.Clone(sec.overtaken), sec.rotation) {
		if r != nil && r.versionID == run.VersionID {
			return r
		}
	}
	return nil
}

// overtake makes room for the next rotation while the latest one runs. If that one's version is
// AWSCURRENT, it is in finishSecret, has rotated the secret, and ends as its last step does. Else
// its version has lost AWSPENDING, and the rotation is abandoned.
func (s *SecretsManager) overtake(sec *secret, now time.Time) {
	r := sec.rotation
	if r == nil || !r.running || r.outcome != "" {
		return
	}
	if current := sec.labels[StageCurrent]; current == nil || current.id != r.versionID {
		s.abandon(sec, r, "another rotation began", now)
	}
	sec.overtaken = append(slices.Clone(sec.overtaken), r)
}

func eventName(test bool, outcome Outcome) string {
	name := RotationStarted
	switch outcome {
	case Succeeded:
		name = RotationSucceeded
	case Failed:
		name = RotationFailed
	}
	if test {
		name = "Test" + name
	}
	return name
}

// writtenByRotation reports whether a write fills the version of a rotation and comes from its
// function.
func (s *SecretsManager) writtenByRotation(sec *secret, w write) bool {
	v := sec.byID[w.token]
	switch {
	case v == nil || v.rotationToken == "":
		return false
	case w.rotationToken != "":
		return w.rotationToken == v.rotationToken
	case s.config.RequireRotationToken:
		return false
	case s.config.FunctionCaller != nil:
		return w.caller == s.config.FunctionCaller(sec.functionARN)
	}
	return true
}

// writtenByHand ends the rotations of other versions than the one that was written.
func (s *SecretsManager) writtenByHand(sec *secret, v *version, now time.Time) {
	for _, r := range append(slices.Clone(sec.overtaken), sec.rotation) {
		if r == nil || r.versionID == v.id || r.outcome != "" {
			continue
		}
		if pending := sec.labels[StagePending]; pending != nil && pending.id == r.versionID {
			sec.detach(StagePending, now)
		}
		s.abandon(sec, r, "the secret was written by hand", now)
	}
}

// pendingMoved ends a rotation if its version lost AWSPENDING without becoming AWSCURRENT.
func (s *SecretsManager) pendingMoved(sec *secret, now time.Time) {
	r := sec.rotation
	if r == nil || r.outcome != "" || s.config.RetryUnlabelled {
		return
	}
	if v := sec.byID[r.versionID]; v == sec.labels[StagePending] || v == sec.labels[StageCurrent] {
		return
	}
	if !r.running {
		return
	}
	s.abandon(sec, r, "AWSPENDING was taken from the rotation's version", now)
}

func (s *SecretsManager) abandon(sec *secret, r *rotation, reason string, now time.Time) {
	r.outcome = Abandoned
	s.emit(RotationAbandoned, sec, r.versionID, reason, now)
}

package simulation

import (
	"context"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/awstest"
)

// rotationRun is a rotation as the service carries it out.
type rotationRun struct {
	awstest.Run
	secret   *managed
	attempt  int
	attempts int
	step     int
	at       *invocation // the one that the service waits for
	over     bool
	verified map[string]bool // tokens, by earlier steps of the yardstick
	done     func(awstest.Outcome)
}

// rotating reports whether a rotation is under way.
func (h *history) rotating() bool {
	for _, s := range h.secrets {
		if s.run != nil {
			return true
		}
	}
	return false
}

// rotate starts a rotation of the secret, and afterwards the next one.
func (h *history) rotate(s *managed) {
	if h.started >= h.options.rotations || h.calm {
		return
	}
	if !s.present() {
		s.waits = true
		return
	}
	if s.run != nil { // begun by somebody
		h.after(time.Minute, func() { h.rotate(s) })
		return
	}
	test := h.chance(h.nature.tests)
	h.begin(s, test, func(awstest.Outcome) {
		h.after(h.pause(), func() { h.rotate(s) })
	})
}

// pause draws the time until a secret's next rotation.
func (h *history) pause() time.Duration {
	switch {
	case h.nature.together: // by the same schedule
		return time.Until(h.next4h()) + h.between(0, 3*time.Second)
	case h.nature.pauses != nil:
		return h.nature.pauses()
	}
	return h.between(0, 2*pick(h, 0, 5*time.Second, 5*time.Minute, 4*time.Hour, 4*time.Hour))
}

// next4h returns when the schedule that secrets share comes round again.
func (h *history) next4h() time.Time {
	const period = 4 * time.Hour
	return h.began.Add((time.Since(h.began)/period + 1) * period)
}

// begin calls RotateSecret, as the schedule does or a person; a rotation that is not complete is
// run again.
func (h *history) begin(s *managed, test bool, done func(awstest.Outcome)) {
	immediately := !test
	in := &awstest.RotateSecretInput{SecretId: s.arn, RotationLambdaARN: s.stack.function()}
	if test {
		in.RotateImmediately = &immediately
	}
	run, err := h.secretsManager.BeginRotation(in)
	if code(err) == "InvalidRequestException" {
		run, err = h.secretsManager.ResumeRotation(s.arn)
		h.logf("the service resumes the rotation of %s to %s (%v)", s, run.VersionID, err)
	} else {
		h.changed(s.arn)
		h.logf("the service begins to rotate %s to %s (%v)", s, run.VersionID, err)
	}
	if err != nil {
		panic(err)
	}
	h.started++
	s.run = &rotationRun{Run: run, secret: s, attempt: 1, attempts: 1 + h.random.IntN(h.nature.patience), done: done}
	h.next(s.run)
}

// next invokes the function for the present step.
func (h *history) next(r *rotationRun) {
	event := r.Event(r.Steps[r.step])
	r.at = h.rotationStep(r, event, func(i *invocation) {
		if r.at == i {
			h.stepped(r, i)
		}
	})
	if h.calm || h.nature.impatience == 0 {
		return
	}
	if h.chance(h.nature.impatience) { // the same step twice at a time
		h.after(h.between(0, 5*time.Second), func() { h.rotationStep(r, event, func(*invocation) {}) })
		h.duplicates++
	}
	if h.chance(h.nature.impatience) { // some step long after
		late := r.Event(r.Steps[max(h.random.IntN(r.step+1), h.random.IntN(r.step+1))])
		h.after(h.between(0, 40*time.Minute), func() {
			if !h.calm {
				h.rotationStep(r, late, func(*invocation) {})
			}
		})
		h.duplicates++
	}
	if h.chance(h.nature.impatience / 2) { // the service loses the connection to an invocation that goes on
		at := r.at
		h.after(h.between(0, h.nature.lifetime), func() {
			if r.at == at && at.over != nil {
				h.logf("the service gives %s up", at)
				h.failed(r)
			}
		})
	}
}

// rotationStep starts an invocation of the rotation function, in a warm process or a new one.
func (h *history) rotationStep(r *rotationRun, event awstest.RotationEvent, over func(*invocation)) *invocation {
	process := h.process(r.secret.stack)
	i := &invocation{run: r, stack: r.secret.stack, secret: r.secret, step: event.Step}
	i.version = event.ClientRequestToken
	switch event.Step {
	case awstest.StepCreate:
		h.duel(r.secret.stack)
	case awstest.StepFinish:
		h.readers.begin(r.secret)
		h.meddle(r.secret)
	}
	if h.trace != nil {
		i.name = event.Step + " " + r.secret.name + " " + event.ClientRequestToken[:8]
	}
	h.invoke(i, func(ctx context.Context) error {
		report, err := process.Handle(ctx, events.Rotation{
			Step: events.Step(
				event.Step,
			), SecretID: event.SecretId, VersionID: event.ClientRequestToken, RotationToken: hidden.New(event.RotationToken),
		})
		i.report = report
		return err
	}, func(i *invocation) {
		h.observeStep(i)
		if !i.dead && len(i.stack.warm) < mostWarm {
			i.stack.warm = append(i.stack.warm, process)
		}
		over(i)
	})
	return i
}

// mostWarm is how many processes of a stack wait for their next event.
const mostWarm = 4

// process returns a warm process of the rotation function, or a new one.
func (h *history) process(s *stack) rotator {
	n := len(s.warm)
	if n == 0 || h.chance(0.2) {
		return h.newRotator(s)
	}
	at := h.random.IntN(n)
	process := s.warm[at]
	s.warm[at] = s.warm[n-1]
	s.warm = s.warm[:n-1]
	return process
}

// stepped goes on after a step.
func (h *history) stepped(r *rotationRun, i *invocation) {
	if i.failed {
		h.failed(r)
		return
	}
	if err := h.secretsManager.CheckRotation(r.Run); err != nil {
		h.logf("the rotation of %s is over: %v", r.secret, err)
		h.finishRun(r, err)
		return
	}
	if r.step++; r.step < len(r.Steps) {
		h.next(r)
		return
	}
	h.finishRun(r, nil)
}

// failed repeats the rotation after a step that failed, or gives it up.
func (h *history) failed(r *rotationRun) {
	r.at = nil
	if r.attempt >= r.attempts || !h.labelled(r) || h.secretsManager.CheckRotation(r.Run) == awstest.ErrRotationOver {
		h.finishRun(r, errKilled)
		return
	}
	r.attempt++
	r.step = 0
	pause := pick(h, 0, time.Second, time.Second, time.Minute, 10*time.Minute)
	if h.calm {
		pause = time.Second
	}
	h.after(h.between(pause/2, pause), func() {
		if r.over {
			return // the secret was deleted
		}
		h.logf("the service repeats the rotation of %s", r.secret)
		h.next(r)
		h.duel(r.secret.stack)
	})
}

// labelled reports whether the run's version carries a label that lets it go on.
func (h *history) labelled(r *rotationRun) bool {
	out, err := h.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: r.SecretARN})
	if err != nil { // the secret is gone
		return false
	}
	for _, label := range out.VersionIdsToStages[r.VersionID] {
		if label == awstest.StagePending || label == awstest.StageCurrent {
			return true
		}
	}
	return false
}

func (h *history) finishRun(r *rotationRun, err error) {
	r.at, r.over, r.secret.run = nil, true, nil
	outcome := h.secretsManager.EndRotation(r.Run, err)
	if outcome == awstest.Succeeded || outcome == awstest.Failed {
		h.changed(r.SecretARN)
	}
	if outcome == awstest.Succeeded {
		h.succeeded++
	}
	h.checkOutcome(r.secret, string(outcome), outcome == awstest.Succeeded)
	h.logf("the rotation of %s ends: %s", r.secret, outcome)
	r.done(outcome)
}

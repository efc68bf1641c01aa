package simulation

import (
	"context"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/sweep"
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
func (w *world) rotating() bool {
	for _, s := range w.secrets {
		if s.run != nil {
			return true
		}
	}
	return false
}

// rotate starts a rotation of the secret, and afterwards the next one.
func (w *world) rotate(s *managed) {
	if w.started >= w.options.rotations || w.calm {
		return
	}
	if s.run != nil { // begun by somebody
		w.after(time.Minute, func() { w.rotate(s) })
		return
	}
	test := w.chance(w.tests)
	w.begin(s, test, func(awstest.Outcome) {
		if w.together { // by the same schedule
			w.after(time.Until(w.next4h())+w.between(0, 3*time.Second), func() { w.rotate(s) })
			return
		}
		if w.pauses != nil {
			w.after(w.pauses(), func() { w.rotate(s) })
			return
		}
		pause := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 4 * time.Hour, 4 * time.Hour}[w.random.IntN(5)]
		w.after(w.between(0, 2*pause), func() { w.rotate(s) })
	})
}

// next4h returns when the schedule that secrets share comes round again.
func (w *world) next4h() time.Time {
	const period = 4 * time.Hour
	return w.began.Add((time.Since(w.began)/period + 1) * period)
}

// begin calls RotateSecret, as the schedule does or a person; a rotation that is not complete is run again.
func (w *world) begin(s *managed, test bool, done func(awstest.Outcome)) {
	immediately := !test
	in := &awstest.RotateSecretInput{SecretId: s.arn, RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:rotate"}
	if test {
		in.RotateImmediately = &immediately
	}
	run, err := w.secretsManager.BeginRotation(in)
	if code(err) == "InvalidRequestException" {
		run, err = w.secretsManager.ResumeRotation(s.arn)
		w.logf("the service resumes the rotation of %s to %s (%v)", s, run.VersionID, err)
	} else {
		w.changed(s.arn)
		w.logf("the service begins to rotate %s to %s (%v)", s, run.VersionID, err)
	}
	if err != nil {
		panic(err)
	}
	w.started++
	s.run = &rotationRun{Run: run, secret: s, attempt: 1, attempts: 1 + w.random.IntN(w.patience), done: done}
	w.next(s.run)
}

// next invokes the function for the present step.
func (w *world) next(r *rotationRun) {
	event := r.Event(r.Steps[r.step])
	r.at = w.rotationStep(r, event, func(i *invocation) {
		if r.at == i {
			w.stepped(r, i)
		}
	})
	if w.calm || w.impatience == 0 {
		return
	}
	if w.chance(w.impatience) { // the same step twice at a time
		w.after(w.between(0, 5*time.Second), func() { w.rotationStep(r, event, func(*invocation) {}) })
		w.duplicates++
	}
	if w.chance(w.impatience) { // some step long after
		late := r.Event(r.Steps[max(w.random.IntN(r.step+1), w.random.IntN(r.step+1))])
		w.after(w.between(0, 40*time.Minute), func() {
			if !w.calm {
				w.rotationStep(r, late, func(*invocation) {})
			}
		})
		w.duplicates++
	}
	if w.chance(w.impatience / 2) { // the service loses the connection to an invocation that goes on
		at := r.at
		w.after(w.between(0, w.lifetime), func() {
			if r.at == at && at.over != nil {
				w.logf("the service gives %s up", at)
				w.failed(r)
			}
		})
	}
}

// rotationStep starts an invocation of the rotation function, in a warm process or a new one.
func (w *world) rotationStep(r *rotationRun, event awstest.RotationEvent, over func(*invocation)) *invocation {
	var process rotator
	if n := len(w.warm); n > 0 && w.chance(0.8) {
		at := w.random.IntN(n)
		process = w.warm[at]
		w.warm[at] = w.warm[n-1]
		w.warm = w.warm[:n-1]
	} else {
		process = w.newRotator()
	}
	i := &invocation{run: r, secret: r.secret, step: event.Step, memory: memory{version: event.ClientRequestToken}}
	switch event.Step {
	case awstest.StepCreate:
		w.duel()
	case awstest.StepFinish:
		w.readers.begin(r.secret)
		w.meddle(r.secret)
	}
	if w.trace != nil {
		i.name = event.Step + " " + r.secret.name + " " + event.ClientRequestToken[:8]
	}
	w.invoke(i, func(ctx context.Context) error {
		report, err := process.Handle(ctx, rotation.Event{
			Step: rotation.Step(event.Step), SecretID: event.SecretId, VersionID: event.ClientRequestToken, RotationToken: hidden.New(event.RotationToken),
		})
		i.report = report
		return err
	}, func(i *invocation) {
		w.observeStep(i)
		if !i.dead && len(w.warm) < 4 {
			w.warm = append(w.warm, process)
		}
		over(i)
	})
	return i
}

// stepped goes on after a step.
func (w *world) stepped(r *rotationRun, i *invocation) {
	if i.failed {
		w.failed(r)
		return
	}
	if err := w.secretsManager.CheckRotation(r.Run); err != nil {
		w.logf("the rotation of %s is over: %v", r.secret, err)
		w.finishRun(r, err)
		return
	}
	if r.step++; r.step < len(r.Steps) {
		w.next(r)
		return
	}
	w.finishRun(r, nil)
}

// failed repeats the rotation after a step that failed, or gives it up.
func (w *world) failed(r *rotationRun) {
	r.at = nil
	if r.attempt >= r.attempts || !w.labelled(r) || w.secretsManager.CheckRotation(r.Run) == awstest.ErrRotationOver {
		w.finishRun(r, errKilled)
		return
	}
	r.attempt++
	r.step = 0
	pause := []time.Duration{0, time.Second, time.Second, time.Minute, 10 * time.Minute}[w.random.IntN(5)]
	if w.calm {
		pause = time.Second
	}
	w.after(w.between(pause/2, pause), func() {
		w.logf("the service repeats the rotation of %s", r.secret)
		w.next(r)
		w.duel()
	})
}

// labelled reports whether the run's version carries a label that lets it go on.
func (w *world) labelled(r *rotationRun) bool {
	out, err := w.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: r.SecretARN})
	if err != nil {
		panic(err)
	}
	for _, label := range out.VersionIdsToStages[r.VersionID] {
		if label == awstest.StagePending || label == awstest.StageCurrent {
			return true
		}
	}
	return false
}

func (w *world) finishRun(r *rotationRun, err error) {
	r.at, r.over, r.secret.run = nil, true, nil
	outcome := w.secretsManager.EndRotation(r.Run, err)
	if outcome == awstest.Succeeded || outcome == awstest.Failed {
		w.changed(r.SecretARN)
	}
	switch {
	case outcome == awstest.Succeeded:
		w.succeeded++
	case w.smooth:
		w.violate(needless, "the rotation of %s: %s", r.secret, outcome)
	}
	w.logf("the rotation of %s ends: %s", r.secret, outcome)
	r.done(outcome)
}

// meddle lets somebody do something to a secret that a program is at work on.
func (w *world) meddle(s *managed) {
	if w.calm || w.meddling == 0 || !w.chance(w.meddling) {
		return
	}
	w.after(w.between(0, []time.Duration{8 * time.Second, time.Minute}[w.random.IntN(2)]), func() {
		if !w.calm {
			w.deeds++
			w.bent(s)
		}
	})
}

// duel starts sweeps that meet what is going on.
func (w *world) duel() {
	if w.smooth && w.succeeded < len(w.secrets) {
		return // without tokens sweeps log in, and a user may do so five times a minute
	}
	for !w.calm && w.duels > 0 && w.chance(w.duels) {
		w.after(w.between(0, []time.Duration{500 * time.Millisecond, 3 * time.Second}[w.random.IntN(2)]), func() { w.sweep(sweep.Request{}) })
	}
}

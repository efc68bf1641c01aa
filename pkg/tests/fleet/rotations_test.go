package fleet_test

import (
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

// step is what one step of a rotation cost.
type step struct {
	tally
	took time.Duration
}

// rotated is what a rotation cost: the whole, and two of its steps.
type rotated struct {
	fleet
	whole, create, finish step
	// chain is the number of calls in createSecret and in finishSecret that wait for one another.
	createChain, finishChain int
}

// rotate measures a rotation of one secret amid the fleet: by a function that has just started, and
// once more with calls that all take the same time, which gives the chains.
func (w *world) rotate(arn string) rotated {
	w.t.Helper()
	measured := w.rotateOnce(arn)
	time.Sleep(time.Hour)
	w.uniform = 50 * time.Millisecond
	defer func() { w.uniform = 0 }()
	chained := w.rotateOnce(arn)
	measured.createChain = int(chained.create.took / w.uniform)
	measured.finishChain = int(chained.finish.took / w.uniform)
	return measured
}

func (w *world) rotateOnce(arn string) rotated {
	w.t.Helper()
	rotator, limit := w.newRotator(), timeout(w.t, "RotateFunction")
	run := w.begin(arn)
	m := rotated{whole: step{tally: newTally()}}
	for _, name := range run.Steps {
		w.take()
		began := time.Now()
		if err := invoke(w.t.Context(), rotator, run.Payload(name), limit); err != nil {
			w.t.Errorf("%s: %v", name, err)
		}
		s := step{w.take(), time.Since(began)}
		m.whole.add(s.tally)
		m.whole.took += s.took
		switch name {
		case awstest.StepCreate:
			m.create = s
		case awstest.StepFinish:
			m.finish = s
		}
	}
	if outcome := w.aws.Secrets.EndRotation(run, nil); outcome != awstest.Succeeded {
		w.t.Errorf("the rotation %s", outcome)
	}
	return m
}

// measureRotation measures a rotation of one secret in the middle of a fleet.
func measureRotation(t *testing.T, f fleet) (r rotated) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.seed(f)
		defer w.aws.Close()
		r = w.rotate(w.arns[f.secrets/2])
	})
	r.fleet = f
	return r
}

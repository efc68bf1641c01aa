package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

// Run is a rotation with all its attempts, or an invocation of another function.
type Run struct {
	ID       string    `json:"id"`
	Function string    `json:"function"`
	Secret   string    `json:"secret,omitempty"`
	Version  string    `json:"version,omitempty"`
	Outcome  Outcome   `json:"outcome"`
	Started  time.Time `json:"started"`
	TookMs   float64   `json:"tookMs"`
	Attempts []Attempt `json:"attempts"`
}

// Outcome is how a [Run] ended, or that it has not.
type Outcome string

// The outcomes of a Run.
const (
	RunRunning   Outcome = "running"
	RunSucceeded Outcome = "succeeded"
	RunFailed    Outcome = "failed"
	RunAbandoned Outcome = "abandoned"
)

// Attempt is the steps of a rotation, from createSecret to the first failure.
type Attempt struct {
	Steps []StepRun `json:"steps"`
}

// StepRun is an invocation.
type StepRun struct {
	Name    string    `json:"name"`
	What    string    `json:"what"`
	Failed  bool      `json:"failed"`
	Running bool      `json:"running"`
	Started time.Time `json:"started"`
	TookMs  float64   `json:"tookMs"`
	ColdMs  float64   `json:"coldMs,omitempty"` // the start of the process
	Calls   []RunCall `json:"calls"`
}

// RunCall is a call in a step.
type RunCall struct {
	Service   string  `json:"service"`
	Operation string  `json:"operation"`
	Nth       int     `json:"nth"` // of the calls of this operation in the step
	AtMs      float64 `json:"atMs"`
	TookMs    float64 `json:"tookMs"`
	Answer    string  `json:"answer"`
	Failed    bool    `json:"failed"`
	// Struck is the fault of the strike that this call met.
	Struck      StrikeFault `json:"struck,omitempty"`
	Fingerprint string      `json:"fingerprint,omitempty"`
}

// maxRuns is how many runs the timeline has, maxRunInvocations how many invocations they are made
// from.
const (
	maxRuns           = 12
	maxRunInvocations = 200
)

// runs returns the latest runs, newest first.
func (s *Sandbox) runs(sv *services) []Run {
	all := s.Invocations()
	ended := len(all)
	all = append(all, s.running.all()...)
	from := max(0, len(all)-maxRunInvocations)
	runs := []*Run{}
	for n, i := range all[from:] {
		run := runOf(&runs, i, from+n)
		step := s.stepRun(i, from+n >= ended)
		if last := len(run.Attempts) - 1; last < 0 || i.Step == awstest.StepCreate ||
			slices.ContainsFunc(run.Attempts[last].Steps, func(s StepRun) bool { return s.Name == step.Name }) {
			run.Attempts = append(run.Attempts, Attempt{})
		}
		attempt := &run.Attempts[len(run.Attempts)-1]
		attempt.Steps = append(attempt.Steps, step)
		run.TookMs = milliseconds(i.Started.Add(i.Duration).Sub(run.Started))
		if !isRotation(i.Function) {
			run.Outcome = outcomeOf(step)
		}
	}
	for _, event := range sv.told() {
		for _, run := range runs {
			if run.Version == event.VersionID && event.VersionID != "" {
				run.Outcome = cmp.Or(eventOutcomes[strings.TrimPrefix(event.Name, "Test")], RunRunning)
			}
		}
	}
	newest := []Run{}
	for _, run := range slices.Backward(runs) {
		if newest = append(newest, *run); len(newest) == maxRuns {
			break
		}
	}
	return newest
}

var eventOutcomes = map[string]Outcome{
	awstest.RotationSucceeded: RunSucceeded, awstest.RotationFailed: RunFailed, awstest.RotationAbandoned: RunAbandoned,
}

// runOf returns the run that an invocation belongs to, which may be new.
func runOf(runs *[]*Run, i Invocation, number int) *Run {
	for _, run := range *runs {
		if isRotation(i.Function) && run.Function == i.Function && run.Version == i.Version {
			return run
		}
	}
	run := &Run{ID: i.Function + " " + i.Version, Function: i.Function, Secret: nameOf(i.Secret), Version: i.Version,
		Started: i.Started, Outcome: RunRunning}
	if i.Version == "" {
		run.ID += strconv.Itoa(number)
	}
	*runs = append(*runs, run)
	return run
}

func outcomeOf(step StepRun) Outcome {
	switch {
	case step.Running:
		return RunRunning
	case step.Failed:
		return RunFailed
	}
	return RunSucceeded
}

func (s *Sandbox) stepRun(i Invocation, running bool) StepRun {
	step := StepRun{Name: subject(i), What: timeline{}.what(i), Failed: i.Error != "", Running: running,
		Started: i.Started, TookMs: milliseconds(i.Duration), ColdMs: milliseconds(i.Init), Calls: []RunCall{}}
	if running {
		step.What = "running"
	}
	for _, c := range i.AWS {
		service, operation, _ := strings.Cut(c.Action, ":")
		call := RunCall{Service: serviceOf(service), Operation: operation, AtMs: milliseconds(c.Time.Sub(i.Started)),
			TookMs: c.DurationMs, Answer: cmp.Or(c.Code, "ok"), Struck: s.strikes.of(awsID(c.Number))}
		switch c.Code {
		case "":
		case "ResourceNotFoundException", "ParameterNotFound": // a rotation asks what there is
			call.Answer = "not found"
		case "reset":
			call.Answer, call.Failed = "no answer", true
		default:
			call.Failed = true
		}
		step.Calls = append(step.Calls, call)
	}
	for _, c := range i.Engage {
		call := RunCall{Service: serviceEngage, Operation: c.Operation, AtMs: milliseconds(c.Time.Sub(i.Started)),
			TookMs: c.DurationMs, Answer: strconv.Itoa(c.Status) + " " + http.StatusText(c.Status),
			Fingerprint: c.Fingerprint, Struck: s.strikes.of(engageID(c.Number))}
		call.Failed = c.Status >= http.StatusBadRequest
		if strings.Contains(c.Fault, "drop") {
			call.Answer, call.Failed = "no answer", true
		}
		step.Calls = append(step.Calls, call)
	}
	slices.SortStableFunc(step.Calls, func(a, b RunCall) int { return cmp.Compare(a.AtMs, b.AtMs) })
	counts := map[string]int{}
	for n := range step.Calls {
		call := &step.Calls[n]
		counts[call.Service+call.Operation]++
		call.Nth = counts[call.Service+call.Operation]
	}
	return step
}

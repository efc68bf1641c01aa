package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// StrikeFault is what happens to a call that is struck.
type StrikeFault string

// The faults of a strike.
const (
	LostBefore   StrikeFault = "lost-before"
	LostAfter    StrikeFault = "lost-after"
	Answers500   StrikeFault = "500"
	Answers429   StrikeFault = "429"
	KilledBefore StrikeFault = "killed-before"
	KilledAfter  StrikeFault = "killed-after"
	EditedBefore StrikeFault = "edited-before"
)

// strikeFaults are the faults with their meanings, in the order in which the page offers them.
var strikeFaults = []Choice{
	{string(LostAfter), "the answer is lost, after the effect"},
	{string(LostBefore), "the request is lost, before any effect"},
	{string(Answers500), "answered with a server error, without effect"},
	{string(Answers429), "answered with 'too many requests', without effect"},
	{string(KilledBefore), "the process is killed before the call"},
	{string(KilledAfter), "the process is killed after the call's effect"},
	{string(EditedBefore), "someone edits the secret just before the call"},
}

// Choice is a value that the page offers.
type Choice struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

// The services of a Strike.
const (
	serviceEngage     = "Engage"
	serviceSecrets    = "Secrets Manager"
	serviceParameters = "Parameter Store"
)

// Strike is a call of a rotation and what happens to it, once for each function that rotates. The
// zero Strike is none.
type Strike struct {
	Step      string      `json:"step"`
	Service   string      `json:"service"`
	Operation string      `json:"operation"`
	Nth       int         `json:"nth"` // of the calls of this operation in the step, from 1
	Fault     StrikeFault `json:"fault"`
}

func (s Strike) check() error {
	steps := []string{awstest.StepCreate, awstest.StepSet, awstest.StepTest, awstest.StepFinish}
	services := []string{serviceEngage, serviceSecrets, serviceParameters}
	switch {
	case !slices.Contains(steps, s.Step):
		return fmt.Errorf("sandbox: unknown step %q; use one of %v", s.Step, steps)
	case !slices.Contains(services, s.Service):
		return fmt.Errorf("sandbox: unknown service %q; use one of %q", s.Service, services)
	case s.Operation == "" || s.Nth < 1:
		return fmt.Errorf("sandbox: a strike needs an operation, and nth from 1")
	case !slices.ContainsFunc(strikeFaults, func(c Choice) bool { return c.Name == string(s.Fault) }):
		return fmt.Errorf("sandbox: unknown fault %q; GET %s lists them", s.Fault, PathView)
	}
	return nil
}

// strikes finds the call to strike. It is safe for concurrent use.
type strikes struct {
	mu     sync.Mutex
	strike Strike
	waits  map[string]bool // the functions that are to be struck
	seen   map[string]int  // calls of the strike's operation in the running step, by function
	struck map[string]StrikeFault
}

// set arms a strike for the functions; the zero Strike disarms.
func (s *strikes) set(strike Strike, functions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strike, s.waits, s.seen = strike, map[string]bool{}, map[string]int{}
	for _, name := range functions {
		s.waits[name] = true
	}
	if strike.Fault == "" {
		s.struck = nil
	}
}

// armed returns the strike, and the functions that have not met it yet.
func (s *strikes) armed() (strike Strike, waits []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.waits {
		waits = append(waits, name)
	}
	slices.Sort(waits)
	return s.strike, waits
}

// begin forgets the calls of a function's earlier invocations.
func (s *strikes) begin(function string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, function)
}

// hit returns the fault of a call that has arrived, or "". id names the call in [strikes.of].
func (s *strikes) hit(function, step, service, operation, id string) StrikeFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waits[function] || s.strike.Step != step || s.strike.Service != service || s.strike.Operation != operation {
		return ""
	}
	if s.seen[function]++; s.seen[function] != s.strike.Nth {
		return ""
	}
	delete(s.waits, function)
	if s.struck == nil {
		s.struck = map[string]StrikeFault{}
	}
	s.struck[id] = s.strike.Fault
	return s.strike.Fault
}

// of returns what was done to a call, or "".
func (s *strikes) of(id string) StrikeFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck[id]
}

func engageID(number int64) string { return "engage " + strconv.FormatInt(number, 10) }

func awsID(number int) string { return "aws " + strconv.Itoa(number) }

// strikeEngage is the part of the vendor's fault hook that strikes.
func (s *Sandbox) strikeEngage(call engagetest.Call) *engagetest.Fault {
	function := functionOfAgent(call.Agent)
	id := engageID(call.Number)
	if call.Stage == engagetest.After {
		switch s.strikes.of(id) {
		case LostAfter:
			return engagetest.Drop()
		case KilledAfter:
			s.KillFunction(function)
			return engagetest.Drop()
		}
		return nil
	}
	switch s.strikes.hit(function, s.running.step(function), serviceEngage, string(call.Operation), id) {
	case LostBefore:
		return engagetest.Drop()
	case Answers500:
		return engagetest.Status(http.StatusInternalServerError)
	case Answers429:
		return engagetest.Respond(engagetest.TooManyRequests("1"))
	case KilledBefore:
		s.KillFunction(function)
		return engagetest.Drop()
	case EditedBefore:
		s.edit(secretOf(function))
	}
	return nil
}

// strikeAWS is the part of AWS's fault hook that strikes.
func (s *Sandbox) strikeAWS(call awstest.Call) (action awstest.Action, struck bool) {
	function := functionOfCaller(call.Caller)
	fault := s.strikes.hit(function, s.running.step(function), serviceOf(call.Service), call.Action, awsID(call.Number))
	kill := func() { s.KillFunction(function) }
	switch fault {
	case LostBefore:
		action.Before = awstest.Reset()
	case LostAfter:
		action.After = awstest.Reset()
	case Answers500:
		action.Before = awstest.ServerError()
	case Answers429:
		action.Before = awstest.Throttled()
	case KilledBefore:
		action.BeforeEffect, action.Before = kill, awstest.Reset()
	case KilledAfter:
		action.AfterEffect, action.After = kill, awstest.Reset()
	case EditedBefore:
		action.BeforeEffect = func() { s.edit(secretOf(function)) }
	}
	return action, fault != ""
}

// serviceOf returns a service's name for people, from the name that policies use.
func serviceOf(name string) string {
	return cmp.Or(map[string]string{"secretsmanager": serviceSecrets, "ssm": serviceParameters}[name], name)
}

// KillFunction kills the processes of a function.
func (s *Sandbox) KillFunction(name string) {
	if name == FunctionYardstick {
		s.yardstick.kill()
		return
	}
	if f := s.functions[name]; f != nil {
		f.Kill()
	}
}

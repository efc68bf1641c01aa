package sandbox

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"engage-token-rotation/pkg/internal/telemetry"
)

// Alarm is an alarm of the template, and whether it would have fired. The time for which an alarm
// waits is left out: one bad reading is enough here.
type Alarm struct {
	Name    string `json:"name"` // the resource in the template, without "Alarm"
	Meaning string `json:"meaning"`
	// Fired counts the readings that would have fired it, Last is the time of the latest.
	Fired int       `json:"fired"`
	Last  time.Time `json:"last,omitzero"`
}

// alarm is when an [Alarm] fires.
type alarm struct {
	name, meaning, function, metric string
	// above is the highest reading that is well.
	above float64
	// errors: an invocation that ends with an error fires it too. crashes: one without a reading of
	// the metric does, and the metric does not.
	errors, crashes bool
}

// maxTokenAge is the default of the template's parameter MaxTokenAgeHours, in seconds.
const maxTokenAge = 30 * 60 * 60

var alarmTable = []alarm{
	{name: "RotationFailed", meaning: "a step of a rotation failed", function: FunctionRotate,
		metric: telemetry.RotationFailed},
	{name: "RotationCrashed", meaning: "the rotation function ended without a report", function: FunctionRotate,
		metric: telemetry.RotationFailed, crashes: true},
	{name: "TokenAge", meaning: "a token is too old", function: FunctionSweep, metric: telemetry.TokenAgeSeconds,
		above: maxTokenAge},
	{name: "DeadTokens", meaning: "the vendor does not know a current token", function: FunctionSweep,
		metric: telemetry.DeadTokens},
	{name: "UnclaimedTokens", meaning: "a token appeared after a creation without an answer", function: FunctionSweep,
		metric: telemetry.UnclaimedTokens},
	{name: "DeleteFailed", meaning: "a sweep could not delete a previous token", function: FunctionSweep,
		metric: telemetry.DeleteFailed},
	{name: "SweepFaults", meaning: "a sweep failed, or left something out", function: FunctionSweep,
		metric: telemetry.SweepFaults, errors: true},
	{name: "Ivr", meaning: "the ivr function could not use the token", function: FunctionIVR,
		metric: telemetry.RefusedReads, errors: true},
}

// alarms follows the functions' metrics. It is safe for concurrent use.
type alarms struct {
	mu       sync.Mutex
	fired    map[string]Alarm // by name
	reported map[string]bool  // functions whose running invocation has counted its failure
}

// line reads a line that a function wrote.
func (a *alarms) line(function, line string) {
	if !strings.Contains(line, `"CloudWatchMetrics"`) {
		return
	}
	var reading map[string]any
	if json.Unmarshal([]byte(line), &reading) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, alarm := range alarmTable {
		value, ok := reading[alarm.metric].(float64)
		if !ok || alarm.function != function {
			continue
		}
		if alarm.crashes {
			a.report(function)
		} else if value > alarm.above {
			a.fire(alarm)
		}
	}
}

// report notes that a running invocation has counted its failure. a.mu is held.
func (a *alarms) report(function string) {
	if a.reported == nil {
		a.reported = map[string]bool{}
	}
	a.reported[function] = true
}

// invoked notes the end of an invocation.
func (a *alarms) invoked(function, failure string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, alarm := range alarmTable {
		if alarm.function == function && failure != "" && (alarm.errors || alarm.crashes && !a.reported[function]) {
			a.fire(alarm)
		}
	}
	delete(a.reported, function)
}

// fire counts a reading. a.mu is held.
func (a *alarms) fire(alarm alarm) {
	if a.fired == nil {
		a.fired = map[string]Alarm{}
	}
	a.fired[alarm.name] = Alarm{Fired: a.fired[alarm.name].Fired + 1, Last: time.Now()}
}

func (a *alarms) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fired = nil
}

// Alarms returns the template's alarms, those that would have fired first.
func (s *Sandbox) Alarms() []Alarm {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	var list []Alarm
	for _, alarm := range alarmTable {
		entry := s.alarms.fired[alarm.name]
		entry.Name, entry.Meaning = alarm.name, alarm.meaning
		list = append(list, entry)
	}
	slices.SortStableFunc(list, func(x, y Alarm) int { return min(y.Fired, 1) - min(x.Fired, 1) })
	return list
}

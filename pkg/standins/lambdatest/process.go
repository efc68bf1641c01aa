package lambdatest

import (
	"os"
	"time"
)

// maxProcesses is how many processes Processes remembers, the latest.
const maxProcesses = 1000

// Process is what was measured of a process.
type Process struct {
	PID     int
	Started time.Time
	// Init is from the start until it asked for its first invocation; 0: it never did.
	Init time.Duration
	// Invocations that it was given.
	Invocations int
	// PeakRSS is its highest memory use in bytes: as Linux has it for the running process, looked up after each answer;
	// elsewhere, and for a process that was never looked up, as reported after its end, which can be too high, since
	// Linux counts in what the starting process used.
	PeakRSS int64
	// CPU is the user and system time of the process; known once it has ended.
	CPU time.Duration
	// Exit says how it ended: "exit status 1", "signal: killed"; "": it runs.
	Exit string
}

// Processes returns what was measured of the function's processes, oldest first.
func (f *Function) Processes() []Process {
	for _, e := range f.running() {
		e.sample()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Process, len(f.processes))
	for i, p := range f.processes {
		list[i] = *p
	}
	return list
}

func (f *Function) running() []*environment {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*environment, 0, len(f.live))
	for e := range f.live {
		list = append(list, e)
	}
	return list
}

// sample looks up the memory use of the process while it lives.
func (e *environment) sample() {
	if peak := peakRSS(e.process.PID); peak > 0 {
		e.function.mu.Lock()
		defer e.function.mu.Unlock()
		e.process.PeakRSS = max(e.process.PeakRSS, peak)
	}
}

// exit notes the end of the process.
func (p *Process) exit(state *os.ProcessState, err error) {
	switch {
	case state == nil:
		p.Exit = err.Error()
		return
	case err != nil:
		p.Exit = err.Error()
	default:
		p.Exit = state.String()
	}
	p.CPU = state.UserTime() + state.SystemTime()
	if p.PeakRSS == 0 {
		p.PeakRSS = maxRSS(state)
	}
}

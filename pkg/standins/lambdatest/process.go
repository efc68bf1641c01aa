package lambdatest

import (
	"os"
	"time"
)

// maxProcesses is how many processes are remembered, the latest.
const maxProcesses = 1000

// Process is the measurements of a process.
type Process struct {
	PID     int
	Started time.Time
	// Init is from the start until the process asked for its first invocation; 0: it never did.
	Init time.Duration
	// Invocations is how many it was given.
	Invocations int
	// PeakRSS is its highest memory use in bytes. On Linux it is read after each answer. On other
	// systems, and for a process without an answer, it is what the system reports after the end, which
	// can be too high: Linux includes the memory of the process that started it.
	PeakRSS int64
	// CPU is the user and system time of the process; known once it has ended.
	CPU time.Duration
	// Exit is how it ended: "exit status 1", "signal: killed"; "": it runs.
	Exit string
}

// Processes returns the measurements of the function's processes, oldest first.
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

// sample reads the memory use of the running process.
func (e *environment) sample() {
	if peak := peakRSS(e.process.PID); peak > 0 {
		e.function.mu.Lock()
		defer e.function.mu.Unlock()
		e.process.PeakRSS = max(e.process.PeakRSS, peak)
	}
}

// exit records the end of the process.
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

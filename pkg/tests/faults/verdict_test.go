package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// harm is a kind of fault that a case can find.
type harm int

const (
	dead           harm = iota // AWSCURRENT held a dead token
	leaked                     // a live token is neither held, kept by its record, foreign nor reported
	wedged                     // a rotation without faults failed
	foreignDeleted             // a token of another program was deleted
	foreignHeld                // a secret held a token of another program
	unfinished                 // a later sweep leaves something to do
	stepless                   // a line of WARN or ERROR names no next step
	other                      // the case itself went wrong
	harms
)

var harmNames = [harms]string{
	"dead", "leaked", "wedged", "foreign deleted", "foreign held", "unfinished", "no next step", "other",
}

// verdict is the outcome of a case.
type verdict struct {
	struck   int // calls
	attempts int // of the rotation that was struck
	took     time.Duration
	names    []string // of the calls of that rotation
	// reported is how many tokens live at the end that unanswered creations left: the ledger
	// reports them, and only an operator can decide about them.
	reported int

	mu    sync.Mutex
	lines []string // the history
	found [harms][]string
}

func (v *verdict) add(h harm, what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Contains(v.found[h], what) {
		v.found[h] = append(v.found[h], what)
	}
}

// log adds a line to the history.
func (v *verdict) log(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lines = append(v.lines, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

// history returns the lines.
func (v *verdict) history() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return "  " + strings.Join(v.lines, "\n  ")
}

// all returns the harm that was found.
func (v *verdict) all() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Concat(v.found[:]...)
}

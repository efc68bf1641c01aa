package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"engage-token-rotation/pkg/standins/engagetest"
)

// running are the invocations that have not ended, in the order in which they began. It is safe for
// concurrent use.
type running struct {
	mu   sync.Mutex
	list []*begun
}

// begun is an invocation and where its calls begin.
type begun struct {
	Invocation
	services *services
	since    marks
}

func (r *running) begin(i Invocation, sv *services, since marks) *begun {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &begun{i, sv, since}
	r.list = append(r.list, b)
	return b
}

func (r *running) end(b *begun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = slices.DeleteFunc(r.list, func(other *begun) bool { return other == b })
}

// step returns the step that a function is at, or "". Of concurrent invocations it is the one that
// began last: their calls cannot be told apart.
func (r *running) step(function string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range slices.Backward(r.list) {
		if b.Function == function {
			return b.Step
		}
	}
	return ""
}

// all returns the invocations with their calls so far, oldest first.
func (r *running) all() []Invocation {
	r.mu.Lock()
	all := slices.Clone(r.list)
	r.mu.Unlock()
	var list []Invocation
	for _, b := range all {
		i := b.Invocation
		i.AWS, i.Engage = b.since.calls(b.services, b.Function)
		i.Duration = time.Since(i.Started)
		list = append(list, i)
	}
	return list
}

// The User-Agents of the callers of Engage that are not functions of the product.
const (
	agentReader    = "sandbox-reader/1"
	agentYardstick = "sandbox-yardstick/1"
)

// agentTransport sets the User-Agent.
type agentTransport struct {
	agent string
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t agentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", t.agent)
	return t.next.RoundTrip(r)
}

// functionOfAgent returns the function that rotates with this User-Agent, or "".
func functionOfAgent(agent string) string {
	switch agent {
	case agentReader:
		return ""
	case agentYardstick:
		return FunctionYardstick
	}
	return FunctionRotate
}

// mayBeOf reports whether a call to Engage can be of the function: the product's functions send the
// same User-Agent.
func mayBeOf(call engagetest.Call, function string) bool {
	if function == FunctionYardstick {
		return call.Agent == agentYardstick
	}
	return !strings.HasPrefix(call.Agent, "sandbox-")
}

// isRotation reports whether a function rotates.
func isRotation(function string) bool {
	return function == FunctionRotate || function == FunctionYardstick
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// signal lets any number of goroutines wait for the next change. The zero signal is ready. It is
// safe for concurrent use.
type signal struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns a channel that the next fire closes.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = make(chan struct{})
	}
	return s.next
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		close(s.next)
		s.next = nil
	}
}

// after returns a handler that fires after each request.
func (s *signal) after(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer s.fire() // also for an answer that is broken off
		next.ServeHTTP(rw, r)
	})
}

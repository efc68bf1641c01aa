package faults_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// strike is a fault and the calls that it strikes.
type strike struct {
	call  string // its name
	fault fault
	// burst is how many calls are struck: the call and those that follow. With again it is how
	// often the call itself is struck, once in each repetition.
	burst int
	again bool
}

// gate is the endpoint that one function's process calls, for AWS and Engage. It passes the calls
// on, and strikes.
type gate struct {
	url      string
	adminARN string
	pass     func(*http.Request, []byte) answer
	kill     func()
	// effect is called after each passed call.
	effect func(name string)
	// log is called with the result of each call.
	log func(format string, args ...any)

	mu     sync.Mutex
	step   string
	counts map[string]int // calls of the current invocation, by name
	names  []string       // all calls since armed, in the order of arrival
	strike strike
	left   int // the next strikes
	struck int
	begun  bool

	connections int
}

// listen opens the gate for processes, until the case is over.
func (g *gate) listen(t testing.TB) {
	server := httptest.NewUnstartedServer(g)
	server.Config.ConnState = g.connState
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	g.url = server.URL
}

// arm sets the next strike, and clears the record.
func (g *gate) arm(s strike) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.strike, g.left, g.struck, g.begun, g.names = s, s.burst, 0, false, nil
}

// disarm ends all strikes, and returns how many there were and the calls so far.
func (g *gate) disarm() (struck int, names []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = 0
	return g.struck, slices.Clone(g.names)
}

// enter sets the step of the following calls.
func (g *gate) enter(step string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.step, g.counts = step, map[string]int{}
}

// arrive records a call and returns its name and its fault.
func (g *gate) arrive(r *http.Request, body []byte) (string, fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := g.step + ":" + nameOf(r, body, g.adminARN)
	g.counts[name]++
	if n := g.counts[name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	f := none
	here := name == g.strike.call
	if g.left > 0 && (here || g.begun && !g.strike.again) {
		g.begun = true
		g.left--
		g.struck++
		f = g.strike.fault
	}
	g.names = append(g.names, name)
	return name, f
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		reset(w)
		return
	}
	name, f := g.arrive(r, body)
	var a answer
	if f == none || f.late() {
		a = g.pass(r, body)
		g.effect(name)
	}
	switch {
	case f == none:
		g.log("%s -> %d", name, a.status)
	case f.late():
		g.log("%s -> %d, %s", name, a.status, f)
	default:
		g.log("%s -> %s", name, f)
	}
	if refusal, ok := f.refusal(r); ok {
		a = refusal
	} else if f != none {
		if f.kills() {
			g.kill()
		}
		reset(w)
		return
	}
	for key, values := range a.header {
		w.Header()[key] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// reset breaks the connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func (g *gate) connState(_ net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch state {
	case http.StateNew:
		g.connections++
	case http.StateClosed, http.StateHijacked:
		g.connections--
	}
}

// drain waits until the calls of a dead process have had their effect: they may still be on their
// way.
func (g *gate) drain(ctx context.Context) {
	for quiet := 0; quiet < 3 && ctx.Err() == nil; {
		g.mu.Lock()
		open := g.connections
		g.mu.Unlock()
		quiet++
		if open > 0 {
			quiet = 0
		}
		time.Sleep(2 * time.Millisecond)
	}
}

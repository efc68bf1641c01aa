// Package engagetest is a stateful stand-in for the auth and token API of Engage Voice (RingCX),
// for tests and for local trials, in the spirit of net/http/httptest.
//
// It keeps users, their permanent API tokens and the sessions of their logins, offers the vendor's
// three logins, and follows the vendor's pages, not the habits of one client. If they leave
// something open, or clients report different things, the [Answers] choose. [Server.Violations]
// lists what a client sent that it should not have.
//
// A client can be tried in a world that goes wrong, each part by itself or combined:
//
//   - [Fault] breaks single calls before or after their effect: a delay, a reset, another answer.
//     The hostile answers of this package (an endless body, a gzip bomb, a web page, ...) are for
//     [Respond].
//
//   - [Propagation] makes lists and authentication lag behind creations and deletions.
//
//   - [Misbehavior] lasts until it is switched off: everything is refused, or all API tokens are;
//     lists answer [], only the newest or only the oldest tokens; a creation answers with an old
//     token; a deletion answers well, with an error document, with false or with a web page, and
//     deletes nothing.
//
//   - [Limits] are rate limits, and a cap on tokens beyond which a creation is refused or silently
//     removes the oldest.
//
// [New] starts a server on the loopback interface:
//
//	server := engagetest.New(t, nil)
//	// server.URL is the base URL of Engage, the RingCentral platform and the legacy portal
//
// [NewServer] makes a Server without a listener. It is an [http.Handler], and [Server.RoundTripper]
// calls it in the process: without goroutines, connections or timers of its own, by the clock of
// [Config.Now], so that it works inside testing/synctest and for millions of calls. Memory is
// bounded by the live tokens and the lengths of the logs.
//
// It does not model the vendor's permissions, and it neither verifies nor signs real JWTs. Never
// let it listen on an address that others reach: it prints nothing, but accepts any text as a
// password.
package engagetest

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// Server is a stand-in for the vendor. It is safe for concurrent use.
type Server struct {
	// URL is scheme, host and port, and is empty unless New made the Server.
	URL string

	config   Config
	listener *httptest.Server

	mu       sync.Mutex
	random   *rand.Rand
	users    []*user
	tokens   map[string]*apiToken
	sessions sessions
	answers  Answers
	lags     Propagation
	wrong    Misbehavior
	fault    func(Call) *Fault

	number     int64
	counts     map[Operation]int
	calls      ring[Call]
	violations ring[Violation]
}

// NewServer returns a Server without a listener: an http.Handler.
func NewServer(config Config) *Server {
	config = config.withDefaults()
	s := &Server{
		config:     config,
		random:     newRandom(config.Seed),
		tokens:     map[string]*apiToken{},
		sessions:   newSessions(),
		answers:    config.Answers,
		lags:       config.Propagation,
		wrong:      config.Misbehavior,
		fault:      config.Fault,
		counts:     map[Operation]int{},
		calls:      ring[Call]{limit: config.LogLength},
		violations: ring[Violation]{limit: config.LogLength},
	}
	for _, u := range config.Users {
		s.AddUser(u)
	}
	return s
}

// New starts a Server on a free port of the loopback interface and closes it when the test ends. A
// nil config is the zero Config. The test fails at its end if the server saw a [Violation], unless
// the config allows them.
func New(t TB, config *Config) *Server {
	t.Helper()
	if config == nil {
		config = &Config{}
	}
	s := NewServer(*config)
	s.listener = httptest.NewUnstartedServer(s)
	if config.TLS {
		s.listener.StartTLS()
	} else {
		s.listener.Start()
	}
	s.URL = s.listener.URL
	t.Cleanup(func() {
		s.Close()
		if config.AllowViolations {
			return
		}
		for _, v := range s.Violations() {
			t.Errorf("engagetest: %v", v)
		}
	})
	return s
}

// Close ends every connection and stops listening. A Server without a listener needs no Close.
func (s *Server) Close() {
	if s.listener != nil {
		s.listener.CloseClientConnections()
		s.listener.Close()
	}
}

// Client returns an HTTP client for a Server that New made; with Config.TLS it trusts the server's
// certificate.
func (s *Server) Client() *http.Client { return s.listener.Client() }

// SetAnswers changes the forms of the answers, from the next call on.
func (s *Server) SetAnswers(a Answers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = a.withDefaults()
}

// SetPropagation changes the lags of the tokens that are made or deleted from now on.
func (s *Server) SetPropagation(p Propagation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lags = p
}

// SetLimits changes the limits from the next call on. Tokens that a user has beyond a new cap stay.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Limits = l.withDefaults()
}

// SetFault changes the fault hook from the next call on; nil ends all faults.
func (s *Server) SetFault(hook func(Call) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = hook
}

func (s *Server) now() time.Time { return s.config.Now() }

// newRandom returns the source of all random values of the server. A seed of 0 stands for a fresh
// one.
func newRandom(seed uint64) *rand.Rand {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
}

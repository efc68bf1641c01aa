package engagetest

import (
	"time"

	"engage-token-rotation/pkg/engage"
)

// Operation is the kind of a call.
type Operation string

// The operations.
const (
	OpLogin    Operation = "login"    // engage and legacy
	OpGrant    Operation = "grant"    // ringcentral, first step: the JWT grant at the platform
	OpExchange Operation = "exchange" // ringcentral, second step: the login at Engage
	OpRefresh  Operation = "refresh"
	OpCreate   Operation = "create"
	OpList     Operation = "list"
	OpDelete   Operation = "delete"
	OpAccounts Operation = "accounts"
	OpUnknown  Operation = "unknown" // a path or method that the API does not have
)

// Stage is the moment at which a fault hook is asked about a call.
type Stage string

// The stages.
const (
	Before Stage = "before" // nothing has happened yet
	After  Stage = "after"  // the call has had its effect, and is not answered yet
)

// Call is one call, for the log and for the fault hook. It holds no secret.
type Call struct {
	Number    int64     // counts from 1
	Stage     Stage     // for the hook; After in the log
	Time      time.Time // of its arrival, by the server's clock
	Operation Operation
	Flow      engage.Flow // by the path; engage for ringcentral's token calls too: the paths are the same
	User      string      // the caller, or "" if the credentials name none
	Auth      string      // the place of the credentials: "bearer", "x-auth-token", "basic", "form", "query" or ""
	Status    int         // of the answer before a fault at stage After; 0: not answered yet, or dropped
	// Fingerprint is that of the token made or deleted, else that of the API token that
	// authenticated the call.
	Fingerprint string
	// Agent is the User-Agent that the client sent.
	Agent string
	// Took is how long it was until the answer was known; only in the log.
	Took time.Duration
	// Fault is the fault that the hook returned, as Fault.String prints it; "" if none.
	Fault string
}

// Calls returns the log of calls, oldest first: the latest Config.LogLength of them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls.all()
}

// Count returns the number of calls of an operation.
func (s *Server) Count(operation Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[operation]
}

// ring keeps the latest limit items.
type ring[T any] struct {
	limit int
	items []T
	start int
}

func (r *ring[T]) add(item T) {
	if len(r.items) < r.limit {
		r.items = append(r.items, item)
		return
	}
	r.items[r.start] = item
	r.start = (r.start + 1) % len(r.items)
}

// all returns a copy, oldest first.
func (r *ring[T]) all() []T {
	if len(r.items) == 0 {
		return nil
	}
	return append(append(make([]T, 0, len(r.items)), r.items[r.start:]...), r.items[:r.start]...)
}

package tokensource

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"engage-token-rotation/pkg/engage"
)

// refusalKind distinguishes 401 from 403. The vendor does not document which of them a dead token
// gets, and 403 is also the answer to a live token if the user lacks a permission. A program that
// gets such a 403 now and then must still read at once when its token gets 401.
type refusalKind int

const (
	unauthorized refusalKind = iota
	forbidden
	refusalKinds
)

func kindOf(status int) refusalKind {
	if status == http.StatusForbidden {
		return forbidden
	}
	return unauthorized
}

// refused reports whether the answer refuses the token.
func refused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// refusal remembers that a token was refused, and that a read then returned no other.
type refusal struct {
	token engage.Token
	tries int           // reads for this token in a row
	at    time.Duration // of the last of them
	until time.Duration // before then no further read
	// worked is set when the vendor accepts the token later: it was alive, so that a further refusal
	// needs a read.
	worked atomic.Bool
}

// Replace returns the token to use instead of one that the vendor refused with status, 401 or 403.
// It returns the same token if the secret still names it or cannot be read: then the refusal is the
// vendor's answer.
//
// The secret is read once for a refused token, however many callers report it, and even during
// another back-off. While the result is remembered, further calls return at once.
func (s *Source) Replace(ctx context.Context, token engage.Token, status int) (engage.Token, error) {
	kind := kindOf(status)
	for {
		f, use, err := s.flightFor(token, kind)
		if f == nil {
			return use, err
		}
		e, err := s.wait(ctx, f)
		if f.refused != token && ctx.Err() == nil {
			// That read may have begun before the token was replaced, so that it proves nothing. Read again.
			continue
		}
		if err != nil {
			return token, err
		}
		return e.token, nil
	}
}

// flightFor returns the read to wait for after a refusal. It returns nil if no read is needed or
// possible, and then the token to use.
func (s *Source) flightFor(token engage.Token, kind refusalKind) (*flight, engage.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry.Load()
	switch {
	case s.closed:
		return nil, token, ErrClosed
	case e != nil && e.token != token:
		return nil, e.token, nil
	case s.flight != nil:
		return s.flight, token, nil
	case s.remembers(token, kind):
		return nil, token, nil
	}
	return s.start(token, kind), token, nil
}

// remembers reports whether a read for the token is not due yet. The caller holds mu.
func (s *Source) remembers(token engage.Token, kind refusalKind) bool {
	r := s.refusals[kind].Load()
	if r == nil || r.token != token {
		return false
	}
	until := r.until
	if r.worked.Load() {
		until = min(until, r.at+s.config.MinBackoff)
	}
	return s.now() < until
}

// remember stores the result of a read that followed a refusal. The caller holds mu.
func (s *Source) remember(f *flight, token engage.Token, now time.Duration) {
	if f.refused.IsZero() {
		return
	}
	slot := &s.refusals[f.kind]
	if !token.IsZero() && token != f.refused {
		slot.Store(nil)
		return
	}
	next := &refusal{token: f.refused, tries: 1, at: now}
	if last := slot.Load(); last != nil && last.token == f.refused && !last.worked.Load() {
		next.tries = last.tries + 1
	}
	next.until = now + s.backoff(next.tries)
	slot.Store(next)
}

// accepted stores that the vendor has accepted the token.
func (s *Source) accepted(token engage.Token) {
	for i := range s.refusals {
		if r := s.refusals[i].Load(); r != nil && r.token == token && !r.worked.Load() {
			r.worked.Store(true)
		}
	}
}

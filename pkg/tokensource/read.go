package tokensource

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
)

// flight is one read of the secret, which any number of callers wait for.
type flight struct {
	// refused is the token after whose refusal the read was started; zero for every other read.
	refused engage.Token
	kind    refusalKind
	done    chan struct{} // closed when the fields below are set
	entry   *entry        // the token that was read, or the last good one; nil if there is none
	err     error         // why the read failed, or nil
}

// current returns the token if the cached one may need a read:
//
//	no token                 join or start a read, and wait; during a back-off, the last error
//	token before its end     start a read, and take the token at once
//	token after its end      join or start a read, and wait; during a back-off, the token
//	token too old to be used as no token
func (s *Source) current(ctx context.Context) (*entry, error) {
	s.mu.Lock()
	e, now := s.entry.Load(), s.now()
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, ErrClosed
	case e != nil && now < e.checkAt: // another caller was quicker
		s.mu.Unlock()
		return e, nil
	case s.flight == nil && now < s.retryAt:
		err := s.lastErr
		s.mu.Unlock()
		return nil, err
	}
	f := s.flight
	if f == nil {
		f = s.start(engage.Token{}, 0)
	}
	if e != nil && now < e.expires {
		// While this read runs, the other callers take the cached token.
		running := *e
		running.checkAt = e.expires
		s.entry.Store(&running)
		s.mu.Unlock()
		return e, nil
	}
	s.mu.Unlock()
	return s.wait(ctx, f)
}

func (s *Source) wait(ctx context.Context, f *flight) (*entry, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("tokensource: wait for the secret: %w", context.Cause(ctx))
	}
	if f.entry == nil {
		return nil, f.err
	}
	return f.entry, nil
}

// start starts a read. The caller holds mu, and no read is running.
func (s *Source) start(refused engage.Token, kind refusalKind) *flight {
	f := &flight{refused: refused, kind: kind, done: make(chan struct{})}
	s.flight = f
	s.reads.Add(1)
	go func() {
		defer s.reads.Done()
		defer close(f.done)
		document, token, err := s.read()
		if failure := s.finish(f, document, token, err); failure != nil && s.config.OnFailure != nil {
			s.config.OnFailure(*failure)
		}
	}()
	return f
}

func (s *Source) read() (*secret.Document, engage.Token, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.config.Timeout)
	defer cancel()
	text, err := s.config.Fetch(ctx)
	if err != nil {
		return nil, engage.Token{}, err
	}
	document, err := secret.Parse(text.Reveal())
	if err != nil {
		return nil, engage.Token{}, err
	}
	token, err := document.Token()
	if err == nil && token.IsZero() {
		err = ErrNoToken
	}
	return document, token, err
}

// finish stores the result of a read, and returns the failure for OnFailure, or nil.
func (s *Source) finish(f *flight, document *secret.Document, token engage.Token, err error) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	if s.closed {
		f.err = ErrClosed
		return nil
	}
	now := s.now()
	s.remember(f, token, now)
	if err != nil {
		return s.fail(f, now, fmt.Errorf("tokensource: read the secret: %w", err))
	}
	s.failures, s.retryAt, s.lastErr = 0, 0, nil
	expires := now + s.config.TTL
	f.entry = &entry{
		document: document,
		token:    token,
		readAt:   now,
		checkAt:  expires - between(s.config.RefreshAhead),
		expires:  expires,
		stale:    expires + s.config.MaxStale,
	}
	s.entry.Store(f.entry)
	return nil
}

// fail keeps the last good token in use until the next read is due.
func (s *Source) fail(f *flight, now time.Duration, err error) *Failure {
	s.failures++
	pause := s.backoff(s.failures)
	s.retryAt, s.lastErr, f.err = now+pause, err, err
	failure := &Failure{Err: err, RetryIn: pause}
	last := s.entry.Load()
	if last == nil || now >= last.stale {
		return failure
	}
	serving := *last
	serving.checkAt = min(s.retryAt, last.stale)
	s.entry.Store(&serving)
	f.entry = &serving
	failure.Serving, failure.Age, failure.Left = last.token, now-last.readAt, last.stale-now
	return failure
}

// backoff returns the pause after a number of failures in a row.
func (s *Source) backoff(failures int) time.Duration {
	pause := s.config.MaxBackoff
	if shift := failures - 1; shift < 30 && s.config.MinBackoff<<shift < pause {
		pause = s.config.MinBackoff << shift
	}
	return between(pause)
}

// between draws a duration between half of d and d.
func between(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}

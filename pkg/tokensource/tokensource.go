// Package tokensource gives the current permanent API token to a program that calls Engage Voice,
// so that the program never notices a rotation.
//
// A [Source] caches the token of one secret. [Source.Token] answers from memory: a hit takes no
// lock and allocates nothing. A [Transport] sets the token on each request. If the vendor answers
// 401 or 403, it reads the secret again and sends the request once more with the new token: no call
// fails over a rotation, even if the previous token is deleted the moment it is replaced. A program
// that uses Token alone does the same with [Source.Replace].
//
// What the cache does:
//
//   - The secret is read when a caller asks for the token, never by a timer: nothing runs in an
//     idle program or in a frozen Lambda. One read runs at a time, whatever the number of callers,
//     in a goroutine of its own, so that the cancelled context of one caller does not fail the
//     others.
//   - Shortly before the end of a token's time (RefreshAhead), a caller gets the cached token at
//     once and the read runs in the background. After that time, callers wait for the read.
//   - If the secret cannot be read, the last good token is used for MaxStale longer, and OnFailure
//     is called. Reads are tried again with back-off.
//   - A refused token causes one read, however many callers report it. If the secret still names
//     the token, that is remembered: the callers get the refusals, and further reads for that token
//     back off up to MaxBackoff.
//
// Time is the monotonic clock's. That clock may stop while a machine sleeps or a Lambda is frozen,
// and a cached token is then used for longer by the wall clock. If the token was replaced
// meanwhile, the vendor's refusal causes a read.
//
// Secrets Manager is eventually consistent: a read within seconds of a rotation may still return
// the previous token. If that matters, keep the previous token for a minute
// (PREVIOUS_TOKEN_RETENTION).
//
// The package depends on no AWS service. Packages smsource and ssmsource read from Secrets Manager
// and from SSM.
package tokensource

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/secret"
)

// Fetch reads the current value of the secret: the JSON document of package secret. It must return
// when the context ends, may be called from any goroutine, and should wrap ErrNotFound or ErrDenied
// if one of them is the cause. Its errors must not hold the value.
type Fetch func(ctx context.Context) (hidden.String, error)

// Config configures a Source. Only Fetch is required.
type Config struct {
	Fetch Fetch
	// TTL is how long a token is used before the secret is read again; zero means 5 minutes. A longer
	// one saves reads, and is as safe if every call goes through a Transport.
	TTL time.Duration
	// RefreshAhead is how long before the end of TTL a read may start in the background; each time is
	// drawn between half of it and the whole, so that many programs do not read at the same time. Zero
	// means a fifth of TTL; negative means never: callers wait for every read.
	RefreshAhead time.Duration
	// MaxStale is how long after the end of TTL the last good token is used while the secret cannot be
	// read. Zero means 24 hours: no rotation can replace a token while Secrets Manager is down.
	// Negative means not at all.
	MaxStale time.Duration
	// Timeout bounds one read, with the retries of Fetch; zero means 5 seconds.
	Timeout time.Duration
	// MinBackoff and MaxBackoff bound the pause after a failed read, and after a read that gave the
	// refused token again; it doubles from one to the other, and each is drawn between half of it and
	// the whole. Zero means 1 second and 1 minute.
	MinBackoff, MaxBackoff time.Duration
	// OnFailure is called after each read that failed; nil does nothing. The goroutine that read calls
	// it while callers wait, so it should be quick. It must not call Close.
	OnFailure func(Failure)
}

// Failure describes a read that failed.
type Failure struct {
	// Err is the cause.
	Err error
	// Serving is the token that is still used, or the zero Token if there is none. It prints as its
	// fingerprint.
	Serving engage.Token
	// Age is how long ago that token was read; Left is how long it may still be used if no read
	// succeeds.
	Age, Left time.Duration
	// RetryIn is the pause before the next read.
	RetryIn time.Duration
}

// Source caches the token of one secret. It is safe for concurrent use.
type Source struct {
	config Config
	base   time.Time // all times below are durations since then, on the monotonic clock
	entry  atomic.Pointer[entry]

	// refusals remember refused tokens that the secret still named, by the kind of refusal. They are
	// replaced under mu.
	refusals [refusalKinds]atomic.Pointer[refusal]

	ctx    context.Context // of all reads; Close ends it
	cancel context.CancelFunc
	reads  sync.WaitGroup

	mu       sync.Mutex
	flight   *flight // the running read, or nil
	failures int     // in a row
	retryAt  time.Duration
	lastErr  error
	closed   bool
}

// entry is a token that was read, with its times. It is immutable.
type entry struct {
	document *secret.Document
	token    engage.Token
	readAt   time.Duration
	checkAt  time.Duration // before then a caller takes the token at once
	expires  time.Duration // from then on callers wait for a read
	stale    time.Duration // from then on the token is not returned
}

// New returns a Source, which reads nothing yet. Close it when it is no longer needed.
func New(config Config) (*Source, error) {
	if err := config.setDefaults(); err != nil {
		return nil, err
	}
	s := &Source{config: config, base: time.Now()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

func (c *Config) setDefaults() error {
	if c.Fetch == nil {
		return errors.New("tokensource: Config.Fetch is missing")
	}
	if c.TTL < 0 || c.Timeout < 0 || c.MinBackoff < 0 || c.MaxBackoff < 0 {
		return errors.New("tokensource: TTL, Timeout, MinBackoff and MaxBackoff must not be negative")
	}
	or := func(value *time.Duration, standard time.Duration) {
		if *value == 0 {
			*value = standard
		}
		*value = max(*value, 0)
	}
	or(&c.TTL, 5*time.Minute)
	or(&c.RefreshAhead, c.TTL/5)
	or(&c.MaxStale, 24*time.Hour)
	or(&c.Timeout, 5*time.Second)
	or(&c.MinBackoff, time.Second)
	or(&c.MaxBackoff, time.Minute)
	c.RefreshAhead = min(c.RefreshAhead, c.TTL)
	c.MaxBackoff = max(c.MinBackoff, c.MaxBackoff)
	return nil
}

// Token returns the current token. It reads the secret, or waits for a read, only if no usable
// token is cached; the context bounds only the wait. The error wraps ErrNoToken, ErrNotFound,
// ErrDenied, ErrClosed, [secret.ErrFormat] or the context's error, if that is the cause.
func (s *Source) Token(ctx context.Context) (engage.Token, error) {
	if e := s.entry.Load(); e != nil && time.Since(s.base) < e.checkAt {
		return e.token, nil
	}
	e, err := s.current(ctx)
	if err != nil {
		return engage.Token{}, err
	}
	return e.token, nil
}

// Document returns the document that has the current token, for readers that take the host or the
// login flow from the secret too. It costs what Token costs.
func (s *Source) Document(ctx context.Context) (*secret.Document, error) {
	if e := s.entry.Load(); e != nil && time.Since(s.base) < e.checkAt {
		return e.document, nil
	}
	e, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	return e.document, nil
}

// Wait waits until no read runs, or the context ends. A Lambda handler calls it before it returns,
// so that no read is frozen.
func (s *Source) Wait(ctx context.Context) error {
	s.mu.Lock()
	f := s.flight
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends a running read, waits for its goroutine, and forgets the token. Callers that wait, and
// all later ones, get ErrClosed. It may be called more than once.
func (s *Source) Close() error {
	s.mu.Lock()
	s.closed = true
	s.entry.Store(nil)
	s.mu.Unlock()
	s.cancel()
	s.reads.Wait()
	return nil
}

func (s *Source) now() time.Duration { return time.Since(s.base) }

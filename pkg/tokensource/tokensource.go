// Package tokensource gives the current permanent API token to a program that calls Engage Voice, so that the program
// never notices a rotation.
//
// A [Source] caches the token of one secret. [Source.Token] answers from memory: a hit takes no lock and allocates
// nothing. A [Transport] sets the token on each request and, where the vendor answers 401 or 403, reads the secret again
// and sends the request once more with the token that has come in the meantime; with it no call fails over a rotation,
// even if the previous token is deleted the moment it is replaced. A program that uses Token alone does the same by
// [Source.Replace].
//
// How the cache lives:
//
//   - The secret is read when somebody asks for the token, never by a timer, so that nothing runs in an idle program or
//     in a frozen Lambda. One read runs at a time, whatever the number of callers; it runs apart from them, so that one
//     caller's cancelled context does not fail the others.
//   - Shortly before a token's time is over (RefreshAhead), a caller gets the cached token at once and the read runs in
//     the background. After that time, callers wait for the read.
//   - Where the secret cannot be read, the last good token serves on for MaxStale, and OnFailure is told. Reads are
//     tried again with back-off.
//   - A refused token is read for once, however many callers report it. If the secret still names it, that is
//     remembered: the refusals go through to the callers, and further reads for that token back off up to MaxBackoff.
//
// Time is taken from the monotonic clock. It may stand still while a machine sleeps or a Lambda is frozen, and a cached
// token then lives longer by the wall clock; the refusal of a token that was replaced meanwhile leads to a read all the
// same.
//
// Secrets Manager promises eventual consistency only: a read within moments of a rotation may still give the previous
// token. Where that matters, keep the previous token for a minute (PREVIOUS_TOKEN_RETENTION).
//
// The package knows no AWS service. Packages smsource and ssmsource read from Secrets Manager and from SSM.
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

// Fetch reads the current value of the secret: the JSON document of package secret. It must return when the context
// ends, may be called from any goroutine, and should wrap ErrNotFound or ErrDenied where one of them is the cause. Its
// errors must not hold the value.
type Fetch func(ctx context.Context) (hidden.String, error)

// Config configures a Source. Only Fetch is required.
type Config struct {
	Fetch Fetch
	// TTL is how long a token is used before the secret is read again; zero means 5 minutes. A longer one saves reads
	// and costs nothing in safety where every call goes through a Transport.
	TTL time.Duration
	// RefreshAhead is how long before the end of TTL a read may start in the background; each time is drawn between
	// half of it and the whole, so that many programs do not read together. Zero means a fifth of TTL; negative means
	// never: each read has callers that wait for it.
	RefreshAhead time.Duration
	// MaxStale is how long after the end of TTL the last good token serves on while the secret cannot be read. Zero
	// means 24 hours: no rotation ends a token while Secrets Manager is down. Negative means not at all.
	MaxStale time.Duration
	// Timeout bounds one read, with the retries of Fetch; zero means 5 seconds.
	Timeout time.Duration
	// MinBackoff and MaxBackoff bound the pause after a failed read, and after a read that gave the refused token again;
	// it doubles from one to the other, and each is drawn between half of it and the whole. Zero means 1 second and
	// 1 minute.
	MinBackoff, MaxBackoff time.Duration
	// OnFailure is told of each read that failed; nil tells nobody. It is called by the goroutine that read, while the
	// callers wait, so it should be quick; it must not call Close.
	OnFailure func(Failure)
}

// Failure describes a read that failed.
type Failure struct {
	// Err says why.
	Err error
	// Serving is the token that serves on, or the zero Token where there is none. It prints as its fingerprint.
	Serving engage.Token
	// Age is how long ago that token was read; Left is how long it may still serve if no read succeeds.
	Age, Left time.Duration
	// RetryIn is the pause before the next read.
	RetryIn time.Duration
}

// Source caches the token of one secret. It is safe for concurrent use.
type Source struct {
	config Config
	base   time.Time // all times below are durations since then, on the monotonic clock
	entry  atomic.Pointer[entry]

	// refusals remember tokens that were refused and that the secret still named, by the kind of refusal. They are
	// replaced under mu.
	refusals [refusalKinds]atomic.Pointer[refusal]

	ctx    context.Context // of all reads; ended by Close
	cancel context.CancelFunc
	reads  sync.WaitGroup

	mu       sync.Mutex
	flight   *flight // the read that runs, or nil
	failures int     // in a row
	retryAt  time.Duration
	lastErr  error
	closed   bool
}

// entry is a token that was read, and what is to be done with it when. It is immutable.
type entry struct {
	document *secret.Document
	token    engage.Token
	readAt   time.Duration
	checkAt  time.Duration // before then a caller takes the token and thinks no further
	expires  time.Duration // from then on callers wait for a read
	stale    time.Duration // from then on the token is not given any more
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

// Token returns the current token. It reads the secret, or waits for a read, only where no usable token is cached; the
// context bounds the wait alone. The error wraps ErrNoToken, ErrNotFound, ErrDenied, ErrClosed, [secret.ErrFormat] or
// the context's where that is the cause.
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

// Document returns the document that the current token stands in: for readers that take the host or the login flow from
// the secret too. It costs what Token costs.
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

// Settle waits until no read runs, or the context ends. A Lambda handler calls it before it returns, so that no read is
// frozen halfway.
func (s *Source) Settle(ctx context.Context) error {
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

// Close ends a read that runs, waits for its goroutine, and forgets the token. Callers that wait, and all later ones,
// get ErrClosed. It may be called more than once.
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

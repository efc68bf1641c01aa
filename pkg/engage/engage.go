// Package engage is a client for the API of RingCentral Engage Voice (now RingCX) that logs in and
// keeps permanent tokens.
//
// It logs in by one of the vendor's three flows ([FlowEngage], [FlowRingCentral], [FlowLegacy]),
// creates, lists and deletes permanent API tokens, and reads the accounts. Three promises hold for
// all calls:
//
//   - Nothing prints a secret. [Token], [Session] and [Credentials] print as fingerprints or
//     placeholders. An [Error] never holds a URL, a header or a body, since the vendor puts
//     passwords and tokens into all three.
//   - A call goes to the configured host alone: redirects are not followed, proxies of the
//     environment are not used (only that of [NewProxyTransport]), bodies are capped at 1 MiB, and
//     every phase has a time limit of its own besides the context's.
//   - A call that may be repeated is repeated (login, list, delete, accounts), with back-off and as
//     long after as Retry-After asks for. A creation is repeated only if the first one had no
//     effect for certain. If its outcome is unknown, [OutcomeUnknown] reports so.
//
// The vendor's answers can be wrong or late, so they are witnesses: an answer is believed only if
// it agrees with what is known for certain.
//
//   - A list asked for with a token must hold that token ([Client.List]).
//   - A new token must not be in the list before its creation ([Client.Create]).
//   - A deletion is confirmed by a list that lacks the token ([Client.Delete], [Client.DeleteOwn]).
//   - A token is dead only if it is refused, is older than [Propagation], and another credential is
//     accepted ([Client.Dead]).
//
// [Disbelieved] and [Unconfirmed] find the errors of answers that were not believed. While the
// vendor refuses everything, no call concludes anything.
//
// The requests follow the vendor's published pages. For what these leave open, the client tolerates
// many forms of an answer, but it accepts as a token only what [ParseToken] accepts.
package engage

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// UserAgent is the header of that name of every request: the vendor asks for a stable name and
// version.
const UserAgent = "engage-token-rotation/1.0"

// PermitLife is how long a permit covers a request, from the moment it was asked for.
const PermitLife = 2500 * time.Millisecond

// Endpoint is the host and the login flow of the calls.
type Endpoint struct {
	Flow Flow
	// BaseURL is scheme, host and port of the API; the flow supplies the paths.
	BaseURL *url.URL
	// PlatformURL is scheme, host and port of the RingCentral platform. Only FlowRingCentral uses
	// it.
	PlatformURL *url.URL
}

// Config configures a Client. Only Endpoint is required.
type Config struct {
	Endpoint Endpoint
	// Transport carries the requests; nil means NewTransport(). It must not follow redirects.
	Transport http.RoundTripper
	// Permit is asked before each login request and may refuse it; nil permits all. One permit
	// covers both requests of a login by JWT if the second is sent within PermitLife.
	Permit func(context.Context) error
	// Attempts is how often list, delete and accounts are tried; zero means 3.
	Attempts int
	// LoginAttempts is how often a login is tried; zero means 2. Each try counts against the
	// vendor's limit.
	LoginAttempts int
	// CallTimeout is the time limit of one request and its answer; zero means 15 s.
	CallTimeout time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Jitter gives a factor in [0, 1) for each back-off; nil means a random one.
	Jitter func() float64
}

// Client calls one endpoint. It is safe for concurrent use.
type Client struct {
	config Config
	flow   flow
}

// New returns a client. It makes no call.
func New(config Config) *Client {
	return &Client{config: config.withDefaults(), flow: flowOf(config.Endpoint.Flow)}
}

// Endpoint returns the client's endpoint.
func (c *Client) Endpoint() Endpoint { return c.config.Endpoint }

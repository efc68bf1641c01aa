// Package engage is a client for the authentication and permanent-token API of RingCentral Engage Voice (now RingCX).
//
// It logs in by one of the vendor's three flows ([FlowEngage], [FlowRingCentral], [FlowLegacy]), creates, lists and
// deletes permanent API tokens and reads the accounts. Three promises hold for all calls:
//
//   - Nothing prints a secret. [Token], [Session] and [Credentials] print as fingerprints or placeholders; an [Error]
//     never holds a URL, a header or a body, since the vendor puts passwords and tokens into all three.
//   - A call goes to the configured host alone: redirects are refused, proxies from the environment are not used,
//     bodies are capped at 1 MiB, and every phase has a time limit besides the context's.
//   - What may be repeated is repeated (login, list, delete, accounts: with back-off, honouring Retry-After). A creation
//     is repeated only where the first one provably had no effect; where its outcome is unknown, the error says so
//     ([Error].OutcomeUnknown) and the caller finds out by listing.
//
// The wire follows the vendor's published pages; where those are silent the client is tolerant of what it reads, and
// strict about what it takes for a token.
package engage

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// UserAgent is sent with every request: the vendor asks for a stable name and version.
const UserAgent = "engage-token-rotation/1.0"

// PermitLife is how long after asking for it a permit covers a request.
const PermitLife = 2500 * time.Millisecond

// Endpoint says where and how to call.
type Endpoint struct {
	Flow Flow
	// BaseURL is scheme, host and port of the API; the flow supplies the paths.
	BaseURL *url.URL
	// PlatformURL is scheme, host and port of the RingCentral platform; used by FlowRingCentral alone.
	PlatformURL *url.URL
}

// Config configures a Client. Only Endpoint is required.
type Config struct {
	Endpoint Endpoint
	// Transport carries the requests; nil means NewTransport(). It must not follow redirects by itself.
	Transport http.RoundTripper
	// Permit is asked before each login request and may refuse it; nil permits all. It covers the two requests of a login by
	// JWT where the second is sent within PermitLife.
	Permit func(context.Context) error
	// Attempts is how often list, delete and accounts are tried; zero means 3.
	Attempts int
	// LoginAttempts is how often a login is tried; zero means 2: each try counts against the vendor's limit.
	LoginAttempts int
	// CallTimeout bounds one request with its answer; zero means 15 s.
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

// New returns a client.
func New(config Config) *Client {
	return &Client{config: config.withDefaults(), flow: flowOf(config.Endpoint.Flow)}
}

// Endpoint returns where the client calls.
func (c *Client) Endpoint() Endpoint { return c.config.Endpoint }

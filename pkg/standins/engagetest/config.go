package engagetest

import (
	"net/http"
	"time"

	"engage-token-rotation/pkg/engage"
)

// Config configures a Server. The zero Config is a server of all three logins with [DefaultUser].
// The functions Now, NewToken and EditList are called one at a time, and must not call the server.
type Config struct {
	// Users who can log in; none: DefaultUser alone.
	Users []User
	// Flows that are served; the paths of others answer 404; none: all three.
	Flows []engage.Flow
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// NewToken makes the text of a permanent token, and must not repeat itself; nil: "aws80:" and a
	// random UUID.
	NewToken func() string
	// BareTokens makes NewToken's default a UUID without a platform, as in the vendor's older
	// samples.
	BareTokens bool
	// Seed makes everything random repeatable; 0: a fresh seed.
	Seed uint64
	// QueryParameters accepts the parameters of the legacy login, the exchange and the refresh in the
	// query too, where the vendor's OpenAPI description has them, and a bearer on the exchange. By
	// default they belong into the form alone, as the vendor's guide has it.
	QueryParameters bool
	// Answers choose the forms of answers.
	Answers Answers
	// Propagation delays the effect of creations and deletions.
	Propagation Propagation
	// Limits are the rate limits and the cap on tokens.
	Limits Limits
	// Misbehavior is what the vendor does wrong from the start; see [Server.SetMisbehavior].
	Misbehavior Misbehavior
	// Fault breaks calls; nil: none. See [Fault].
	Fault func(Call) *Fault
	// EditList returns the tokens that a list call answers with, from those that it would; nil: no
	// change.
	EditList func(username string, tokens []string) []string
	// LogLength is how many of the latest calls, violations and, for each user, logins are kept; 0:
	// 10,000.
	LogLength int
	// TLS makes New serve HTTPS.
	TLS bool
	// AllowViolations keeps New from failing the test for a violation.
	AllowViolations bool
}

func (c Config) withDefaults() Config {
	if len(c.Users) == 0 {
		c.Users = []User{DefaultUser()}
	}
	if len(c.Flows) == 0 {
		c.Flows = []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.LogLength == 0 {
		c.LogLength = 10_000
	}
	c.Answers = c.Answers.withDefaults()
	c.Limits = c.Limits.withDefaults()
	return c
}

// CreateForm is how a new token is written in the answer of a creation.
type CreateForm int

// The forms of a creation's answer. The vendor documents the bare text; clients report other forms.
const (
	CreateBare         CreateForm = iota // aws80:...
	CreateQuoted                         // "aws80:..."
	CreateBareSpaced                     // the bare text in white space
	CreateQuotedSpaced                   // the quoted text in white space
)

// ListForm is how the user's tokens are written in the answer of a list call.
type ListForm int

// The forms of a list. The vendor's document shows the braces, which are not JSON.
const (
	ListJSON   ListForm = iota // ["a","b"]
	ListBraces                 // { "a", "b" }, on lines of their own
)

// ListOrder is the order of a list. The vendor promises none.
type ListOrder int

// The orders of a list.
const (
	OrderByText      ListOrder = iota // no relation to the time of creation
	OrderOldestFirst                  // as created
	OrderNewestFirst                  // the reverse
)

// DeleteForm is the answer of a successful deletion.
type DeleteForm int

// The forms of a deletion's answer.
const (
	DeleteTrue      DeleteForm = iota // 200 and the body true
	DeleteEmpty                       // 200 without a body
	DeleteNoContent                   // 204
)

// RetryAfterForm is the form in which a 429 asks to wait.
type RetryAfterForm int

// The forms of Retry-After.
const (
	RetryAfterSeconds RetryAfterForm = iota // Retry-After: 42
	RetryAfterDate                          // Retry-After: an HTTP date
	RetryAfterNone                          // no such header
)

// Answers choose between the forms of an answer that are known or must be expected.
type Answers struct {
	Create CreateForm
	List   ListForm
	Order  ListOrder
	Delete DeleteForm
	// DeadToken is the status for an API token that does not exist (any more): 401 (default) or
	// 403.
	DeadToken int
	// UnknownDelete is the status for the deletion of a token that does not exist: 404 (default),
	// 410, 200 or 403.
	UnknownDelete int
	// RetryAfter is the form of that header on a 429.
	RetryAfter RetryAfterForm
	// EchoURL makes error bodies hold the URL with its query, as careless servers do: that of the
	// engage login holds the password.
	EchoURL bool
}

func (a Answers) withDefaults() Answers {
	if a.DeadToken == 0 {
		a.DeadToken = http.StatusUnauthorized
	}
	if a.UnknownDelete == 0 {
		a.UnknownDelete = http.StatusNotFound
	}
	return a
}

// Limits are rate limits over a sliding minute, in which a refused call does not count, and the cap
// on tokens.
type Limits struct {
	// Exchanges of a RingCentral token, for each user: 0 is the documented 5, a negative number is
	// no limit.
	Exchanges int
	// Logins of the engage and legacy flows, for each user: 0 means without a limit, as the vendor
	// documents none.
	Logins int
	// TokenCalls for each user: 0 is no limit. The vendor prints 120 for its admin pages.
	TokenCalls int
	// Tokens that one user may have: 0 means without a cap, as the vendor documents none. A creation
	// beyond it is refused with 400.
	Tokens int
	// RemoveOldest makes a creation beyond Tokens remove the user's oldest token, without a word.
	RemoveOldest bool
}

func (l Limits) withDefaults() Limits {
	if l.Exchanges == 0 {
		l.Exchanges = documentedExchanges
	}
	return l
}

// Propagation is how long the effect of a creation or deletion stays unseen, as with a vendor of
// several servers that do not learn of it at once. Each part may be up to two minutes or any other
// time; all four together cover every lag of lists and of acceptance.
type Propagation struct {
	// NewUnlisted: lists lack a new token.
	NewUnlisted Lag
	// NewRejected: a new token is answered like a dead one.
	NewRejected Lag
	// DeletedListed: lists still hold a deleted token.
	DeletedListed Lag
	// DeletedAccepted: a deleted token still works.
	DeletedAccepted Lag
}

// Lag lasts as long as the longer of its parts: Calls is the number of calls that would show the
// effect and do not, For a time by the server's clock. The zero Lag is none.
type Lag struct {
	Calls int
	For   time.Duration
}

// lag is a Lag that has begun.
type lag struct {
	calls int
	until time.Time
}

func (l Lag) begin(now time.Time) lag { return lag{l.Calls, now.Add(l.For)} }

// lasts reports whether the lag still hides its effect; a call that asks uses one of its calls up.
func (l *lag) lasts(now time.Time) bool {
	if l.calls > 0 {
		l.calls--
		return true
	}
	return now.Before(l.until)
}

// over reports whether the lag has ended, without using a call up.
func (l *lag) over(now time.Time) bool { return l.calls <= 0 && !now.Before(l.until) }

// The vendor's numbers.
const (
	accessTokenLife     = 5 * time.Minute
	legacyTokenLife     = time.Hour
	platformTokenLife   = time.Hour
	documentedExchanges = 5
	limitWindow         = time.Minute
)

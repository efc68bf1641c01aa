package ledger

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/baseline"
)

// Times of the protocol.
const (
	// Propagation is how long the vendor's answers may lag; see [engage.Propagation].
	Propagation = engage.Propagation
	// Consistency is how long reads of AWS may lag behind a write, at the most that is reckoned with.
	// AWS documents both services as eventually consistent and names no time; users saw seconds.
	Consistency = 4 * time.Second
	// InvocationLimit is the longest that an invocation can be at work, which Lambda limits.
	InvocationLimit = 15 * time.Minute
)

// form is the form of the records that this package writes and reads.
const form = 1

// State is what a record says of its token.
type State string

// The states of a token, in the order in which a token goes through the first four.
const (
	// Issued: a creation for a version of the secret answered with the token. The version holds it, is
	// about to, or failed to.
	Issued State = "issued"
	// Outgoing: finishSecret has named the token as the one that it is about to replace, or a retiring
	// token is AWSCURRENT's again. Nobody has seen AWSCURRENT move away from it yet.
	Outgoing State = "outgoing"
	// Retiring: AWSCURRENT has moved away from the token, or no version will hold it. It is deleted at
	// Record.At, unless AWSCURRENT or AWSPENDING holds it by then.
	Retiring State = "retiring"
	// Deleted: the vendor has answered, at Record.At, that it deleted the token. Lists may still show
	// it for the propagation time.
	Deleted State = "deleted"
	// Unclaimed: the token appeared after an unanswered creation, and no other record names it. It was
	// first seen at Record.At. Its owner is unknown.
	Unclaimed State = "unclaimed"
)

// Record is the entry of one token and one secret.
type Record struct {
	Form        int                `json:"v"`
	Secret      string             `json:"secret"`  // ARN
	Version     string             `json:"version"` // the version that the token is for
	Fingerprint engage.Fingerprint `json:"fingerprint"`
	State       State              `json:"state"`
	CreatedAt   time.Time          `json:"createdAt"`
	// At is the time that belongs to the state: when a retiring token may be deleted, when a deleted
	// one was, when an unclaimed one was first seen.
	At time.Time `json:"at,omitzero"`
	// Until is the deadline of the invocation that created the token.
	Until time.Time `json:"until,omitzero"`
	// Base is the version that was AWSCURRENT when the token was created; empty for a token that was
	// not created here.
	Base string `json:"base,omitempty"`
	// Intent is the intent that this record answers.
	Intent string `json:"intent,omitempty"`
	// User is the user whose list holds the token; empty when that is not known.
	User User `json:"user,omitempty"`
	// Successor is the version that finishSecret was about to make AWSCURRENT in the token's place.
	Successor string `json:"successor,omitempty"`
	// Owned reports that the token was retiring once: a rotation has replaced it, so that it stays
	// ours whoever moves AWSCURRENT from then on.
	Owned bool `json:"owned,omitempty"`
	// SharedWith is another secret that held the same token when a sweep looked. A rotation leaves
	// such a token to the sweep, which looks at all secrets.
	SharedWith string `json:"sharedWith,omitempty"`
}

// valid reports whether this package can have written the record.
func (r Record) valid() bool {
	switch r.State {
	case Issued, Outgoing, Retiring, Deleted, Unclaimed:
		_, err := hex.DecodeString(string(r.Fingerprint))
		return r.Form == form && err == nil && len(r.Fingerprint) == fingerprintLength && r.Secret != ""
	}
	return false
}

// fingerprintLength is the number of hex digits of a fingerprint.
const fingerprintLength = 12

// Intent is the note that is written before a creation. It ends when a record answers it, or when a
// sweep has recorded what appeared since.
type Intent struct {
	Form    int    `json:"v"`
	ID      string `json:"id"`
	Secret  string `json:"secret"`  // ARN
	Version string `json:"version"` // the version that the token is for
	// Base is the version that was AWSCURRENT when the intent was written.
	Base      string    `json:"base,omitempty"`
	User      User      `json:"user,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	// Until is the deadline of the invocation that wrote the intent: later it cannot be at work.
	Until    time.Time       `json:"until"`
	Baseline baseline.Tokens `json:"baseline"`
}

// NewIntent returns an intent with an ID that no other attempt shares: attempt names the
// invocation.
func NewIntent(secret, version, attempt string, now time.Time) Intent {
	id := digest(idLength, secret, version, attempt, now.Format(time.RFC3339Nano))
	return Intent{Form: form, ID: id, Secret: secret, Version: version, StartedAt: now}
}

// idLength is the number of hex digits of an intent's id and of a secret's key.
const idLength = 16

// Over reports whether the creation that follows the intent has had its effect by now, if it ever
// had one, and the vendor's lists show it.
func (i Intent) Over(now time.Time) bool { return now.After(i.Until.Add(Propagation)) }

var errNoRecord = errors.New("the parameter does not hold a record of this form")

func decodeRecord(name, value string) (Record, error) {
	var r Record
	if err := json.Unmarshal([]byte(value), &r); err != nil || !r.valid() || lastPart(name) != r.name() {
		return Record{}, errNoRecord
	}
	return r, nil
}

func decodeIntent(name, value string) (Intent, error) {
	var i Intent
	if err := json.Unmarshal([]byte(value), &i); err != nil || i.Form != form || i.Secret == "" ||
		lastPart(name) != i.name() {
		return Intent{}, errNoRecord
	}
	return i, nil
}

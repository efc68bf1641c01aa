package rotation

import (
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
)

// Report says what a step found and did.
type Report struct {
	Event    events.Rotation
	Duration time.Duration
	// Case is the number of the situation that the step met; see package decide. It is empty when the
	// step failed before a decision.
	Case decide.Case
	// Outcome is one word for what was done; see the Outcome constants. It is empty when the step
	// failed.
	Outcome Outcome
	Err     error
	// Fingerprint is of the token that the version holds.
	Fingerprint engage.Fingerprint
	// Previous is of the token that was replaced; finishSecret only.
	Previous engage.Fingerprint
	// Took is how long the rotation took since its creation; finishSecret only, zero when the ledger
	// does not know.
	Took time.Duration
	// Deleted are the tokens that were deleted, Retiring how many are still to be, DeleteFailed how
	// many of these could not be.
	Deleted      []engage.Fingerprint
	Retiring     int
	DeleteFailed int
	// Preflight is what a preflight could reach.
	Preflight *Preflight
}

// Outcome is what a step did.
type Outcome string

// The outcomes.
const (
	OutcomeCreated   Outcome = "created"
	OutcomeUnchanged Outcome = "unchanged" // an earlier attempt had done it
	OutcomeChecked   Outcome = "checked"
	OutcomeVerified  Outcome = "verified"
	OutcomePreflight Outcome = "preflight"
	OutcomeSwapped   Outcome = "swapped"
	OutcomeResumed   Outcome = "resumed" // the swap had been made; the retirement went on
)

// Preflight is what testSecret reached when there was nothing to test yet.
type Preflight struct {
	Flow     engage.Flow `json:"flow"`
	Host     string      `json:"host"`
	Accounts int         `json:"accounts"`
	Tokens   int         `json:"tokens"`
	// CurrentToken is "alive", "dead", "unknown", or "none" when the secret holds no token.
	CurrentToken string `json:"currentToken"`
}

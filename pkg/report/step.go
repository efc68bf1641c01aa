package report

import (
	"errors"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
)

// Step says what a step of a rotation found and did.
type Step struct {
	Event    events.Rotation
	Duration time.Duration
	// Case is the number of the situation that the step met; see package decide. It is empty when the
	// step failed before a decision.
	Case decide.Case
	// Outcome is one word for what was done; see the Outcome constants. It is empty when the step
	// failed.
	Outcome Outcome
	Err     error
	// Abandoned is the reason, one of the constants, for which the step has abandoned the rotation, or
	// found it abandoned; else "".
	Abandoned string
	// Fingerprint is of the token that the version holds.
	Fingerprint engage.Fingerprint
	// Previous is of the token that was replaced; finishSecret only.
	Previous engage.Fingerprint
	// Took is how long the rotation took since its creation; finishSecret only, zero when the ledger
	// does not know.
	Took time.Duration
	// Gone are tokens that were to be deleted and were gone already.
	Gone []engage.Fingerprint
	// Deleted are the tokens that were deleted, Retiring how many are still to be, DeleteFailed how
	// many of these could not be.
	Deleted      []engage.Fingerprint
	Retiring     int
	DeleteFailed int
	// Preflight is what a preflight could reach.
	Preflight *Preflight
}

// Fail notes why the step failed, and returns the failure with the step's name, secret and version.
func (s *Step) Fail(err error) *Failure {
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Op: "rotate", Err: err}
	}
	f.Step, f.Secret, f.Version = s.Event.Step, s.Event.SecretID, s.Event.VersionID
	s.Err, s.Outcome = f, ""
	if errors.Is(err, ErrAbandoned) && s.Abandoned == "" {
		s.Abandoned = reasonOf(s.Case)
	}
	return f
}

// Reasons for which a rotation is abandoned.
const (
	ReasonEdited    = "edited"    // the secret was edited during the rotation
	ReasonCancelled = "cancelled" // the version lost AWSPENDING
	ReasonDead      = "dead"      // the version's token is dead
	ReasonUnusable  = "unusable"  // the version's value was not put by this rotation, or was given up
)

// reasonOf returns the reason for which a step abandoned the rotation in this case.
func reasonOf(c decide.Case) string {
	switch c {
	case decide.S3, decide.F6, decide.F9:
		return ReasonEdited
	case decide.T5:
		return ReasonDead
	case decide.C4, decide.F3, decide.F4, decide.F5:
		return ReasonUnusable
	}
	return ReasonCancelled
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
	// CurrentToken is one of the constants.
	CurrentToken string `json:"currentToken"`
}

// What a preflight finds of the current token.
const (
	TokenAlive   = "alive"
	TokenDead    = "dead"
	TokenUnknown = "unknown" // the vendor did not answer, or the token may be too young
	TokenNone    = "none"    // the secret holds no token
)

package rotation

import (
	"errors"
	"fmt"

	"engage-token-rotation/pkg/events"
)

// Error is a step that failed: what failed, for which secret, version and step, and what to do. It
// holds no secret.
type Error struct {
	Step    events.Step
	Secret  string
	Version string
	// Op is what was being done; empty where the cause's own text says it.
	Op string
	// Hint says what an operator can do; empty where the cause's own text says it.
	Hint string
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Step == "" {
		return e.Detail()
	}
	return string(e.Step) + " of secret " + e.Secret + " version " + e.Version + ": " + e.Detail()
}

// Detail returns the text without step, secret and version, for a log line that has them as
// attributes.
func (e *Error) Detail() string {
	text := e.Err.Error()
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrAbandoned is wrapped by the failure of a rotation that will not go on: its version has lost
// AWSPENDING, or this step has taken the label away. The next rotation starts afresh.
var ErrAbandoned = errors.New("this rotation is abandoned")

// failed describes a failure; Handle adds step, secret and version. A nil err stays nil, and an
// *Error stays as it is.
func failed(op string, err error, hint string) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &Error{Op: op, Err: err, Hint: hint}
}

// abandonedFor is ErrAbandoned with its reason.
func abandonedFor(why error) error { return fmt.Errorf("%w: %w", ErrAbandoned, why) }

// hintNothingCreated is the next step after a failure of createSecret that a repetition may remedy.
const hintNothingCreated = "nothing was created; the service repeats the rotation"

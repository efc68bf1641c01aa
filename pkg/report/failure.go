package report

import (
	"errors"
	"fmt"

	"engage-token-rotation/pkg/events"
)

// Failure is a step that failed: what failed, for which secret, version and step, and what to do.
// It holds no secret.
type Failure struct {
	Step    events.Step
	Secret  string
	Version string
	// Op is what was being done; empty where the cause's own text says it.
	Op string
	// Hint says what an operator can do; empty where the cause's own text says it.
	Hint string
	Err  error
}

// Next steps that several failures name.
const (
	HintRepeated    = "the service repeats the rotation"
	HintStartAfresh = "start a new rotation (aws secretsmanager rotate-secret)"
)

// Error implements error.
func (f *Failure) Error() string {
	if f.Step == "" {
		return f.Detail()
	}
	return string(f.Step) + " of secret " + f.Secret + " version " + f.Version + ": " + f.Detail()
}

// Detail returns the text without step, secret and version, for a log line that has them as
// attributes.
func (f *Failure) Detail() string {
	text := f.Err.Error()
	if f.Op != "" {
		text = f.Op + ": " + text
	}
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return text
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Failed returns a Failure that does not name its step yet. A nil err stays nil, and an error that
// is a Failure already stays as it is.
func Failed(op string, err error, hint string) error {
	var already *Failure
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &Failure{Op: op, Err: err, Hint: hint}
}

// ErrAbandoned is wrapped by the failure of a rotation that will not go on: its version has lost
// AWSPENDING, or this step has taken the label away. The next rotation starts afresh.
var ErrAbandoned = errors.New("this rotation is abandoned")

// Abandoned returns ErrAbandoned with its reason.
func Abandoned(why error) error { return fmt.Errorf("%w: %w", ErrAbandoned, why) }

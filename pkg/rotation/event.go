package rotation

import (
	"encoding/json"
	"fmt"
	"slices"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/secret"
)

// Step is one of the four calls that the service makes.
type Step string

// The steps, in the service's order.
const (
	CreateSecret Step = "createSecret"
	SetSecret    Step = "setSecret"
	TestSecret   Step = "testSecret"
	FinishSecret Step = "finishSecret"
)

var steps = []Step{CreateSecret, SetSecret, TestSecret, FinishSecret}

// Event is what the service sends with each step.
type Event struct {
	Step     Step
	SecretID string // the secret's ARN; a name is accepted too
	// VersionID is the event's ClientRequestToken: the id of the version to be made.
	VersionID string
	// RotationToken proves to the service that a write belongs to the rotation; it may be missing.
	RotationToken hidden.String
}

// ParseEvent reads an event. What it returns is safe to log. Errors do not hold the event.
func ParseEvent(payload []byte) (Event, error) {
	var raw struct {
		Step               string
		SecretID           string `json:"SecretId"`
		ClientRequestToken string
		RotationToken      string
	}
	refuse := func(format string, args ...any) (Event, error) {
		return Event{}, &Error{
			Op:   "read the event",
			Hint: "this function is called by a Secrets Manager rotation; see events/ for samples",
			Err:  fmt.Errorf(format, args...),
		}
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return refuse("the event is not a JSON object with text fields")
	}
	switch {
	case raw.Step == "":
		return refuse("field Step is missing")
	case !slices.Contains(steps, Step(raw.Step)):
		return refuse("field Step names no step; want one of %v", steps)
	case raw.SecretID == "":
		return refuse("field SecretId is missing")
	case !secret.IsID(raw.SecretID):
		return refuse("field SecretId is not the ARN or name of a secret")
	case raw.ClientRequestToken == "":
		return refuse("field ClientRequestToken is missing")
	case !secret.IsVersionID(raw.ClientRequestToken):
		return refuse("field ClientRequestToken is not a version id of 32 to 64 characters")
	}
	return Event{
		Step:          Step(raw.Step),
		SecretID:      raw.SecretID,
		VersionID:     raw.ClientRequestToken,
		RotationToken: hidden.New(raw.RotationToken),
	}, nil
}

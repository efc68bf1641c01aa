// Package events reads the events that the functions get, and checks each field before anything is
// done.
package events

import (
	"encoding/json"
	"errors"
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

// Rotation is what the service sends with each step of a rotation.
type Rotation struct {
	Step     Step
	SecretID string // the secret's ARN; a name is accepted too
	// VersionID is the event's ClientRequestToken: the id of the version to be made.
	VersionID string
	// RotationToken proves to the service that a write belongs to the rotation; it may be missing.
	RotationToken hidden.String
}

// ParseRotation reads an event of a rotation. What it returns is safe to log. Errors do not hold
// the event.
func ParseRotation(payload []byte) (Rotation, error) {
	var raw struct {
		Step               string
		SecretID           string `json:"SecretId"`
		ClientRequestToken string
		RotationToken      string
	}
	refuse := func(fault string) (Rotation, error) {
		return Rotation{}, errors.New("read the event: " + fault +
			"; this function is called by a Secrets Manager rotation; see events/ for samples")
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return refuse("the event is not a JSON object with text fields")
	}
	switch {
	case raw.Step == "":
		return refuse("field Step is missing")
	case !slices.Contains(steps, Step(raw.Step)):
		return refuse(fmt.Sprintf("field Step names no step; want one of %v", steps))
	case raw.SecretID == "":
		return refuse("field SecretId is missing")
	case !secret.IsID(raw.SecretID):
		return refuse("field SecretId is not the ARN or name of a secret")
	case raw.ClientRequestToken == "":
		return refuse("field ClientRequestToken is missing")
	case !secret.IsVersionID(raw.ClientRequestToken):
		return refuse("field ClientRequestToken is not a version id of 32 to 64 characters")
	}
	return Rotation{
		Step:          Step(raw.Step),
		SecretID:      raw.SecretID,
		VersionID:     raw.ClientRequestToken,
		RotationToken: hidden.New(raw.RotationToken),
	}, nil
}

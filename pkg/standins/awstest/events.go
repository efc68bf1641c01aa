package awstest

import (
	"encoding/json"
	"time"
)

// Names of the events around a rotation, as CloudTrail and EventBridge have them.
const (
	RotationStarted       = "RotationStarted"
	RotationSucceeded     = "RotationSucceeded"
	RotationFailed        = "RotationFailed"
	RotationAbandoned     = "RotationAbandoned"
	TestRotationStarted   = "TestRotationStarted"
	TestRotationSucceeded = "TestRotationSucceeded"
	TestRotationFailed    = "TestRotationFailed"
)

// Event is a change in the life of a rotation, or the move of a staging label.
type Event struct {
	Name       string // RotationStarted and so on, or SecretLabelUpdated
	Time       time.Time
	SecretARN  string
	SecretName string
	VersionID  string
	// Label is the staging label that moved to the version, for SecretLabelUpdated.
	Label string
	// Reason is why a rotation failed, in the stand-in's words. The service's events do not have it.
	Reason string
}

type fields map[string]any

// EventBridge returns the event as EventBridge delivers it. Like the service's it has no error of
// the function.
func (e Event) EventBridge() []byte {
	if e.Name == SecretLabelUpdated {
		return e.labelUpdated()
	}
	text, _ := json.Marshal(fields{
		"version": "0", "source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail",
		"time": e.Time.UTC().Format(time.RFC3339), "resources": []string{},
		"detail": fields{
			"eventSource": "secretsmanager.amazonaws.com", "eventName": e.Name, "eventType": "AwsServiceEvent",
			"eventTime":           e.Time.UTC().Format(time.RFC3339),
			"additionalEventData": fields{"SecretId": e.SecretARN},
		},
	})
	return text
}

// emit queues an event until the lock is released.
func (s *SecretsManager) emit(name string, sec *secret, versionID, reason string, now time.Time) {
	if s.config.Events != nil {
		s.events = append(s.events, Event{Name: name, Time: now, SecretARN: sec.arn, SecretName: sec.name,
			VersionID: versionID, Reason: reason})
	}
}

// unlock releases the lock, then delivers the events in order.
func (s *SecretsManager) unlock() {
	if len(s.events) == 0 {
		s.mu.Unlock()
		return
	}
	events := s.events
	s.events = nil
	s.mu.Unlock()
	for _, event := range events {
		s.config.Events(event)
	}
}

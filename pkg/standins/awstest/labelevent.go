package awstest

import (
	"encoding/json"
	"strings"
	"time"
)

// SecretLabelUpdated is the detail type, and here the name, of the event that Secrets Manager sends
// to EventBridge by itself, without a CloudTrail trail, when a staging label moves to another
// version.
const SecretLabelUpdated = "Secret Label Updated"

// labelMoved queues the event for a label that has moved to v. The service sends none for
// AWSPENDING and AWSPREVIOUS. AWS documents moves; the stand-in counts the first version that gets
// a label as one, but not the version with which a secret is created.
func (s *SecretsManager) labelMoved(label string, sec *secret, v *version, now time.Time) {
	if s.config.Events == nil || label == StagePending || label == StagePrevious {
		return
	}
	s.events = append(s.events, Event{Name: SecretLabelUpdated, Time: now, SecretARN: sec.arn, SecretName: sec.name,
		VersionID: v.id, Label: label})
}

// labelUpdated returns the native event as EventBridge delivers it. The ARN is in resources, and
// the detail has only the secret's name.
func (e Event) labelUpdated() []byte {
	arn := strings.SplitN(e.SecretARN, ":", 6) // arn:aws:secretsmanager:region:account:secret:...
	text, _ := json.Marshal(fields{
		"version": "0", "id": e.VersionID, "source": "aws.secretsmanager", "detail-type": SecretLabelUpdated,
		"account": arn[4], "region": arn[3], "time": e.Time.UTC().Format(time.RFC3339),
		"resources": []string{e.SecretARN},
		"detail":    fields{"name": e.SecretName, "labelUpdated": e.Label, "versionId": e.VersionID},
	})
	return text
}

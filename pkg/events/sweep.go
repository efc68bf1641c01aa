package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
)

// Sweep is what a sweep is asked for. At most one of RevokePrevious, DeleteToken and Forget is
// set.
type Sweep struct {
	// DryRun only reports.
	DryRun bool `json:"dryRun"`
	// RevokePrevious names a secret, by ARN or name, whose retiring tokens are deleted now.
	RevokePrevious string `json:"revokePrevious"`
	// DeleteToken is the fingerprint of a token of a managed user that no secret holds. It is deleted.
	DeleteToken engage.Fingerprint `json:"deleteToken"`
	// Forget names a secret, by ARN or name, that does not exist any more or is scheduled for
	// deletion. Its tokens are deleted and its entries removed.
	Forget string `json:"forget"`
	// DeleteHeld is "deleteToken": true beside Forget: the secret may exist, and the tokens that it
	// holds are deleted too.
	DeleteHeld bool `json:"-"`
	// Report is "full" for an answer with the details of all secrets; "" for those of the first ones.
	Report string `json:"report"`
}

const remedy = `; send {}, {"dryRun":true}, {"revokePrevious":"<secret ARN or name>"}, ` +
	`{"deleteToken":"<fingerprint>"} or {"forget":"<secret ARN or name>"}; "report":"full" may be added, and ` +
	`"deleteToken":true beside forget`

// ParseSweep reads an event: an object with the fields of Sweep, or a scheduled event of
// EventBridge, which asks for a plain sweep. Any other field is refused, so that a misspelt dryRun
// deletes nothing.
func ParseSweep(payload []byte) (Sweep, error) {
	if isScheduled(payload) {
		return Sweep{}, nil
	}
	var request *sweepEvent
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&request)
	if _, end := decoder.Token(); err != nil || request == nil || !errors.Is(end, io.EOF) {
		return Sweep{}, errors.New("read the event: it is not a sweep event" + remedy)
	}
	sweep, err := request.sweep()
	if err == nil {
		err = sweep.check()
	}
	if err != nil {
		return Sweep{}, err
	}
	return sweep, nil
}

// sweepEvent is the form of an event: deleteToken is a fingerprint, or true beside forget.
type sweepEvent struct {
	Sweep
	DeleteToken json.RawMessage `json:"deleteToken"`
}

func (e sweepEvent) sweep() (Sweep, error) {
	s := e.Sweep
	if s.Forget != "" && (string(e.DeleteToken) == "true" || string(e.DeleteToken) == "false") {
		s.DeleteHeld = string(e.DeleteToken) == "true"
		return s, nil
	}
	if e.DeleteToken != nil && json.Unmarshal(e.DeleteToken, &s.DeleteToken) != nil {
		return Sweep{}, errors.New("read the event: field deleteToken is not a fingerprint of 12 hex digits" + remedy)
	}
	return s, nil
}

// isScheduled reports whether the payload is an event of EventBridge without a field of Sweep.
func isScheduled(payload []byte) bool {
	var scheduled struct {
		Source                                              string
		DryRun, RevokePrevious, DeleteToken, Forget, Report json.RawMessage
	}
	if json.Unmarshal(payload, &scheduled) != nil {
		return false
	}
	asks := scheduled.DryRun != nil || scheduled.RevokePrevious != nil || scheduled.DeleteToken != nil ||
		scheduled.Forget != nil || scheduled.Report != nil
	return !asks && (scheduled.Source == "aws.events" || scheduled.Source == "aws.scheduler")
}

func (r Sweep) check() error {
	set := 0
	for _, text := range []string{r.RevokePrevious, string(r.DeleteToken), r.Forget} {
		if text != "" {
			set++
		}
	}
	switch {
	case set > 1:
		return errors.New("read the event: revokePrevious, deleteToken and forget exclude one another" + remedy)
	case r.RevokePrevious != "" && !secret.IsID(r.RevokePrevious):
		return errors.New("read the event: field revokePrevious is not the ARN or name of a secret" + remedy)
	case r.Forget != "" && !secret.IsID(r.Forget):
		return errors.New("read the event: field forget is not the ARN or name of a secret" + remedy)
	case r.Report != "" && r.Report != "full":
		return errors.New(`read the event: field report is not "full"` + remedy)
	case r.DeleteToken != "" && !isFingerprint(r.DeleteToken):
		return errors.New("read the event: field deleteToken is not a fingerprint of 12 hex digits" + remedy)
	}
	return nil
}

func isFingerprint(f engage.Fingerprint) bool {
	return len(f) == 12 && strings.Trim(string(f), "0123456789abcdef") == ""
}

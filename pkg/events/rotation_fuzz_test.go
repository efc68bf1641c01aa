package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"engage-token-rotation/pkg/events"
)

// FuzzEvent: what is accepted is safe to log and to send; what is refused is an error that does not
// show the event.
func FuzzEvent(f *testing.F) {
	const (
		secret  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
		version = "0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"
	)
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret", "CreateSecret", "",
		"drop\nSecret"} {
		f.Add(
			fmt.Sprintf(
				`{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":"hunter2hunter2"}`,
				step,
				secret,
				version,
			),
		)
	}
	for _, payload := range []string{
		"", "null", "[]", "{}", "1", `"createSecret"`, `{"Step":1}`, `{"Step":"createSecret","SecretId":"a"}`,
		`{"Step":"createSecret","SecretId":"a\nb","ClientRequestToken":"` + version + `"}`,
		`{"Step":"createSecret","SecretId":"` + secret + `","ClientRequestToken":"short"}`,
		`{"Step":"createSecret","SecretId":"engage/token","ClientRequestToken":"` + version + `"}`,
		`{"step":"createSecret","secretid":"a","CLIENTREQUESTTOKEN":"` + version + `"}`,
		`{"Step":"createSecret","Step":"setSecret"}`, `{"Step":"createSecret"`, "\xff", strings.Repeat("[", 20000),
		`{"Step":"createSecret","SecretId":"arn:aws:secretsmanager:us-east-1:123456789012:secret:a\u2028b",` +
			`"ClientRequestToken":"` + version + `"}`,
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		event, err := events.ParseRotation([]byte(payload))
		if err != nil {
			if event != (events.Rotation{}) || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 300 ||
				unprintable(err.Error()) {
				t.Fatalf("%v, %q", event, err)
			}
			return
		}
		switch event.Step {
		case events.CreateSecret, events.SetSecret, events.TestSecret, events.FinishSecret:
		default:
			t.Fatalf("step %q", event.Step)
		}
		if event.SecretID == "" || len(event.SecretID) > 2048 || unprintable(event.SecretID) ||
			strings.ContainsAny(event.SecretID, " \"'`{}<>") {
			t.Fatalf("secret %q", event.SecretID)
		}
		if len(event.VersionID) < 32 || len(event.VersionID) > 64 || unprintable(event.VersionID) ||
			strings.ContainsAny(event.VersionID, " \"'`{}<>") {
			t.Fatalf("version %q", event.VersionID)
		}
		if !json.Valid([]byte(payload)) {
			t.Fatalf("accepted %q, which is not JSON", payload)
		}
		if token := event.RotationToken.Reveal(); len(token) >= 8 &&
			!strings.Contains(event.SecretID+event.VersionID, token) &&
			strings.Contains(fmt.Sprintf("%v %+v %#v", event, event, event), token) {
			t.Fatal("the event prints its RotationToken")
		}
	})
}

// unprintable reports whether a text holds what could forge or hide a line of a log.
func unprintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }) >= 0
}

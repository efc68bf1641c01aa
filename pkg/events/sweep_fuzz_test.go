package events_test

import (
	"encoding/json"
	"strings"
	"testing"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/secret"
)

// FuzzRequest: an event that does not plainly ask for a sweep that deletes is not one.
func FuzzRequest(f *testing.F) {
	for _, payload := range []string{
		"", "null", "{}", "[]", "{} ", `{"dryRun":true}`, `{"dryRun":"true"}`, `{"dryrun":true}`, `{"dry_run":true}`,
		`{"revokePrevious":"engage/token"}`, `{"revokePrevious":"a b"}`,
		`{"revokePrevious":"arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf","dryRun":true}`,
		`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`, `{"source":"aws.scheduler","dryRun":true}`,
		`{"source":"evil"}`, `{}{}`, `{"dryRun":null}`, `{"dryRun":false,"dryRun":true}`, "\xff", strings.Repeat("[", 20000),
		`{"deleteToken":"0123456789ab"}`, `{"deleteToken":"0123456789ab","dryRun":true}`, `{"deleteToken":"x"}`,
		`{"forget":"engage/token"}`, `{"forget":"engage/token","deleteToken":"0123456789ab"}`,
		`{"deletetoken":"0123456789ab"}`,
		`{"source":"aws.events","forget":"engage/token"}`,
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		request, err := events.ParseSweep([]byte(payload))
		if err != nil {
			control := func(r rune) bool { return r < ' ' || r >= 0x7f }
			if request != (events.Sweep{}) || len(err.Error()) > 300 || strings.IndexFunc(err.Error(), control) >= 0 {
				t.Fatalf("%+v, %q", request, err)
			}
			return
		}
		checkOrders(t, request)
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(payload), &members) != nil || members == nil {
			t.Fatalf("accepted %q, which is not a JSON object", payload)
		}
		asked := false
		for name, value := range members {
			asked = asked || strings.EqualFold(name, "dryRun") && string(value) == "true"
		}
		if asked && !request.DryRun && len(members) == 1 {
			t.Fatalf("%q was taken for a sweep that deletes", payload)
		}
	})
}

// checkOrders checks that an accepted request orders one thing at most, and that its name is sound.
func checkOrders(t *testing.T, request events.Sweep) {
	t.Helper()
	orders := 0
	for _, id := range []string{request.RevokePrevious, request.Forget} {
		if id != "" {
			orders++
		}
		if id != "" && !secret.IsID(id) {
			t.Fatalf("secret %q", id)
		}
	}
	if f := string(request.DeleteToken); f != "" {
		orders++
		if len(f) != 12 || strings.Trim(f, "0123456789abcdef") != "" {
			t.Fatalf("deletes %q", f)
		}
	}
	if orders > 1 {
		t.Fatalf("orders %d things: %+v", orders, request)
	}
}

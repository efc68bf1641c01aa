package sweep_test

import (
	"encoding/json"
	"strings"
	"testing"

	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/sweep"
)

// FuzzRequest: an event that does not plainly ask for a real sweep is no real sweep.
func FuzzRequest(f *testing.F) {
	for _, payload := range []string{
		"", "null", "{}", "[]", "{} ", `{"dryRun":true}`, `{"dryRun":"true"}`, `{"dryrun":true}`, `{"dry_run":true}`, `{"revokePrevious":"engage/token"}`, `{"revokePrevious":"a b"}`,
		`{"revokePrevious":"arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf","dryRun":true}`, `{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`,
		`{"source":"aws.scheduler","dryRun":true}`, `{"source":"evil"}`, `{}{}`, `{"dryRun":null}`, `{"dryRun":false,"dryRun":true}`, "\xff", strings.Repeat("[", 20000),
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		request, err := sweep.ParseRequest([]byte(payload))
		if err != nil {
			if request != (sweep.Request{}) || len(err.Error()) > 300 || strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' || r >= 0x7f }) >= 0 {
				t.Fatalf("%+v, %q", request, err)
			}
			return
		}
		if request.RevokePrevious != "" && !secret.IsID(request.RevokePrevious) {
			t.Fatalf("revokes %q", request.RevokePrevious)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(payload), &members) != nil || members == nil {
			t.Fatalf("accepted %q, which is no JSON object", payload)
		}
		asked := false
		for name, value := range members {
			asked = asked || strings.EqualFold(name, "dryRun") && string(value) == "true"
		}
		_, scheduled := members["source"]
		if asked && !request.DryRun && !(scheduled && len(members) > 1) && len(members) == 1 {
			t.Fatalf("%q was taken for a real sweep", payload)
		}
	})
}

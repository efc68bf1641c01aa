package sandbox_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

func TestTheCallersIdentityIsAnswered(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	for action, test := range map[string]struct {
		status int
		want   string
	}{
		"GetCallerIdentity": {200, "<Account>" + sandbox.Account + "</Account>"},
		"ListRoles":         {400, "it has Secrets Manager"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), "POST", b.AWSURL,
			strings.NewReader(url.Values{"Action": {action}, "Version": {"2011-06-15"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != test.status || !strings.Contains(string(body), test.want) {
			t.Errorf("%s: status %d, want %d with %q in %s (%v)", action, response.StatusCode, test.status, test.want, body, err)
		}
	}
}

func TestFunctionsAnswerToTheirNamesOnAWS(t *testing.T) {
	t.Parallel()
	b := start(t, sandbox.Config{})
	if body := b.invoke("engage-token-rotation-sweep", []byte(`{"dryRun":true}`), ""); body == "" {
		t.Error("the sweep has no answer")
	}
	body := b.call("GET", "/2015-03-31/functions/engage-token-rotation-rotate", 200, nil)
	if want := ":function:" + sandbox.FunctionRotate + `"`; !strings.Contains(body, want) {
		t.Errorf("no %s in %s", want, body)
	}
	b.call("GET", "/2015-03-31/functions/", 404, nil)
	b.call("GET", "/2015-03-31/functions", 404, nil)
}

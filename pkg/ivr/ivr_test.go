package ivr_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ivr"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/tokensource"
)

// deployment is a handler between a secret and a vendor, and what it logged.
type deployment struct {
	vendor  *engagetest.Server
	handler *ivr.Handler
	log     bytes.Buffer
	text    string // the secret's document
	err     error  // or why it cannot be read
	slow    time.Duration
	// answered are the answers that Config.Answered got.
	answered []ivr.Answer
}

const user = "api.user@example.com"

func newDeployment(t *testing.T, config engagetest.Config) *deployment {
	t.Helper()
	d := &deployment{vendor: engagetest.NewServer(config)}
	d.text = fmt.Sprintf(`{"apiToken":%q}`, d.vendor.CreateToken(user))
	source, err := tokensource.New(tokensource.Config{Fetch: d.fetch, RefreshAhead: -1, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	set, err := settings.FromEnvironment(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	d.handler = ivr.New(ivr.Config{
		Source: source,
		Endpoint: func(document *secret.Document) (engage.Endpoint, error) {
			return set.Endpoint(engage.FlowEngage, secret.NewBaseURL(document, nil))
		},
		Transport: d.vendor.RoundTripper(),
		Log:       slog.New(slog.NewJSONHandler(&d.log, nil)),
		Answered:  func(a ivr.Answer) { d.answered = append(d.answered, a) },
	})
	return d
}

func (d *deployment) fetch(ctx context.Context) (hidden.String, error) {
	select {
	case <-time.After(d.slow):
		return hidden.New(d.text), d.err
	case <-ctx.Done():
		return hidden.String{}, ctx.Err()
	}
}

// ask invokes the handler and checks what is true of every answer: no error, flat strings,
// Connect's limits, no secret.
func (d *deployment) ask(t *testing.T, ctx context.Context, payload string) map[string]string {
	t.Helper()
	started := time.Now()
	body, err := d.handler.Invoke(ctx, []byte(payload))
	if err != nil {
		t.Fatalf("the flow is handed an error: %v", err)
	}
	if took := time.Since(started); took > 8*time.Second {
		t.Errorf("answered after %v", took)
	}
	if strings.Contains(payload, "requestContext") {
		body = bodyOf(t, body)
	}
	var answer map[string]string
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("not a flat map of strings: %s", body)
	}
	want := []string{"accountId", "accountName", "accounts", "mainAccountId", "reason", "status"}
	if keys := slices.Sorted(maps.Keys(answer)); !slices.Equal(keys, want) {
		t.Errorf("keys %v", keys)
	}
	if len(body) >= 32<<10 {
		t.Errorf("%d bytes", len(body))
	}
	for _, token := range d.vendor.Tokens(user) {
		if strings.Contains(string(body)+d.log.String(), token) {
			t.Errorf("the token is in the answer or the log: %s\n%s", body, d.log.String())
		}
	}
	return answer
}

// bodyOf returns the body of an answer to API Gateway.
func bodyOf(t *testing.T, answer []byte) []byte {
	t.Helper()
	var response struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Body       string            `json:"body"`
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&response); err != nil || response.StatusCode != http.StatusOK ||
		response.Headers["Content-Type"] != "application/json" || response.Headers["Cache-Control"] != "no-store" {
		t.Errorf("not an answer for API Gateway (%v): %s", err, answer)
	}
	return []byte(response.Body)
}

func account(id, name string) engagetest.Account {
	return engagetest.Account{AccountID: id, AccountName: name, MainAccountID: "9"}
}

func connectEvent(accountID string) string {
	return fmt.Sprintf(`{"Name":"ContactFlowEvent","Details":{"ContactData":{"Attributes":{},"Channel":"VOICE",
		"ContactId":"4a573372-1f28-4e26-b97b-XXXXXXXXXXX"},"Parameters":{"accountId":%q}}}`, accountID)
}

// httpEvent is the event of a REST API, of which an HTTP API's has the same part.
func httpEvent(query string) string {
	return fmt.Sprintf(`{"httpMethod":"GET","path":"/accounts","queryStringParameters":%s,
		"requestContext":{"requestId":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef","stage":"v1"},"body":null}`, query)
}

func TestAnswersWithTheAccount(t *testing.T) {
	two := engagetest.DefaultUser()
	two.Accounts = []engagetest.Account{account("1", "One"), account("2", "Two")}
	tests := map[string]struct{ payload, status, id, name string }{
		"the first by itself": {connectEvent(""), "ok", "1", "One"},
		"the one asked for":   {connectEvent("2"), "ok", "2", "Two"},
		"an unknown one":      {connectEvent("3"), "not-found", "", ""},
		"HTTP, the first":     {httpEvent(`null`), "ok", "1", "One"},
		"HTTP, one asked for": {httpEvent(`{"accountId":"2"}`), "ok", "2", "Two"},
		"HTTP, an unknown":    {httpEvent(`{"accountId":"3","x":"2"}`), "not-found", "", ""},
		"HTTP, not a query":   {httpEvent(`[]`), "misconfigured", "", ""},
		"no parameters":       {`{}`, "ok", "1", "One"},
		"nothing":             {``, "ok", "1", "One"},
		"null":                {`null`, "ok", "1", "One"},
		"not an event":        {`[1]`, "misconfigured", "", ""},
		"not JSON":            {`{"Details`, "misconfigured", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDeployment(t, engagetest.Config{Users: []engagetest.User{two}})
			answer := d.ask(t, t.Context(), test.payload)
			if answer["status"] != test.status || answer["accountId"] != test.id || answer["accountName"] != test.name {
				t.Errorf("answer %v", answer)
			}
			if test.status == "ok" && (answer["mainAccountId"] != "9" || answer["accounts"] != "2") {
				t.Errorf("answer %v", answer)
			}
		})
	}
}

func TestSampleEvents(t *testing.T) {
	want := map[string]string{
		"ivr-first-account.json":   "ok",
		"ivr-one-account.json":     "ok",
		"ivr-unknown-account.json": "not-found",
		"ivr-http.json":            "ok",
	}
	files, err := filepath.Glob("../../events/ivr-*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("samples %v, %v", files, err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := newDeployment(t, engagetest.Config{})
		answer := d.ask(t, t.Context(), string(payload))
		if answer["status"] != want[filepath.Base(file)] {
			t.Errorf("%s: answer %v", file, answer)
		}
		if log := d.log.String(); !strings.Contains(log, `"contactId":"4a573372`) &&
			!strings.Contains(log, `"requestId":"c6af9ac6`) {
			t.Errorf("%s: log %s", file, d.log.String())
		}
	}
}

func TestRotationIsNotNoticed(t *testing.T) {
	d := newDeployment(t, engagetest.Config{})
	for range 5 {
		if answer := d.ask(t, t.Context(), connectEvent("")); answer["status"] != "ok" {
			t.Fatalf("answer %v", answer)
		}
		for _, token := range d.vendor.Tokens(user) {
			d.vendor.DeleteToken(token)
		}
		d.text = fmt.Sprintf(`{"apiToken":%q}`, d.vendor.CreateToken(user))
	}
}

func TestFailuresBecomeAStatus(t *testing.T) {
	always := func(answer func() *engagetest.Answer) func(*deployment) {
		return func(d *deployment) {
			d.vendor.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Respond(answer()) })
		}
	}
	delay := func(by time.Duration) func(*deployment) {
		return func(d *deployment) {
			d.vendor.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Delay(by) })
		}
	}
	tests := map[string]struct {
		breaks         func(*deployment)
		status, reason string
	}{
		"dead token": {func(d *deployment) { d.vendor.DeleteToken(d.vendor.Tokens(user)[0]) }, "unauthorized",
			"token-refused"},
		"no permission for accounts": {func(d *deployment) { d.vendor.Forbid(user, engagetest.OpAccounts) },
			"unauthorized", "token-refused"},
		"vendor fails": {always(func() *engagetest.Answer { return engagetest.Text(503, "busy") }),
			"unavailable", "engage"},
		"vendor is busy": {always(func() *engagetest.Answer { return engagetest.TooManyRequests("60") }), "unavailable",
			"engage-busy"},
		"vendor hangs": {delay(time.Hour), "unavailable", "engage-time"},
		"vendor drops calls": {func(d *deployment) {
			d.vendor.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Drop() })
		}, "unavailable", "engage"},
		"a web page": {always(func() *engagetest.Answer { return engagetest.HTML(200) }), "misconfigured",
			"engage-answer"},
		"a redirect": {
			always(func() *engagetest.Answer { return engagetest.Redirect(302, "https://evil.example.com/") }),
			"misconfigured", "engage-answer",
		},
		"no accounts": {always(func() *engagetest.Answer { return engagetest.JSON(200, "[]") }),
			"not-found", "account"},
		"secret cannot be read": {func(d *deployment) { d.err = errors.New("down") }, "unavailable", "secret"},
		"secret read hangs":     {func(d *deployment) { d.slow = time.Hour }, "unavailable", "secret-time"},
		"secret not found": {func(d *deployment) { d.err = tokensource.ErrNotFound }, "misconfigured",
			"secret-not-found"},
		"secret denied":   {func(d *deployment) { d.err = tokensource.ErrDenied }, "misconfigured", "secret-denied"},
		"not rotated yet": {func(d *deployment) { d.text = `{"adminSecretArn":"a"}` }, "misconfigured", "no-token"},
		"invalid secret":  {func(d *deployment) { d.text = `[]` }, "misconfigured", "secret-format"},
		"host not allowed": {func(d *deployment) {
			d.text = strings.Replace(d.text, "{", `{"baseUrl":"https://evil.example.com",`, 1)
		},
			"misconfigured", "setting"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDeployment(t, engagetest.Config{})
				test.breaks(d)
				answer := d.ask(t, t.Context(), connectEvent(""))
				if answer["status"] != test.status || answer["reason"] != test.reason || answer["accountId"] != "" {
					t.Errorf("answer %v, want %s (%s)\n%s", answer, test.status, test.reason, d.log.String())
				}
				if !strings.Contains(d.log.String(), `"outcome":"`+test.status) {
					t.Errorf("log %s", d.log.String())
				}
				if len(d.answered) != 1 || string(d.answered[0].Status) != test.status {
					t.Errorf("Answered got %v", d.answered)
				}
			})
		})
	}
}

func TestInvocationsDeadlineComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(t, engagetest.Config{})
		d.vendor.SetFault(func(engagetest.Call) *engagetest.Fault { return engagetest.Delay(time.Hour) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		answer := d.ask(t, ctx, connectEvent(""))
		if ctx.Err() != nil || answer["status"] != "unavailable" {
			t.Errorf("answer %v; invocation %v", answer, ctx.Err())
		}
	})
}

func TestLongNamesAreCut(t *testing.T) {
	big := engagetest.DefaultUser()
	big.Accounts = []engagetest.Account{account(strings.Repeat("1", 40_000), strings.Repeat("<ü\x00", 40_000))}
	d := newDeployment(t, engagetest.Config{Users: []engagetest.User{big}})
	if answer := d.ask(t, t.Context(), connectEvent("")); answer["status"] != "ok" || len(answer["accountName"]) < 500 {
		t.Errorf("answer %v", answer)
	}
}

func TestInvalidSettingAtStart(t *testing.T) {
	d := &deployment{vendor: engagetest.NewServer(engagetest.Config{})}
	d.handler = ivr.New(ivr.Config{Fault: errors.New("TOKEN_SECRET_ID is missing"),
		Log: slog.New(slog.NewJSONHandler(&d.log, nil))})
	answer := d.ask(t, t.Context(), connectEvent(""))
	if answer["status"] != "misconfigured" || answer["reason"] != "setting" ||
		!strings.Contains(d.log.String(), "TOKEN_SECRET_ID") {
		t.Errorf("answer %v, log %s", answer, d.log.String())
	}
}

func TestPanicIsAStatusWithoutItsValue(t *testing.T) {
	d := newDeployment(t, engagetest.Config{})
	source, err := tokensource.New(tokensource.Config{Fetch: d.fetch})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	d.handler = ivr.New(ivr.Config{
		Source:    source,
		Endpoint:  func(*secret.Document) (engage.Endpoint, error) { panic("a-hidden-value") },
		Transport: http.DefaultTransport,
		Log:       slog.New(slog.NewJSONHandler(&d.log, nil)),
	})
	answer := d.ask(t, t.Context(), connectEvent(""))
	if answer["status"] != "error" || answer["reason"] != "internal" {
		t.Errorf("answer %v", answer)
	}
	if log := d.log.String(); !strings.Contains(log, "panic") || strings.Contains(log, "a-hidden-value") {
		t.Errorf("log %s", log)
	}
}

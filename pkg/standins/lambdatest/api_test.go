package lambdatest_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/lambdatest"
)

func TestInvokeAPI(t *testing.T) {
	f := start(t, "handler", lambdatest.Config{FunctionName: "rotate"})
	api := lambdatest.NewAPI(f)
	tests := []struct {
		name, function, query, payload string
		header                         http.Header
		status                         int
		body, functionError, errorType string
	}{
		{name: "by name", function: "rotate", payload: `{}`, status: 200},
		{name: "by name and qualifier", function: "rotate:$LATEST", payload: `{}`, status: 200},
		{name: "by ARN", function: f.ARN(), payload: `{}`, status: 200},
		{name: "by partial ARN", function: "123456789012:function:rotate", payload: `{}`, status: 200},
		{name: "no payload", function: "rotate", status: 200},
		{name: "a function error", function: "rotate", payload: `{"do":"fail"}`, status: 200, body: "it failed",
			functionError: "Unhandled"},
		{name: "event", function: "rotate", payload: `{}`,
			header: http.Header{"X-Amz-Invocation-Type": {"Event"}}, status: 202},
		{name: "dry run", function: "rotate", payload: `{}`,
			header: http.Header{"X-Amz-Invocation-Type": {"DryRun"}}, status: 204},
		{name: "unknown type", function: "rotate", header: http.Header{"X-Amz-Invocation-Type": {"x"}}, status: 400,
			errorType: "InvalidParameterValueException"},
		{name: "unknown function", function: "other", payload: `{}`, status: 404, errorType: "ResourceNotFoundException"},
		{name: "unknown qualifier", function: "rotate", query: "?Qualifier=7", status: 404,
			errorType: "ResourceNotFoundException"},
		{name: "no JSON", function: "rotate", payload: `{`, status: 400, errorType: "InvalidRequestContentException"},
		{name: "too long", function: "rotate", payload: strings.Repeat(" ", lambdatest.MaxPayload+1), status: 413,
			errorType: "RequestTooLargeException"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/2015-03-31/functions/"+url.PathEscape(test.function)+"/invocations"+test.query,
				strings.NewReader(test.payload))
			for name, values := range test.header {
				r.Header[name] = values
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			body, err := io.ReadAll(w.Result().Body)
			if err != nil {
				t.Fatal(err)
			}
			if w.Code != test.status || !strings.Contains(string(body), test.body) {
				t.Errorf("status %d %s, want %d %q", w.Code, body, test.status, test.body)
			}
			if got := w.Header().Get("X-Amz-Function-Error"); got != test.functionError {
				t.Errorf("function error %q, want %q", got, test.functionError)
			}
			if got := w.Header().Get("X-Amzn-Errortype"); got != test.errorType {
				t.Errorf("error type %q, want %q", got, test.errorType)
			}
		})
	}
	t.Run("log tail", func(t *testing.T) {
		r := httptest.NewRequest("POST", "/2015-03-31/functions/rotate/invocations",
			strings.NewReader(`{"do":"print","n":1}`))
		r.Header.Set("X-Amz-Log-Type", "Tail")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		tail, err := base64.StdEncoding.DecodeString(w.Header().Get("X-Amz-Log-Result"))
		if err != nil || !strings.Contains(string(tail), "out 0\n") {
			t.Errorf("tail %q: %v", tail, err)
		}
	})
}

func TestGetFunctionDescribesTheFunction(t *testing.T) {
	f := start(t, "handler", lambdatest.Config{FunctionName: "rotate"})
	api := lambdatest.NewAPI(f)
	api.RegisterAs("stack-rotate", f)
	for name, test := range map[string]struct {
		method, path string
		status       int
		want         string
	}{
		"by name":           {"GET", "rotate", 200, `"FunctionArn":"` + f.ARN() + `"`},
		"by another name":   {"GET", "stack-rotate", 200, `"FunctionArn":"` + f.ARN() + `"`},
		"by ARN":            {"GET", f.ARN(), 200, `"FunctionName":"rotate"`},
		"unknown function":  {"GET", "other", 404, "Function not found: other"},
		"list of functions": {"GET", "", 404, "Invoke and GetFunction"},
		"another operation": {"GET", "rotate/policy", 404, "Invoke and GetFunction"},
		"deletion":          {"DELETE", "rotate", 404, "Invoke and GetFunction"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			api.ServeHTTP(w, httptest.NewRequest(test.method, "/2015-03-31/functions/"+test.path, nil))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("status %d, want %d with %q in %s", w.Code, test.status, test.want, w.Body)
			}
		})
	}
}

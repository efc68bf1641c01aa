package leaks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"engage-token-rotation/pkg/standins/awstest"
)

// fault breaks a call to the vendor.
type fault struct {
	kind  string
	call  int  // which one, from 1; 0: each
	after bool // after its effect
	// answer replaces the vendor's answer; echo is the whole request, and with after also the vendor's
	// answer.
	answer func(rw http.ResponseWriter, r *http.Request, echo string)
}

// dump returns a request with every secret in it, as it was sent and decoded.
func dump(r *http.Request, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL.RequestURI())
	decoded, _ := url.QueryUnescape(r.URL.RequestURI() + " " + string(body))
	id, secret, _ := r.BasicAuth()
	fmt.Fprintf(&b, "%s\n%s\n%s:%s\n", decoded, body, id, secret)
	for _, name := range []string{"Authorization", "X-Auth-Token"} {
		fmt.Fprintf(&b, "%s: %s\n", name, r.Header.Get(name))
	}
	return b.String()
}

// vendorFaults echo the request in every part of an answer that could get into an error text.
var vendorFaults = []fault{
	{kind: "error document 403", answer: func(rw http.ResponseWriter, r *http.Request, echo string) {
		document, _ := json.Marshal(map[string]any{"errorCode": echo, "generalMessage": echo,
			"requestUri": r.URL.RequestURI(), "timestamp": 1, "error": echo, "error_description": echo})
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = rw.Write(document)
	}},
	{kind: "text 500 with headers", after: true, answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		line := url.QueryEscape(echo)
		for _, name := range []string{"Location", "Retry-After", "WWW-Authenticate", "Set-Cookie",
			"Content-Type", "X-Error"} {
			rw.Header().Set(name, line)
		}
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = rw.Write([]byte(echo))
	}},
	{kind: "no HTTP", after: true, answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		hijack(rw, echo)
	}},
	{kind: "bad lengths", answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		hijack(rw, "HTTP/1.1 200 OK\r\nContent-Length: "+oneLine(echo)+"\r\n\r\n"+echo)
	}},
	{kind: "redirect that echoes", answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		hijack(rw, "HTTP/1.1 302 "+oneLine(echo)+"\r\nLocation: http://%zz"+oneLine(echo)+"\r\nContent-Length: 0\r\n\r\n")
	}},
	{kind: "200 that echoes", after: true, answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		document, _ := json.Marshal([]string{echo, oneLine(echo)})
		_, _ = rw.Write(document)
	}},
	{kind: "401 expired", answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		rw.WriteHeader(http.StatusUnauthorized)
		_, _ = rw.Write([]byte("Jwt is expired " + echo))
	}},
	{kind: "429", answer: func(rw http.ResponseWriter, _ *http.Request, echo string) {
		rw.Header().Set("Retry-After", "1")
		rw.WriteHeader(http.StatusTooManyRequests)
		_, _ = rw.Write([]byte(echo))
	}},
	{kind: "reset", after: true, answer: func(rw http.ResponseWriter, _ *http.Request, _ string) { hijack(rw, "") }},
}

func oneLine(text string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(text) }

// hijack writes a text past net/http and closes the connection.
func hijack(rw http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write([]byte(text))
	_ = conn.Close()
}

// awsFaults are faults of the call with a number, by kind.
var awsFaults = []struct {
	kind   string
	action func(awstest.Call) awstest.Action
}{
	{"validation that echoes", func(c awstest.Call) awstest.Action {
		return awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "ValidationException",
			Message: echoOf(c), Status: 400})}
	}},
	{"reset after", func(awstest.Call) awstest.Action { return awstest.Action{After: awstest.Reset()} }},
	{"unknown error that echoes", func(c awstest.Call) awstest.Action {
		return awstest.Action{After: awstest.Fail(&awstest.APIError{Code: "InvalidParameterException",
			Message: echoOf(c), Status: 400})}
	}},
	{"server error that echoes", func(c awstest.Call) awstest.Action {
		return awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "InternalServiceError",
			Message: echoOf(c), Status: 500})}
	}},
}

func echoOf(c awstest.Call) string {
	encoded, _ := json.Marshal(c.Input)
	return string(encoded)
}

// onCall applies an action to the call with the number.
func onCall(number int, action func(awstest.Call) awstest.Action) func(awstest.Call) awstest.Action {
	return func(c awstest.Call) awstest.Action {
		if c.Number != number {
			return awstest.Action{}
		}
		return action(c)
	}
}

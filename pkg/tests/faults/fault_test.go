package faults_test

import (
	"encoding/json"
	"net/http"
	"strings"
)

// fault is a fault of a call.
type fault string

const (
	none          fault = ""
	lostBefore    fault = "lost-before" // the connection breaks, nothing has happened
	lostAfter     fault = "lost-after"  // it has happened, the connection breaks
	error500      fault = "500"         // nothing has happened
	error500After fault = "500-after"   // it has happened
	throttled     fault = "429"         // 429 of Engage, ThrottlingException of AWS
	killedBefore  fault = "kill-before" // the process is killed, nothing has happened
	killedAfter   fault = "kill-after"  // it has happened, the process is killed
)

var faults = []fault{lostBefore, lostAfter, error500, error500After, throttled, killedBefore, killedAfter}

func (f fault) kills() bool { return f == killedBefore || f == killedAfter }

// late reports whether the call has its effect before the fault.
func (f fault) late() bool { return f == lostAfter || f == error500After || f == killedAfter }

// answer is the answer to a call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// refusal returns the answer of a fault; ok is false for a fault without an answer.
func (f fault) refusal(r *http.Request) (answer, bool) {
	_, aws := target(r)
	switch {
	case f == throttled && aws:
		return awsError(http.StatusBadRequest, "ThrottlingException", "Rate exceeded"), true
	case f == throttled:
		return plain(http.StatusTooManyRequests), true
	case f == error500 || f == error500After:
		if aws {
			return awsError(http.StatusInternalServerError, "InternalServerError", "An error occurred on the server side."), true
		}
		return plain(http.StatusInternalServerError), true
	}
	return answer{}, false
}

func awsError(status int, code, message string) answer {
	body, _ := json.Marshal(map[string]string{"__type": code, "message": message})
	return answer{status, http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, body}
}

func plain(status int) answer {
	return answer{status, http.Header{"Content-Type": {"text/plain"}}, []byte(http.StatusText(status))}
}

// target returns the AWS operation of a request; aws is false for a call to Engage.
func target(r *http.Request) (operation string, aws bool) {
	_, operation, aws = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return operation, aws
}

// nameOf returns a call's name: operation and object.
func nameOf(r *http.Request, body []byte, adminARN string) string {
	operation, aws := target(r)
	if !aws {
		return vendorOperation(r)
	}
	var in struct{ SecretId, VersionId, VersionStage, Name, Path string }
	_ = json.Unmarshal(body, &in)
	object := ""
	switch {
	case in.SecretId != "" && in.SecretId == adminARN:
		object = "admin"
	case in.VersionStage != "":
		object = in.VersionStage
	case in.VersionId != "":
		object = "version"
	case in.Path != "":
		object = parameterKind(in.Path)
	case in.Name != "":
		object = parameterKind(in.Name)
	}
	if object == "" {
		return operation
	}
	return operation + "." + object
}

func parameterKind(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case strings.Contains(name, "/ledger/") && strings.HasPrefix(last, "intent-"):
		return "intent"
	case strings.Contains(name, "/ledger/") && strings.HasPrefix(last, "token-"):
		return "token"
	case strings.Contains(name, "/ledger"):
		return "ledger"
	case strings.Contains(name, "/logins"):
		return "logins"
	case strings.Contains(name, "/settings"):
		return "settings"
	}
	return "parameter"
}

func vendorOperation(r *http.Request) string {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasSuffix(path, "/oauth/token"):
		return "grant"
	case strings.HasSuffix(path, "/rc/accesstoken"):
		return "exchange"
	case strings.HasSuffix(path, "/token/refresh"):
		return "refresh"
	case strings.Contains(path, "/auth/login"):
		return "login"
	case strings.HasSuffix(path, "/accounts"):
		return "accounts"
	case r.Method == http.MethodPost:
		return "create"
	case r.Method == http.MethodDelete:
		return "delete"
	}
	return "list"
}

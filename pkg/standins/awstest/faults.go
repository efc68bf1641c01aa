package awstest

import (
	"net/http"
	"time"
)

// Call is one call of an API operation over HTTP.
type Call struct {
	// Number counts the calls of a server from 1, in the order of their arrival.
	Number int
	// Service is "secretsmanager" or "ssm", Action the operation's name.
	Service, Action string
	// Resource is the ARN of the secret or parameter, if the request names one; of a secret that does
	// not exist it is what the request says.
	Resource string
	// Caller is the access key id of the request's signature, which is not checked. Give each client
	// its own.
	Caller string
	// Input is the request, such as a *PutSecretValueInput. It may hold a secret.
	Input any
	// Time is when the request arrived, Took how long it was until the answer was known, by
	// Config.Now. Took is only in Calls.
	Time time.Time
	Took time.Duration
	// Code is the error code of the answer, empty for a success, "reset" for a connection that broke.
	// Only in Calls.
	Code string
}

// Action is what happens to a call. Its zero value lets it pass.
type Action struct {
	// Delay is the first thing that happens to the request.
	Delay time.Duration
	// Before is the answer, and the operation has no effect.
	Before *Failure
	// After replaces the operation's own answer: the operation has its effect, and the client does not
	// know.
	After *Failure
	// Stale lets DescribeSecret and GetSecretValue answer from before the secret's last n changes, as
	// far as SecretsConfig.History reaches.
	Stale int
	// BeforeEffect and AfterEffect are called directly before and after the operation's effect.
	BeforeEffect, AfterEffect func()
}

// Failure is an answer in place of the operation's own: an error, or a broken connection.
type Failure struct {
	reset bool
	err   *APIError
}

// Reset breaks the connection: as Action.Before the request is lost, as Action.After the answer is.
func Reset() *Failure { return &Failure{reset: true} }

// ServerError is status 500 of either service.
func ServerError() *Failure {
	return &Failure{err: &APIError{Code: "InternalServiceError", Message: "An error occurred on the server side.",
		Status: http.StatusInternalServerError}}
}

// Throttled is status 400 for a caller that calls too often. SDKs retry it.
func Throttled() *Failure { return &Failure{err: failure(codeThrottling, "Rate exceeded")} }

// Fail answers with the given error.
func Fail(err *APIError) *Failure { return &Failure{err: err} }

func errDenied(call Call) *APIError {
	action := call.Service + ":" + call.Action
	return failure(codeAccessDenied,
		"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
		call.Caller, action, call.Resource, action)
}

func (s *Server) nextNumber() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	return s.number
}

// record stores a call and its result, up to the limit.
func (s *Server) record(call Call, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Code, call.Took = code, s.config.Now().Sub(call.Time)
	s.calls = append(s.calls, call)
	if extra := len(s.calls) - s.config.RecordLimit; extra > s.config.RecordLimit/2 {
		s.calls = append([]Call(nil), s.calls[extra:]...)
	}
}

// Calls returns the answered calls, oldest first: at least the latest Config.RecordLimit of them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Count returns how many calls of an operation were made, whatever their answers.
func (s *Server) Count(action string) int {
	n := 0
	for _, call := range s.Calls() {
		if call.Action == action {
			n++
		}
	}
	return n
}

// Package awserr describes failed AWS calls for operators: the operation, the service's error code,
// and of its message only what cannot hold a value that was sent.
package awserr

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// Error is a failed call.
type Error struct {
	Operation string
	Code      string // the service's error code; empty if no answer came
	Message   string // empty if it might echo what was sent
	// Unknown means that the call may have had its effect all the same.
	Unknown bool
	cause   error
}

// Error implements error: operation, code, message, and the next step.
func (e *Error) Error() string {
	text := e.Operation
	switch {
	case e.Code == "":
		text += ": no answer from the service"
	case e.Message == "":
		text += ": " + e.Code
	default:
		text += ": " + e.Code + ": " + e.Message
	}
	return text + "; " + e.advice()
}

// advice returns the next step of an operator.
func (e *Error) advice() string {
	switch {
	case e.Code == "":
		return "the next attempt follows by itself; if this goes on, check the function's network"
	case e.Code == "AccessDeniedException" && strings.Contains(e.Message, "KMS"), strings.HasSuffix(e.Code,
		"cryptionFailure"):
		return "the function's role needs kms:Decrypt and kms:GenerateDataKey on the secret's key"
	case e.Code == "AccessDeniedException" && strings.Contains(e.Operation, "Parameter"):
		return "the function's role needs ssm:" + e.Operation
	case e.Code == "AccessDeniedException":
		return "the function's role needs secretsmanager:" + e.Operation +
			" (and kms:Decrypt and kms:GenerateDataKey on the secret's key, when it has one of its own)"
	case throttled[e.Code]:
		return "AWS limits the rate of these calls in an account; the next attempt follows by itself"
	case strings.Contains(e.Code, "NotFound"):
		return "check the name, and that it exists in this account and Region"
	case e.Unknown:
		return "the next attempt follows by itself; if this goes on, look at the AWS Health Dashboard"
	}
	return "look the code up in the service's API reference"
}

// Unwrap returns the context's error, where that ended the call.
func (e *Error) Unwrap() error { return e.cause }

// quotable are the codes whose messages name resources and permissions, never a value.
var quotable = map[string]bool{
	"AccessDeniedException":     true,
	"ResourceNotFoundException": true,
	"InvalidRequestException":   true,
	"ThrottlingException":       true,
	"DecryptionFailure":         true,
	"EncryptionFailure":         true,
}

// New describes err, which an SDK client returned; nil stays nil.
func New(operation string, err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Operation: operation, Unknown: true}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			e.cause = cause
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code = api.ErrorCode()
		e.Unknown = api.ErrorFault() == smithy.FaultServer || unknown[e.Code] || throttled[e.Code]
		if quotable[e.Code] {
			e.Message = api.ErrorMessage()
		}
	}
	return e
}

// unknown are the codes of answers that leave the outcome open, by whichever fault the SDK reckons
// them.
var unknown = map[string]bool{
	"InternalServiceError":        true,
	"InternalServerError":         true,
	"InternalFailure":             true,
	"ServiceUnavailable":          true,
	"ServiceUnavailableException": true,
	"RequestTimeout":              true,
	"UnknownError":                true,
}

// throttled are the codes by which AWS limits a rate. The SDK has tried several times: the refusal
// is of the last try, and an earlier one may have been lost.
var throttled = map[string]bool{
	"ThrottlingException":      true,
	"ThrottledException":       true,
	"Throttling":               true,
	"TooManyRequestsException": true,
	"RequestLimitExceeded":     true,
}

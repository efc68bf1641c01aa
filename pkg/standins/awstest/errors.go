package awstest

import (
	"fmt"

	"github.com/aws/smithy-go"
)

// APIError is an error answer of either service. It is a [smithy.APIError], so that code for the
// SDK's errors works without HTTP too.
type APIError struct {
	// Code is the error's type, such as "ResourceNotFoundException".
	Code string
	// Message is the text for people. SSM has none for some codes.
	Message string
	// Status is the HTTP status. 0 means 400, that of every client error.
	Status int
}

var _ smithy.APIError = (*APIError)(nil)

// Error implements error.
func (e *APIError) Error() string { return e.Code + ": " + e.Message }

// ErrorCode implements [smithy.APIError].
func (e *APIError) ErrorCode() string { return e.Code }

// ErrorMessage implements [smithy.APIError].
func (e *APIError) ErrorMessage() string { return e.Message }

// ErrorFault implements [smithy.APIError].
func (e *APIError) ErrorFault() smithy.ErrorFault {
	if e.Status >= 500 {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// The codes of the errors of both layers.
const (
	codeNotFound         = "ResourceNotFoundException"
	codeExists           = "ResourceExistsException"
	codeInvalidRequest   = "InvalidRequestException"
	codeInvalidParameter = "InvalidParameterException"
	codeLimit            = "LimitExceededException"
	codeAccessDenied     = "AccessDeniedException"
	codeValidation       = "ValidationException"
	codeThrottling       = "ThrottlingException"
)

func failure(code, format string, args ...any) *APIError {
	return &APIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

func errSecretNotFound() *APIError {
	return failure(codeNotFound, "Secrets Manager can't find the specified secret.")
}

func errNoValueForStage(stage string) *APIError {
	return failure(codeNotFound, "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

func errNoValueForVersion(id string) *APIError {
	return failure(codeNotFound, "Secrets Manager can't find the specified secret value for VersionId: %s", id)
}

func errTokenInUse(token string, sec *secret) *APIError {
	return failure(codeExists,
		"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.",
		token, sec.arn)
}

func errDeleted() *APIError {
	return failure(codeInvalidRequest,
		"You can't perform this operation on the secret because it was marked for deletion.")
}

func errConstraint(value, field, constraint string) *APIError {
	return failure(codeValidation, "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s",
		value, field, constraint)
}

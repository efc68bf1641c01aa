package awserr_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/smithy-go"

	"engage-token-rotation/pkg/internal/awserr"
)

func api(code, message string, fault smithy.ErrorFault) error {
	return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: "PutSecretValue",
		Err: &smithy.GenericAPIError{Code: code, Message: message, Fault: fault}}
}

func TestWhatAnOperatorReadsOfAnAWSError(t *testing.T) {
	const (
		needs = "the function's role needs secretsmanager:Put " +
			"(and kms:Decrypt and kms:GenerateDataKey on the secret's key, when it has one of its own)"
		needsKey = "the function's role needs kms:Decrypt and kms:GenerateDataKey on the secret's key"
		reaches  = "the next attempt follows by itself; if this goes on, check the function's network"
		health   = "the next attempt follows by itself; if this goes on, look at the AWS Health Dashboard"
		lookUp   = "look the code up in the service's API reference"
		limits   = "AWS limits the rate of these calls in an account; the next attempt follows by itself"
	)
	const client, server, unknownFault = smithy.FaultClient, smithy.FaultServer, smithy.FaultUnknown
	cases := map[string]struct {
		err     error
		want    string
		unknown bool
	}{
		"permission": {api("AccessDeniedException", "User: a is not authorized to perform: b on resource: c", client),
			"Put: AccessDeniedException: User: a is not authorized to perform: b on resource: c; " + needs, false},
		"permission for the key": {api("AccessDeniedException", "Access to KMS is not allowed", client),
			"Put: AccessDeniedException: Access to KMS is not allowed; " + needsKey, false},
		"key": {api("DecryptionFailure", "the key is disabled", client),
			"Put: DecryptionFailure: the key is disabled; " + needsKey, false},
		"not found": {api("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", client),
			"Put: ResourceNotFoundException: Secrets Manager can't find the specified secret.; " +
				"check the name, and that it exists in this account and Region", false},
		"validation": {api("ValidationException", "Value 'hunter2' at 'x' failed to satisfy constraint", client),
			"Put: ValidationException; " + lookUp, false},
		"parameter": {api("InvalidParameterException", "hunter2", client), "Put: InvalidParameterException; " + lookUp,
			false},
		"no message": {api("AccessDeniedException", "", client), "Put: AccessDeniedException; " + needs, false},
		"throttled": {api("ThrottlingException", "Rate exceeded", client),
			"Put: ThrottlingException: Rate exceeded; " + limits, true},
		"server":         {api("InternalServiceError", "hunter2", server), "Put: InternalServiceError; " + health, true},
		"server by code": {api("InternalServerError", "hunter2", unknownFault), "Put: InternalServerError; " + health, true},
		"unknown error":  {api("UnknownError", "<html>hunter2", unknownFault), "Put: UnknownError; " + health, true},
		"no answer": {errors.New("https://hunter2@host/: connection reset by peer"),
			"Put: no answer from the service; " + reaches, true},
		"deadline": {fmt.Errorf("operation error: %w", context.DeadlineExceeded),
			"Put: no answer from the service; " + reaches, true},
	}
	for name, c := range cases {
		e := awserr.New("Put", c.err)
		if e.Error() != c.want || e.Unknown != c.unknown {
			t.Errorf("%s:\n got %s, unknown %v\nwant %s, unknown %v", name, e, e.Unknown, c.want, c.unknown)
		}
	}
}

func TestTheContextsErrorIsKeptAndNothingElse(t *testing.T) {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if err := awserr.New("Get", fmt.Errorf("https://host/?secret: %w", cause)); !errors.Is(err, cause) {
			t.Errorf("%v is lost", cause)
		}
	}
	if err := awserr.New("Get", errors.New("secret")); errors.Unwrap(err) != nil {
		t.Error("the SDK's error can be unwrapped, with whatever it holds")
	}
}

func TestNoErrorStaysNone(t *testing.T) {
	if awserr.New("Get", nil) != nil {
		t.Error("an error out of nothing")
	}
}

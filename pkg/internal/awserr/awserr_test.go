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
	cases := map[string]struct {
		err     error
		want    string
		unknown bool
	}{
		"permission": {api("AccessDeniedException", "User: a is not authorized to perform: b on resource: c",
			smithy.FaultClient), "Put: AccessDeniedException: User: a is not authorized to perform: b on resource: c; " +
			"the function's role needs secretsmanager:Put (and kms:Decrypt and kms:GenerateDataKey on the secret's key, " +
			"when it has one of its own)", false},
		"not found": {api("ResourceNotFoundException", "Secrets Manager can't find the specified secret.",
			smithy.FaultClient), "Put: ResourceNotFoundException: Secrets Manager can't find the specified secret.", false},
		"validation": {api("ValidationException", "Value 'hunter2' at 'x' failed to satisfy constraint",
			smithy.FaultClient), "Put: ValidationException", false},
		"parameter": {api("InvalidParameterException", "hunter2", smithy.FaultClient),
			"Put: InvalidParameterException", false},
		"no message":     {api("AccessDeniedException", "", smithy.FaultClient), "Put: AccessDeniedException", false},
		"server":         {api("InternalServiceError", "hunter2", smithy.FaultServer), "Put: InternalServiceError", true},
		"server by code": {api("InternalServerError", "hunter2", smithy.FaultUnknown), "Put: InternalServerError", true},
		"unknown error":  {api("UnknownError", "<html>hunter2", smithy.FaultUnknown), "Put: UnknownError", true},
		"no answer": {errors.New("https://hunter2@host/: connection reset by peer"),
			"Put: no answer from the service", true},
		"deadline": {fmt.Errorf("operation error: %w", context.DeadlineExceeded), "Put: no answer from the service", true},
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

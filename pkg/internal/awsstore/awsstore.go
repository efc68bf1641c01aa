// Package awsstore is AWS Secrets Manager and the Systems Manager Parameter Store as the rotation
// and the sweep see them: it makes the SDK's calls and sorts the SDK's errors.
//
// No error holds a value that was sent; see package awserr.
package awsstore

import (
	"fmt"

	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/secret"
)

// ClassifySecrets sorts an error of the SDK's Secrets Manager client into the kinds that a rotation
// distinguishes: secret.ErrNotFound, secret.ErrConflict, secret.ErrOutcomeUnknown, or none of them
// for a refusal without effect. A nil error stays nil.
func ClassifySecrets(operation string, err error) error {
	described := awserr.New(operation, err)
	if described == nil {
		return nil
	}
	switch described.Code {
	case "ResourceNotFoundException":
		return fmt.Errorf("%w: %w", secret.ErrNotFound, described)
	case "ResourceExistsException", "InvalidParameterException":
		return fmt.Errorf("%w: %w", secret.ErrConflict, described)
	}
	if described.Unknown {
		return fmt.Errorf("%w: %w", secret.ErrOutcomeUnknown, described)
	}
	return described
}

// ClassifyParameters describes an error of the SDK's Parameter Store client. A nil error stays nil.
func ClassifyParameters(operation string, err error) error {
	if err == nil {
		return nil
	}
	return awserr.New(operation, err)
}

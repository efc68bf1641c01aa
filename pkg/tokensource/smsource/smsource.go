// Package smsource reads the token secret from AWS Secrets Manager, for package tokensource.
//
// The reader needs secretsmanager:GetSecretValue on the token secret, and kms:Decrypt on its key if
// that is the customer's own; nothing on the admin secret.
package smsource

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/tokensource"
)

// API is the call of the Secrets Manager client that this package makes.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput,
		...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

var _ API = (*secretsmanager.Client)(nil)

// New returns a Fetch of the secret's current version. id is the secret's name or ARN. The client's
// own retries and time limits apply, within tokensource's Timeout.
func New(client API, id string) tokensource.Fetch {
	return func(ctx context.Context) (hidden.String, error) {
		output, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			return hidden.String{}, explain(id, err)
		}
		if output.SecretString == nil {
			return hidden.String{}, fmt.Errorf("secret %s: %w as text; store the JSON document as SecretString", id,
				tokensource.ErrNotFound)
		}
		return hidden.New(*output.SecretString), nil
	}
}

// explain adds what the operator can do. Of the service's message the text has only what cannot
// hold a value.
func explain(id string, err error) error {
	failed := awserr.New("GetSecretValue", err)
	switch failed.Code {
	case "ResourceNotFoundException":
		return fmt.Errorf("secret %s: %w; check its name and region, and give it a value: %w", id,
			tokensource.ErrNotFound, failed)
	case "AccessDeniedException", "DecryptionFailure":
		return fmt.Errorf("secret %s: %w; the reader needs secretsmanager:GetSecretValue on it, and kms:Decrypt on a key "+
			"of your own: %w", id, tokensource.ErrDenied, failed)
	}
	return fmt.Errorf("secret %s: %w", id, failed)
}

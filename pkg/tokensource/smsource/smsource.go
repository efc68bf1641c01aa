// Package smsource reads the token secret from AWS Secrets Manager, for package tokensource.
//
// The reader needs secretsmanager:GetSecretValue on the token secret, and kms:Decrypt on its key where that is the
// customer's own; nothing on the admin secret.
package smsource

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/tokensource"
)

// API is the call of the Secrets Manager client that is used.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

var _ API = (*secretsmanager.Client)(nil)

// New returns a Fetch of the secret's current version. id is the secret's name or ARN. The client's own retries and
// time limits apply, within tokensource's Timeout.
func New(client API, id string) tokensource.Fetch {
	return func(ctx context.Context) (hidden.String, error) {
		output, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			return hidden.String{}, explain(id, err)
		}
		if output.SecretString == nil {
			return hidden.String{}, fmt.Errorf("secret %s: %w as text; store the JSON document as SecretString", id, tokensource.ErrNotFound)
		}
		return hidden.New(*output.SecretString), nil
	}
}

func explain(id string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("secret %s: %w", id, err)
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return fmt.Errorf("secret %s: %w; check its name and region, and give it a value", id, tokensource.ErrNotFound)
	case "AccessDeniedException", "AccessDenied":
		return fmt.Errorf("secret %s: %w; the reader needs secretsmanager:GetSecretValue on it, and kms:Decrypt on a key of your own", id, tokensource.ErrDenied)
	}
	return fmt.Errorf("secret %s: %w", id, err)
}

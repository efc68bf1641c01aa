// Package ssmsource reads the token secret through SSM Parameter Store's reference to Secrets
// Manager, for package tokensource: for programs that read all of their settings from SSM.
//
// The reader needs ssm:GetParameter on parameter/aws/reference/secretsmanager/{name} besides
// secretsmanager: GetSecretValue on the secret. Importing this package links the SSM client, which
// costs about 1.3 ms and 1.4 MB at start; package smsource does not need it.
package ssmsource

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/tokensource"
)

// Prefix is the path below which Parameter Store shows the secrets of Secrets Manager.
const Prefix = "/aws/reference/secretsmanager/"

// API is the call of the SSM client that this package makes.
type API interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

var _ API = (*ssm.Client)(nil)

// New returns a Fetch of the secret's current version. name is the secret's name, not its ARN.
func New(client API, name string) tokensource.Fetch {
	parameter, decrypt := Prefix+name, true
	return func(ctx context.Context) (hidden.String, error) {
		output, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter, WithDecryption: &decrypt})
		if err != nil {
			return hidden.String{}, explain(parameter, err)
		}
		if output.Parameter == nil || output.Parameter.Value == nil {
			return hidden.String{}, fmt.Errorf("parameter %s: %w", parameter, tokensource.ErrNotFound)
		}
		return hidden.New(*output.Parameter.Value), nil
	}
}

// explain adds what the operator can do. Of the service's message the text has only what cannot
// hold a value.
func explain(parameter string, err error) error {
	failed := awserr.New("GetParameter", err)
	switch failed.Code {
	case "ParameterNotFound", "ParameterVersionNotFound":
		return fmt.Errorf("parameter %s: %w; check the secret's name and region, and give it a value: %w", parameter,
			tokensource.ErrNotFound, failed)
	case "AccessDeniedException":
		return fmt.Errorf("parameter %s: %w; the reader needs ssm:GetParameter on it and secretsmanager:GetSecretValue on "+
			"the secret: %w", parameter, tokensource.ErrDenied, failed)
	}
	return fmt.Errorf("parameter %s: %w", parameter, failed)
}

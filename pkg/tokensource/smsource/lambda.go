package smsource

import (
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/internal/awsenv"
)

// NewLambdaClient returns a Secrets Manager client from the environment that Lambda gives to a
// function: AWS_REGION, the credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL (unless
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT,
// AWS_MAX_ATTEMPTS and AWS_RETRY_MODE. getenv is os.Getenv outside of tests.
//
// It reads no profile, asks no metadata service and assumes no role, so that package config of the
// SDK, with its clients for single sign-on, need not be linked: that would double the time of a
// start. Elsewhere than in Lambda use config.LoadDefaultConfig and New.
func NewLambdaClient(getenv func(string) string) (*secretsmanager.Client, error) {
	config, err := awsenv.Config(getenv)
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(config), nil
}

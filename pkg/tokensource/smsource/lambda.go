package smsource

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// NewLambdaClient returns a Secrets Manager client from the environment that Lambda gives to a
// function: AWS_REGION, the credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, AWS_ENDPOINT_URL_SECRETS_MANAGER and AWS_ENDPOINT_URL (unless
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), AWS_USE_FIPS_ENDPOINT and
// AWS_USE_DUALSTACK_ENDPOINT. getenv is os.Getenv outside of tests.
//
// It reads no profile, asks no metadata service and assumes no role, so that package config of the
// SDK, with its clients for single sign-on, need not be linked: that would double the time of a
// start. Elsewhere than in Lambda use config.LoadDefaultConfig and New.
func NewLambdaClient(getenv func(string) string) (*secretsmanager.Client, error) {
	region := getenv("AWS_REGION")
	if region == "" {
		region = getenv("AWS_DEFAULT_REGION")
	}
	if region == "" {
		return nil, errors.New("AWS_REGION is missing; Lambda sets it")
	}
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !credentials.HasKeys() {
		return nil, errors.New("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing; Lambda sets them from the " +
			"function's role")
	}
	options := secretsmanager.Options{
		Region:      region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
	}
	if endpoint := endpoint(getenv); endpoint != "" {
		options.BaseEndpoint = &endpoint
	}
	if isTrue(getenv("AWS_USE_FIPS_ENDPOINT")) {
		options.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if isTrue(getenv("AWS_USE_DUALSTACK_ENDPOINT")) {
		options.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return secretsmanager.New(options), nil
}

func endpoint(getenv func(string) string) string {
	if isTrue(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
		return ""
	}
	if endpoint := getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"); endpoint != "" {
		return endpoint
	}
	return getenv("AWS_ENDPOINT_URL")
}

func isTrue(value string) bool { return strings.EqualFold(value, "true") }

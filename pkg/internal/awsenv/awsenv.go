// Package awsenv configures AWS clients from the environment that Lambda gives to a function. It
// reads no profile, asks no metadata service and assumes no role, so that package config of the
// SDK, with its clients for single sign-on and credential processes, need not be linked.
package awsenv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config reads AWS_REGION, the credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, AWS_ENDPOINT_URL_{service} and AWS_ENDPOINT_URL (unless
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT,
// AWS_MAX_ATTEMPTS and AWS_RETRY_MODE. getenv is os.Getenv outside of tests.
func Config(getenv func(string) string) (aws.Config, error) {
	region := getenv("AWS_REGION")
	if region == "" {
		region = getenv("AWS_DEFAULT_REGION")
	}
	if region == "" {
		return aws.Config{}, errors.New("AWS_REGION is missing; Lambda sets it")
	}
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !credentials.HasKeys() {
		return aws.Config{}, errors.New("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing; Lambda sets them from the " +
			"function's role")
	}
	config := aws.Config{
		Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials,
				nil
		}),
		ConfigSources: []any{source{getenv}},
	}
	if endpoint := getenv("AWS_ENDPOINT_URL"); endpoint != "" && !isTrue(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
		config.BaseEndpoint = &endpoint
	}
	return config, setRetries(&config, getenv)
}

func setRetries(config *aws.Config, getenv func(string) string) (err error) {
	if value := getenv("AWS_MAX_ATTEMPTS"); value != "" {
		if config.RetryMaxAttempts, err = strconv.Atoi(value); err != nil {
			return errors.New("AWS_MAX_ATTEMPTS is not a number; write one, or remove the variable")
		}
	}
	if value := getenv("AWS_RETRY_MODE"); value != "" {
		if config.RetryMode, err = aws.ParseRetryMode(value); err != nil {
			return fmt.Errorf("AWS_RETRY_MODE is not a mode; use %s or %s", aws.RetryModeStandard, aws.RetryModeAdaptive)
		}
	}
	return nil
}

// source answers what the SDK's clients ask of their configuration.
type source struct{ getenv func(string) string }

// GetServiceBaseEndpoint returns AWS_ENDPOINT_URL_{service}.
func (s source) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	name := "AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(sdkID, " ", "_"))
	endpoint := s.getenv(name)
	return endpoint, endpoint != "" && !isTrue(s.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")), nil
}

// GetUseFIPSEndpoint returns AWS_USE_FIPS_ENDPOINT.
func (s source) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, isTrue(s.getenv("AWS_USE_FIPS_ENDPOINT")), nil
}

// GetUseDualStackEndpoint returns AWS_USE_DUALSTACK_ENDPOINT.
func (s source) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, isTrue(s.getenv("AWS_USE_DUALSTACK_ENDPOINT")), nil
}

func isTrue(value string) bool { return strings.EqualFold(value, "true") }

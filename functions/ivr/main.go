// Command ivr is an AWS Lambda function for a contact flow of Amazon Connect: it reads the current API token from the
// rotated secret, asks Engage Voice for the accounts and answers a flat map of strings. See package ivr.
//
// Environment: TOKEN_SECRET_ID (name or ARN of the token secret), TOKEN_CACHE_TTL (a Go duration, "5m" by default),
// ENGAGE_BASE_URL, ENGAGE_ALLOWED_HOSTS and LOG_LEVEL as for the rotation. It needs secretsmanager:GetSecretValue on the
// token secret, and nothing else.
package main

import (
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ivr"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/telemetry"
	"engage-token-rotation/pkg/tlsroots"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

func main() {
	config, err := configure(os.Getenv)
	if err != nil {
		config.Fault = err
	}
	lambda.Start(ivr.New(config))
}

func configure(getenv func(string) string) (ivr.Config, error) {
	config := ivr.Config{Log: telemetry.NewLogger(os.Stdout, slog.LevelInfo)}
	set, err := settings.FromEnvironment(getenv)
	if err != nil {
		return config, err
	}
	config.Log = telemetry.NewLogger(os.Stdout, set.LogLevel)
	config.Endpoint = func(document *secret.Document) (engage.Endpoint, error) {
		flow, err := secret.NewFlow(document, nil)
		if err != nil {
			return engage.Endpoint{}, err
		}
		return set.Endpoint(flow, secret.NewBaseURL(document, nil))
	}
	config.Source, err = newSource(getenv, config.Log)
	return config, err
}

func newSource(getenv func(string) string, log *slog.Logger) (*tokensource.Source, error) {
	id := getenv("TOKEN_SECRET_ID")
	if id == "" {
		return nil, errors.New("TOKEN_SECRET_ID is missing; set it to the name or ARN of the token secret")
	}
	if !secret.IsID(id) {
		return nil, errors.New("TOKEN_SECRET_ID is not the name or ARN of a secret; set it to that of the token secret")
	}
	ttl := 5 * time.Minute
	if text := getenv("TOKEN_CACHE_TTL"); text != "" {
		var err error
		if ttl, err = time.ParseDuration(text); err != nil || ttl <= 0 {
			return nil, errors.New(`TOKEN_CACHE_TTL is no positive duration; write it as "5m" or "1h"`)
		}
	}
	client, err := smsource.NewLambdaClient(getenv)
	if err != nil {
		return nil, err
	}
	tlsroots.Preload(client.Options().BaseEndpoint)
	return tokensource.New(tokensource.Config{
		Fetch:        smsource.New(client, id),
		TTL:          ttl,
		RefreshAhead: -1, // a read in the background could be frozen with the function
		Timeout:      3 * time.Second,
		OnFailure: func(f tokensource.Failure) {
			log.Error("secret not read", "error", f.Err.Error(), "serving", f.Serving, "left", f.Left.String(), "retryIn", f.RetryIn.String())
		},
	})
}

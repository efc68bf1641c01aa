package ivr

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/internal/tlsroots"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

// defaultTTL is how long a warm function uses a secret's value before it reads the secret again.
const defaultTTL = 5 * time.Minute

// readTimeout bounds a read of the secret.
const readTimeout = 3 * time.Second

// FromEnvironment returns the Config of a Lambda function, which reads the secret from AWS Secrets
// Manager and writes logs and metrics to w. An invalid variable is the Config's Fault. getenv is
// os.Getenv outside of tests. The variables are:
//
//	TOKEN_SECRET_ID        name or ARN of the token secret; required
//	TOKEN_CACHE_TTL        how long a value is used before it is read again; 5m by default
//	ENGAGE_BASE_URL        as for the rotation, see package settings
//	ENGAGE_ALLOWED_HOSTS   as for the rotation
//	ENGAGE_PROXY_URL       as for the rotation
//	LOG_LEVEL              as for the rotation
//
// and those of the SDK that [smsource.NewLambdaClient] reads.
func FromEnvironment(w io.Writer, getenv func(string) string) Config {
	config := Config{
		Log:      telemetry.NewLogger(w, slog.LevelInfo),
		Answered: measure(telemetry.NewMetrics(w, time.Now), getenv("AWS_LAMBDA_FUNCTION_NAME")),
	}
	set, err := settings.FromEnvironment(getenv)
	if err != nil {
		config.Fault = err
		return config
	}
	config.Log = telemetry.NewLogger(w, set.LogLevel)
	telemetry.LogStart(config.Log)
	config.Transport = engage.NewProxyTransport(set.Proxy)
	config.Endpoint = func(document *secret.Document) (engage.Endpoint, error) {
		flow, err := secret.NewFlow(document, nil)
		if err != nil {
			return engage.Endpoint{}, err
		}
		return set.Endpoint(flow, secret.NewBaseURL(document, nil))
	}
	config.Source, config.Fault = newSource(getenv, config.Log)
	return config
}

// measure returns a function that emits RefusedReads for each answer that a person has to act on.
func measure(metrics *telemetry.Metrics, function string) func(Answer) {
	return func(a Answer) {
		if a.Status != StatusUnauthorized && a.Status != StatusMisconfigured {
			return
		}
		metrics.Emit(telemetry.Dimensions{"FunctionName": function}, [][]string{{"FunctionName"}},
			telemetry.Metric{Name: telemetry.RefusedReads, Unit: telemetry.Count, Value: 1})
	}
}

func newSource(getenv func(string) string, log *slog.Logger) (*tokensource.Source, error) {
	id := getenv("TOKEN_SECRET_ID")
	if id == "" {
		return nil, errors.New("setting TOKEN_SECRET_ID is missing; set it to the name or ARN of the token secret")
	}
	if !secret.IsID(id) {
		return nil, errors.New("setting TOKEN_SECRET_ID is not the name or ARN of a secret; set it to that of the token " +
			"secret")
	}
	ttl := defaultTTL
	if text := getenv("TOKEN_CACHE_TTL"); text != "" {
		var err error
		if ttl, err = time.ParseDuration(text); err != nil || ttl <= 0 {
			return nil, errors.New(`setting TOKEN_CACHE_TTL is not a positive duration; write it as "5m" or "1h"`)
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
		RefreshAhead: -1, // Lambda could freeze the function, and a read in the background with it
		Timeout:      readTimeout,
		OnFailure: func(f tokensource.Failure) {
			log.Error("secret not read", "error", f.Err.Error(), "serving", f.Serving,
				"left", f.Left.String(), "retryIn", f.RetryIn.String())
		},
	})
}

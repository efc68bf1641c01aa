// Package lambdafn is between the Lambda runtime and the work of the functions rotate and sweep. It
// reads the environment and makes the clients, parses the event, writes the log lines and metrics
// of what was done, and turns a panic into an error that holds no secret.
//
// Nothing here is package state: a [Function] carries its log, so that several can live in one
// process.
package lambdafn

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/logging"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/internal/tlsroots"
	"engage-token-rotation/pkg/settings"
)

// callTimeout bounds one attempt of an AWS call, so that a lost answer leaves time for another
// attempt.
const callTimeout = 8 * time.Second

// Function holds what a Lambda function needs for its work, and the log and metrics to which it
// reports.
type Function struct {
	// Secrets, Parameters and Settings are for the Config of package rotation or sweep.
	Secrets    *awsstore.Secrets
	Parameters *awsstore.Parameters
	Settings   settings.Settings
	// Transport carries the calls to the vendor, through the proxy of the settings if there is one. It
	// is for the Config too.
	Transport http.RoundTripper
	// Log gets one line for each step and each sweep. Required.
	Log *slog.Logger
	// Metrics gets the metrics. Required.
	Metrics *telemetry.Metrics
	// Name is the dimension FunctionName of the metrics.
	Name string
	// Fault, if not nil, is why the function cannot start as it is configured. Every invocation then
	// fails with it, so that whoever invokes the function reads the reason; Secrets, Parameters and
	// Settings are not used.
	Fault error
}

// FromEnvironment reads the environment variables and makes the AWS clients; it calls no service.
// Log and metrics go to w. It prepares as much as possible, so that the first invocation is short:
// Lambda gives a starting function more CPU than it gives to the invocations of a small one.
//
// getenv is os.Getenv outside of tests. Built for Lambda, the SDK's own variables are those that
// package awsenv lists; else the SDK reads them, profiles and more from the process.
func FromEnvironment(w io.Writer, getenv func(string) string) *Function {
	f := &Function{
		Log:     telemetry.NewLogger(w, slog.LevelInfo),
		Metrics: telemetry.NewMetrics(w, time.Now),
		Name:    getenv("AWS_LAMBDA_FUNCTION_NAME"),
	}
	f.Fault = f.configure(w, getenv)
	telemetry.LogStart(f.Log)
	if f.Fault != nil {
		f.Log.Error("the function cannot start as it is configured", "error", f.Fault.Error())
	}
	return f
}

func (f *Function) configure(w io.Writer, getenv func(string) string) error {
	environment, err := settings.FromEnvironment(getenv)
	if err != nil {
		return err
	}
	f.Settings = environment
	f.Transport = engage.NewProxyTransport(environment.Proxy)
	f.Log = telemetry.NewLogger(w, environment.LogLevel)
	sdk, err := loadAWS(context.Background(), getenv, awshttp.NewBuildableClient().WithTimeout(callTimeout))
	if err != nil {
		return err
	}
	sdk.Logger = logging.LoggerFunc(f.logSDK)
	f.Secrets = awsstore.NewSecrets(sdk)
	f.Parameters = awsstore.NewParameters(sdk)
	tlsroots.Preload(sdk.BaseEndpoint)
	return nil
}

// logSDK logs a message of the AWS SDK, such as a connection that cannot be used again. The SDK
// would write it as text.
func (f *Function) logSDK(class logging.Classification, format string, values ...any) {
	f.Log.Warn("AWS SDK", "class", class, "message", fmt.Sprintf(format, values...))
}

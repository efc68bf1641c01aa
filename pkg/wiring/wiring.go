// Package wiring puts together what the functions rotate and sweep share: settings, AWS clients, where they report, and how
// they start.
package wiring

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/internal/tlsroots"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
)

// callTimeout bounds one try of an AWS call: a lost answer must leave time for another try.
const callTimeout = 8 * time.Second

// Wiring is the parts.
type Wiring struct {
	Settings   settings.Settings
	Secrets    rotation.Secrets
	Parameters ledger.Parameters
	Transport  http.RoundTripper
	Output     handler.Output

	endpoint *string
}

// Preload does what the first invocation would otherwise pay for with the little CPU that it has.
func (w Wiring) Preload() { tlsroots.Preload(w.endpoint) }

// FromEnvironment reads the environment and makes the parts; nothing is called yet. Log and metrics go to w.
func FromEnvironment(ctx context.Context, w io.Writer, getenv func(string) string) (Wiring, error) {
	environment, err := settings.FromEnvironment(getenv)
	if err != nil {
		return Wiring{}, err
	}
	aws, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(callTimeout)))
	if err != nil {
		return Wiring{}, err
	}
	out := handler.Output{
		Log:          telemetry.NewLogger(w, environment.LogLevel),
		Metrics:      telemetry.NewMetrics(w, time.Now),
		FunctionName: lambdacontext.FunctionName,
	}
	slog.SetDefault(out.Log)
	return Wiring{
		Settings:   environment,
		Secrets:    awsstore.NewSecrets(aws),
		Parameters: awsstore.NewParameters(aws),
		Transport:  engage.NewTransport(),
		Output:     out,
		endpoint:   aws.BaseEndpoint,
	}, nil
}

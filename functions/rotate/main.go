// Command rotate is the Lambda function that AWS Secrets Manager calls to rotate an Engage Voice token.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/paramstore"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secretstore"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/telemetry"
)

func main() {
	if err := run(context.Background()); err != nil {
		slog.Error("the function cannot start", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	environment, err := settings.FromEnvironment(os.Getenv)
	if err != nil {
		lambda.Start(handler.Failing(err))
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	out := handler.Output{
		Log:          telemetry.NewLogger(os.Stdout, environment.LogLevel),
		Metrics:      telemetry.NewMetrics(os.Stdout, time.Now),
		FunctionName: lambdacontext.FunctionName,
	}
	slog.SetDefault(out.Log)
	rotator := rotation.New(rotation.Config{
		Secrets:    secretstore.New(secretsmanager.NewFromConfig(aws)),
		Parameters: paramstore.New(aws),
		Settings:   environment,
		Attempt:    handler.RequestID,
		Observe:    out.Observe,
		Log:        out.Log,
	})
	lambda.Start(handler.Rotate(rotator, out))
	return nil
}

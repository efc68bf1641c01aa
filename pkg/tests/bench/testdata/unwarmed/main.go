// Command unwarmed is functions/rotate without the certificates that lambdafn.FromEnvironment loads
// at start.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/internal/awsenv"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/lambdafn"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
)

func main() {
	environment, err := settings.FromEnvironment(os.Getenv)
	if err != nil {
		panic(err)
	}
	sdk, err := awsenv.Config(os.Getenv)
	if err != nil {
		panic(err)
	}
	fn := &lambdafn.Function{
		Log:     telemetry.NewLogger(os.Stdout, environment.LogLevel),
		Metrics: telemetry.NewMetrics(os.Stdout, time.Now),
		Name:    os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
	}
	lambda.Start(fn.Rotate(rotation.New(rotation.Config{
		Secrets:    awsstore.NewSecrets(sdk),
		Parameters: awsstore.NewParameters(sdk),
		Settings:   environment,
		Attempt:    lambdafn.RequestID,
		Log:        fn.Log,
	})))
}

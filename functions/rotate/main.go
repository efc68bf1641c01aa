// Command rotate is the Lambda function that AWS Secrets Manager calls to rotate an Engage Voice token.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/wiring"
)

func main() {
	w, err := wiring.FromEnvironment(context.Background(), os.Stdout, os.Getenv)
	if err != nil {
		slog.Error("the function cannot start as it is set up", "error", err.Error())
		lambda.Start(handler.Failing(err))
	}
	w.Preload()
	rotator := rotation.New(rotation.Config{
		Secrets:    w.Secrets,
		Parameters: w.Parameters,
		Settings:   w.Settings,
		Transport:  w.Transport,
		Attempt:    handler.RequestID,
		Observe:    w.Output.Observe,
		Log:        w.Output.Log,
	})
	lambda.Start(handler.Rotate(rotator, w.Output))
}

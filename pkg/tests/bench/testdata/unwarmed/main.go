// Command unwarmed is functions/rotate without what that prepares at start.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/wiring"
)

func main() {
	w, err := wiring.FromEnvironment(context.Background(), os.Stdout, os.Getenv)
	if err != nil {
		panic(err)
	}
	lambda.Start(handler.Rotate(rotation.New(rotation.Config{
		Secrets: w.Secrets, Parameters: w.Parameters, Settings: w.Settings, Transport: w.Transport,
		Attempt: handler.RequestID, Observe: w.Output.Observe, Log: w.Output.Log,
	}), w.Output))
}

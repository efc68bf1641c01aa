// Command sweep is the Lambda function that on a schedule retires previous tokens, resolves crashed rotations, and
// reports.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/handler"
	"engage-token-rotation/pkg/sweep"
	"engage-token-rotation/pkg/wiring"
)

func main() {
	w, err := wiring.FromEnvironment(context.Background(), os.Stdout, os.Getenv)
	if err != nil {
		slog.Error("the function cannot start as it is set up", "error", err.Error())
		lambda.Start(handler.Failing(err))
	}
	w.Preload()
	sweeper := sweep.New(sweep.Config{
		Secrets:    w.Secrets,
		Parameters: w.Parameters,
		Settings:   w.Settings,
		Transport:  w.Transport,
		Log:        w.Output.Log,
	})
	lambda.Start(handler.Sweep(sweeper, w.Output))
}

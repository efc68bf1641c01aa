package wiring

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/handler"
)

// Start runs a function with what assemble makes of the parts; it never returns. A function that cannot start as it is
// set up answers every invocation with the reason.
func Start(assemble func(Wiring) handler.Handler) {
	w, err := FromEnvironment(context.Background(), os.Stdout, os.Getenv)
	if err != nil {
		slog.Error("the function cannot start as it is set up", "error", err.Error())
		lambda.Start(handler.Failing(err))
	}
	w.Preload()
	lambda.Start(assemble(w))
}

// Command sweep is the Lambda function that a schedule invokes to delete retired tokens, to resolve
// rotations that broke off, and to report. An operator invokes it by hand too; package sweep
// describes the events.
package main

import (
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/lambdafn"
	"engage-token-rotation/pkg/sweep"
)

func main() {
	log.SetFlags(0) // lambda.Start logs a failure as JSON; a date before it would make the line text
	fn := lambdafn.FromEnvironment(os.Stdout, os.Getenv)
	sweeper := sweep.New(sweep.Config{
		Secrets:    fn.Secrets,
		Parameters: fn.Parameters,
		Settings:   fn.Settings,
		Transport:  fn.Transport,
		// The secrets that the stack serves.
		RotationFunction: os.Getenv("ROTATION_FUNCTION_ARN"),
		TokenSecret:      fn.Settings.TokenSecret,
		Log:              fn.Log,
	})
	lambda.Start(fn.Sweep(sweeper))
}

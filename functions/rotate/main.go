// Command rotate is the Lambda function that AWS Secrets Manager invokes to rotate an Engage Voice
// token. The package rotation describes the four steps of a rotation; package lambdafn reads the
// event and reports.
package main

import (
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/lambdafn"
	"engage-token-rotation/pkg/rotation"
)

func main() {
	log.SetFlags(0) // lambda.Start logs a failure as JSON; a date before it would make the line text
	fn := lambdafn.FromEnvironment(os.Stdout, os.Getenv)
	rotator := rotation.New(rotation.Config{
		Secrets:    fn.Secrets,
		Parameters: fn.Parameters,
		Settings:   fn.Settings,
		Transport:  fn.Transport,
		Attempt:    lambdafn.RequestID,
		Log:        fn.Log,
	})
	lambda.Start(fn.Rotate(rotator))
}

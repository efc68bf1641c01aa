// Command ivr is a Lambda function for a contact flow of Amazon Connect: it reads the current API
// token from the rotated secret, asks Engage Voice for the accounts and answers a flat map of
// strings. The package ivr describes the answer; ivr.FromEnvironment lists the environment
// variables.
//
// The function needs secretsmanager:GetSecretValue on the token secret, and nothing else.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/ivr"
)

func main() {
	config := ivr.FromEnvironment(os.Stdout, os.Getenv)
	lambda.Start(ivr.New(config))
}

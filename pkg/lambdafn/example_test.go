package lambdafn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/lambdafn"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
)

// The main of a rotation function.
func Example() {
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

// A function that cannot start as it is configured answers every invocation with the reason.
func ExampleFromEnvironment() {
	environment := map[string]string{"PREVIOUS_TOKEN_RETENTION": "soon"}
	fn := lambdafn.FromEnvironment(io.Discard, func(name string) string { return environment[name] })
	handler := fn.Rotate(rotation.New(rotation.Config{Secrets: fn.Secrets, Parameters: fn.Parameters}))

	_, err := handler.Invoke(context.Background(), []byte(`{}`))
	fmt.Println(err == fn.Fault, errors.Is(err, settings.ErrInvalid))
	// Output: true true
}

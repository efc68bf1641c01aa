//go:build lambda.norpc

package lambdafn

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"engage-token-rotation/pkg/internal/awsenv"
)

// loadAWS reads the environment that Lambda gives to a function. The binaries for Lambda are built
// with the tag lambda.norpc, and hold no other source of credentials.
func loadAWS(_ context.Context, getenv func(string) string, client aws.HTTPClient) (aws.Config, error) {
	config, err := awsenv.Config(getenv)
	config.HTTPClient = client
	return config, err
}

//go:build !lambda.norpc

package lambdafn

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// loadAWS takes the ordinary chain of the SDK, with profiles, single sign-on and credential
// processes, for runs on a person's machine against AWS itself.
func loadAWS(ctx context.Context, _ func(string) string, client aws.HTTPClient) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx, config.WithHTTPClient(client))
}

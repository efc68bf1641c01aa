// Command linkonly makes the AWS clients that functions/rotate makes, with the same calls linked
// in, and does nothing with them.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/internal/awsenv"
)

func main() {
	aws, err := awsenv.Config(os.Getenv)
	if err != nil {
		panic(err)
	}
	lambda.Start(&handler{secretsmanager.NewFromConfig(aws), ssm.NewFromConfig(aws)})
}

// handler implements lambda.Handler.
type handler struct {
	secrets    *secretsmanager.Client
	parameters *ssm.Client
}

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if string(payload) == `"call"` { // never sent
		return nil, h.call(ctx)
	}
	return []byte("{}"), nil
}

func (h *handler) call(ctx context.Context) error {
	_, err := h.secrets.DescribeSecret(ctx, nil)
	if err == nil {
		_, err = h.secrets.GetSecretValue(ctx, nil)
	}
	if err == nil {
		_, err = h.secrets.PutSecretValue(ctx, nil)
	}
	if err == nil {
		_, err = h.secrets.UpdateSecretVersionStage(ctx, nil)
	}
	if err == nil {
		_, err = h.parameters.PutParameter(ctx, nil)
	}
	if err == nil {
		_, err = h.parameters.GetParameter(ctx, nil)
	}
	if err == nil {
		_, err = h.parameters.DeleteParameter(ctx, nil)
	}
	if err == nil {
		_, err = ssm.NewGetParametersByPathPaginator(h.parameters, nil).NextPage(ctx)
	}
	return err
}

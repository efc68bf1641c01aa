package awstest_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"engage-token-rotation/pkg/standins/awstest"
)

func TestBothServicesAnswerTheSDKAtOneEndpoint(t *testing.T) {
	for _, test := range []struct {
		name   string
		server func(*testing.T) *awstest.Server
	}{
		{"over a socket", func(t *testing.T) *awstest.Server { return awstest.New(t, nil) }},
		{"in the process", func(t *testing.T) *awstest.Server {
			server := awstest.NewServer(awstest.Config{})
			t.Cleanup(server.Close)
			return server
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, ctx := test.server(t), context.Background()
			secrets, parameters := secretsmanager.NewFromConfig(server.SDKConfig(
				"AKIDREADER")), ssm.NewFromConfig(server.SDKConfig("AKIDREADER"))
			if _, err := secrets.CreateSecret(ctx,
				&secretsmanager.CreateSecretInput{Name: aws.String("a"), SecretString: aws.String("v")}); err != nil {
				t.Fatal(err)
			}
			got, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")})
			if err != nil || aws.ToString(got.SecretString) != "v" || got.CreatedDate.IsZero() {
				t.Fatalf("got %v, %v", got, err)
			}
			if _, err := parameters.PutParameter(ctx,
				&ssm.PutParameterInput{Name: aws.String("/a/b"), Value: aws.String("w"),
					Type: types.ParameterTypeString}); err != nil {
				t.Fatal(err)
			}
			parameter, err := parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/a/b")})
			if err != nil || aws.ToString(parameter.Parameter.Value) != "w" || parameter.Parameter.Version != 1 {
				t.Fatalf("got %v, %v", parameter, err)
			}
			calls := server.Calls()
			if len(calls) != 4 || calls[1].Action != "GetSecretValue" || calls[1].Resource != aws.ToString(got.ARN) ||
				calls[1].Caller != "AKIDREADER" {
				t.Errorf("calls: %v", calls)
			}
		})
	}
}

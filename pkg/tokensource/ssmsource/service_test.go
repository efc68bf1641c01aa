package ssmsource_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/ssmsource"
)

func TestReadsASecretByItsReference(t *testing.T) {
	server := awstest.NewServer(awstest.Config{})
	defer server.Close()
	_, err := server.Secrets.CreateSecret(&awstest.CreateSecretInput{
		Name: "engage/token", SecretString: aws.String(`{"apiToken":"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := ssm.NewFromConfig(server.SDKConfig("reader"))
	for name, want := range map[string]error{"engage/token": nil, "engage/none": tokensource.ErrNotFound} {
		source, err := tokensource.New(tokensource.Config{Fetch: ssmsource.New(client, name)})
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		if token, err := source.Token(t.Context()); !errors.Is(err, want) || token.IsZero() != (want != nil) {
			t.Errorf("%s: %v, %v; want %v", name, token, err, want)
		}
	}
}

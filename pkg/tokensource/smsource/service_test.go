package smsource_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

const document = `{"apiToken":"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9","adminSecretArn":"engage/admin"}`

// newService has the token secret and the admin secret, and a reader who may read the token secret
// alone.
func newService(t awstest.TB, config awstest.Config) *awstest.Server {
	server := awstest.NewServer(config)
	t.Cleanup(server.Close)
	for name, text := range map[string]string{"engage/token": document, "engage/admin": `{"password":"x"}`,
		"engage/empty": ""} {
		in := &awstest.CreateSecretInput{Name: name, SecretString: aws.String(text)}
		if text == "" {
			in.SecretString = nil
		}
		if _, err := server.Secrets.CreateSecret(in); err != nil {
			t.Fatalf("CreateSecret: %v", err)
		}
	}
	return server
}

func TestReaderNeedsTheTokenSecretAlone(t *testing.T) {
	var server *awstest.Server
	server = newService(t, awstest.Config{Permit: func(c awstest.Call) bool {
		return c.Action == "GetSecretValue" && c.Resource != server.Secrets.ARN("engage/admin")
	}})
	client := secretsmanager.NewFromConfig(server.SDKConfig("reader"))
	for id, want := range map[string]error{
		"engage/token":                     nil,
		server.Secrets.ARN("engage/token"): nil,
		"engage/admin":                     tokensource.ErrDenied,
		"engage/none":                      tokensource.ErrNotFound,
		"engage/empty":                     tokensource.ErrNotFound,
	} {
		source, err := tokensource.New(tokensource.Config{Fetch: smsource.New(client, id)})
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		token, err := source.Token(t.Context())
		if !errors.Is(err, want) || want == nil && token.Reveal() != "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9" {
			t.Errorf("%s: %v, %v; want %v", id, token, err, want)
		}
	}
}

// BenchmarkColdRead is a new source's first token through the SDK, from a stand-in in the process:
// the cost of a read for the program, without the network's.
func BenchmarkColdRead(b *testing.B) {
	server := newService(b, awstest.Config{RecordLimit: 1})
	client := secretsmanager.NewFromConfig(server.SDKConfig("reader"))
	b.ReportAllocs()
	for b.Loop() {
		source, err := tokensource.New(tokensource.Config{Fetch: smsource.New(client, "engage/token")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := source.Token(b.Context()); err != nil {
			b.Fatal(err)
		}
		source.Close()
	}
}

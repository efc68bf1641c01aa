package tokensource_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

// A program that calls Engage: its http.Client sets the token and survives rotations.
func Example() {
	aws, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	source, err := tokensource.New(tokensource.Config{
		Fetch: smsource.New(secretsmanager.NewFromConfig(aws), "engage/token"),
		OnFailure: func(f tokensource.Failure) {
			slog.Warn("the token secret cannot be read", "error", f.Err, "serving", f.Serving, "left", f.Left)
		},
	})
	if err != nil {
		panic(err)
	}
	defer source.Close()
	base, _ := url.Parse("https://engage.ringcentral.com")
	transport, err := tokensource.NewTransport(source, base, nil)
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: transport}
	resp, err := client.Get("https://engage.ringcentral.com/voice/api/v1/admin/accounts")
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// A program with a client of its own sets the token by itself, and asks for another one if the
// vendor refuses it.
func ExampleSource_Replace() {
	reads := 0
	source, err := tokensource.New(tokensource.Config{Fetch: func(context.Context) (hidden.String, error) {
		reads++
		return hidden.New(fmt.Sprintf(`{"apiToken":"example-token-number-%d"}`, reads)), nil
	}})
	if err != nil {
		panic(err)
	}
	defer source.Close()

	ctx := context.Background()
	token, _ := source.Token(ctx)
	// ... the call made with token.Reveal() is answered with 401 ...
	other, err := source.Replace(ctx, token, http.StatusUnauthorized)
	if err == nil && other != token {
		fmt.Println("try again with", other)
	}
	// Output: try again with token 86dd0fbd5665
}

package tokensource_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/tokensource"
	"engage-token-rotation/pkg/tokensource/smsource"
)

// A program that calls Engage: its http.Client sets the token and survives rotations. README shows
// the part between the two lines.
func Example() {
	stop := startDeployment() // sets ENGAGE_BASE_URL and the SDK's variables
	defer stop()
	ctx := context.Background()
	// ----
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	source, err := tokensource.New(tokensource.Config{
		Fetch: smsource.New(secretsmanager.NewFromConfig(cfg), "engage/token"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	base, err := url.Parse(os.Getenv("ENGAGE_BASE_URL")) // https://ringcx.ringcentral.com, say
	if err != nil {
		log.Fatal(err)
	}
	transport, err := tokensource.NewTransport(source, base, nil)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: transport} // sets X-Auth-Token, survives rotations
	resp, err := client.Get(base.JoinPath("/voice/api/v1/admin/accounts").String())
	// ----
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
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

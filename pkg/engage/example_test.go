package engage_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
)

// exampleClient returns a client and credentials for a stand-in for the vendor. Its tokens are
// "aws80:example-token-1" and so on.
func exampleClient() (*engagetest.Server, *engage.Client, engage.Credentials) {
	made := 0
	server := engagetest.NewServer(engagetest.Config{
		NewToken: func() string { made++; return fmt.Sprintf("aws80:example-token-%d", made) },
	})
	base, err := engage.ParseBaseURL("https://engage.ringcentral.com")
	if err != nil {
		panic(err)
	}
	client := engage.New(engage.Config{
		Endpoint:  engage.Endpoint{Flow: engage.FlowEngage, BaseURL: base},
		Transport: server.RoundTripper(), // leave it out to call the vendor
	})
	user := engagetest.DefaultUser()
	return server, client, engage.Credentials{
		Flow: engage.FlowEngage, Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
	}
}

// A rotation's calls: log in, list, create, verify with the new token, delete the previous one with
// it.
func Example() {
	ctx := context.Background()
	server, client, credentials := exampleClient()
	previous, err := engage.ParseToken(server.CreateToken(credentials.Username))
	if err != nil {
		fmt.Println(err)
		return
	}

	session, err := client.Login(ctx, credentials)
	if err != nil {
		fmt.Println(err)
		return
	}
	listed, err := client.List(ctx, session)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.Create(ctx, session, listed)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.List(ctx, token); err != nil { // the new token works, and lists itself
		fmt.Println(err)
		return
	}
	if err := client.Delete(ctx, token, previous); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("created", token, "and deleted", previous)
	// Output:
	// created token 7e98e59ca6e8 and deleted token 95c62c2609cb
}

// The vendor answers a deletion well and deletes nothing: the deletion is not believed.
func ExampleClient_Delete() {
	ctx := context.Background()
	server, client, credentials := exampleClient()
	session, err := client.Login(ctx, credentials)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.Create(ctx, session, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	server.SetMisbehavior(engagetest.Misbehavior{Delete: engagetest.DeleteIgnored, Calls: 1})
	err = client.Delete(ctx, session, token)
	problem, next, _ := strings.Cut(err.Error(), "; ")
	fmt.Println(engage.Unconfirmed(err))
	fmt.Println(strings.Replace(problem, ", but", ",\nbut", 1))
	fmt.Println(next)
	fmt.Println(client.Delete(ctx, session, token))
	// Output:
	// true
	// engage: delete token at engage.ringcentral.com: the deletion was accepted,
	// but the token is still accepted (HTTP 200)
	// the next attempt asks again
	// <nil>
}

// While the vendor refuses everything, no token is dead.
func ExampleClient_Dead() {
	ctx := context.Background()
	server, client, credentials := exampleClient()
	session, err := client.Login(ctx, credentials)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.Create(ctx, session, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	created := time.Now().Add(-time.Hour)

	server.SetMisbehavior(engagetest.Misbehavior{Refuse: http.StatusUnauthorized})
	dead, err := client.Dead(ctx, token, created, session)
	fmt.Println(dead, engage.Disbelieved(err))

	server.SetMisbehavior(engagetest.Misbehavior{})
	server.DeleteToken(token.Reveal())
	fmt.Println(client.Dead(ctx, token, created, session))
	// Output:
	// false true
	// true <nil>
}

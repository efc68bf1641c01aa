package engagetest_test

import (
	"context"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
)

// BenchmarkClient is the calls of a rotation as package engage sends them: a login, lists, a
// creation and a deletion, beside ten other tokens of the user.
func BenchmarkClient(b *testing.B) {
	user := engagetest.DefaultUser()
	now := time.Unix(1_800_000_000, 0)
	server := engagetest.NewServer(engagetest.Config{LogLength: 1, Seed: 1, Now: func() time.Time { return now }})
	for range 10 {
		server.CreateToken(user.Username)
	}
	base, err := engage.ParseBaseURL("https://engage.example.com")
	if err != nil {
		b.Fatal(err)
	}
	client := engage.New(engage.Config{
		Transport: server.RoundTripper(), Endpoint: engage.Endpoint{BaseURL: base}, Now: func() time.Time { return now },
	})
	credentials := engage.Credentials{
		Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		session, err := client.Login(ctx, credentials)
		if err != nil {
			b.Fatal(err)
		}
		listed, err := client.List(ctx, session)
		if err != nil {
			b.Fatal(err)
		}
		token, err := client.Create(ctx, session, listed)
		if err != nil {
			b.Fatal(err)
		}
		if listed, err = client.List(ctx, token); err != nil {
			b.Fatal(err)
		}
		for _, token := range listed {
			_ = token.Fingerprint()
		}
		if err := client.Delete(ctx, session, token); err != nil {
			b.Fatal(err)
		}
	}
}

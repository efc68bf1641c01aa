package secret_test

import (
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
)

// A rotation sets the token and its time, and keeps every other byte.
func ExampleDocument_WithToken() {
	document, err := secret.Parse(`{ "note": 1.50 }`)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := engage.ParseToken("aws80:0123456789")
	if err != nil {
		fmt.Println(err)
		return
	}
	changed, err := document.WithToken(token, time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(changed) // does not print its text
	fmt.Println(changed.Text().Reveal())
	fmt.Println(changed.EqualExceptToken(document))
	// Output:
	// [hidden]
	// { "note": 1.50,"apiToken":"aws80:0123456789","apiTokenCreatedAt":"2026-11-26T09:30:00Z" }
	// true
}

// The login fields are in the token secret, or in the admin secret that it names.
func ExampleNewLogin() {
	document, err := secret.Parse(`{"adminSecretArn": "engage/admin"}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	admin, err := secret.Parse(`{"username": "api.user@example.com", "password": "correct horse"}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = secret.NewLogin(document, admin)
	var invalid *secret.FieldError
	fmt.Println(errors.As(err, &invalid), invalid.Field)
	// Output: true platformId
}

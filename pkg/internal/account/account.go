// Package account finds out which Engage host and user a secret speaks for.
package account

import (
	"context"
	"fmt"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// Account is a secret's host and user. Its login fields do not print.
type Account struct {
	Endpoint engage.Endpoint
	// User is the ledger's name for the user.
	User        ledger.User
	Credentials engage.Credentials
}

// Reader returns the value of a secret's AWSCURRENT version.
type Reader func(ctx context.Context, secretID string) (hidden.String, error)

// Read reads the admin secret that the document names, if any, and puts the account together.
func Read(ctx context.Context, read Reader, s settings.Settings, document *secret.Document) (Account, error) {
	admin, err := readAdmin(ctx, read, document.AdminSecretARN())
	if err != nil {
		return Account{}, err
	}
	login, err := secret.NewLogin(document, admin)
	if err != nil {
		return Account{}, err
	}
	endpoint, err := s.Endpoint(login.Credentials.Flow, login.BaseURL)
	if err != nil {
		return Account{}, err
	}
	return Account{Endpoint: endpoint, User: ledger.NewUser(endpoint, login.Credentials), Credentials: login.Credentials}, nil
}

// readAdmin returns nil where the document names no admin secret.
func readAdmin(ctx context.Context, read Reader, arn string) (*secret.Document, error) {
	if arn == "" {
		return nil, nil
	}
	if !secret.IsID(arn) {
		return nil, &secret.FieldError{Field: secret.FieldAdminSecretARN, Fault: "is not the ARN or name of a secret"}
	}
	value, err := read(ctx, arn)
	if err != nil {
		return nil, fmt.Errorf("read the admin secret %s: %w; store the login fields there, and let the function read it (secretsmanager:GetSecretValue)", arn, err)
	}
	admin, err := secret.Parse(value.Reveal())
	if err != nil {
		return nil, fmt.Errorf("admin %w", err)
	}
	return admin, nil
}

// LoginKey names who logs in, for the count of logins: the admin secret where there is one, so that the login can be
// counted before that secret is read, and the user otherwise. user may be empty where there is an admin secret.
func LoginKey(document *secret.Document, user ledger.User) string {
	if arn := document.AdminSecretARN(); arn != "" {
		return ledger.LoginKey(arn)
	}
	return ledger.LoginKey(string(user))
}

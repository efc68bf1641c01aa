package ledger_test

import (
	"errors"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/engagetest"
)

const (
	user    = ledger.User("0123456789abcdef")
	arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
	version = "0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"
)

var (
	start     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	errBroken = errors.New("broken")
)

// tokens makes n tokens.
func tokens(t testing.TB, n int) []engage.Token {
	t.Helper()
	server := engagetest.NewServer(engagetest.Config{Seed: 7})
	made := make([]engage.Token, n)
	for i := range made {
		token, err := engage.ParseToken(server.CreateToken(engagetest.DefaultUser().Username))
		if err != nil {
			t.Fatal(err)
		}
		made[i] = token
	}
	return made
}

func record(token engage.Token, state ledger.State) ledger.Record {
	return ledger.Record{
		Form:        1,
		Secret:      arn,
		Version:     version,
		Fingerprint: token.Fingerprint(),
		State:       state,
		CreatedAt:   start,
	}
}

package secret_test

import (
	"testing"

	"engage-token-rotation/pkg/secret"
)

func TestAnAdminSecretServesTheTokenSecretsThatItNames(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
	for fields, want := range map[string]bool{
		`{}`:                                   true,
		`{"tokenSecrets":null}`:                true,
		`{"tokenSecrets":[]}`:                  false,
		`{"tokenSecrets":["engage/token"]}`:    true,
		`{"tokenSecrets":["engage/*"]}`:        true,
		`{"tokenSecrets":["*"]}`:               true,
		`{"tokenSecrets":["` + arn + `"]}`:     true,
		`{"tokenSecrets":["engage"]}`:          false,
		`{"tokenSecrets":["*token"]}`:          false,
		`{"tokenSecrets":["e*/*"]}`:            false,
		`{"tokenSecrets":["other","engage/"]}`: false,
	} {
		document, err := secret.Parse(fields)
		if err != nil {
			t.Fatalf("%s: %v", fields, err)
		}
		if got := document.Serves(arn); got != want {
			t.Errorf("%s: %t, want %t", fields, got, want)
		}
	}
	if _, err := secret.Parse(`{"tokenSecrets":"engage/token"}`); err == nil {
		t.Error("a string in place of a list is accepted")
	}
}

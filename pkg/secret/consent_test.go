package secret_test

import (
	"testing"

	"engage-token-rotation/pkg/secret"
)

func TestAnAdminSecretServesTheTokenSecretsThatItNames(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
	for fields, want := range map[string]bool{
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
		for _, own := range []bool{false, true} {
			if got := document.Serves(arn, own); got != want {
				t.Errorf("%s, own %t: %t, want %t", fields, own, got, want)
			}
		}
	}
	for _, fields := range []string{`{}`, `{"tokenSecrets":null}`} {
		if parse(t, fields).Serves(arn, false) || !parse(t, fields).Serves(arn, true) {
			t.Errorf("%s serves not the stack's own token secret, and that alone", fields)
		}
	}
	if _, err := secret.Parse(`{"tokenSecrets":"engage/token"}`); err == nil {
		t.Error("a string in place of a list is accepted")
	}
}

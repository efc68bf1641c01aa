package ledger

import (
	"context"
	"encoding/json"
	"time"
)

// missingName is the end of the name of the entry of a secret that Secrets Manager does not find.
const missingName = "missing"

type missing struct {
	Form   int       `json:"v"`
	Secret string    `json:"secret"`
	Since  time.Time `json:"since"`
}

// addMissing notes since when a secret is missing. An entry of another form is written anew by the
// next sweep that does not find the secret.
func (a *All) addMissing(value string) {
	var m missing
	if json.Unmarshal([]byte(value), &m) == nil && m.Form == form && m.Secret != "" {
		a.Missing[m.Secret] = m.Since
	}
}

// SetMissing writes since when a secret is missing.
func (l *Ledger) SetMissing(ctx context.Context, secret string, since time.Time) error {
	return l.set(ctx, "write that a secret is missing", l.secretPath(secret)+"/"+missingName, missing{form, secret, since})
}

// EndMissing removes the entry of a secret that is found again, or has no other entries any more.
func (l *Ledger) EndMissing(ctx context.Context, secret string) error {
	return l.remove(ctx, "remove that a secret is missing", l.secretPath(secret)+"/"+missingName)
}

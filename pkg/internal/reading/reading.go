// Package reading reads what a step of a rotation decides by: the labels of the secret, the values
// of two of its versions, the settings, and the secret's entries in the ledger.
package reading

import (
	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// Reading is what a step has read before it decides. What the step did not need is zero.
type Reading struct {
	// ARN is the secret's, also when the event has its name.
	ARN      string
	Settings settings.Settings
	Labels   secret.Description
	Current  Version // AWSCURRENT
	// Version is the version that is to get a token, VersionID its ID. Version is zero when it has no
	// value.
	Version   Version
	VersionID string
	Entries   ledger.View
	// Left is the token of AWSCURRENT by an earlier read, if AWSCURRENT has moved since.
	Left engage.Token
}

// Version is a version with its parsed value.
type Version struct {
	secret.Version
	Document *secret.Document // nil when the value is not a document
	Token    engage.Token
	Fault    error // why the value holds no usable token
}

func newVersion(v secret.Version) Version {
	parsed := Version{Version: v}
	if parsed.Document, parsed.Fault = secret.Parse(v.Value.Reveal()); parsed.Fault == nil {
		parsed.Token, parsed.Fault = parsed.Document.Token()
	}
	return parsed
}

// Unusable explains why the version's value cannot be used.
func (v Version) Unusable() error {
	if v.Fault != nil {
		return v.Fault
	}
	return &secret.FieldError{Field: secret.FieldToken, Fault: "is missing in the version"}
}

// Facts returns what is known of the version that is to get a token.
func (r Reading) Facts() decide.Version {
	carries := func(label string) bool {
		return r.Labels.Carries(r.VersionID, label) || r.Labels.ARN == "" && r.Version.Carries(label)
	}
	v := decide.Version{
		Current: carries(secret.LabelCurrent) || r.VersionID == r.Current.ID,
		Pending: carries(secret.LabelPending),
	}
	if r.Version.ID == "" {
		return v
	}
	v.HasValue = true
	v.Usable = r.Version.Fault == nil && !r.Version.Token.IsZero()
	v.SameToken = v.Usable && r.Version.Token == r.Current.Token || r.Version.Value == r.Current.Value
	v.SameFields = r.Version.Document != nil && r.Version.Document.EqualExceptToken(r.Current.Document)
	return v
}

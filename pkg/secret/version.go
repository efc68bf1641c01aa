package secret

import (
	"context"
	"errors"
	"slices"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
)

// The staging labels that Secrets Manager defines.
const (
	LabelCurrent  = "AWSCURRENT"
	LabelPending  = "AWSPENDING"
	LabelPrevious = "AWSPREVIOUS"
)

// The kinds of failure that a store of secrets reports, to be found with errors.Is.
var (
	// ErrNotFound reports that a secret, a version or a version's value does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict reports that another change came first.
	ErrConflict = errors.New("another change came first")
	// ErrOutcomeUnknown is wrapped by a failure that may have had its effect all the same.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Description holds the labels of a secret's versions.
type Description struct {
	ARN      string
	Versions map[string][]string // version id to its labels
	// Scheduled reports that the secret is scheduled for deletion: until then it may be restored, and
	// no value can be read.
	Scheduled bool
}

// Holder returns the version that carries the label, or "".
func (d Description) Holder(label string) string {
	for version, labels := range d.Versions {
		if slices.Contains(labels, label) {
			return version
		}
	}
	return ""
}

// Carries reports whether the version carries the label.
func (d Description) Carries(version, label string) bool {
	return slices.Contains(d.Versions[version], label)
}

// Version holds the value of one version of a secret.
type Version struct {
	ARN    string
	ID     string
	Labels []string
	Value  hidden.String
}

// Carries reports whether the version carries the label.
func (v Version) Carries(label string) bool { return slices.Contains(v.Labels, label) }

// Getter reads values of secrets. Implementations are safe for concurrent use. Reads may lag by
// some seconds.
type Getter interface {
	// Get returns a version by its id, or by its label when versionID is empty. ErrNotFound: the
	// secret or the version does not exist, or the version has no value.
	Get(ctx context.Context, secretID, versionID, label string) (Version, error)
}

// TokenOf reads the token that a version holds, by the version's id or, when that is empty, by its
// label. It returns the zero Token when the version does not exist, has no value, or holds a
// document without a usable token.
func TokenOf(ctx context.Context, store Getter, secretID, versionID, label string) (engage.Token, error) {
	version, err := store.Get(ctx, secretID, versionID, label)
	if errors.Is(err, ErrNotFound) {
		return engage.Token{}, nil
	}
	if err != nil {
		return engage.Token{}, err
	}
	document, err := Parse(version.Value.Reveal())
	if err != nil {
		return engage.Token{}, nil
	}
	token, err := document.Token()
	if err != nil {
		return engage.Token{}, nil
	}
	return token, nil
}

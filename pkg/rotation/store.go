package rotation

import (
	"context"
	"errors"
	"slices"

	"engage-token-rotation/pkg/hidden"
)

// The staging labels that the service defines.
const (
	LabelCurrent  = "AWSCURRENT"
	LabelPending  = "AWSPENDING"
	LabelPrevious = "AWSPREVIOUS"
)

// Secrets is the store of the secrets, as far as a rotation uses it. Implementations are safe for concurrent use. Reads
// may be stale for some seconds.
type Secrets interface {
	// Describe returns the secret's ARN and its labelled versions. ErrNotFound: there is no such secret.
	Describe(ctx context.Context, secretID string) (Description, error)
	// Get returns a version by its id, or, where versionID is empty, by its label. ErrNotFound: there is no such secret
	// or version, or it has no value.
	Get(ctx context.Context, secretID, versionID, label string) (Version, error)
	// PutPending stores the value of a version and labels it AWSPENDING. The same value once more is no error.
	// ErrConflict: the version holds another value.
	PutPending(ctx context.Context, secretID, versionID string, value, rotationToken hidden.String) error
	// MoveLabel moves a label to version to from version from, which must carry it; an empty to removes the label.
	// ErrConflict: from does not carry it.
	MoveLabel(ctx context.Context, secretID, label, to, from string) error
}

// The kinds of failure that a Secrets implementation tells apart, to be found with errors.Is.
var (
	// ErrNotFound is a secret, version or value that is not there.
	ErrNotFound = errors.New("not found")
	// ErrConflict is a change that another one forestalled.
	ErrConflict = errors.New("forestalled by another change")
	// ErrOutcomeUnknown is wrapped by a failure that may have had its effect all the same.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Description is the labels of a secret's versions.
type Description struct {
	ARN      string
	Versions map[string][]string // version id to its labels
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

// Version is the value of a version.
type Version struct {
	ARN    string
	ID     string
	Labels []string
	Value  hidden.String
}

// Carries reports whether the version carries the label.
func (v Version) Carries(label string) bool { return slices.Contains(v.Labels, label) }

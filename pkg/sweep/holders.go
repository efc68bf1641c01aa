package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
)

// holder is a managed secret as it stands.
type holder struct {
	arn              string
	labels           rotation.Description
	currentVersion   string
	document         *secret.Document // of AWSCURRENT
	current, pending engage.Token
	createdAt        time.Time
}

func (h *holder) holds(fingerprint engage.Fingerprint) bool {
	return h.current.Fingerprint() == fingerprint || h.pending.Fingerprint() == fingerprint
}

// awaits reports whether a version waits for createSecret to put its value.
func (h *holder) awaits(version string) bool {
	return h.labels.Carries(version, rotation.LabelPending) && version != h.currentVersion && h.pending.IsZero()
}

// readHolder reads a secret, its labels and values. Reads may be stale: where they do not agree with one another, the
// secret is left for the next sweep.
func (s *Sweeper) readHolder(ctx context.Context, arn string) (*holder, error) {
	h := &holder{arn: arn}
	var err error
	if h.labels, err = s.config.Secrets.Describe(ctx, arn); err != nil {
		return nil, fmt.Errorf("describe secret %s: %w", arn, err)
	}
	current, err := s.config.Secrets.Get(ctx, arn, "", rotation.LabelCurrent)
	if err != nil {
		return nil, fmt.Errorf("read AWSCURRENT of secret %s: %w", arn, err)
	}
	if current.ID != h.labels.Holder(rotation.LabelCurrent) {
		return nil, fmt.Errorf("secret %s is changing; the next sweep looks again", arn)
	}
	h.currentVersion = current.ID
	if h.document, h.current, err = parse(current); err != nil {
		return nil, fmt.Errorf("read AWSCURRENT of secret %s: %w", arn, err)
	}
	h.createdAt = h.document.TokenCreatedAt()
	version := h.labels.Holder(rotation.LabelPending)
	if version == "" || version == current.ID {
		return h, nil
	}
	pending, err := s.config.Secrets.Get(ctx, arn, version, "")
	if errors.Is(err, rotation.ErrNotFound) {
		return h, nil // empty as yet
	}
	if err != nil {
		return nil, fmt.Errorf("read AWSPENDING of secret %s: %w", arn, err)
	}
	if _, h.pending, err = parse(pending); err != nil {
		return nil, fmt.Errorf("read AWSPENDING of secret %s: %w", arn, err)
	}
	return h, nil
}

func parse(version rotation.Version) (*secret.Document, engage.Token, error) {
	document, err := secret.Parse(version.Value.Reveal())
	if err != nil {
		return nil, engage.Token{}, err
	}
	token, err := document.Token()
	return document, token, err
}

// heldBy returns the token that a version holds, labelled or not; the zero Token where it holds none, or is not there.
func (s *Sweeper) heldBy(ctx context.Context, arn, version string) (engage.Token, error) {
	v, err := s.config.Secrets.Get(ctx, arn, version, "")
	if errors.Is(err, rotation.ErrNotFound) {
		return engage.Token{}, nil
	}
	if err != nil {
		return engage.Token{}, fmt.Errorf("read version %s of secret %s: %w", version, arn, err)
	}
	_, token, err := parse(v)
	if err != nil {
		return engage.Token{}, nil // a document at fault holds no token
	}
	return token, nil
}

// Package secretstore is AWS Secrets Manager as pkg/rotation and pkg/sweep see it.
package secretstore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/rotation"
)

// Store calls Secrets Manager. It is safe for concurrent use.
type Store struct{ client *secretsmanager.Client }

var _ rotation.Secrets = (*Store)(nil)

// New returns a store that calls through client.
func New(client *secretsmanager.Client) *Store { return &Store{client} }

// Describe implements rotation.Secrets.
func (s *Store) Describe(ctx context.Context, secretID string) (rotation.Description, error) {
	out, err := s.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secretID})
	if err != nil {
		return rotation.Description{}, classify("DescribeSecret", err)
	}
	return rotation.Description{ARN: aws.ToString(out.ARN), Versions: out.VersionIdsToStages}, nil
}

// Get implements rotation.Secrets.
func (s *Store) Get(ctx context.Context, secretID, versionID, label string) (rotation.Version, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &secretID}
	if versionID != "" {
		in.VersionId = &versionID
	} else {
		in.VersionStage = &label
	}
	out, err := s.client.GetSecretValue(ctx, in)
	if err != nil {
		return rotation.Version{}, classify("GetSecretValue", err)
	}
	if out.SecretString == nil {
		return rotation.Version{}, fmt.Errorf("GetSecretValue: the value is binary; store a JSON document as the secret's string")
	}
	return rotation.Version{
		ARN: aws.ToString(out.ARN), ID: aws.ToString(out.VersionId), Labels: out.VersionStages, Value: hidden.New(*out.SecretString),
	}, nil
}

// PutPending implements rotation.Secrets.
func (s *Store) PutPending(ctx context.Context, secretID, versionID string, value, rotationToken hidden.String) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId: &secretID, ClientRequestToken: &versionID, SecretString: aws.String(value.Reveal()),
		VersionStages: []string{rotation.LabelPending},
	}
	if !rotationToken.IsZero() {
		in.RotationToken = aws.String(rotationToken.Reveal())
	}
	_, err := s.client.PutSecretValue(ctx, in)
	return classify("PutSecretValue", err)
}

// MoveLabel implements rotation.Secrets.
func (s *Store) MoveLabel(ctx context.Context, secretID, label, to, from string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &secretID, VersionStage: &label}
	if to != "" {
		in.MoveToVersionId = &to
	}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	_, err := s.client.UpdateSecretVersionStage(ctx, in)
	return classify("UpdateSecretVersionStage", err)
}

// classify translates an SDK error into the kinds that a rotation tells apart.
func classify(operation string, err error) error {
	described := awserr.New(operation, err)
	if described == nil {
		return nil
	}
	switch described.Code {
	case "ResourceNotFoundException":
		return fmt.Errorf("%w: %w", rotation.ErrNotFound, described)
	case "ResourceExistsException", "InvalidParameterException":
		return fmt.Errorf("%w: %w", rotation.ErrConflict, described)
	}
	if described.Unknown {
		return fmt.Errorf("%w: %w", rotation.ErrOutcomeUnknown, described)
	}
	return described
}

package awsstore

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/rotation"
)

// Secrets calls Secrets Manager. It is safe for concurrent use.
type Secrets struct{ client *secretsmanager.Client }

var _ rotation.Secrets = (*Secrets)(nil)

// NewSecrets returns a store that calls with the configuration's credentials, endpoint and retries.
func NewSecrets(config aws.Config) *Secrets {
	return &Secrets{secretsmanager.NewFromConfig(config)}
}

// Describe implements rotation.Secrets.
func (s *Secrets) Describe(ctx context.Context, secretID string) (rotation.Description, error) {
	out, err := s.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secretID})
	if err != nil {
		return rotation.Description{}, ClassifySecrets("DescribeSecret", err)
	}
	return rotation.Description{ARN: aws.ToString(out.ARN), Versions: out.VersionIdsToStages}, nil
}

// Get implements rotation.Secrets.
func (s *Secrets) Get(ctx context.Context, secretID, versionID, label string) (rotation.Version, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &secretID}
	if versionID != "" {
		in.VersionId = &versionID
	} else {
		in.VersionStage = &label
	}
	out, err := s.client.GetSecretValue(ctx, in)
	if err != nil {
		return rotation.Version{}, ClassifySecrets("GetSecretValue", err)
	}
	if out.SecretString == nil {
		return rotation.Version{}, errors.New("GetSecretValue: the value is binary; store a JSON document as the secret's string")
	}
	return rotation.Version{
		ARN: aws.ToString(out.ARN), ID: aws.ToString(out.VersionId), Labels: out.VersionStages, Value: hidden.New(*out.SecretString),
	}, nil
}

// PutPending implements rotation.Secrets.
func (s *Secrets) PutPending(ctx context.Context, secretID, versionID string, value, rotationToken hidden.String) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId: &secretID, ClientRequestToken: &versionID, SecretString: aws.String(value.Reveal()),
		VersionStages: []string{rotation.LabelPending},
	}
	if !rotationToken.IsZero() {
		in.RotationToken = aws.String(rotationToken.Reveal())
	}
	_, err := s.client.PutSecretValue(ctx, in)
	return ClassifySecrets("PutSecretValue", err)
}

// MoveLabel implements rotation.Secrets.
func (s *Secrets) MoveLabel(ctx context.Context, secretID, label, to, from string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &secretID, VersionStage: &label}
	if to != "" {
		in.MoveToVersionId = &to
	}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	_, err := s.client.UpdateSecretVersionStage(ctx, in)
	return ClassifySecrets("UpdateSecretVersionStage", err)
}

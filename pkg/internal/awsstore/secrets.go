package awsstore

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
)

// Secrets calls Secrets Manager. It is safe for concurrent use.
type Secrets struct{ client *secretsmanager.Client }

var (
	_ rotation.Secrets = (*Secrets)(nil)
	_ holders.Store    = (*Secrets)(nil)
)

// NewSecrets returns a store that calls with the configuration's credentials, endpoint and retries.
func NewSecrets(config aws.Config) *Secrets {
	return &Secrets{secretsmanager.NewFromConfig(config)}
}

// Describe implements rotation.Secrets.
func (s *Secrets) Describe(ctx context.Context, secretID string) (secret.Description, error) {
	out, err := s.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secretID})
	if err != nil {
		return secret.Description{}, ClassifySecrets("DescribeSecret", err)
	}
	return secret.Description{
		ARN: aws.ToString(out.ARN), Versions: out.VersionIdsToStages, Scheduled: out.DeletedDate != nil,
	}, nil
}

// Get implements rotation.Secrets.
func (s *Secrets) Get(ctx context.Context, secretID, versionID, label string) (secret.Version, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &secretID}
	if versionID != "" {
		in.VersionId = &versionID
	} else {
		in.VersionStage = &label
	}
	out, err := s.client.GetSecretValue(ctx, in)
	if err != nil {
		return secret.Version{}, ClassifySecrets("GetSecretValue", err)
	}
	if out.SecretString == nil {
		return secret.Version{}, errors.New("GetSecretValue: the value is binary; store a JSON document as the secret's " +
			"string")
	}
	return secret.Version{
		ARN: aws.ToString(out.ARN), ID: aws.ToString(out.VersionId), Labels: out.VersionStages,
		Value: hidden.New(*out.SecretString),
	}, nil
}

// PutPending implements rotation.Secrets.
func (s *Secrets) PutPending(ctx context.Context, secretID, versionID string, value,
	rotationToken hidden.String) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId: &secretID, ClientRequestToken: &versionID, SecretString: aws.String(value.Reveal()),
		VersionStages: []string{secret.LabelPending},
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

// List implements holders.Store. Secrets Manager cannot filter by rotation function, so that all
// secrets of the account are listed, 100 in a page.
func (s *Secrets) List(ctx context.Context, function string) ([]string, error) {
	var arns []string
	pages := secretsmanager.NewListSecretsPaginator(s.client, &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, ClassifySecrets("ListSecrets", err)
		}
		for _, entry := range page.SecretList {
			rotates := aws.ToString(entry.RotationLambdaARN)
			if rotates != "" && (function == "" || rotates == function) {
				arns = append(arns, aws.ToString(entry.ARN))
			}
		}
	}
	return arns, nil
}

package awstest

import "time"

// DeleteSecretInput is the request of DeleteSecret.
type DeleteSecretInput struct {
	SecretId                   string
	RecoveryWindowInDays       *int // 7 to 30; nil means 30
	ForceDeleteWithoutRecovery bool
}

// DeleteSecretOutput is the answer of DeleteSecret.
type DeleteSecretOutput struct {
	ARN          string
	Name         string
	DeletionDate Timestamp
}

// DeleteSecret schedules a secret for deletion, or deletes it at once by force. With force an
// unknown secret is not an error.
func (s *SecretsManager) DeleteSecret(in *DeleteSecretInput) (*DeleteSecretOutput, error) {
	if err := s.throttle.take("DeleteSecret"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	if err := checkName(in.SecretId, "secretId", maxSecretID); err != nil {
		return nil, err
	}
	days, now := in.RecoveryWindowInDays, s.config.Now()
	switch {
	case days != nil && (*days < 7 || *days > 30):
		return nil, failure(codeInvalidParameter, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case days != nil && in.ForceDeleteWithoutRecovery:
		return nil, failure(codeInvalidParameter,
			"You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	sec := s.find(in.SecretId)
	switch {
	case sec == nil && in.ForceDeleteWithoutRecovery:
		return &DeleteSecretOutput{ARN: s.newARN(in.SecretId), Name: in.SecretId, DeletionDate: Timestamp{now}}, nil
	case sec == nil:
		return nil, errSecretNotFound()
	case in.ForceDeleteWithoutRecovery:
		s.remove(sec)
		return &DeleteSecretOutput{ARN: sec.arn, Name: sec.name, DeletionDate: Timestamp{now}}, nil
	case !sec.deleteAt.IsZero():
		return nil, errDeleted()
	}
	window := defaultRecovery
	if days != nil {
		window = time.Duration(*days) * 24 * time.Hour
	}
	s.remember(sec)
	sec.deleteAt = now.Add(window)
	return &DeleteSecretOutput{ARN: sec.arn, Name: sec.name, DeletionDate: Timestamp{sec.deleteAt}}, nil
}

// RestoreSecret cancels a scheduled deletion.
func (s *SecretsManager) RestoreSecret(in *SecretIdInput) (*SecretOutput, error) {
	if err := s.throttle.take("RestoreSecret"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.known(in.SecretId)
	if err != nil {
		return nil, err
	}
	s.remember(sec)
	sec.deleteAt = time.Time{}
	return &SecretOutput{ARN: sec.arn, Name: sec.name}, nil
}

// TagSecretInput is the request of TagResource.
type TagSecretInput struct {
	SecretId string
	Tags     []Tag
}

// UntagSecretInput is the request of UntagResource.
type UntagSecretInput struct {
	SecretId string
	TagKeys  []string
}

// Nothing is an empty answer.
type Nothing struct{}

// TagResource sets tags of a secret.
func (s *SecretsManager) TagResource(in *TagSecretInput) (*Nothing, error) {
	if err := s.throttle.take("TagResource"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	sec.tag(in.Tags)
	return nil, nil
}

// UntagResource removes tags of a secret.
func (s *SecretsManager) UntagResource(in *UntagSecretInput) (*Nothing, error) {
	if err := s.throttle.take("UntagResource"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	gone := make([]Tag, len(in.TagKeys))
	for i, key := range in.TagKeys {
		gone[i].Key = key
	}
	sec.untag(gone)
	return nil, nil
}

package awstest

import "errors"

// UpdateSecretInput is the request of UpdateSecret. A value in it becomes AWSCURRENT.
type UpdateSecretInput struct {
	SecretId           string
	ClientRequestToken string
	Description        *string
	KmsKeyId           *string
	SecretString       *string
	SecretBinary       []byte
	Caller             string `json:"-"`
}

// UpdateSecret changes a secret's description, and its value if one is given.
func (s *SecretsManager) UpdateSecret(in *UpdateSecretInput) (*SecretOutput, error) {
	if err := s.throttle.take("UpdateSecret"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	content, err := newValue(in.SecretString, in.SecretBinary, true)
	if err != nil {
		return nil, err
	}
	out := &SecretOutput{ARN: sec.arn, Name: sec.name}
	if content != nil {
		token, err := s.token(in.ClientRequestToken)
		if err != nil {
			return nil, err
		}
		if _, err := s.write(sec, write{token: token, content: content, stages: []string{StageCurrent},
			caller: in.Caller}); err != nil {
			return nil, err
		}
		out.VersionId = token
	}
	if in.Description != nil {
		sec.description = *in.Description
	}
	if in.KmsKeyId != nil {
		sec.kmsKeyID = *in.KmsKeyId
	}
	sec.changed = s.config.Now()
	return out, nil
}

// BatchGetSecretValueInput is the request of BatchGetSecretValue; filters are not supported.
type BatchGetSecretValueInput struct{ SecretIdList []string }

// BatchGetSecretValueOutput is the answer of BatchGetSecretValue. It holds secrets: do not print
// it.
type BatchGetSecretValueOutput struct {
	SecretValues []*GetSecretValueOutput
	Errors       []BatchError `json:",omitempty"`
}

// BatchError is why BatchGetSecretValue could not read a secret.
type BatchError struct{ SecretId, ErrorCode, Message string }

// BatchGetSecretValue reads the AWSCURRENT values of up to 20 secrets.
func (s *SecretsManager) BatchGetSecretValue(in *BatchGetSecretValueInput) (*BatchGetSecretValueOutput, error) {
	if err := s.throttle.take("BatchGetSecretValue"); err != nil {
		return nil, err
	}
	if n := len(in.SecretIdList); n < 1 || n > 20 {
		return nil, failure(codeInvalidParameter,
			"SecretIdList must hold 1 to 20 names or ARNs; filters are not supported here.")
	}
	out := &BatchGetSecretValueOutput{SecretValues: []*GetSecretValueOutput{}}
	for _, id := range in.SecretIdList {
		got, err := s.GetSecretValue(&GetSecretValueInput{SecretId: id})
		if err != nil {
			failed := BatchError{SecretId: id, ErrorCode: codeOf(err)}
			if api := (*APIError)(nil); errors.As(err, &api) {
				failed.Message = api.Message
			}
			out.Errors = append(out.Errors, failed)
			continue
		}
		out.SecretValues = append(out.SecretValues, got)
	}
	return out, nil
}

package awstest

import (
	"slices"
	"strconv"
	"time"
)

// SecretIdInput is the request of the operations that take only a secret's name or ARN.
type SecretIdInput struct {
	SecretId string
	// Stale is the number of changes that DescribeSecret has not seen yet (see SecretsConfig.History).
	Stale int `json:"-"`
}

// SecretDescription is the answer of DescribeSecret and an entry of ListSecrets: everything but the
// values.
type SecretDescription struct {
	ARN                    string
	Name                   string
	Description            string              `json:",omitempty"`
	KmsKeyId               string              `json:",omitempty"`
	RotationEnabled        bool                `json:",omitempty"`
	RotationLambdaARN      string              `json:",omitempty"`
	RotationRules          *RotationRules      `json:",omitempty"`
	LastRotatedDate        Timestamp           `json:",omitzero"`
	LastChangedDate        Timestamp           `json:",omitzero"`
	LastAccessedDate       Timestamp           `json:",omitzero"`
	DeletedDate            Timestamp           `json:",omitzero"`
	NextRotationDate       Timestamp           `json:",omitzero"`
	Tags                   []Tag               `json:",omitzero"`  // empty after the last untag
	VersionIdsToStages     map[string][]string `json:",omitempty"` // DescribeSecret
	SecretVersionsToStages map[string][]string `json:",omitempty"` // ListSecrets
	CreatedDate            Timestamp
}

// DescribeSecret describes a secret, also one that is scheduled for deletion. It leaves out
// versions without labels.
func (s *SecretsManager) DescribeSecret(in *SecretIdInput) (*SecretDescription, error) {
	if err := s.throttle.take("DescribeSecret"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.known(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := sec.before(in.Stale).describe()
	return out, nil
}

func (sec *secret) describe() *SecretDescription {
	out := &SecretDescription{
		ARN: sec.arn, Name: sec.name, Description: sec.description, KmsKeyId: sec.kmsKeyID,
		RotationEnabled: sec.enabled, RotationLambdaARN: sec.functionARN,
		LastChangedDate: Timestamp{sec.changed},
		CreatedDate:     Timestamp{sec.created},
		DeletedDate:     Timestamp{sec.deleteAt}, NextRotationDate: Timestamp{sec.nextRotation}, Tags: slices.Clone(sec.tags),
	}
	if !sec.accessed.IsZero() {
		out.LastAccessedDate = Timestamp{sec.accessed.UTC().Truncate(24 * time.Hour)} // the service returns only the day
	}
	if sec.enabled { // without rotation the service returns no date, also if there was one
		out.LastRotatedDate = Timestamp{sec.lastRotated}
	}
	if sec.rules != (RotationRules{}) {
		rules := sec.rules
		out.RotationRules = &rules
	}
	for _, v := range sec.labels {
		if out.VersionIdsToStages == nil {
			out.VersionIdsToStages = map[string][]string{}
		}
		out.VersionIdsToStages[v.id] = slices.Clone(v.stages)
	}
	return out
}

// ListSecretVersionIdsInput is the request of ListSecretVersionIds.
type ListSecretVersionIdsInput struct {
	SecretId          string
	IncludeDeprecated bool
	MaxResults        int
	NextToken         string
}

// ListSecretVersionIdsOutput is the answer of ListSecretVersionIds: the versions in the order of
// their creation.
type ListSecretVersionIdsOutput struct {
	ARN       string
	Name      string
	Versions  []VersionEntry
	NextToken string `json:",omitempty"`
}

// VersionEntry describes a version in a list.
type VersionEntry struct {
	VersionId        string
	VersionStages    []string  `json:",omitempty"`
	CreatedDate      Timestamp `json:",omitzero"`
	LastAccessedDate Timestamp `json:",omitzero"`
	KmsKeyIds        []string  `json:",omitempty"`
}

// ListSecretVersionIds lists the versions of a secret, those without labels only if asked for.
func (s *SecretsManager) ListSecretVersionIds(in *ListSecretVersionIdsInput) (*ListSecretVersionIdsOutput, error) {
	if err := s.throttle.take("ListSecretVersionIds"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.known(in.SecretId)
	if err != nil {
		return nil, err
	}
	entries := []VersionEntry{}
	for _, v := range sec.versions {
		if len(v.stages) == 0 && !in.IncludeDeprecated {
			continue
		}
		entries = append(entries, VersionEntry{
			VersionId: v.id, VersionStages: slices.Clone(v.stages), CreatedDate: Timestamp{v.created},
			LastAccessedDate: Timestamp{v.accessed}, KmsKeyIds: []string{"DefaultEncryptionKey"},
		})
	}
	page, next, err := paginate(entries, in.MaxResults, in.NextToken, 100, errNextToken)
	if err != nil {
		return nil, err
	}
	return &ListSecretVersionIdsOutput{ARN: sec.arn, Name: sec.name, Versions: page, NextToken: next}, nil
}

func errNextToken() *APIError {
	return failure("InvalidNextTokenException", "You provided an invalid value for the NextToken parameter.")
}

// paginate returns a page of a list. The token is the position of the page's first entry.
func paginate[T any](list []T, size int, token string, most int, invalid func() *APIError) (page []T,
	next string, err error) {
	at := 0
	if token != "" {
		at, err = strconv.Atoi(token)
		if err != nil || at < 0 {
			return nil, "", invalid()
		}
	}
	if size < 0 || size > most {
		return nil, "", errConstraint(strconv.Itoa(size), "maxResults",
			"Member must have value less than or equal to "+strconv.Itoa(most))
	}
	if size == 0 {
		size = most
	}
	at = min(at, len(list))
	end := min(at+size, len(list))
	if end < len(list) {
		next = strconv.Itoa(end)
	}
	return list[at:end], next, nil
}

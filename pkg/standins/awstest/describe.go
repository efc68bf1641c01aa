package awstest

import (
	"slices"
	"strconv"
	"strings"
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
	Tags                   []Tag               `json:",omitempty"`
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
	sec := s.find(in.SecretId)
	if sec == nil {
		return nil, errSecretNotFound()
	}
	out := sec.before(in.Stale).describe()
	return out, nil
}

func (sec *secret) describe() *SecretDescription {
	out := &SecretDescription{
		ARN: sec.arn, Name: sec.name, Description: sec.description, KmsKeyId: sec.kmsKeyID,
		RotationEnabled: sec.enabled, RotationLambdaARN: sec.functionARN,
		LastRotatedDate: Timestamp{sec.lastRotated}, LastChangedDate: Timestamp{sec.changed},
		CreatedDate: Timestamp{sec.created},
		DeletedDate: Timestamp{sec.deleteAt}, NextRotationDate: Timestamp{sec.nextRotation}, Tags: slices.Clone(sec.tags),
	}
	if !sec.accessed.IsZero() {
		out.LastAccessedDate = Timestamp{sec.accessed.UTC().Truncate(24 * time.Hour)} // the service returns only the day
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
	sec := s.find(in.SecretId)
	if sec == nil {
		return nil, errSecretNotFound()
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

// Filter selects secrets in ListSecrets: Key is name, description, tag-key, tag-value or all; a
// value selects what begins with it, or, with a leading "!", what does not.
type Filter struct {
	Key    string
	Values []string
}

// ListSecretsInput is the request of ListSecrets.
type ListSecretsInput struct {
	MaxResults             int
	NextToken              string
	Filters                []Filter
	IncludePlannedDeletion bool
}

// ListSecretsOutput is the answer of ListSecrets, by name.
type ListSecretsOutput struct {
	SecretList []*SecretDescription
	NextToken  string `json:",omitempty"`
}

// ListSecrets lists secrets.
func (s *SecretsManager) ListSecrets(in *ListSecretsInput) (*ListSecretsOutput, error) {
	if err := s.throttle.take("ListSecrets"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	list := []*SecretDescription{}
	for _, name := range slices.Clone(s.names) {
		sec := s.find(name)
		if sec == nil || !sec.deleteAt.IsZero() && !in.IncludePlannedDeletion || !sec.matches(in.Filters) {
			continue
		}
		entry := sec.describe()
		entry.SecretVersionsToStages, entry.VersionIdsToStages = entry.VersionIdsToStages, nil
		list = append(list, entry)
	}
	page, next, err := paginate(list, in.MaxResults, in.NextToken, 100, errNextToken)
	if err != nil {
		return nil, err
	}
	return &ListSecretsOutput{SecretList: page, NextToken: next}, nil
}

func (sec *secret) matches(filters []Filter) bool {
	for _, filter := range filters {
		var texts []string
		if filter.Key == "name" || filter.Key == "all" {
			texts = append(texts, sec.name)
		}
		if filter.Key == "description" || filter.Key == "all" {
			texts = append(texts, sec.description)
		}
		for _, tag := range sec.tags {
			if filter.Key == "tag-key" || filter.Key == "all" {
				texts = append(texts, tag.Key)
			}
			if filter.Key == "tag-value" || filter.Key == "all" {
				texts = append(texts, tag.Value)
			}
		}
		if !slices.ContainsFunc(filter.Values, func(want string) bool { return selects(want, texts) }) {
			return false
		}
	}
	return true
}

func selects(want string, texts []string) bool {
	positive, negated := strings.CutPrefix(want, "!")
	return negated != slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, positive) })
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

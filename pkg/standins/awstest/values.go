package awstest

import (
	"bytes"
	"slices"
	"time"
)

// value is a version's value. It never changes.
type value struct {
	text   *string
	binary []byte
}

// newValue checks a value. No value is nil if optional is set, and otherwise an error.
func newValue(text *string, binary []byte, optional bool) (*value, error) {
	switch {
	case text != nil && binary != nil:
		return nil, failure(codeInvalidParameter,
			"You can't specify both a binary secret value and a string secret value in the same secret.")
	case text == nil && binary == nil && optional:
		return nil, nil
	case text == nil && binary == nil:
		return nil, failure(codeInvalidRequest, "You must provide either SecretString or SecretBinary.")
	}
	field, length := "secretBinary", len(binary)
	if text != nil {
		field, length = "secretString", len(*text)
	}
	switch {
	case length == 0:
		return nil, errConstraint("", field, "Member must have length greater than or equal to 1")
	case length > MaxSecretBytes:
		return nil, errConstraint("***", field, "Member must have length less than or equal to 65536")
	}
	v := &value{binary: bytes.Clone(binary)}
	if text != nil {
		copied := *text
		v.text = &copied
	}
	return v, nil
}

func (v *value) equal(other *value) bool {
	if v == nil || other == nil {
		return v == other
	}
	if (v.text == nil) != (other.text == nil) {
		return false
	}
	return v.text == nil && bytes.Equal(v.binary, other.binary) || v.text != nil && *v.text == *other.text
}

// GetSecretValueInput is the request of GetSecretValue. Without VersionId and VersionStage it reads
// AWSCURRENT.
type GetSecretValueInput struct {
	SecretId     string
	VersionId    string
	VersionStage string
	// Stale is the number of changes that the read has not seen yet (see SecretsConfig.History).
	Stale int `json:"-"`
}

// GetSecretValueOutput is the answer of GetSecretValue. It holds the secret: do not print it.
type GetSecretValueOutput struct {
	ARN           string
	Name          string
	VersionId     string
	SecretString  *string `json:",omitempty"`
	SecretBinary  []byte  `json:",omitempty"`
	VersionStages []string
	CreatedDate   Timestamp
}

// GetSecretValue reads the value of a version.
func (s *SecretsManager) GetSecretValue(in *GetSecretValueInput) (*GetSecretValueOutput, error) {
	if err := s.throttle.take("GetSecretValue"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	latest, err := s.known(in.SecretId)
	if err != nil {
		return nil, err
	}
	now, sec := s.config.Now(), latest.before(in.Stale)
	if !sec.deleteAt.IsZero() {
		return nil, errDeleted()
	}
	v, err := sec.pick(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	latest.accessed, v.accessed = now, now
	out := &GetSecretValueOutput{
		ARN: sec.arn, Name: sec.name, VersionId: v.id, VersionStages: slices.Clone(v.stages),
		CreatedDate:  Timestamp{v.created},
		SecretBinary: bytes.Clone(v.value.binary),
	}
	if v.value.text != nil {
		text := *v.value.text
		out.SecretString = &text
	}
	return out, nil
}

// pick returns the version that a read names, which must have a value.
func (sec *secret) pick(id, stage string) (*version, error) {
	if id == "" {
		if stage == "" {
			stage = StageCurrent
		}
		if v := sec.labels[stage]; v != nil && v.value != nil {
			return v, nil
		}
		return nil, errNoValueForStage(stage)
	}
	v := sec.byID[id]
	switch {
	case v == nil:
		return nil, errNoValueForVersion(id)
	case stage != "" && !slices.Contains(v.stages, stage):
		return nil, failure(codeInvalidRequest,
			"You provided a VersionStage that is not associated to the provided VersionId.")
	case v.value == nil && stage != "":
		return nil, errNoValueForStage(stage)
	case v.value == nil:
		return nil, errNoValueForVersion(id)
	}
	return v, nil
}

// PutSecretValueInput is the request of PutSecretValue. Without VersionStages the version becomes
// AWSCURRENT.
type PutSecretValueInput struct {
	SecretId           string
	ClientRequestToken string
	SecretString       *string
	SecretBinary       []byte
	VersionStages      []string
	RotationToken      string
	// Caller is the writer: over HTTP the access key id. See SecretsConfig.FunctionCaller.
	Caller string `json:"-"`
}

// PutSecretValueOutput is the answer of PutSecretValue.
type PutSecretValueOutput struct {
	ARN           string
	Name          string
	VersionId     string
	VersionStages []string
}

// PutSecretValue writes a version: a new one, or the empty one that a rotation made. The same token
// with the same value is ignored and succeeds; with another value it is ResourceExistsException.
func (s *SecretsManager) PutSecretValue(in *PutSecretValueInput) (*PutSecretValueOutput, error) {
	if err := s.throttle.take("PutSecretValue"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	content, err := newValue(in.SecretString, in.SecretBinary, false)
	if err != nil {
		return nil, err
	}
	if in.VersionStages == nil {
		in.VersionStages = []string{StageCurrent}
	}
	if err := checkStages(in.VersionStages); err != nil {
		return nil, err
	}
	token, err := s.token(in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	v, err := s.write(sec, write{token: token, content: content, stages: in.VersionStages, rotationToken: in.RotationToken,
		caller: in.Caller})
	if err != nil {
		return nil, err
	}
	return &PutSecretValueOutput{ARN: sec.arn, Name: sec.name, VersionId: v.id, VersionStages: slices.Clone(v.stages)}, nil
}

func checkStages(stages []string) error {
	if len(stages) < 1 || len(stages) > MaxStagingLabels {
		return errConstraint("...", "versionStages", "Member must have length between 1 and 20, inclusive")
	}
	for _, stage := range stages {
		if stage == "" || len(stage) > 256 {
			return errConstraint(stage, "versionStages", "Member must have length between 1 and 256, inclusive")
		}
	}
	return nil
}

// write is one write of a value.
type write struct {
	token         string
	content       *value
	stages        []string
	rotationToken string
	caller        string
}

// write puts a value into a version and moves the labels.
func (s *SecretsManager) write(sec *secret, w write) (*version, error) {
	v := sec.byID[w.token]
	if v != nil && v.value != nil {
		if v.value.equal(w.content) {
			return v, nil
		}
		return nil, errTokenInUse(w.token, sec)
	}
	if sec.labels[StageCurrent] == nil && !slices.Contains(w.stages, StageCurrent) {
		w.stages = append(slices.Clone(w.stages), StageCurrent)
	}
	if n := sec.labelsWith(w.stages); n > MaxStagingLabels {
		return nil, failure(codeLimit, "You can't attach more than %d staging labels to the versions of a secret.",
			MaxStagingLabels)
	}
	now := s.config.Now()
	s.remember(sec)
	byHand := !s.writtenByRotation(sec, w)
	if byHand && slices.Contains(w.stages, StageCurrent) {
		sec.clearPending(now)
		s.reschedule(sec, now)
	}
	if v == nil {
		v = sec.addVersion(w.token, w.content, now)
	}
	v.value, v.byHand = w.content, byHand
	for _, stage := range w.stages {
		sec.attach(stage, v, now)
		s.labelMoved(stage, sec, v, now)
	}
	if byHand {
		s.writtenByHand(sec, v, now)
	}
	sec.changed = now
	s.prune(sec, now)
	return v, nil
}

// clearPending takes AWSPENDING from a rotation's version and from AWSCURRENT, as the service does
// when a person writes a new AWSCURRENT. An AWSPENDING that was attached by hand stays.
func (sec *secret) clearPending(now time.Time) {
	if v := sec.labels[StagePending]; v != nil && (v.rotationToken != "" || v == sec.labels[StageCurrent]) {
		sec.detach(StagePending, now)
	}
}

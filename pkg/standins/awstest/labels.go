package awstest

import (
	"slices"
	"sort"
	"time"
)

// version is one version of a secret.
type version struct {
	id                            string
	stages                        []string // sorted, as the service returns them
	created, accessed, deprecated time.Time
	value                         *value // nil if it is the empty version of a rotation
	rotationToken                 string // of the rotation that made the version
	byHand                        bool   // another caller than that rotation's function wrote the value
}

func (sec *secret) addVersion(id string, content *value, now time.Time) *version {
	v := &version{id: id, value: content, created: now, deprecated: now}
	sec.versions = append(sec.versions, v)
	sec.byID[id] = v
	return v
}

// dropVersion removes a version with its labels.
func (sec *secret) dropVersion(v *version, now time.Time) {
	for _, stage := range slices.Clone(v.stages) {
		sec.detach(stage, now)
	}
	delete(sec.byID, v.id)
	sec.versions = slices.DeleteFunc(sec.versions, func(other *version) bool { return other == v })
}

// attach moves a label to v. When AWSCURRENT moves, AWSPREVIOUS moves to the version that it
// leaves.
func (sec *secret) attach(stage string, v *version, now time.Time) {
	old := sec.labels[stage]
	if old == v {
		return
	}
	sec.detach(stage, now)
	sec.labels[stage] = v
	at := sort.SearchStrings(v.stages, stage)
	v.stages = slices.Insert(slices.Clone(v.stages), at, stage)
	if stage != StageCurrent {
		return
	}
	if sec.labels[StagePrevious] == v {
		sec.detach(StagePrevious, now)
	}
	if old != nil {
		sec.attach(StagePrevious, old, now)
	}
}

// detach removes a label from the version that has it.
func (sec *secret) detach(stage string, now time.Time) {
	v := sec.labels[stage]
	if v == nil {
		return
	}
	delete(sec.labels, stage)
	v.stages = slices.DeleteFunc(slices.Clone(v.stages), func(other string) bool { return other == stage })
	if len(v.stages) == 0 {
		v.deprecated = now
	}
}

// labelsWith counts the labels that the secret has once those of stages are attached.
func (sec *secret) labelsWith(stages []string) int {
	n := len(sec.labels)
	for i, stage := range stages {
		if sec.labels[stage] == nil && !slices.Contains(stages[:i], stage) {
			n++
		}
	}
	return n
}

// UpdateSecretVersionStageInput is the request of UpdateSecretVersionStage.
type UpdateSecretVersionStageInput struct {
	SecretId            string
	VersionStage        string
	RemoveFromVersionId string
	MoveToVersionId     string
}

// UpdateSecretVersionStage moves, attaches or removes a label: a compare-and-swap, because
// RemoveFromVersionId must name the version that has the label now.
func (s *SecretsManager) UpdateSecretVersionStage(in *UpdateSecretVersionStageInput) (*SecretOutput, error) {
	if err := s.throttle.take("UpdateSecretVersionStage"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &SecretOutput{ARN: sec.arn, Name: sec.name}
	holder, target := sec.labels[in.VersionStage], sec.byID[in.MoveToVersionId]
	if s.config.ReplayMoves && target != nil && holder == target {
		return out, nil
	}
	if err := sec.checkMove(in); err != nil {
		return nil, err
	}
	now := s.config.Now()
	s.remember(sec)
	if target == nil {
		sec.detach(in.VersionStage, now)
	} else {
		sec.attach(in.VersionStage, target, now)
		if holder != target {
			s.labelMoved(in.VersionStage, sec, target, now)
		}
	}
	sec.changed = now
	if in.VersionStage == StagePending {
		s.pendingMoved(sec, now)
	}
	s.prune(sec, now)
	return out, nil
}

// checkMove is the comparison of the compare-and-swap.
func (sec *secret) checkMove(in *UpdateSecretVersionStageInput) error {
	holder, from := sec.labels[in.VersionStage], in.RemoveFromVersionId
	switch {
	case in.VersionStage == "":
		return errConstraint("", "versionStage", "Member must have length greater than or equal to 1")
	case from == "" && in.MoveToVersionId == "":
		return failure(codeInvalidParameter, "You must provide RemoveFromVersionId, MoveToVersionId or both.")
	case in.MoveToVersionId != "" && sec.byID[in.MoveToVersionId] == nil:
		return errNoValueForVersion(in.MoveToVersionId)
	case from == "" && holder != nil:
		return failure(codeInvalidParameter,
			"The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you "+
				"must explicitly reference that version in RemoveFromVersionId.", in.VersionStage, holder.id)
	case from != "" && (holder == nil || holder.id != from):
		return failure(codeInvalidParameter,
			"The parameter RemoveFromVersionId can't reference version %s. Staging label %s is not currently attached to "+
				"that version.", from, in.VersionStage)
	case in.VersionStage == StageCurrent && in.MoveToVersionId == "":
		return failure(codeInvalidParameter,
			"You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
	case holder == nil && sec.labelsWith([]string{in.VersionStage}) > MaxStagingLabels:
		return failure(codeLimit, "You can't attach more than %d staging labels to the versions of a secret.",
			MaxStagingLabels)
	}
	return nil
}

// remember stores the secret's state before a change, for stale reads.
func (s *SecretsManager) remember(sec *secret) {
	if s.config.History <= 0 {
		return
	}
	snapshot := *sec
	snapshot.past, snapshot.versions = nil, make([]*version, len(sec.versions))
	snapshot.byID, snapshot.labels = make(map[string]*version, len(sec.byID)), make(map[string]*version, len(sec.labels))
	for i, v := range sec.versions {
		copied := *v // stages and value are never changed in place
		snapshot.versions[i] = &copied
		snapshot.byID[v.id] = &copied
		for _, stage := range v.stages {
			snapshot.labels[stage] = &copied
		}
	}
	sec.past = append(sec.past, &snapshot)
	if extra := len(sec.past) - s.config.History; extra > 0 {
		sec.past = slices.Delete(sec.past, 0, extra)
	}
}

// before returns the state of the secret before its last n changes, or before the earliest
// remembered one.
func (sec *secret) before(n int) *secret {
	if n <= 0 || len(sec.past) == 0 {
		return sec
	}
	return sec.past[max(0, len(sec.past)-n)]
}

// prune removes versions without labels, oldest first, as SecretsConfig.DeprecatedRetention says.
func (s *SecretsManager) prune(sec *secret, now time.Time) {
	retention := s.config.DeprecatedRetention
	if retention >= 0 && len(sec.versions) <= maxPlainVersions {
		return
	}
	kept := sec.versions[:0]
	excess := len(sec.versions) - maxPlainVersions
	for _, v := range sec.versions {
		gone := len(v.stages) == 0 && (retention < 0 || excess > 0 && now.Sub(v.deprecated) >= retention)
		if !gone {
			kept = append(kept, v)
			continue
		}
		excess--
		delete(sec.byID, v.id)
	}
	clear(sec.versions[len(kept):])
	sec.versions = kept
}

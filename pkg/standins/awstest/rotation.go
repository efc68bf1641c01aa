package awstest

import (
	"encoding/json"
	"time"
)

// Steps of a rotation, in the order in which the service invokes them.
const (
	StepCreate = "createSecret"
	StepSet    = "setSecret"
	StepTest   = "testSecret"
	StepFinish = "finishSecret"
)

// RotationEvent is the event that the service sends to a rotation function.
type RotationEvent struct {
	Step               string
	SecretId           string // the full ARN
	ClientRequestToken string
	RotationToken      string `json:",omitempty"` // sensitive
}

// Run is a rotation for the caller to drive: invoke the function for each of Steps, in order.
type Run struct {
	SecretARN     string
	VersionID     string
	RotationToken string // sensitive; empty with SecretsConfig.OmitRotationToken
	FunctionARN   string
	Steps         []string
	// Test marks a run of testSecret alone (RotateImmediately=false).
	Test bool
}

// Event returns the function's event for a step.
func (r Run) Event(step string) RotationEvent {
	return RotationEvent{Step: step, SecretId: r.SecretARN, ClientRequestToken: r.VersionID,
		RotationToken: r.RotationToken}
}

// Payload returns the event as JSON.
func (r Run) Payload(step string) []byte {
	payload, _ := json.Marshal(r.Event(step))
	return payload
}

// Outcome is how a rotation ended.
type Outcome string

// Outcomes of a rotation.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"    // the function failed; AWSPENDING stays where it is
	Abandoned Outcome = "abandoned" // a write by hand ended the rotation
	Cancelled Outcome = "cancelled" // CancelRotateSecret or a deletion ended the rotation
)

// rotation is a rotation of a secret.
type rotation struct {
	versionID string
	test      bool
	running   bool
	outcome   Outcome // empty while it may continue
}

// RotateSecretInput is the request of RotateSecret. RotateImmediately is true when it is nil.
type RotateSecretInput struct {
	SecretId           string
	ClientRequestToken string
	RotationLambdaARN  string
	RotationRules      *RotationRules
	RotateImmediately  *bool
}

// RotateSecret sets up the rotation of a secret and starts one, which runs in the background if
// SecretsConfig.Invoke is set. While an earlier one is incomplete the request is refused, and the
// earlier one is run again.
func (s *SecretsManager) RotateSecret(in *RotateSecretInput) (*SecretOutput, error) {
	if err := s.throttle.take("RotateSecret"); err != nil {
		return nil, err
	}
	run, err := s.begin(in)
	if run != nil {
		s.start(*run)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	return &SecretOutput{ARN: sec.arn, Name: sec.name, VersionId: sec.rotation.versionID}, nil
}

// BeginRotation does what RotateSecret does before it invokes anything, and leaves the rest to the
// caller: invoke the steps, call CheckRotation after each, repeat all steps of the same run after a
// failure as often as wanted, then call EndRotation once. It is for a service without Invoke.
func (s *SecretsManager) BeginRotation(in *RotateSecretInput) (Run, error) {
	run, err := s.begin(in)
	if err != nil || run == nil {
		return Run{}, err
	}
	return *run, nil
}

// begin checks a request and makes the pending version. It returns a run together with an error if
// the service refuses the request and runs the earlier rotation again, and neither for the
// repetition of a request.
func (s *SecretsManager) begin(in *RotateSecretInput) (*Run, error) {
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	token, err := s.token(in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	if err := s.configure(sec, in, now); err != nil {
		return nil, err
	}
	if v := sec.byID[token]; v != nil {
		if sec.rotation != nil && sec.rotation.versionID == token {
			return nil, nil
		}
		return nil, errTokenInUse(token, sec)
	}
	if pending := sec.labels[StagePending]; pending != nil && pending != sec.labels[StageCurrent] {
		refusal := failure(codeInvalidRequest, "A previous rotation isn't complete. That rotation will be reattempted.")
		if s.config.Invoke == nil {
			return nil, refusal
		}
		return s.resume(sec, now), refusal
	}
	s.remember(sec)
	v := sec.addVersion(token, nil, now)
	v.rotationToken = s.config.NewID()
	sec.attach(StagePending, v, now)
	test := in.RotateImmediately != nil && !*in.RotateImmediately
	if current := sec.labels[StageCurrent]; test && current != nil && !s.config.EmptyTestVersion {
		v.value = current.value
	}
	s.overtake(sec, now)
	sec.rotation = &rotation{versionID: token, test: test, running: true}
	s.emit(eventName(test, ""), sec, token, "", now)
	return s.run(sec, v), nil
}

// configure stores function and rules of a RotateSecret request.
func (s *SecretsManager) configure(sec *secret, in *RotateSecretInput, now time.Time) error {
	function := sec.functionARN
	if in.RotationLambdaARN != "" {
		function = in.RotationLambdaARN
	}
	if function == "" {
		return failure(codeInvalidRequest, "No Lambda rotation function ARN is associated with this secret.")
	}
	if len(function) > maxSecretID {
		return errConstraint(function, "rotationLambdaARN", "Member must have length less than or equal to 2048")
	}
	rules := sec.rules
	if in.RotationRules != nil {
		rules = *in.RotationRules
	}
	if _, err := parseSchedule(rules, s.config.MinimumInterval); err != nil {
		return err
	}
	if s.config.MayInvoke != nil && !s.config.MayInvoke(function) {
		return failure(codeAccessDenied,
			"Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "+
				"the principal secretsmanager.amazonaws.com.")
	}
	sec.functionARN, sec.rules, sec.enabled = function, rules, true
	s.reschedule(sec, now)
	return nil
}

func (s *SecretsManager) run(sec *secret, v *version) *Run {
	run := &Run{SecretARN: sec.arn, VersionID: v.id, RotationToken: v.rotationToken, FunctionARN: sec.functionARN,
		Steps: []string{StepCreate, StepSet, StepTest, StepFinish}, Test: sec.rotation.test}
	if run.Test {
		run.Steps = []string{StepTest}
	}
	if s.config.OmitRotationToken {
		run.RotationToken = ""
	}
	return run
}

// ResumeRotation returns the incomplete rotation of a secret, to be run again with its old token:
// the service does so after it refused RotateSecret because "a previous rotation isn't complete".
// It fails if there is none or if it is running.
func (s *SecretsManager) ResumeRotation(secretID string) (Run, error) {
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(secretID)
	if err != nil {
		return Run{}, err
	}
	run := s.resume(sec, s.config.Now())
	if run == nil {
		return Run{}, failure(codeInvalidRequest, "No incomplete rotation to resume.")
	}
	return *run, nil
}

func (s *SecretsManager) resume(sec *secret, now time.Time) *Run {
	pending := sec.labels[StagePending]
	if pending == nil || pending == sec.labels[StageCurrent] || sec.rotation != nil && sec.rotation.running {
		return nil
	}
	if pending.rotationToken == "" { // a version that no rotation made
		pending.rotationToken, pending.byHand = s.config.NewID(), true
	}
	sec.rotation = &rotation{versionID: pending.id, running: true}
	s.emit(RotationStarted, sec, pending.id, "", now)
	return s.run(sec, pending)
}

// CancelRotateSecret turns the schedule off and ends a running rotation. Its labels stay as they
// are.
func (s *SecretsManager) CancelRotateSecret(in *SecretIdInput) (*SecretOutput, error) {
	if err := s.throttle.take("CancelRotateSecret"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	sec, err := s.use(in.SecretId)
	if err != nil {
		return nil, err
	}
	if sec.functionARN == "" {
		return nil, failure(codeInvalidRequest,
			"You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured and you "+
				"didn't include such an ARN as a parameter in this call.")
	}
	sec.enabled, sec.nextRotation = false, time.Time{}
	out := &SecretOutput{ARN: sec.arn, Name: sec.name}
	if r := sec.rotation; r != nil && r.running && r.outcome == "" {
		r.outcome, out.VersionId = Cancelled, r.versionID
	}
	return out, nil
}

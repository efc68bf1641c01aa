package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/standins/awstest"
)

// The operations at AWS.
const (
	opDescribe   = "DescribeSecret"
	opGet        = "GetSecretValue"
	opPut        = "PutSecretValue"
	opMove       = "UpdateSecretVersionStage"
	opParameter  = "GetParameter"
	opParameters = "GetParametersByPath"
	opPutParam   = "PutParameter"
	opDropParam  = "DeleteParameter"
)

// How often the SDK's clients try; see pkg/internal/secretstore and pkg/internal/paramstore.
const (
	secretAttempts    = 3
	parameterAttempts = 8
)

var (
	errBroken    = errors.New("connection reset")
	errServer    = &awstest.APIError{Code: "InternalServiceError", Status: 500}
	errDenied    = &awstest.APIError{Code: "AccessDeniedException"}
	errThrottled = &awstest.APIError{Code: "ThrottlingException"}
)

// aws makes a call as the SDK does: errors of the connection, of the server and of throttling are tried again.
func (w *world) aws(ctx context.Context, c call, attempts int, result *error) error {
	for try := 1; ; try++ {
		attempt := c
		attempt.try = try
		v, err := w.do(ctx, &attempt)
		if err == nil {
			switch v.seen {
			case answered:
				return *result
			case serverError:
				err = errServer
			case throttled:
				err = errThrottled
			case refused:
				err = errDenied
			default:
				err = errBroken
			}
		}
		if try >= attempts || v.final || ctx.Err() != nil || !sleep(ctx, min(5*time.Second, 100*time.Millisecond<<try)) {
			return err
		}
	}
}

// secrets is the store as rotation and sweep see it; it does what pkg/internal/secretstore does.
type secrets struct{ w *world }

var _ rotation.Secrets = secrets{}

// Describe implements rotation.Secrets.
func (s secrets) Describe(ctx context.Context, secretID string) (rotation.Description, error) {
	var (
		found  rotation.Description
		result error
	)
	c := call{service: secretsManager, op: opDescribe, resource: secretID}
	c.effect = func(c *call) {
		out, err := s.w.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: secretID, Stale: s.w.changesSince(secretID, c.age)})
		if result = err; err == nil {
			s.w.observeDescribed(c.by, secretID, c.age)
			found = rotation.Description{ARN: out.ARN, Versions: out.VersionIdsToStages}
		}
	}
	err := s.w.aws(ctx, c, secretAttempts, &result)
	return found, classify(opDescribe, err)
}

// Get implements rotation.Secrets.
func (s secrets) Get(ctx context.Context, secretID, versionID, label string) (rotation.Version, error) {
	var (
		found  rotation.Version
		result error
	)
	in := awstest.GetSecretValueInput{SecretId: secretID, VersionId: versionID}
	if versionID == "" {
		in.VersionStage = label
	}
	c := call{service: secretsManager, op: opGet, resource: secretID + " " + versionID + label}
	c.effect = func(c *call) {
		in.Stale = s.w.changesSince(secretID, c.age)
		out, err := s.w.secretsManager.GetSecretValue(&in)
		if result = err; err == nil {
			found = rotation.Version{ARN: out.ARN, ID: out.VersionId, Labels: out.VersionStages, Value: hidden.New(*out.SecretString)}
			s.w.observeGet(c.by, out.ARN, out.VersionId, label, c.age)
		}
	}
	err := s.w.aws(ctx, c, secretAttempts, &result)
	return found, classify(opGet, err)
}

// PutPending implements rotation.Secrets.
func (s secrets) PutPending(ctx context.Context, secretID, versionID string, value, rotationToken hidden.String) error {
	var result error
	c := call{service: secretsManager, op: opPut, resource: secretID + " " + versionID}
	c.effect = func(c *call) {
		text := value.Reveal()
		_, err := s.w.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretID, VersionId: versionID})
		before := err == nil
		_, result = s.w.secretsManager.PutSecretValue(&awstest.PutSecretValueInput{
			SecretId: secretID, ClientRequestToken: versionID, SecretString: &text,
			VersionStages: []string{rotation.LabelPending}, RotationToken: rotationToken.Reveal(),
		})
		if result == nil && !before {
			s.w.changed(secretID)
			s.w.observePut(c.by, secretID, versionID, text, c.sent)
		}
	}
	return classify(opPut, s.w.aws(ctx, c, secretAttempts, &result))
}

// MoveLabel implements rotation.Secrets.
func (s secrets) MoveLabel(ctx context.Context, secretID, label, to, from string) error {
	var result error
	c := call{service: secretsManager, op: opMove, resource: secretID + " " + label + " to " + to + " from " + from}
	c.effect = func(c *call) {
		replayed := to != "" && s.w.carries(secretID, to, label) // which changes nothing, where it is taken at all
		_, result = s.w.secretsManager.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: secretID, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from,
		})
		if result == nil && !replayed {
			s.w.changed(secretID)
		}
		if result == nil {
			s.w.observeMove(c.by, secretID, label, c.sent)
		} else {
			s.w.logf("  refused: %v", result)
		}
	}
	return classify(opMove, s.w.aws(ctx, c, secretAttempts, &result))
}

// carries reports whether a version carries a label.
func (w *world) carries(secretID, version, label string) bool {
	out, err := w.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: secretID})
	return err == nil && slices.Contains(out.VersionIdsToStages[version], label)
}

// classify does what pkg/internal/secretstore does.
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

// history is when a secret of the store was changed.
type history struct{ changes []time.Time }

func (w *world) changed(secretID string) {
	if h := w.stored[secretID]; h != nil {
		h.changes = append(h.changes, time.Now())
	}
	if s := w.secretOf[secretID]; s != nil {
		w.observePending(s)
	}
}

// changesSince counts the changes of the latest age.
func (w *world) changesSince(secretID string, age time.Duration) int {
	h := w.stored[secretID]
	if h == nil || age <= 0 {
		return 0
	}
	n, since := 0, time.Now().Add(-age)
	for i := len(h.changes) - 1; i >= 0 && h.changes[i].After(since); i-- {
		n++
	}
	return n
}

// code returns an AWS error's code.
func code(err error) string {
	var api *awstest.APIError
	if errors.As(err, &api) {
		return api.Code
	}
	return ""
}

// describe keeps a nil error nil.
func describe(operation string, err error) error {
	if err == nil {
		return nil
	}
	return awserr.New(operation, err)
}

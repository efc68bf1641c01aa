package simulation

import (
	"context"
	"errors"
	"slices"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/standins/awstest"
)

// The operations at AWS.
const (
	opDescribe    = "DescribeSecret"
	opGet         = "GetSecretValue"
	opPut         = "PutSecretValue"
	opMove        = "UpdateSecretVersionStage"
	opListSecrets = "ListSecrets"
	opParameter   = "GetParameter"
	opParameters  = "GetParametersByPath"
	opPutParam    = "PutParameter"
	opDropParam   = "DeleteParameter"
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

// aws makes a call as the SDK does: errors of the connection, of the server and of throttling are
// tried again.
func (h *history) aws(ctx context.Context, c call, attempts int, result *error) error {
	for try := 1; ; try++ {
		attempt := c
		attempt.try = try
		v, err := h.do(ctx, &attempt)
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
type secrets struct {
	h     *history
	stack *stack
}

var (
	_ rotation.Secrets = secrets{}
	_ holders.Store    = secrets{}
)

// Describe implements rotation.Secrets.
func (s secrets) Describe(ctx context.Context, secretID string) (description, error) {
	var (
		found  description
		result error
	)
	c := call{service: secretsManager, op: opDescribe, resource: secretID}
	c.effect = func(c *call) {
		out, err := s.h.secretsManager.DescribeSecret(
			&awstest.SecretIdInput{SecretId: secretID, Stale: s.h.changesSince(secretID, c.age)},
		)
		if result = err; err == nil {
			s.h.observeDescribed(c.by, secretID, c.age)
			found = description{
				ARN: out.ARN, Versions: out.VersionIdsToStages, Scheduled: !out.DeletedDate.IsZero(),
			}
		}
	}
	err := s.h.aws(ctx, c, secretAttempts, &result)
	return found, awsstore.ClassifySecrets(opDescribe, err)
}

// Get implements rotation.Secrets.
func (s secrets) Get(ctx context.Context, secretID, versionID, label string) (version, error) {
	var (
		found  version
		result error
	)
	in := awstest.GetSecretValueInput{SecretId: secretID, VersionId: versionID}
	if versionID == "" {
		in.VersionStage = label
	}
	c := call{service: secretsManager, op: opGet, resource: secretID + " " + versionID + label}
	c.effect = func(c *call) {
		in.Stale = s.h.changesSince(secretID, c.age)
		out, err := s.h.secretsManager.GetSecretValue(&in)
		if result = err; err == nil {
			found = version{ARN: out.ARN, ID: out.VersionId, Labels: out.VersionStages, Value: hidden.New(*out.SecretString)}
			s.h.observeGet(c.by, out.ARN, out.VersionId, label, c.age)
		}
	}
	err := s.h.aws(ctx, c, secretAttempts, &result)
	return found, awsstore.ClassifySecrets(opGet, err)
}

// PutPending implements rotation.Secrets.
func (s secrets) PutPending(
	ctx context.Context,
	secretID, versionID string,
	value, rotationToken hidden.String,
) error {
	var result error
	c := call{service: secretsManager, op: opPut, resource: secretID + " " + versionID}
	c.effect = func(c *call) {
		text := value.Reveal()
		_, err := s.h.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretID, VersionId: versionID})
		before := err == nil
		_, result = s.h.secretsManager.PutSecretValue(&awstest.PutSecretValueInput{
			SecretId: secretID, ClientRequestToken: versionID, SecretString: &text,
			VersionStages: []string{labelPending}, RotationToken: rotationToken.Reveal(),
		})
		if result == nil && !before {
			s.h.changed(secretID)
			s.h.observePut(c.by, secretID, versionID, text, c.sent)
		}
	}
	return awsstore.ClassifySecrets(opPut, s.h.aws(ctx, c, secretAttempts, &result))
}

// MoveLabel implements rotation.Secrets.
func (s secrets) MoveLabel(ctx context.Context, secretID, label, to, from string) error {
	var result error
	c := call{service: secretsManager, op: opMove, resource: secretID + " " + label + " to " + to + " from " + from}
	c.effect = func(c *call) {
		replayed := to != "" && s.h.carries(secretID, to, label) // which changes nothing, where it is taken at all
		_, result = s.h.secretsManager.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: secretID, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from,
		})
		if result == nil && !replayed {
			s.h.changed(secretID)
		}
		if result == nil {
			s.h.observeMove(c.by, secretID, label, c.sent)
		} else {
			s.h.logf("  refused: %v", result)
		}
	}
	return awsstore.ClassifySecrets(opMove, s.h.aws(ctx, c, secretAttempts, &result))
}

// List implements holders.Store.
func (s secrets) List(ctx context.Context, function string) ([]string, error) {
	var (
		found  []string
		result error
	)
	c := call{service: secretsManager, op: opListSecrets, resource: function}
	c.effect = func(*call) {
		found, result = nil, nil
		for _, other := range s.h.secrets {
			if other.present() && (function == "" || function == other.stack.function()) {
				found = append(found, other.arn)
			}
		}
	}
	err := s.h.aws(ctx, c, secretAttempts, &result)
	return found, awsstore.ClassifySecrets(opListSecrets, err)
}

// carries reports whether a version carries a label.
func (h *history) carries(secretID, version, label string) bool {
	out, err := h.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: secretID})
	return err == nil && slices.Contains(out.VersionIdsToStages[version], label)
}

// storedChanges is when a secret of the store was changed.
type storedChanges struct{ changes []time.Time }

func (h *history) changed(secretID string) {
	if c := h.stored[secretID]; c != nil {
		c.changes = append(c.changes, time.Now())
	}
	if s := h.secretOf[secretID]; s != nil {
		h.observePending(s)
	}
}

// changesSince counts the changes of the latest age.
func (h *history) changesSince(secretID string, age time.Duration) int {
	c := h.stored[secretID]
	if c == nil || age <= 0 {
		return 0
	}
	n, since := 0, time.Now().Add(-age)
	for i := len(c.changes) - 1; i >= 0 && c.changes[i].After(since); i-- {
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

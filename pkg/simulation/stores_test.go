package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/awserr"
	"engage-token-rotation/pkg/awstest"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
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

// How often the SDK's clients try; see pkg/secretstore and pkg/paramstore.
const (
	secretAttempts    = 3
	parameterAttempts = 8
)

// staleParameters lets SSM's reads be stale too.
var staleParameters = false

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

// secrets is the store as rotation and sweep see it; it does what pkg/secretstore does.
type secrets struct{ w *world }

var _ rotation.Secrets = secrets{}

// Describe implements rotation.Secrets.
func (s secrets) Describe(ctx context.Context, secretID string) (rotation.Description, error) {
	var (
		found  rotation.Description
		result error
	)
	by := ctx.Value(invocationKey{}).(*invocation)
	c := call{service: secretsManager, op: opDescribe, resource: secretID}
	c.effect = func(age time.Duration) {
		out, err := s.w.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: secretID, Stale: s.w.changesSince(secretID, age)})
		if result = err; err == nil {
			by.looked = time.Now()
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
	by := ctx.Value(invocationKey{}).(*invocation)
	c := call{service: secretsManager, op: opGet, resource: secretID + " " + versionID + label}
	c.effect = func(age time.Duration) {
		in.Stale = s.w.changesSince(secretID, age)
		out, err := s.w.secretsManager.GetSecretValue(&in)
		if result = err; err == nil {
			found = rotation.Version{ARN: out.ARN, ID: out.VersionId, Labels: out.VersionStages, Value: hidden.New(*out.SecretString)}
			s.w.observeGet(by, out.ARN, out.VersionId, label)
		}
	}
	err := s.w.aws(ctx, c, secretAttempts, &result)
	return found, classify(opGet, err)
}

// PutPending implements rotation.Secrets.
func (s secrets) PutPending(ctx context.Context, secretID, versionID string, value, rotationToken hidden.String) error {
	var result error
	by := ctx.Value(invocationKey{}).(*invocation)
	c := call{service: secretsManager, op: opPut, resource: secretID + " " + versionID}
	c.effect = func(time.Duration) {
		text := value.Reveal()
		_, err := s.w.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretID, VersionId: versionID})
		before := err == nil
		_, result = s.w.secretsManager.PutSecretValue(&awstest.PutSecretValueInput{
			SecretId: secretID, ClientRequestToken: versionID, SecretString: &text,
			VersionStages: []string{rotation.LabelPending}, RotationToken: rotationToken.Reveal(),
		})
		if result == nil && !before {
			s.w.changed(secretID)
			s.w.observePut(by, secretID, versionID, text)
		}
	}
	return classify(opPut, s.w.aws(ctx, c, secretAttempts, &result))
}

// MoveLabel implements rotation.Secrets.
func (s secrets) MoveLabel(ctx context.Context, secretID, label, to, from string) error {
	var result error
	by := ctx.Value(invocationKey{}).(*invocation)
	c := call{service: secretsManager, op: opMove, resource: secretID + " " + label + " to " + to + " from " + from}
	c.effect = func(time.Duration) {
		_, result = s.w.secretsManager.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
			SecretId: secretID, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from,
		})
		if result == nil {
			s.w.changed(secretID)
			s.w.observeMove(by, secretID, label, to, from)
		} else {
			s.w.logf("  refused: %v", result)
		}
	}
	return classify(opMove, s.w.aws(ctx, c, secretAttempts, &result))
}

// classify does what pkg/secretstore does.
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

// parameters is the store of the ledger; it does what pkg/paramstore does.
type parameters struct{ w *world }

var _ ledger.Parameters = parameters{}

// parameterChange is what a parameter was before a change.
type parameterChange struct {
	at    time.Time
	name  string
	value string // empty: there was none
}

// Create implements ledger.Parameters.
func (p parameters) Create(ctx context.Context, name, value string) (bool, error) {
	err := p.put(ctx, name, value, false)
	if code(err) == "ParameterAlreadyExists" {
		return false, nil
	}
	return err == nil, describe(opPutParam, err)
}

// Set implements ledger.Parameters.
func (p parameters) Set(ctx context.Context, name, value string) error {
	return describe(opPutParam, p.put(ctx, name, value, true))
}

func (p parameters) put(ctx context.Context, name, value string, overwrite bool) error {
	var result error
	by := ctx.Value(invocationKey{}).(*invocation)
	c := call{service: parameterStore, op: opPutParam, resource: name}
	c.effect = func(time.Duration) {
		before := p.w.parameter(name)
		_, result = p.w.parameters.PutParameter(&awstest.PutParameterInput{Name: name, Value: value, Type: "String", Overwrite: overwrite})
		if p.w.trace != nil {
			p.w.logf("  %s, error %v", value, result)
		}
		if result == nil {
			p.w.puts = append(p.w.puts, parameterChange{time.Now(), name, before})
			p.w.observeParameter(by, name, value)
		}
	}
	return p.w.aws(ctx, c, parameterAttempts, &result)
}

// parameter returns a parameter's value, or "".
func (w *world) parameter(name string) string {
	out, err := w.parameters.GetParameter(&awstest.GetParameterInput{Name: name})
	if err != nil {
		return ""
	}
	return out.Parameter.Value
}

// Get implements ledger.Parameters.
func (p parameters) Get(ctx context.Context, name string) (string, bool, error) {
	var (
		value  string
		result error
	)
	c := call{service: parameterStore, op: opParameter, resource: name}
	c.effect = func(age time.Duration) {
		result = nil
		if value = p.w.parameterAt(name, age); value == "" {
			result = &awstest.APIError{Code: "ParameterNotFound"}
		}
	}
	err := p.w.aws(ctx, c, parameterAttempts, &result)
	if code(err) == "ParameterNotFound" {
		return "", false, nil
	}
	return value, err == nil, describe(opParameter, err)
}

func (w *world) parameterAt(name string, age time.Duration) string {
	since := time.Now().Add(-age)
	value := w.parameter(name)
	for i := len(w.puts) - 1; i >= 0 && w.puts[i].at.After(since); i-- {
		if w.puts[i].name == name {
			value = w.puts[i].value
		}
	}
	return value
}

// List implements ledger.Parameters.
func (p parameters) List(ctx context.Context, path string) (map[string]string, error) {
	return p.list(ctx, path, false)
}

// ListAll implements ledger.Parameters.
func (p parameters) ListAll(ctx context.Context, path string) (map[string]string, error) {
	return p.list(ctx, path, true)
}

func (p parameters) list(ctx context.Context, path string, recursive bool) (map[string]string, error) {
	values := map[string]string{}
	for next := ""; ; {
		var (
			page   map[string]string
			token  string
			result error
		)
		c := call{service: parameterStore, op: opParameters, resource: path + " " + next}
		c.effect = func(age time.Duration) {
			page, token, result = p.w.page(path, next, recursive, age)
		}
		if err := p.w.aws(ctx, c, parameterAttempts, &result); err != nil {
			return nil, describe(opParameters, err)
		}
		for name, value := range page {
			values[name] = value
		}
		if next = token; next == "" {
			return values, nil
		}
	}
}

// page returns the ten parameters after the name next.
func (w *world) page(path, next string, recursive bool, age time.Duration) (map[string]string, string, error) {
	values, token := map[string]string{}, ""
	for {
		out, err := w.parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: path, Recursive: recursive, NextToken: token})
		if err != nil {
			return nil, "", err
		}
		for i := range out.Parameters {
			values[out.Parameters[i].Name] = out.Parameters[i].Value
		}
		if token = out.NextToken; token == "" {
			break
		}
	}
	if age > 0 {
		w.rewind(values, path, recursive, age)
	}
	names := slices.Sorted(maps.Keys(values))
	from, _ := slices.BinarySearch(names, next+"\x00")
	to := min(from+pageSize, len(names))
	for i, name := range names {
		if i < from || i >= to {
			delete(values, name)
		}
	}
	if to < len(names) {
		return values, names[to-1], nil
	}
	return values, "", nil
}

// pageSize is how many parameters come at once.
const pageSize = 10

// rewind undoes the changes of the latest age.
func (w *world) rewind(values map[string]string, path string, recursive bool, age time.Duration) {
	since := time.Now().Add(-age)
	for i := len(w.puts) - 1; i >= 0 && w.puts[i].at.After(since); i-- {
		rest, below := strings.CutPrefix(w.puts[i].name, path+"/")
		if !below || !recursive && strings.Contains(rest, "/") {
			continue
		}
		if w.puts[i].value == "" {
			delete(values, w.puts[i].name)
		} else {
			values[w.puts[i].name] = w.puts[i].value
		}
	}
}

// Delete implements ledger.Parameters.
func (p parameters) Delete(ctx context.Context, name string) error {
	var result error
	c := call{service: parameterStore, op: opDropParam, resource: name}
	c.effect = func(time.Duration) {
		before := p.w.parameter(name)
		if _, result = p.w.parameters.DeleteParameter(&awstest.ParameterNameInput{Name: name}); result == nil {
			p.w.puts = append(p.w.puts, parameterChange{time.Now(), name, before})
		}
	}
	err := p.w.aws(ctx, c, parameterAttempts, &result)
	if code(err) == "ParameterNotFound" {
		return nil
	}
	return describe(opDropParam, err)
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

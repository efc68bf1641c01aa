package awstest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const (
	secretsTarget    = "secretsmanager"
	parametersTarget = "AmazonSSM"
	contentType      = "application/x-amz-json-1.1"
	maxRequestBytes  = 1 << 20
)

// operation makes the struct of a request, and calls the service with it.
type operation struct {
	input func() any
	call  func(input any) (output any, err error)
}

func op[In, Out any](call func(*In) (*Out, error)) operation {
	return operation{
		input: func() any { return new(In) },
		call: func(input any) (any, error) {
			out, err := call(input.(*In))
			if out == nil || err != nil {
				return nil, err
			}
			return out, nil
		},
	}
}

func (s *Server) table() map[string]operation {
	secrets, parameters := s.Secrets, s.Parameters
	return map[string]operation{
		"secretsmanager.BatchGetSecretValue":      op(secrets.BatchGetSecretValue),
		"secretsmanager.CancelRotateSecret":       op(secrets.CancelRotateSecret),
		"secretsmanager.CreateSecret":             op(secrets.CreateSecret),
		"secretsmanager.DeleteSecret":             op(secrets.DeleteSecret),
		"secretsmanager.DescribeSecret":           op(secrets.DescribeSecret),
		"secretsmanager.GetRandomPassword":        op(secrets.GetRandomPassword),
		"secretsmanager.GetSecretValue":           op(secrets.GetSecretValue),
		"secretsmanager.ListSecretVersionIds":     op(secrets.ListSecretVersionIds),
		"secretsmanager.ListSecrets":              op(secrets.ListSecrets),
		"secretsmanager.PutSecretValue":           op(secrets.PutSecretValue),
		"secretsmanager.RestoreSecret":            op(secrets.RestoreSecret),
		"secretsmanager.RotateSecret":             op(secrets.RotateSecret),
		"secretsmanager.TagResource":              op(secrets.TagResource),
		"secretsmanager.UntagResource":            op(secrets.UntagResource),
		"secretsmanager.UpdateSecret":             op(secrets.UpdateSecret),
		"secretsmanager.UpdateSecretVersionStage": op(secrets.UpdateSecretVersionStage),

		"AmazonSSM.AddTagsToResource":      op(parameters.AddTagsToResource),
		"AmazonSSM.DeleteParameter":        op(parameters.DeleteParameter),
		"AmazonSSM.DeleteParameters":       op(parameters.DeleteParameters),
		"AmazonSSM.DescribeParameters":     op(parameters.DescribeParameters),
		"AmazonSSM.GetParameter":           op(parameters.GetParameter),
		"AmazonSSM.GetParameterHistory":    op(parameters.GetParameterHistory),
		"AmazonSSM.GetParameters":          op(parameters.GetParameters),
		"AmazonSSM.GetParametersByPath":    op(parameters.GetParametersByPath),
		"AmazonSSM.ListTagsForResource":    op(parameters.ListTagsForResource),
		"AmazonSSM.PutParameter":           op(parameters.PutParameter),
		"AmazonSSM.RemoveTagsFromResource": op(parameters.RemoveTagsFromResource),
	}
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	service, action, _ := strings.Cut(target, ".")
	reply := answer{w: w, service: service}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes))
	operation, known := s.operations[target]
	switch {
	case err != nil:
		panic(http.ErrAbortHandler)
	case r.Method != http.MethodPost || !known:
		reply.fail(s.unsupported(target))
		return
	}
	input := operation.input()
	if err := decode(action, body, input); err != nil {
		reply.fail(err)
		return
	}
	call := Call{Number: s.nextNumber(), Service: service, Action: action, Resource: s.resource(service, body),
		Caller: caller(r), Input: input, Time: s.config.Now()}
	if service == parametersTarget {
		call.Service = "ssm"
	}
	output, err := s.perform(r, call, operation)
	s.record(call, codeOf(err))
	var lost *lostAnswer
	switch {
	case errors.As(err, &lost):
		panic(http.ErrAbortHandler)
	case err != nil:
		reply.fail(err)
	default:
		reply.succeed(output)
	}
}

// unsupported returns the error of an operation that the stand-in lacks, with those that it has: of
// the same service, or of all.
func (s *Server) unsupported(target string) error {
	service, _, _ := strings.Cut(target, ".")
	var same, all []string
	for name := range s.operations {
		all = append(all, name)
		if strings.HasPrefix(name, service+".") {
			same = append(same, name)
		}
	}
	if same != nil {
		all = same
	}
	slices.Sort(all)
	err := errNotSupported("operation %q", target)
	err.Message += "; supported are " + strings.Join(all, ", ")
	return err
}

// lostAnswer is a broken connection.
type lostAnswer struct{}

func (*lostAnswer) Error() string { return "reset" }

func (f *Failure) asError() error {
	if f.reset {
		return &lostAnswer{}
	}
	return f.err
}

// perform carries out the operation with the faults around it.
func (s *Server) perform(r *http.Request, call Call, operation operation) (any, error) {
	var action Action
	if s.config.Fault != nil {
		action = s.config.Fault(call)
	}
	if action.Delay > 0 && s.config.Secrets.Sleep(r.Context(), action.Delay) != nil {
		return nil, &lostAnswer{}
	}
	if action.BeforeEffect != nil {
		action.BeforeEffect()
	}
	if action.Before != nil {
		return nil, action.Before.asError()
	}
	if s.config.Permit != nil && !s.config.Permit(call) {
		return nil, errDenied(call)
	}
	if err := complete(call, action); err != nil {
		return nil, err
	}
	output, err := operation.call(call.Input)
	if action.AfterEffect != nil {
		action.AfterEffect()
	}
	if action.After != nil {
		return nil, action.After.asError()
	}
	return output, err
}

// complete adds to a request what its body does not have, and refuses one without a
// ClientRequestToken: the SDKs make one, the service does not.
func complete(call Call, action Action) error {
	code, token := codeInvalidRequest, "present"
	switch in := call.Input.(type) {
	case *CreateSecretInput:
		token = in.ClientRequestToken
	case *PutSecretValueInput:
		token, in.Caller = in.ClientRequestToken, call.Caller
	case *UpdateSecretInput:
		in.Caller = call.Caller
		if in.SecretString != nil || in.SecretBinary != nil {
			token = in.ClientRequestToken
		}
	case *RotateSecretInput:
		code, token = codeInvalidParameter, in.ClientRequestToken
	case *GetSecretValueInput:
		in.Stale = action.Stale
	case *SecretIdInput:
		in.Stale = action.Stale
	}
	if token == "" {
		return failure(code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	}
	return nil
}

// resource returns the ARN that a request names.
func (s *Server) resource(service string, body []byte) string {
	var named struct{ SecretId, Name, Path, ResourceId string }
	_ = json.Unmarshal(body, &named)
	name := named.SecretId + named.Name + named.Path + named.ResourceId // a request has one of them
	switch {
	case name == "" || strings.HasPrefix(name, "arn:"):
	case service == parametersTarget:
		return s.Parameters.ARN(name)
	}
	if arn := s.Secrets.ARN(name); arn != "" {
		return arn
	}
	return name
}

var credential = regexp.MustCompile(`Credential=([^/,\s]+)/`)

// caller reads the access key id of a signed request.
func caller(r *http.Request) string {
	if match := credential.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
		return match[1]
	}
	return ""
}

func codeOf(err error) string {
	var api *APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.Code
	}
	return err.Error()
}

// answer writes JSON 1.1.
type answer struct {
	w       http.ResponseWriter
	service string
}

func (a answer) succeed(output any) {
	if output == nil && a.service == secretsTarget {
		a.write(http.StatusOK, nil) // as TagResource has: no body
		return
	}
	if output == nil {
		output = Nothing{}
	}
	body, err := json.Marshal(output)
	if err != nil {
		a.fail(err)
		return
	}
	a.write(http.StatusOK, body)
}

// fail writes an error. Its text is "Message" in Secrets Manager's model and "message" in most
// errors of SSM's.
func (a answer) fail(err error) {
	api := &APIError{Code: "InternalServiceError", Message: err.Error(), Status: http.StatusInternalServerError}
	_ = errors.As(err, &api)
	fields := map[string]string{"__type": api.Code}
	if a.service == parametersTarget {
		if api.Code == "InternalServiceError" {
			fields["__type"] = "InternalServerError"
		}
		if api.Message != "" {
			fields["message"] = api.Message
		}
	} else {
		fields["Message"] = api.Message
	}
	body, _ := json.Marshal(fields)
	status := api.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	a.write(status, body)
}

func (a answer) write(status int, body []byte) {
	a.w.Header().Set("Content-Type", contentType)
	a.w.Header().Set("X-Amzn-Requestid", newUUID())
	a.w.WriteHeader(status)
	_, _ = a.w.Write(body)
}

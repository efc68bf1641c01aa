package faults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// services are Secrets Manager, the Parameter Store and Engage, and what the harness does with them
// as Secrets Manager, as an operator and as another program. Its own calls do not pass the
// gates, and panic if they fail.
type services interface {
	// pass carries out a function's call.
	pass(r *http.Request, body []byte) answer
	// prefix is the path of the functions' parameters.
	prefix() string
	// config is the configuration of the harness's own client of the Parameter Store.
	config() aws.Config
	// rotationFunction is the ARN of the function that rotates the secrets.
	rotationFunction() string
	// login returns the login fields of the user.
	login(flow engage.Flow) map[string]string
	// store creates a secret and returns its ARN.
	store(name, document string) string
	// begin begins a rotation. If one is incomplete, begin returns that one.
	begin(arn string) awstest.Run
	// goesOn returns an error after a step if the service ends the rotation there.
	goesOn(run awstest.Run) error
	// retryable reports after a failed step whether the service repeats the rotation.
	retryable(run awstest.Run) bool
	// end ends the rotation after its last attempt.
	end(run awstest.Run, failed error)
	// cancel removes AWSPENDING from a version that is not AWSCURRENT, as an operator does.
	cancel(arn string)
	// value returns the value of AWSCURRENT.
	value(arn string) string
	// versions returns the labelled versions that have a value.
	versions(arn string) []version
	// pending returns the version that carries AWSPENDING and not AWSCURRENT, or "".
	pending(arn string) string
	// live returns the user's live tokens.
	live() []string
	// makeToken creates a token as another program of the user does.
	makeToken() string
	// direct reports whether a look is cheap, so that it is made after every call.
	direct() bool
}

// version is a version of a secret.
type version struct {
	labels []string
	value  string
}

// kept reports whether the version keeps its token alive.
func (v version) kept() bool {
	return slices.Contains(v.labels, awstest.StageCurrent) || slices.Contains(v.labels, awstest.StagePending)
}

// pendingOf returns the version that carries AWSPENDING and not AWSCURRENT, or "".
func pendingOf(versions map[string][]string) string {
	for version, labels := range versions {
		if slices.Contains(labels, awstest.StagePending) && !slices.Contains(labels, awstest.StageCurrent) {
			return version
		}
	}
	return ""
}

// standIns are the services of this module's stand-ins.
type standIns struct {
	t      testing.TB
	aws    *awstest.Server
	engage *engagetest.Server
	user   engagetest.User
}

var _ services = (*standIns)(nil)

const rotateARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

func newStandIns(t testing.TB) services {
	s := &standIns{t: t, user: engagetest.DefaultUser()}
	s.aws = awstest.NewServer(awstest.Config{})
	s.engage = engagetest.NewServer(engagetest.Config{Users: []engagetest.User{s.user}})
	t.Cleanup(func() {
		s.aws.Close()
		for _, v := range s.engage.Violations() {
			t.Errorf("engagetest: %v", v)
		}
	})
	return s
}

func (s *standIns) pass(r *http.Request, body []byte) answer {
	r.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	if _, aws := target(r); aws {
		s.aws.ServeHTTP(recorder, r)
	} else {
		s.engage.ServeHTTP(recorder, r)
	}
	return answer{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

func (s *standIns) prefix() string { return "/engage-token-rotation" }

func (s *standIns) config() aws.Config { return s.aws.SDKConfig("harness") }

func (s *standIns) rotationFunction() string { return rotateARN }

func (s *standIns) direct() bool { return true }

func (s *standIns) login(flow engage.Flow) map[string]string { return s.user.LoginFields(flow) }

func (s *standIns) store(name, document string) string {
	out, err := s.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &document})
	must(err)
	return out.ARN
}

func (s *standIns) begin(arn string) awstest.Run {
	run, err := s.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: arn, RotationLambdaARN: rotateARN})
	var refused *awstest.APIError
	if errors.As(err, &refused) && refused.Code == "InvalidRequestException" {
		run, err = s.aws.Secrets.ResumeRotation(arn)
	}
	must(err)
	return run
}

func (s *standIns) goesOn(run awstest.Run) error { return s.aws.Secrets.CheckRotation(run) }

func (s *standIns) retryable(run awstest.Run) bool {
	return !errors.Is(s.aws.Secrets.CheckRotation(run), awstest.ErrRotationOver)
}

func (s *standIns) end(run awstest.Run, failed error) { s.aws.Secrets.EndRotation(run, failed) }

func (s *standIns) cancel(arn string) {
	version := s.pending(arn)
	if version == "" {
		return
	}
	_, err := s.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: arn, VersionStage: awstest.StagePending, RemoveFromVersionId: version,
	})
	must(err)
}

func (s *standIns) pending(arn string) string { return pendingOf(s.describe(arn).VersionIdsToStages) }

func (s *standIns) describe(arn string) *awstest.SecretDescription {
	d, err := s.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: arn})
	must(err)
	return d
}

func (s *standIns) value(arn string) string {
	v, err := s.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: arn})
	must(err)
	return *v.SecretString
}

func (s *standIns) versions(arn string) []version {
	var list []version
	for id, labels := range s.describe(arn).VersionIdsToStages {
		if v, err := s.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: arn, VersionId: id}); err == nil {
			list = append(list, version{labels, *v.SecretString})
		}
	}
	return list
}

func (s *standIns) live() []string { return s.engage.Tokens(s.user.Username) }

func (s *standIns) makeToken() string { return s.engage.CreateToken(s.user.Username) }

// tokenOf returns the token of a secret's document, or "".
func tokenOf(document string) string {
	var fields struct {
		APIToken string `json:"apiToken"`
	}
	_ = json.Unmarshal([]byte(document), &fields)
	return fields.APIToken
}

package faults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/tests/foreign"
)

// foreignServers are moto, for Secrets Manager and the Parameter Store, and an Engage server in
// Python. All cases share them, and each case has names of its own.
type foreignServers struct {
	moto    foreign.Moto
	engage  *foreign.Engage
	secrets *secretsmanager.Client
	cases   atomic.Int64
}

// startForeignServers starts both. It skips the test if one of them is not installed.
func startForeignServers(t *testing.T) *foreignServers {
	t.Helper()
	moto := foreign.StartMoto(t)
	return &foreignServers{
		moto:    moto,
		engage:  foreign.StartEngage(t, foreign.Forms{Created: "quoted", Listed: "braces", Deleted: "empty"}),
		secrets: secretsmanager.NewFromConfig(moto.SDKConfig("harness")),
	}
}

// newCase returns the servers for one case.
func (f *foreignServers) newCase(testing.TB) services {
	c := &foreignCase{foreignServers: f, name: fmt.Sprintf("case-%d", f.cases.Add(1))}
	must(c.engage.AddUser(c.name, "pass-"+c.name, platformID))
	return c
}

// platformID is that of every case's user.
const platformID = "engage9"

// foreignCase is the part of the servers that belongs to one case.
type foreignCase struct {
	*foreignServers
	name string // of the user; the secrets' names begin with it
}

var _ services = (*foreignCase)(nil)

func (c *foreignCase) pass(r *http.Request, body []byte) answer {
	base := c.engage.URL
	if _, aws := target(r); aws {
		base = c.moto.URL
	}
	// The call has its effect even if the process that sent it is gone.
	url := base + r.URL.RequestURI()
	request, err := http.NewRequestWithContext(context.Background(), r.Method, url, bytes.NewReader(body))
	must(err)
	request.Header = r.Header.Clone()
	response, err := http.DefaultTransport.RoundTrip(request)
	must(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	must(err)
	response.Header.Del("Connection")
	return answer{response.StatusCode, response.Header, text}
}

func (c *foreignCase) prefix() string { return "/" + c.name }

func (c *foreignCase) config() aws.Config { return c.moto.SDKConfig("harness") }

// rotationFunction is the case's own, so that a sweep does not look at the secrets of other cases.
func (c *foreignCase) rotationFunction() string { return rotateARN + "-" + c.name }

func (c *foreignCase) direct() bool { return false }

func (c *foreignCase) login(flow engage.Flow) map[string]string {
	password := "pass-" + c.name
	user := engagetest.User{
		Username: c.name, Password: password, PlatformID: platformID,
		ClientID: c.name, ClientSecret: "secret-" + password, JWT: "jwt-" + password,
	}
	return user.LoginFields(flow)
}

func (c *foreignCase) store(name, document string) string {
	name = c.name + "/" + name
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: &document}
	out, err := c.secrets.CreateSecret(context.Background(), in)
	must(err)
	return *out.ARN
}

// begin makes moto begin a rotation: moto creates the empty AWSPENDING version before it finds that
// there is no such function.
func (c *foreignCase) begin(arn string) awstest.Run {
	steps := []string{awstest.StepCreate, awstest.StepSet, awstest.StepTest, awstest.StepFinish}
	run := awstest.Run{SecretARN: arn, VersionID: c.pending(arn), Steps: steps}
	if run.VersionID != "" {
		return run
	}
	// A rotation that failed after its swap has left both labels on a version, which moto does not
	// accept.
	for version, labels := range c.labels(arn) {
		if slices.Contains(labels, awstest.StagePending) {
			c.unlabel(arn, version)
		}
	}
	_, err := c.secrets.RotateSecret(context.Background(), &secretsmanager.RotateSecretInput{
		SecretId: &arn, RotationLambdaARN: aws.String(c.rotationFunction()),
	})
	if run.VersionID = c.pending(arn); run.VersionID == "" {
		panic(fmt.Sprintf("moto has not begun a rotation: %v", err))
	}
	return run
}

func (c *foreignCase) labels(arn string) map[string][]string {
	out, err := c.secrets.DescribeSecret(context.Background(), &secretsmanager.DescribeSecretInput{SecretId: &arn})
	must(err)
	return out.VersionIdsToStages
}

func (c *foreignCase) pending(arn string) string { return pendingOf(c.labels(arn)) }

var errLabelGone = errors.New("the version has lost its label")

func (c *foreignCase) goesOn(run awstest.Run) error {
	labels := c.labels(run.SecretARN)[run.VersionID]
	if slices.Contains(labels, awstest.StagePending) || slices.Contains(labels, awstest.StageCurrent) {
		return nil
	}
	return errLabelGone
}

func (c *foreignCase) retryable(run awstest.Run) bool { return c.goesOn(run) == nil }

// end removes AWSPENDING after a success, as the service does.
func (c *foreignCase) end(run awstest.Run, failed error) {
	if labels := c.labels(run.SecretARN)[run.VersionID]; failed == nil && slices.Contains(labels, awstest.StagePending) {
		c.unlabel(run.SecretARN, run.VersionID)
	}
}

func (c *foreignCase) cancel(arn string) {
	if version := c.pending(arn); version != "" {
		c.unlabel(arn, version)
	}
}

func (c *foreignCase) unlabel(arn, version string) {
	_, err := c.secrets.UpdateSecretVersionStage(context.Background(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &arn, VersionStage: aws.String(awstest.StagePending), RemoveFromVersionId: &version,
	})
	must(err)
}

func (c *foreignCase) value(arn string) string {
	out, err := c.secrets.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{
		SecretId: &arn, VersionStage: aws.String(awstest.StageCurrent),
	})
	must(err)
	return *out.SecretString
}

func (c *foreignCase) versions(arn string) []version {
	var list []version
	for id, labels := range c.labels(arn) {
		out, err := c.secrets.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{
			SecretId: &arn, VersionId: &id,
		})
		if err == nil {
			list = append(list, version{labels, aws.ToString(out.SecretString)})
		}
	}
	return list
}

func (c *foreignCase) live() []string {
	user, err := c.engage.User(c.name)
	must(err)
	return user.Tokens
}

func (c *foreignCase) makeToken() string {
	token, err := c.engage.CreateToken(c.name)
	must(err)
	return token
}

// must panics on an error of the harness.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

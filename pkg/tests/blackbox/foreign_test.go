package blackbox_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/lambdatest"
	"engage-token-rotation/pkg/tests/foreign"
)

// foreignServers are servers that share no code with this module.
type foreignServers struct {
	t        *testing.T
	aws      *secretsmanager.Client
	engage   *foreign.Engage
	user     engagetest.User
	foreign  []string // tokens of the user that another program made
	function *lambdatest.Function
	output   *lambdatest.Buffer
}

func TestRotatesAgainstForeignServers(t *testing.T) {
	if testing.Short() {
		t.Skip("moto takes seconds to start: skipped with -short")
	}
	moto := foreign.StartMoto(t)
	for _, test := range []struct{ created, listed, place string }{
		{"bare", "json", "same secret"}, {"quoted", "braces", "admin secret"}, {"bare", "braces", "admin secret"},
		{"quoted", "json", "same secret"},
	} {
		t.Run(test.created+" token, "+test.listed+" list, "+test.place, func(t *testing.T) {
			o := &foreignServers{t: t, user: engagetest.DefaultUser(), output: &lambdatest.Buffer{}}
			o.aws = secretsmanager.NewFromConfig(moto.SDKConfig("AKIDUSER"))
			o.engage = foreign.StartEngage(t, foreign.Forms{Created: test.created, Listed: test.listed, Deleted: "true"})
			o.addUser()
			o.start(moto.URL)
			o.rotateTwice(test.created+"_"+test.listed, test.place)
		})
	}
}

// rotateTwice drives two rotations step by step, and checks the end of each.
func (o *foreignServers) rotateTwice(name, place string) {
	fields := o.user.LoginFields("")
	var own map[string]string
	if place == "same secret" {
		own = fields
	} else {
		own = map[string]string{"adminSecretArn": o.store(name+"_admin", admin(fields))}
	}
	own["note"] = "stays <&>"
	arn := o.store(name, document(own))
	previous := ""
	for n := 1; n <= 2; n++ {
		version := fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)
		o.begin(arn, version)
		for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
			o.step(arn, version, step)
		}
		previous = o.check(arn, version, previous)
		// The service removes the label after a rotation. Moto does not.
		_, _ = o.aws.UpdateSecretVersionStage(o.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: &arn, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &version,
		})
	}
}

// addUser makes the user, with three tokens of another program.
func (o *foreignServers) addUser() {
	o.t.Helper()
	if err := o.engage.AddUser(o.user.Username, o.user.Password, o.user.PlatformID); err != nil {
		o.t.Fatal(err)
	}
	for range 3 {
		token, err := o.engage.CreateToken(o.user.Username)
		if err != nil {
			o.t.Fatal(err)
		}
		o.foreign = append(o.foreign, token)
	}
}

func (o *foreignServers) store(name, value string) (arn string) {
	o.t.Helper()
	out, err := o.aws.CreateSecret(o.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		o.t.Fatal(err)
	}
	return aws.ToString(out.ARN)
}

// begin makes the empty pending version. Moto makes it in RotateSecret, before it
// misses the function.
func (o *foreignServers) begin(arn, version string) {
	o.t.Helper()
	_, err := o.aws.RotateSecret(o.t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &arn, ClientRequestToken: &version,
		RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:123456789012:function:rotate"),
	}, func(o *secretsmanager.Options) { o.RetryMaxAttempts = 1 })
	described, describeErr := o.aws.DescribeSecret(o.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if describeErr != nil {
		o.t.Fatal(describeErr)
	}
	if !slices.Contains(described.VersionIdsToStages[version], "AWSPENDING") {
		o.t.Fatalf("this moto makes no pending version without a function of its own: %v", err)
	}
}

func (o *foreignServers) step(arn, version, step string) {
	o.t.Helper()
	payload, _ := json.Marshal(map[string]string{"Step": step, "SecretId": arn, "ClientRequestToken": version})
	result, err := o.function.Invoke(o.t.Context(), payload)
	if err != nil || result.FunctionError != "" {
		o.t.Fatalf("%s: %v %s", step, err, result.ErrorMessage)
	}
}

// check checks the end of a rotation, and returns the current token.
func (o *foreignServers) check(arn, version, previous string) string {
	o.t.Helper()
	described, err := o.aws.DescribeSecret(o.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err != nil {
		o.t.Fatal(err)
	}
	if !slices.Contains(described.VersionIdsToStages[version], "AWSCURRENT") {
		o.t.Errorf("labels %v", described.VersionIdsToStages)
	}
	value, err := o.aws.GetSecretValue(o.t.Context(),
		&secretsmanager.GetSecretValueInput{SecretId: &arn, VersionId: &version})
	if err != nil {
		o.t.Fatal(err)
	}
	var held struct{ APIToken, Note string }
	if err := json.Unmarshal([]byte(aws.ToString(value.SecretString)), &held); err != nil || held.Note != "stays <&>" {
		o.t.Errorf("other fields changed: %v", err)
	}
	vendor, err := o.engage.User(o.user.Username)
	if err != nil {
		o.t.Fatal(err)
	}
	if want := append(slices.Clone(o.foreign), held.APIToken); !slices.Equal(vendor.Tokens, want) {
		o.t.Errorf("%d tokens live, want %d of another program and the current one, %s", len(vendor.Tokens), len(o.foreign),
			hidden.Fingerprint(held.APIToken))
	}
	if held.APIToken == previous {
		o.t.Error("the token is the same as before")
	}
	if vendor.Logins != 1 {
		o.t.Errorf("%d logins within one session's life", vendor.Logins)
	}
	for _, secret := range append(vendor.Tokens, o.user.Password, previous) {
		if secret != "" && strings.Contains(o.output.String(), secret) {
			o.t.Errorf("a secret is in the output:\n%s", o.output)
		}
	}
	return held.APIToken
}

func (o *foreignServers) start(awsURL string) {
	o.t.Helper()
	var err error
	o.function, err = lambdatest.Start(o.t.Context(), lambdatest.Config{
		Path: built.Function(o.t, "rotate"), Timeout: 30 * time.Second, Stdout: o.output, Stderr: o.output,
		Env: map[string]string{"AWS_ENDPOINT_URL": awsURL, "ENGAGE_BASE_URL": o.engage.URL},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(o.function.Close)
}

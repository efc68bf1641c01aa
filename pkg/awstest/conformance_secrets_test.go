package awstest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	notFound       = "ResourceNotFoundException"
	noSecret       = "Secrets Manager can't find the specified secret."
	noValueFor     = "Secrets Manager can't find the specified secret value for "
	invalidRequest = "InvalidRequestException"
	invalidParam   = "InvalidParameterException"
)

// valueScenarios are about versions and their values.
var valueScenarios = []scenario{
	{"client errors have status 400", func(c *client) {
		_, err := c.get("", "")
		var response *smithyhttp.ResponseError
		if !errors.As(err, &response) || response.HTTPStatusCode() != 400 {
			c.Errorf("got %v, want status 400", err)
		}
	}},
	{"an unknown secret is not found", func(c *client) {
		_, err := c.get("", "")
		c.fails(err, notFound, noSecret)
		_, err = c.put(v1, "one")
		c.fails(err, notFound, noSecret)
		_, err = c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
		c.fails(err, notFound, noSecret)
		c.fails(c.move("AWSCURRENT", v1, v2), notFound, noSecret)
	}},
	{"a secret may have no value", func(c *client) {
		if out := c.createEmpty(); out.VersionId != nil {
			c.Errorf("a version %s", *out.VersionId)
		}
		c.labels(map[string][]string{})
		_, err := c.get("", "")
		c.fails(err, notFound, noValueFor+"staging label: AWSCURRENT")
	}},
	{"a name is given once", func(c *client) {
		c.create()
		_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String("two")})
		c.fails(err, "ResourceExistsException", "The operation failed because the secret "+c.name+" already exists.")
	}},
	{"the same creation again succeeds", func(c *client) {
		c.create()
		c.create()
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"the first value gets AWSCURRENT too", func(c *client) {
		c.createEmpty()
		stages := c.mustPut(v1, "one", "AWSPENDING")
		if slices.Sort(stages); !slices.Equal(stages, []string{"AWSCURRENT", "AWSPENDING"}) {
			c.Errorf("got labels %v", stages)
		}
		c.labels(map[string][]string{v1: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"the same token and value are one version", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "other")
		c.mustPut(v2, "two", "other")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"other"}})
	}},
	{"the same token and value change no label", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.mustPut(v1, "one")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
	}},
	{"the same token with another value is refused", func(c *client) {
		arn := c.create()
		_, err := c.put(v1, "two")
		c.fails(err, "ResourceExistsException", "You can't use ClientRequestToken "+v1+" because that value is already in use for a version of secret "+arn+".")
		got, err := c.get(v1, "")
		c.ok(err)
		c.equal("value", aws.ToString(got.SecretString), "one")
	}},
	{"the same token with another value is refused for AWSPENDING", func(c *client) {
		arn := c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		_, err := c.put(v2, "three", "AWSPENDING")
		c.fails(err, "ResourceExistsException", "You can't use ClientRequestToken "+v2+" because that value is already in use for a version of secret "+arn+".")
	}},
	{"a token has 32 to 64 characters", func(c *client) {
		c.create()
		for _, token := range []string{strings.Repeat("t", 31), strings.Repeat("t", 65)} {
			_, err := c.put(token, "two")
			c.refused(err)
		}
		c.mustPut(strings.Repeat("t", 32), "two")
		c.mustPut(strings.Repeat("t", 64), "three")
	}},
	{"a value has at most 64 KiB", func(c *client) {
		c.create()
		c.mustPut(v2, strings.Repeat("x", 65536))
		_, err := c.put(v3, strings.Repeat("x", 65537))
		c.refused(err)
	}},
	{"binary values", func(c *client) {
		binary := []byte{0, 1, 0xfe, 0xff}
		_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &c.name, ClientRequestToken: aws.String(v1), SecretBinary: binary})
		c.ok(err)
		got, err := c.get("", "")
		c.ok(err)
		if !slices.Equal(got.SecretBinary, binary) || got.SecretString != nil {
			c.Errorf("got %v and %v", got.SecretBinary, got.SecretString)
		}
	}},
	{"an unknown version is not found", func(c *client) {
		c.create()
		_, err := c.get(v2, "")
		c.fails(err, notFound, noValueFor+"VersionId: "+v2)
	}},
	{"an unattached label is not found", func(c *client) {
		c.create()
		_, err := c.get("", "AWSPENDING")
		c.fails(err, notFound, noValueFor+"staging label: AWSPENDING")
	}},
	{"a label of another version is refused", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		_, err := c.get(v1, "AWSCURRENT")
		c.fails(err, invalidRequest, "")
	}},
	{"UpdateSecret writes AWSCURRENT", func(c *client) {
		c.create()
		out, err := c.secrets.UpdateSecret(c.Context(), &secretsmanager.UpdateSecretInput{SecretId: &c.name, ClientRequestToken: aws.String(v2), SecretString: aws.String("two")})
		c.ok(err)
		c.equal("version", aws.ToString(out.VersionId), v2)
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
	}},
	{"UpdateSecret without a value makes no version", func(c *client) {
		c.create()
		out, err := c.secrets.UpdateSecret(c.Context(), &secretsmanager.UpdateSecretInput{SecretId: &c.name, Description: aws.String("new")})
		c.ok(err)
		c.equal("version", aws.ToString(out.VersionId), "")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
}

// labelScenarios are about staging labels.
var labelScenarios = []scenario{
	{"a value without labels becomes AWSCURRENT", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
		c.mustPut(v3, "three")
		c.labels(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
		got, err := c.get("", "AWSPREVIOUS")
		c.ok(err)
		c.equal("previous value", aws.ToString(got.SecretString), "two")
	}},
	{"a pending value leaves AWSCURRENT alone", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
		got, err := c.get(v2, "AWSPENDING")
		c.ok(err)
		c.equal("pending value", aws.ToString(got.SecretString), "two")
	}},
	{"a label lives on one version", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING", "mine")
		c.mustPut(v3, "three", "AWSPENDING")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"mine"}, v3: {"AWSPENDING"}})
	}},
	{"versions without a label are hidden unless asked for", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.mustPut(v3, "three")
		list := func(deprecated bool) (ids []string) {
			out, err := c.secrets.ListSecretVersionIds(c.Context(), &secretsmanager.ListSecretVersionIdsInput{SecretId: &c.name, IncludeDeprecated: &deprecated})
			c.ok(err)
			for _, version := range out.Versions {
				ids = append(ids, aws.ToString(version.VersionId))
			}
			return ids
		}
		if got := list(false); !slices.Equal(got, []string{v2, v3}) {
			c.Errorf("got %v", got)
		}
		if got := list(true); !slices.Equal(got, []string{v1, v2, v3}) {
			c.Errorf("with the deprecated ones got %v", got)
		}
		got, err := c.get(v1, "")
		c.ok(err)
		c.equal("deprecated value", aws.ToString(got.SecretString), "one")
	}},
	{"moving AWSCURRENT moves AWSPREVIOUS and leaves AWSPENDING", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSCURRENT", v1, v2))
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
		got, err := c.get("", "AWSCURRENT")
		c.ok(err)
		c.equal("value", aws.ToString(got.SecretString), "two")
	}},
	{"a read without a label reads AWSCURRENT", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSCURRENT", v1, v2))
		got, err := c.get("", "")
		c.ok(err)
		c.equal("value", aws.ToString(got.SecretString), "two")
	}},
	{"moving AWSCURRENT back swaps", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.ok(c.move("AWSCURRENT", v2, v1))
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPREVIOUS"}})
	}},
	{"a move must say where the label is", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.fails(c.move("AWSCURRENT", "", v2), invalidParam, "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "+v1+", so you must explicitly reference that version in RemoveFromVersionId.")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
	}},
	{"a move from the wrong version is refused", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.mustPut(v3, "three", "AWSPENDING")
		c.fails(c.move("AWSCURRENT", v1, v3), invalidParam, "")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}, v3: {"AWSPENDING"}})
	}},
	{"a move to an unknown version is refused", func(c *client) {
		c.create()
		c.refused(c.move("AWSCURRENT", v1, v2))
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"a label can be removed", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSPENDING", v2, ""))
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
		_, err := c.get(v2, "")
		c.ok(err)
	}},
	{"a label can be attached", func(c *client) {
		c.create()
		c.ok(c.move("mine", "", v1))
		c.labels(map[string][]string{v1: {"AWSCURRENT", "mine"}})
	}},
	{"AWSCURRENT cannot be removed", func(c *client) {
		c.create()
		c.fails(c.move("AWSCURRENT", v1, ""), invalidParam, "")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"a new AWSCURRENT takes AWSPENDING from the old one", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSCURRENT", v1, v2))
		c.mustPut(v3, "three")
		c.labels(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"AWSPREVIOUS leaves other labels behind", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSCURRENT", "PUT0")
		c.mustPut(v3, "three", "AWSPENDING", "PUT1")
		c.ok(c.move("AWSCURRENT", v2, v3))
		c.labels(map[string][]string{v2: {"AWSPREVIOUS", "PUT0"}, v3: {"AWSCURRENT", "AWSPENDING", "PUT1"}})
	}},
	{"labels come sorted", func(c *client) {
		c.create()
		if got := c.mustPut(v2, "two", "two", "one", "three"); !slices.Equal(got, []string{"one", "three", "two"}) {
			c.Errorf("got %v", got)
		}
	}},
	{"a secret has at most 20 labels", func(c *client) {
		c.create()
		stages := make([]string, 19)
		for i := range stages {
			stages[i] = fmt.Sprint("label", i)
		}
		c.mustPut(v2, "two", stages...)
		_, err := c.put(v3, "three", "one-more")
		c.refused(err)
		c.refused(c.move("one-more", "", v1))
	}},
}

// rotationScenarios are about what RotateSecret and its like do before a function has answered. Nothing answers at the
// function's ARN.
var rotationScenarios = []scenario{
	{"rotation needs a function", func(c *client) {
		c.create()
		_, err := c.secrets.RotateSecret(c.Context(), &secretsmanager.RotateSecretInput{SecretId: &c.name})
		c.fails(err, invalidRequest, "No Lambda rotation function ARN is associated with this secret.")
		_, err = c.secrets.CancelRotateSecret(c.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
		c.fails(err, invalidRequest, "")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"a rotation begins with an empty AWSPENDING version", func(c *client) {
		c.create()
		c.rotate(v2)
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
		_, err := c.get(v2, "AWSPENDING")
		c.fails(err, notFound, noValueFor+"staging label: AWSPENDING")
		_, err = c.get("", "AWSPENDING")
		c.fails(err, notFound, noValueFor+"staging label: AWSPENDING")
		_, err = c.get(v2, "")
		c.fails(err, notFound, noValueFor+"VersionId: "+v2)
	}},
	{"PutSecretValue fills the empty version", func(c *client) {
		c.create()
		c.rotate(v2)
		c.mustPut(v2, "two", "AWSPENDING")
		c.mustPut(v2, "two", "AWSPENDING")
		_, err := c.put(v2, "three", "AWSPENDING")
		c.fails(err, "ResourceExistsException", "")
		c.ok(c.move("AWSCURRENT", v1, v2))
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"an incomplete rotation stands in the way of the next", func(c *client) {
		c.create()
		c.rotate(v2)
		_, err := c.secrets.RotateSecret(c.Context(), &secretsmanager.RotateSecretInput{SecretId: &c.name, ClientRequestToken: aws.String(v3)})
		c.fails(err, invalidRequest, "A previous rotation isn't complete. That rotation will be reattempted.")
		c.ok(c.move("AWSPENDING", v2, ""))
		c.rotate(v3)
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v3: {"AWSPENDING"}})
	}},
	{"a write by hand abandons the rotation", func(c *client) {
		c.create()
		c.rotate(v2)
		c.mustPut(v3, "edited")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"schedules are checked", func(c *client) {
		c.create()
		for _, rules := range []types.RotationRulesType{
			{ScheduleExpression: aws.String("rate(3 hours)")},
			{ScheduleExpression: aws.String("rate(10 minutes)")},
			{ScheduleExpression: aws.String("cron(0 0/2 * * ? *)")},
			{ScheduleExpression: aws.String("every day")},
			{AutomaticallyAfterDays: aws.Int64(1001)},
			{AutomaticallyAfterDays: aws.Int64(1), ScheduleExpression: aws.String("rate(10 days)")},
		} {
			_, err := c.secrets.RotateSecret(c.Context(), &secretsmanager.RotateSecretInput{SecretId: &c.name, RotationLambdaARN: aws.String(function), RotationRules: &rules})
			c.refused(err)
		}
	}},
}

const function = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

// rotate starts a rotation whose function never answers.
func (c *client) rotate(token string) {
	c.Helper()
	out, err := c.secrets.RotateSecret(c.Context(), &secretsmanager.RotateSecretInput{SecretId: &c.name, ClientRequestToken: &token, RotationLambdaARN: aws.String(function)})
	c.ok(err)
	c.equal("version", aws.ToString(out.VersionId), token)
}

// lifeScenarios are about names, lists and deletion.
var lifeScenarios = []scenario{
	{"a secret is named by name or ARN", func(c *client) {
		arn := c.create()
		for _, id := range []string{c.name, arn, arn[:len(arn)-7]} {
			got, err := c.secrets.GetSecretValue(c.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
			c.ok(err)
			c.equal("ARN for "+id, aws.ToString(got.ARN), arn)
			c.equal("name for "+id, aws.ToString(got.Name), c.name)
		}
		c.equal("begin of "+arn, arn[:len("arn:aws:secretsmanager:us-east-1:")], "arn:aws:secretsmanager:us-east-1:")
	}},
	{"an ARN without suffix fails for a name that ends like a suffix", func(c *client) {
		c.name += "-a1b2c3"
		arn := c.create()
		_, err := c.secrets.GetSecretValue(c.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn[:len(arn)-7])})
		c.fails(err, notFound, noSecret)
	}},
	{"a name has a fixed alphabet", func(c *client) {
		_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("Inv Name")})
		c.fails(err, "ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}},
	{"a deleted secret can be described and restored", func(c *client) {
		c.create()
		deleted, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name})
		c.ok(err)
		_, err = c.get("", "")
		c.fails(err, invalidRequest, "")
		described, err := c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
		c.ok(err)
		if described.DeletedDate == nil || deleted.DeletionDate == nil {
			c.Errorf("dates: %v, %v", described.DeletedDate, deleted.DeletionDate)
		}
		_, err = c.secrets.RestoreSecret(c.Context(), &secretsmanager.RestoreSecretInput{SecretId: &c.name})
		c.ok(err)
		_, err = c.get("", "")
		c.ok(err)
	}},
	{"the name of a deleted secret is taken", func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name})
		c.ok(err)
		_, err = c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &c.name})
		c.fails(err, invalidRequest, "You can't create this secret because a secret with this name is already scheduled for deletion.")
	}},
	{"deletion by force frees the name", func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		c.ok(err)
		_, err = c.get("", "")
		c.fails(err, notFound, noSecret)
		c.create()
	}},
	{"tags", func(c *client) {
		c.create()
		_, err := c.secrets.TagResource(c.Context(), &secretsmanager.TagResourceInput{SecretId: &c.name, Tags: []types.Tag{
			{Key: aws.String("k"), Value: aws.String("1")}, {Key: aws.String("l"), Value: aws.String("2")}}})
		c.ok(err)
		_, err = c.secrets.TagResource(c.Context(), &secretsmanager.TagResourceInput{SecretId: &c.name, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("3")}}})
		c.ok(err)
		_, err = c.secrets.UntagResource(c.Context(), &secretsmanager.UntagResourceInput{SecretId: &c.name, TagKeys: []string{"l"}})
		c.ok(err)
		got, err := c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
		c.ok(err)
		if len(got.Tags) != 1 || aws.ToString(got.Tags[0].Value) != "3" {
			c.Errorf("got tags %v", got.Tags)
		}
	}},
	{"secrets are listed page by page", func(c *client) {
		for i := range 5 {
			_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprint(c.name, i))})
			c.ok(err)
		}
		pages := secretsmanager.NewListSecretsPaginator(c.secrets, &secretsmanager.ListSecretsInput{
			MaxResults: aws.Int32(2), Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{c.name}}}})
		n := 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(c.Context())
			c.ok(err)
			if len(page.SecretList) > 2 {
				c.Errorf("a page of %d", len(page.SecretList))
			}
			n += len(page.SecretList)
		}
		if n != 5 {
			c.Errorf("got %d secrets", n)
		}
	}},
}

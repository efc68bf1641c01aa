package awstest_test

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// rotationScenarios are about RotateSecret and its like before a function has answered. There is no
// function at the ARN.
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
	{"an incomplete rotation blocks the next", func(c *client) {
		c.create()
		c.rotate(v2)
		_, err := c.secrets.RotateSecret(c.Context(),
			&secretsmanager.RotateSecretInput{SecretId: &c.name, ClientRequestToken: aws.String(v3)})
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
			_, err := c.secrets.RotateSecret(c.Context(),
				&secretsmanager.RotateSecretInput{SecretId: &c.name, RotationLambdaARN: aws.String(function),
					RotationRules: &rules})
			c.refused(err)
		}
	}},
}

const function = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

// rotate starts a rotation whose function never answers.
func (c *client) rotate(token string) {
	c.Helper()
	out, err := c.secrets.RotateSecret(c.Context(),
		&secretsmanager.RotateSecretInput{SecretId: &c.name, ClientRequestToken: &token,
			RotationLambdaARN: aws.String(function)})
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
		c.equal("beginning of "+arn, arn[:len("arn:aws:secretsmanager:us-east-1:")], "arn:aws:secretsmanager:us-east-1:")
	}},
	{"an ARN without suffix fails for a name that ends like a suffix", func(c *client) {
		c.name += "-a1b2c3"
		arn := c.create()
		_, err := c.secrets.GetSecretValue(c.Context(),
			&secretsmanager.GetSecretValueInput{SecretId: aws.String(arn[:len(arn)-7])})
		c.fails(err, notFound, noSecret)
	}},
	{"a name has a fixed alphabet", func(c *client) {
		_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("Inv Name")})
		c.fails(err, "ValidationException",
			"Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
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
		c.fails(err, invalidRequest,
			"You can't create this secret because a secret with this name is already scheduled for deletion.")
	}},
	{"deletion by force frees the name", func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(),
			&secretsmanager.DeleteSecretInput{SecretId: &c.name, ForceDeleteWithoutRecovery: aws.Bool(true)})
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
		_, err = c.secrets.TagResource(c.Context(),
			&secretsmanager.TagResourceInput{SecretId: &c.name,
				Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("3")}}})
		c.ok(err)
		_, err = c.secrets.UntagResource(c.Context(),
			&secretsmanager.UntagResourceInput{SecretId: &c.name, TagKeys: []string{"l"}})
		c.ok(err)
		got, err := c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
		c.ok(err)
		if len(got.Tags) != 1 || aws.ToString(got.Tags[0].Value) != "3" {
			c.Errorf("got tags %v", got.Tags)
		}
	}},
	{"secrets are listed page by page", func(c *client) {
		for i := range 5 {
			_, err := c.secrets.CreateSecret(c.Context(),
				&secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprint(c.name, i))})
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

package awstest_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// rotationScenarios are about RotateSecret and its like before a function has answered. There is no
// function at the ARN.
var rotationScenarios = []scenario{
	{"rotation needs a function", "RotateSecret, LocalStack 2025-03-27", func(c *client) {
		c.create()
		_, err := c.secrets.RotateSecret(c.Context(), &secretsmanager.RotateSecretInput{SecretId: &c.name})
		c.fails(err, invalidRequest, "No Lambda rotation function ARN is associated with this secret.")
		_, err = c.secrets.CancelRotateSecret(c.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
		c.fails(err, invalidRequest, "")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"a rotation begins with an empty AWSPENDING version", "RotateSecret, LocalStack 2025-03-30", func(c *client) {
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
	{"PutSecretValue fills the empty version", documented, func(c *client) {
		c.create()
		c.rotate(v2)
		c.mustPut(v2, "two", "AWSPENDING")
		c.mustPut(v2, "two", "AWSPENDING")
		_, err := c.put(v2, "three", "AWSPENDING")
		c.fails(err, "ResourceExistsException", "")
		c.ok(c.move("AWSCURRENT", v1, v2))
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"an incomplete rotation blocks the next", documented, func(c *client) {
		c.create()
		c.rotate(v2)
		_, err := c.secrets.RotateSecret(c.Context(),
			&secretsmanager.RotateSecretInput{SecretId: &c.name, ClientRequestToken: aws.String(v3)})
		c.fails(err, invalidRequest, "A previous rotation isn't complete. That rotation will be reattempted.")
		c.ok(c.move("AWSPENDING", v2, ""))
		c.rotate(v3)
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v3: {"AWSPENDING"}})
	}},
	{"a write by hand abandons the rotation", documented, func(c *client) {
		c.create()
		c.rotate(v2)
		c.mustPut(v3, "edited")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"schedules are checked", documented, func(c *client) {
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
	{"a secret is named by name or ARN", "GetSecretValue, LocalStack 2024-03-15", func(c *client) {
		arn := c.create()
		for _, id := range []string{c.name, arn, arn[:len(arn)-7]} {
			got, err := c.secrets.GetSecretValue(c.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
			c.ok(err)
			c.equal("ARN for "+id, aws.ToString(got.ARN), arn)
			c.equal("name for "+id, aws.ToString(got.Name), c.name)
		}
		c.equal("beginning of "+arn, arn[:len("arn:aws:secretsmanager:us-east-1:")], "arn:aws:secretsmanager:us-east-1:")
	}},
	{"an ARN without suffix fails for a name that ends like a suffix", "GetSecretValue, LocalStack 2022-09-28",
		func(c *client) {
			c.name += "-a1b2c3"
			arn := c.create()
			_, err := c.secrets.GetSecretValue(c.Context(),
				&secretsmanager.GetSecretValueInput{SecretId: aws.String(arn[:len(arn)-7])})
			c.fails(err, notFound, noSecret)
		}},
	{"a deleted secret can be described and restored", "RestoreSecret, LocalStack 2024-03-20", func(c *client) {
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
	{"the name of a deleted secret is taken", "CreateSecret, LocalStack 2024-03-15", func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name})
		c.ok(err)
		_, err = c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &c.name})
		c.fails(err, invalidRequest,
			"You can't create this secret because a secret with this name is already scheduled for deletion.")
	}},
	{"deletion by force frees the name", "CreateSecret, LocalStack 2024-03-15", func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(),
			&secretsmanager.DeleteSecretInput{SecretId: &c.name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		c.ok(err)
		_, err = c.get("", "")
		c.fails(err, notFound, noSecret)
		c.create()
	}},
	{"tags", "TagResource, LocalStack 2024-04-01", func(c *client) {
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
	{"after the last tag is removed the tags are an empty list", "UntagResource, LocalStack 2024-04-01",
		func(c *client) {
			c.create()
			c.tags(nil)
			_, err := c.secrets.TagResource(c.Context(), &secretsmanager.TagResourceInput{SecretId: &c.name,
				Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("1")}}})
			c.ok(err)
			_, err = c.secrets.UntagResource(c.Context(),
				&secretsmanager.UntagResourceInput{SecretId: &c.name, TagKeys: []string{"k"}})
			c.ok(err)
			c.tags([]types.Tag{})
		}},
	{"a deleted secret takes no tags", "TagResource, LocalStack 2026-01-29", func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name})
		c.ok(err)
		_, err = c.secrets.TagResource(c.Context(), &secretsmanager.TagResourceInput{SecretId: &c.name,
			Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("1")}}})
		c.fails(err, invalidRequest, markedForDeletion)
		_, err = c.secrets.UntagResource(c.Context(),
			&secretsmanager.UntagResourceInput{SecretId: &c.name, TagKeys: []string{"k"}})
		c.fails(err, invalidRequest, markedForDeletion)
	}},
	{"a secret that is to be deleted can be deleted by force", "DeleteSecret, LocalStack 2024-10-11",
		func(c *client) {
			c.create()
			_, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name})
			c.ok(err)
			_, err = c.secrets.DeleteSecret(c.Context(),
				&secretsmanager.DeleteSecretInput{SecretId: &c.name, ForceDeleteWithoutRecovery: aws.Bool(true)})
			c.ok(err)
			_, err = c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
			c.fails(err, notFound, noSecret)
		}},
	{"deletion by force of an unknown secret succeeds", "DeleteSecret, LocalStack 2024-03-15", func(c *client) {
		deleted, err := c.secrets.DeleteSecret(c.Context(),
			&secretsmanager.DeleteSecretInput{SecretId: &c.name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		c.ok(err)
		c.equal("name", aws.ToString(deleted.Name), c.name)
		if deleted.ARN == nil || deleted.DeletionDate == nil {
			c.Errorf("got ARN %v, date %v", deleted.ARN, deleted.DeletionDate)
		}
	}},
	{"the recovery window is 7 to 30 days", documented, func(c *client) {
		c.create()
		for _, days := range []int64{0, 6, 31} {
			_, err := c.secrets.DeleteSecret(c.Context(),
				&secretsmanager.DeleteSecretInput{SecretId: &c.name, RecoveryWindowInDays: &days})
			c.fails(err, invalidParam, "")
		}
		_, err := c.get("", "")
		c.ok(err)
	}},
	{"LastAccessedDate is a day and absent until the first read", "GetSecretValue, LocalStack 2024-03-15",
		func(c *client) {
			c.create()
			_, err := c.get(v3, "")
			c.fails(err, notFound, "")
			if date := c.describe().LastAccessedDate; date != nil {
				c.Errorf("before the first read that succeeds: %v", date)
			}
			_, err = c.get("", "")
			c.ok(err)
			if date := c.describe().LastAccessedDate; date == nil || !date.Equal(date.Truncate(24*time.Hour)) {
				c.Errorf("after a read: %v", date)
			}
		}},
	{"a change moves LastChangedDate alone", "UpdateSecret, LocalStack 2024-03-15", func(c *client) {
		c.create()
		created := c.describe()
		_, err := c.secrets.UpdateSecret(c.Context(),
			&secretsmanager.UpdateSecretInput{SecretId: &c.name, SecretString: aws.String("two")})
		c.ok(err)
		changed := c.describe()
		if changed.LastChangedDate.Before(*created.LastChangedDate) || !changed.CreatedDate.Equal(*created.CreatedDate) {
			c.Errorf("created %v, changed %v", created.LastChangedDate, changed.LastChangedDate)
		}
	}},
}

const markedForDeletion = "You can't perform this operation on the secret because it was marked for deletion."

func (c *client) describe() *secretsmanager.DescribeSecretOutput {
	c.Helper()
	out, err := c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
	c.ok(err)
	return out
}

// tags compares a secret's tags; nil means that the answer has no Tags.
func (c *client) tags(want []types.Tag) {
	c.Helper()
	if got := c.describe().Tags; len(got) != len(want) || (got == nil) != (want == nil) {
		c.Errorf("got tags %#v, want %#v", got, want)
	}
}

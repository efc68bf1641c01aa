package awstest_test

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const invalidName = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: " +
	"-/_+=.@!"

// nameScenarios are about names of secrets.
var nameScenarios = []scenario{
	{"a name has a fixed alphabet", "CreateSecret, LocalStack 2024-03-15", func(c *client) {
		c.name = "Valid/_+=.@-Name-a1b2"
		c.create()
		c.name = "Valid/_+=.@-Name-a1b2c3-"
		c.create()
		for _, name := range []string{"Inv Name", " Inv Name", " Inv*Name? ", ` Inv *?!]Name\-`} {
			_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &name})
			c.fails(err, "ValidationException", invalidName)
		}
	}},
	{"an invalid name is refused by each operation",
		"DeleteSecret, DescribeSecret and others, LocalStack 2024-03-15",
		func(c *client) {
			for operation, err := range c.callAll(aws.String("Inv Name")) {
				c.Log(operation)
				c.fails(err, "ValidationException", invalidName)
			}
		}},
	{"a name has at most 512 characters", documented, func(c *client) {
		_, err := c.secrets.CreateSecret(c.Context(),
			&secretsmanager.CreateSecretInput{Name: aws.String(strings.Repeat("n", 513))})
		c.refused(err)
	}},
}

// callAll calls each operation that takes a SecretId, and returns the errors.
func (c *client) callAll(id *string) map[string]error {
	errs := map[string]error{}
	_, errs["CancelRotateSecret"] = c.secrets.CancelRotateSecret(c.Context(),
		&secretsmanager.CancelRotateSecretInput{SecretId: id})
	_, errs["DeleteSecret"] = c.secrets.DeleteSecret(c.Context(),
		&secretsmanager.DeleteSecretInput{SecretId: id, ForceDeleteWithoutRecovery: aws.Bool(true)})
	_, errs["DescribeSecret"] = c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: id})
	_, errs["GetSecretValue"] = c.secrets.GetSecretValue(c.Context(), &secretsmanager.GetSecretValueInput{SecretId: id})
	_, errs["ListSecretVersionIds"] = c.secrets.ListSecretVersionIds(c.Context(),
		&secretsmanager.ListSecretVersionIdsInput{SecretId: id})
	_, errs["PutSecretValue"] = c.secrets.PutSecretValue(c.Context(),
		&secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String("v")})
	_, errs["RestoreSecret"] = c.secrets.RestoreSecret(c.Context(), &secretsmanager.RestoreSecretInput{SecretId: id})
	_, errs["RotateSecret"] = c.secrets.RotateSecret(c.Context(),
		&secretsmanager.RotateSecretInput{SecretId: id, RotationLambdaARN: aws.String(function)})
	_, errs["TagResource"] = c.secrets.TagResource(c.Context(), &secretsmanager.TagResourceInput{SecretId: id,
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	_, errs["UntagResource"] = c.secrets.UntagResource(c.Context(),
		&secretsmanager.UntagResourceInput{SecretId: id, TagKeys: []string{"k"}})
	_, errs["UpdateSecret"] = c.secrets.UpdateSecret(c.Context(),
		&secretsmanager.UpdateSecretInput{SecretId: id, Description: aws.String("d")})
	_, errs["UpdateSecretVersionStage"] = c.secrets.UpdateSecretVersionStage(c.Context(),
		&secretsmanager.UpdateSecretVersionStageInput{SecretId: id, VersionStage: aws.String("l"),
			MoveToVersionId: aws.String(v1)})
	return errs
}

// passwordScenarios are about GetRandomPassword.
var passwordScenarios = []scenario{
	{"a password lacks the excluded characters", "GetRandomPassword, LocalStack 2024-03-15", func(c *client) {
		got := c.password(&secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(120),
			ExcludeCharacters: aws.String("xyzDje@?!.")})
		if len(got) != 120 || strings.ContainsAny(got, "xyzDje@?!.") {
			c.Errorf("got %d characters", len(got))
		}
	}},
	{"a password has 32 characters, of each type one", documented, func(c *client) {
		got := c.password(&secretsmanager.GetRandomPasswordInput{})
		if len(got) != 32 || !slices.Equal(kinds(got), []string{"lower", "number", "punctuation", "upper"}) {
			c.Errorf("got %d characters of %v", len(got), kinds(got))
		}
		if again := c.password(&secretsmanager.GetRandomPasswordInput{}); again == got {
			c.Error("the same password twice")
		}
	}},
	{"a password lacks the excluded types", documented, func(c *client) {
		got := c.password(&secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(300),
			ExcludePunctuation: aws.Bool(true), ExcludeNumbers: aws.Bool(true), ExcludeUppercase: aws.Bool(true)})
		if !slices.Equal(kinds(got), []string{"lower"}) {
			c.Errorf("got %v", kinds(got))
		}
		got = c.password(&secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(300),
			ExcludeLowercase: aws.Bool(true), IncludeSpace: aws.Bool(true)})
		if !slices.Equal(kinds(got), []string{"number", "punctuation", "space", "upper"}) {
			c.Errorf("with spaces got %v", kinds(got))
		}
	}},
	{"a password has 1 to 4096 characters", documented, func(c *client) {
		for _, length := range []int64{0, 3, 4097} { // 3 are too few for the four types
			_, err := c.secrets.GetRandomPassword(c.Context(),
				&secretsmanager.GetRandomPasswordInput{PasswordLength: &length})
			c.refused(err)
		}
	}},
}

func (c *client) password(in *secretsmanager.GetRandomPasswordInput) string {
	c.Helper()
	out, err := c.secrets.GetRandomPassword(c.Context(), in)
	c.ok(err)
	return aws.ToString(out.RandomPassword)
}

// kinds returns the sorted types of characters in a password.
func kinds(password string) []string {
	var found []string
	for _, r := range password {
		kind := "punctuation"
		switch {
		case r >= 'a' && r <= 'z':
			kind = "lower"
		case r >= 'A' && r <= 'Z':
			kind = "upper"
		case r >= '0' && r <= '9':
			kind = "number"
		case r == ' ':
			kind = "space"
		}
		found = append(found, kind)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

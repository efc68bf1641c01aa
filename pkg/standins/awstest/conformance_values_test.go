package awstest_test

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
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
	{"client errors have status 400", "GetSecretValue, LocalStack 2024-03-15", func(c *client) {
		_, err := c.get("", "")
		var response *smithyhttp.ResponseError
		if !errors.As(err, &response) || response.HTTPStatusCode() != 400 {
			c.Errorf("got %v, want status 400", err)
		}
	}},
	{"an unknown secret is not found", "GetSecretValue, LocalStack 2024-03-15", func(c *client) {
		_, err := c.get("", "")
		c.fails(err, notFound, noSecret)
		_, err = c.put(v1, "one")
		c.fails(err, notFound, noSecret)
		_, err = c.secrets.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &c.name})
		c.fails(err, notFound, noSecret)
		c.fails(c.move("AWSCURRENT", v1, v2), notFound, noSecret)
	}},
	{"a secret may have no value", "CreateSecret, LocalStack 2024-03-15", func(c *client) {
		if out := c.createEmpty(); out.VersionId != nil {
			c.Errorf("a version %s", *out.VersionId)
		}
		c.labels(map[string][]string{})
		_, err := c.get("", "")
		c.fails(err, notFound, noValueFor+"staging label: AWSCURRENT")
	}},
	{"a name is used once", "CreateSecret, moto 2026-02-13", func(c *client) {
		c.create()
		_, err := c.secrets.CreateSecret(c.Context(),
			&secretsmanager.CreateSecretInput{Name: &c.name, SecretString: aws.String("two")})
		c.fails(err, "ResourceExistsException", "The operation failed because the secret "+c.name+" already exists.")
	}},
	{"the same creation again succeeds", "CreateSecret, moto 2026-02-13", func(c *client) {
		c.create()
		c.create()
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"the first value gets AWSCURRENT too", documented, func(c *client) {
		c.createEmpty()
		stages := c.mustPut(v1, "one", "AWSPENDING")
		if slices.Sort(stages); !slices.Equal(stages, []string{"AWSCURRENT", "AWSPENDING"}) {
			c.Errorf("got labels %v", stages)
		}
		c.labels(map[string][]string{v1: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"the same token and value are one version", "PutSecretValue, moto 2026-02-13", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "other")
		c.mustPut(v2, "two", "other")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"other"}})
	}},
	{"the same token and value change no label", documented, func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.mustPut(v1, "one")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
	}},
	{"the same token with another value is refused", "PutSecretValue, moto 2026-02-13", func(c *client) {
		arn := c.create()
		_, err := c.put(v1, "two")
		c.fails(err, "ResourceExistsException", tokenInUse(v1, arn))
		got, err := c.get(v1, "")
		c.ok(err)
		c.equal("value", aws.ToString(got.SecretString), "one")
	}},
	{"a creation with a used token and another value is refused", "CreateSecret, moto 2026-02-13",
		func(c *client) {
			arn := c.create()
			_, err := c.secrets.CreateSecret(c.Context(), &secretsmanager.CreateSecretInput{Name: &c.name,
				ClientRequestToken: aws.String(v1), SecretString: aws.String("two")})
			c.fails(err, "ResourceExistsException", tokenInUse(v1, arn))
		}},
	{"an update with a used token needs the same value", "UpdateSecret, moto 2026-02-13", func(c *client) {
		arn := c.create()
		update := func(value string) error {
			_, err := c.secrets.UpdateSecret(c.Context(), &secretsmanager.UpdateSecretInput{SecretId: &c.name,
				ClientRequestToken: aws.String(v1), SecretString: &value})
			return err
		}
		c.ok(update("one"))
		c.fails(update("two"), "ResourceExistsException", tokenInUse(v1, arn))
	}},
	{"the same token with another value is refused for AWSPENDING", documented, func(c *client) {
		arn := c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		_, err := c.put(v2, "three", "AWSPENDING")
		c.fails(err, "ResourceExistsException", tokenInUse(v2, arn))
	}},
	{"a token has 32 to 64 characters", documented, func(c *client) {
		c.create()
		for _, token := range []string{strings.Repeat("t", 31), strings.Repeat("t", 65)} {
			_, err := c.put(token, "two")
			c.refused(err)
		}
		c.mustPut(strings.Repeat("t", 32), "two")
		c.mustPut(strings.Repeat("t", 64), "three")
	}},
	{"a value has at most 64 KiB", documented, func(c *client) {
		c.create()
		c.mustPut(v2, strings.Repeat("x", 65536))
		_, err := c.put(v3, strings.Repeat("x", 65537))
		c.refused(err)
	}},
	{"binary values", "GetSecretValue, LocalStack 2024-09-24", func(c *client) {
		binary := []byte{0, 1, 0xfe, 0xff}
		_, err := c.secrets.CreateSecret(c.Context(),
			&secretsmanager.CreateSecretInput{Name: &c.name, ClientRequestToken: aws.String(v1), SecretBinary: binary})
		c.ok(err)
		got, err := c.get("", "")
		c.ok(err)
		if !slices.Equal(got.SecretBinary, binary) || got.SecretString != nil {
			c.Errorf("got %v and %v", got.SecretBinary, got.SecretString)
		}
	}},
	{"an unknown version is not found", "GetSecretValue, LocalStack 2024-06-13", func(c *client) {
		c.create()
		_, err := c.get(v2, "")
		c.fails(err, notFound, noValueFor+"VersionId: "+v2)
	}},
	{"an unattached label is not found", "GetSecretValue, LocalStack 2024-04-11", func(c *client) {
		c.create()
		_, err := c.get("", "AWSPENDING")
		c.fails(err, notFound, noValueFor+"staging label: AWSPENDING")
	}},
	{"a label of another version is refused", "GetSecretValue, LocalStack 2024-04-11", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		_, err := c.get(v1, "AWSCURRENT")
		c.fails(err, invalidRequest, "")
	}},
	{"UpdateSecret writes AWSCURRENT", "UpdateSecret, LocalStack 2024-03-15", func(c *client) {
		c.create()
		out, err := c.secrets.UpdateSecret(c.Context(),
			&secretsmanager.UpdateSecretInput{SecretId: &c.name, ClientRequestToken: aws.String(v2),
				SecretString: aws.String("two")})
		c.ok(err)
		c.equal("version", aws.ToString(out.VersionId), v2)
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
	}},
	{"UpdateSecret without a value makes no version", "UpdateSecret, LocalStack 2024-03-15", func(c *client) {
		c.create()
		out, err := c.secrets.UpdateSecret(c.Context(),
			&secretsmanager.UpdateSecretInput{SecretId: &c.name, Description: aws.String("new")})
		c.ok(err)
		c.equal("version", aws.ToString(out.VersionId), "")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"binary values follow each other", "PutSecretValue, LocalStack 2026-02-07", func(c *client) {
		c.create()
		written := []byte{0, 1, 2, 0xff}
		_, err := c.secrets.PutSecretValue(c.Context(),
			&secretsmanager.PutSecretValueInput{SecretId: &c.name, SecretBinary: written})
		c.ok(err)
		got, err := c.get("", "")
		c.ok(err)
		if !slices.Equal(got.SecretBinary, written) || got.SecretString != nil {
			c.Errorf("put: got %v and %v", got.SecretBinary, got.SecretString)
		}
		written = []byte{0xfe, 0xfd}
		_, err = c.secrets.UpdateSecret(c.Context(),
			&secretsmanager.UpdateSecretInput{SecretId: &c.name, SecretBinary: written})
		c.ok(err)
		got, err = c.get("", "")
		c.ok(err)
		if !slices.Equal(got.SecretBinary, written) {
			c.Errorf("update: got %v", got.SecretBinary)
		}
	}},
	{"the first value of an empty secret becomes AWSCURRENT", "PutSecretValue, LocalStack 2024-03-15",
		func(c *client) {
			c.createEmpty()
			if stages := c.mustPut(v1, "one"); !slices.Equal(stages, []string{"AWSCURRENT"}) {
				c.Errorf("got labels %v", stages)
			}
		}},
	{"a secret without a value has no version", "GetSecretValue, LocalStack 2024-06-13", func(c *client) {
		c.createEmpty()
		_, err := c.get(v1, "")
		c.fails(err, notFound, noValueFor+"VersionId: "+v1)
		_, err = c.get("", "AWSPENDING")
		c.fails(err, notFound, noValueFor+"staging label: AWSPENDING")
	}},
}

func tokenInUse(token, arn string) string {
	return "You can't use ClientRequestToken " + token + " because that value is already in use for a version of secret " +
		arn + "."
}

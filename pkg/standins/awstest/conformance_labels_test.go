package awstest_test

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// labelScenarios are about staging labels.
var labelScenarios = []scenario{
	{"a value without labels becomes AWSCURRENT", "UpdateSecret, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
		c.mustPut(v3, "three")
		c.labels(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
		got, err := c.get("", "AWSPREVIOUS")
		c.ok(err)
		c.equal("previous value", aws.ToString(got.SecretString), "two")
	}},
	{"a pending value leaves AWSCURRENT alone", "PutSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
		got, err := c.get(v2, "AWSPENDING")
		c.ok(err)
		c.equal("pending value", aws.ToString(got.SecretString), "two")
	}},
	{"a label lives on one version", "PutSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING", "mine")
		c.mustPut(v3, "three", "AWSPENDING")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"mine"}, v3: {"AWSPENDING"}})
	}},
	{"versions without a label are hidden unless asked for", "ListSecretVersionIds, LocalStack 2024-03-29",
		func(c *client) {
			c.create()
			c.mustPut(v2, "two")
			c.mustPut(v3, "three")
			list := func(deprecated bool) (ids []string) {
				out, err := c.secrets.ListSecretVersionIds(c.Context(),
					&secretsmanager.ListSecretVersionIdsInput{SecretId: &c.name, IncludeDeprecated: &deprecated})
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
	{"moving AWSCURRENT moves AWSPREVIOUS and leaves AWSPENDING", "UpdateSecretVersionStage, moto 2024-03-07",
		func(c *client) {
			c.create()
			c.mustPut(v2, "two", "AWSPENDING")
			c.ok(c.move("AWSCURRENT", v1, v2))
			c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
			got, err := c.get("", "AWSCURRENT")
			c.ok(err)
			c.equal("value", aws.ToString(got.SecretString), "two")
		}},
	{"a read without a label reads AWSCURRENT", "GetSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSCURRENT", v1, v2))
		got, err := c.get("", "")
		c.ok(err)
		c.equal("value", aws.ToString(got.SecretString), "two")
	}},
	{"moving AWSCURRENT back swaps", documented, func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.ok(c.move("AWSCURRENT", v2, v1))
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPREVIOUS"}})
	}},
	{"a move must say where the label is", "UpdateSecretVersionStage, moto 2024-03-07", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.fails(c.move("AWSCURRENT", "", v2), invalidParam,
			"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "+v1+
				", so you must explicitly reference that version in RemoveFromVersionId.")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
	}},
	{"a move from the wrong version is refused", documented, func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		c.mustPut(v3, "three", "AWSPENDING")
		c.fails(c.move("AWSCURRENT", v1, v3), invalidParam, "")
		c.labels(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}, v3: {"AWSPENDING"}})
	}},
	{"a move to an unknown version is refused", documented, func(c *client) {
		c.create()
		c.refused(c.move("AWSCURRENT", v1, v2))
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"a label can be removed", documented, func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSPENDING", v2, ""))
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
		_, err := c.get(v2, "")
		c.ok(err)
	}},
	{"a label can be attached", documented, func(c *client) {
		c.create()
		c.ok(c.move("mine", "", v1))
		c.labels(map[string][]string{v1: {"AWSCURRENT", "mine"}})
	}},
	{"AWSCURRENT cannot be removed", documented, func(c *client) {
		c.create()
		c.fails(c.move("AWSCURRENT", v1, ""), invalidParam, "")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}})
	}},
	{"a new AWSCURRENT takes AWSPENDING from the old one", "PutSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSPENDING")
		c.ok(c.move("AWSCURRENT", v1, v2))
		c.mustPut(v3, "three")
		c.labels(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"AWSPREVIOUS leaves other labels behind", "UpdateSecretVersionStage, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "AWSCURRENT", "PUT0")
		c.mustPut(v3, "three", "AWSPENDING", "PUT1")
		c.ok(c.move("AWSCURRENT", v2, v3))
		c.labels(map[string][]string{v2: {"AWSPREVIOUS", "PUT0"}, v3: {"AWSCURRENT", "AWSPENDING", "PUT1"}})
	}},
	{"own labels move one by one", "PutSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "one", "two", "three")
		c.mustPut(v3, "three", "one", "two", "four")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v2: {"three"}, v3: {"four", "one", "two"}})
	}},
	{"a version that loses its last label is deprecated", "PutSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		c.mustPut(v2, "two", "one", "two")
		c.mustPut(v3, "three", "one", "two", "three")
		c.labels(map[string][]string{v1: {"AWSCURRENT"}, v3: {"one", "three", "two"}})
	}},
	{"labels come sorted", "PutSecretValue, LocalStack 2024-03-15", func(c *client) {
		c.create()
		if got := c.mustPut(v2, "two", "two", "one", "three"); !slices.Equal(got, []string{"one", "three", "two"}) {
			c.Errorf("got %v", got)
		}
	}},
	{"a secret has at most 20 labels", documented, func(c *client) {
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

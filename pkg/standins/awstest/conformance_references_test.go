package awstest_test

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

const invalidPath = `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can ` +
	`consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the ` +
	`following 3 symbols .-_`

// parameterNameScenarios are about the names of parameters.
var parameterNameScenarios = []scenario{
	{"a name of one level is the same with a slash and without",
		"GetParameter, GetParameters, DeleteParameter, AddTagsToResource, ListTagsForResource, " +
			"LocalStack and moto 2025-10-27",
		func(c *client) {
			for _, created := range []string{"one-level", "/two-level"} {
				plain := strings.TrimPrefix(created, "/")
				for _, asked := range []string{plain, "/" + plain} {
					_, err := c.putParameter(&created, "v", false)
					c.ok(err)
					got, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: &asked})
					c.ok(err)
					c.equal("name", aws.ToString(got.Parameter.Name), asked)
					if !strings.HasSuffix(aws.ToString(got.Parameter.ARN), ":parameter/"+plain) {
						c.Errorf("ARN %s", aws.ToString(got.Parameter.ARN))
					}
					batch, err := c.parameters.GetParameters(c.Context(), &ssm.GetParametersInput{Names: []string{asked}})
					c.ok(err)
					if len(batch.Parameters) != 1 {
						c.Errorf("a batch of %d", len(batch.Parameters))
					}
					_, err = c.putParameter(&asked, "v", false)
					c.fails(err, "ParameterAlreadyExists", "")
					c.tagParameter(asked)
					_, err = c.parameters.DeleteParameter(c.Context(), &ssm.DeleteParameterInput{Name: &asked})
					c.ok(err)
				}
			}
		}},
	{"a path has no empty level", "GetParameter, LocalStack", func(c *client) {
		_, err := c.putParameter(c.parameter("/b/c"), "v", false)
		c.ok(err)
		for _, name := range []string{strings.TrimPrefix(*c.parameter("/b/c"), "/"), *c.parameter("//b//c")} {
			_, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: &name})
			c.fails(err, "ValidationException", invalidPath)
		}
		_, err = c.putParameter(c.parameter("//b"), "v", false)
		c.fails(err, "ValidationException", invalidPath)
	}},
	{"a batch reads a repeated name once", "GetParameters, moto 2021-06-04", func(c *client) {
		_, err := c.putParameter(c.parameter(""), "v", false)
		c.ok(err)
		got, err := c.parameters.GetParameters(c.Context(),
			&ssm.GetParametersInput{Names: []string{*c.parameter(""), *c.parameter("")}})
		c.ok(err)
		if len(got.Parameters) != 1 {
			c.Errorf("got %d parameters", len(got.Parameters))
		}
	}},
	{"parameters are searched below a path", documented, func(c *client) {
		for _, path := range []string{"test", "/###", "//", "/a//b"} {
			_, err := c.parameters.GetParametersByPath(c.Context(), &ssm.GetParametersByPathInput{Path: &path})
			c.fails(err, "ValidationException", "")
			_, err = c.parameters.DescribeParameters(c.Context(), &ssm.DescribeParametersInput{
				ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Path"), Values: []string{path}}}})
			c.fails(err, "ValidationException", "")
		}
	}},
	{"a parameter has a known data type", documented, func(c *client) {
		_, err := c.parameters.PutParameter(c.Context(), &ssm.PutParameterInput{Name: c.parameter(""),
			Value: aws.String("v"), Type: types.ParameterTypeString, DataType: aws.String("number")})
		c.fails(err, "ValidationException",
			"The following data type is not supported: number (Data type names are all lowercase.)")
	}},
}

// tagParameter tags a parameter by one form of its name and reads the tag by both.
func (c *client) tagParameter(name string) {
	c.Helper()
	_, err := c.parameters.AddTagsToResource(c.Context(), &ssm.AddTagsToResourceInput{ResourceId: &name,
		ResourceType: types.ResourceTypeForTaggingParameter,
		Tags:         []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	c.ok(err)
	for _, asked := range []string{strings.TrimPrefix(name, "/"), "/" + strings.TrimPrefix(name, "/")} {
		got, err := c.parameters.ListTagsForResource(c.Context(), &ssm.ListTagsForResourceInput{ResourceId: &asked,
			ResourceType: types.ResourceTypeForTaggingParameter})
		c.ok(err)
		if len(got.TagList) != 1 {
			c.Errorf("%s has %d tags", asked, len(got.TagList))
		}
	}
}

const (
	recordedReference = "GetParameter, floci 2026-09-28"
	referenceTo       = "/aws/reference/secretsmanager/"
	invalidSelector   = "Invalid parameter name. Please use correct syntax for referencing a version/label  " +
		"<name>:<version/label>"
)

// referenceScenarios are about parameters that refer to secrets.
var referenceScenarios = []scenario{
	{"a parameter refers to a secret", recordedReference, func(c *client) {
		arn := c.create()
		got, err := c.reference("", true)
		c.ok(err)
		c.equal("name", aws.ToString(got.Name), referenceTo+c.name)
		c.equal("value", aws.ToString(got.Value), "one")
		c.equal("ARN", aws.ToString(got.ARN), arn)
		if got.Type != types.ParameterTypeSecureString || got.Version != 0 || got.DataType != nil || got.Selector != nil {
			c.Errorf("type %v, version %v, data type %v, selector %v", got.Type, got.Version, got.DataType, got.Selector)
		}
	}},
	{"SourceResult is the answer of Secrets Manager", recordedReference, func(c *client) {
		arn := c.create()
		got, err := c.reference("", true)
		c.ok(err)
		var source struct {
			ARN           string
			Name          string   `json:"name"`
			VersionID     string   `json:"versionId"`
			SecretString  string   `json:"secretString"`
			VersionStages []string `json:"versionStages"`
			CreatedDate   string   `json:"createdDate"`
		}
		decoder := json.NewDecoder(strings.NewReader(aws.ToString(got.SourceResult)))
		decoder.DisallowUnknownFields()
		c.ok(decoder.Decode(&source))
		c.equal("ARN", source.ARN, arn)
		c.equal("name", source.Name, c.name)
		c.equal("version", source.VersionID, v1)
		c.equal("value", source.SecretString, "one")
		if !slices.Equal(source.VersionStages, []string{"AWSCURRENT"}) || source.CreatedDate == "" {
			c.Errorf("labels %v, date %q", source.VersionStages, source.CreatedDate)
		}
	}},
	{"a reference selects a version by id or label", recordedReference, func(c *client) {
		c.create()
		c.mustPut(v2, "two")
		for selector, want := range map[string]string{":" + v1: "one", ":AWSPREVIOUS": "one", ":AWSCURRENT": "two"} {
			got, err := c.reference(selector, true)
			c.ok(err)
			c.equal("value", aws.ToString(got.Value), want)
			c.equal("selector", aws.ToString(got.Selector), selector)
			c.equal("name", aws.ToString(got.Name), referenceTo+c.name)
		}
	}},
	{"a reference to an unknown secret or version is not found", recordedReference, func(c *client) {
		const text = "An error occurred (ParameterNotFound) when referencing Secrets Manager: " +
			"Secret aws/reference/secretsmanager/"
		_, err := c.reference("", true)
		c.fails(err, "ParameterNotFound", text+c.name+"null not found.")
		c.create()
		_, err = c.reference(":NONE", true)
		c.fails(err, "ParameterNotFound", text+c.name+":NONE not found.")
	}},
	{"a reference to a secret needs decryption", recordedReference, func(c *client) {
		c.create()
		_, err := c.reference("", false)
		c.fails(err, "ValidationException", "WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}},
	{"a malformed selector is refused before anything else", recordedReference, func(c *client) {
		for _, selector := range []string{":AWSCURRENT:extra", ":"} {
			_, err := c.reference(selector, false)
			c.fails(err, "ValidationException", invalidSelector)
		}
	}},
	{"a reference to a secret that is to be deleted is invalid", recordedReference, func(c *client) {
		c.create()
		_, err := c.secrets.DeleteSecret(c.Context(), &secretsmanager.DeleteSecretInput{SecretId: &c.name})
		c.ok(err)
		_, err = c.reference("", true)
		c.fails(err, "ValidationException", "Invalid Request to Secrets Manager")
	}},
	{"a reference to a binary secret has no value", recordedReference, func(c *client) {
		_, err := c.secrets.CreateSecret(c.Context(),
			&secretsmanager.CreateSecretInput{Name: &c.name, SecretBinary: []byte{0, 0xff}})
		c.ok(err)
		got, err := c.reference("", true)
		c.ok(err)
		if got.Value != nil {
			c.Errorf("got value %q", *got.Value)
		}
	}},
	{"a batch lists the references that it cannot answer", "GetParameters, floci 2026-09-28", func(c *client) {
		c.create()
		names := []string{referenceTo + c.name, referenceTo + c.name + "-none", referenceTo + c.name + ":a:b"}
		got, err := c.parameters.GetParameters(c.Context(),
			&ssm.GetParametersInput{Names: names, WithDecryption: aws.Bool(true)})
		c.ok(err)
		slices.Sort(got.InvalidParameters)
		if len(got.Parameters) != 1 || !slices.Equal(got.InvalidParameters, names[1:]) {
			c.Errorf("got %d, invalid %v", len(got.Parameters), got.InvalidParameters)
		}
	}},
}

// reference reads the scenario's secret through the Parameter Store.
func (c *client) reference(selector string, decrypt bool) (*types.Parameter, error) {
	got, err := c.parameters.GetParameter(c.Context(),
		&ssm.GetParameterInput{Name: aws.String(referenceTo + c.name + selector), WithDecryption: &decrypt})
	if err != nil {
		return nil, err
	}
	return got.Parameter, nil
}

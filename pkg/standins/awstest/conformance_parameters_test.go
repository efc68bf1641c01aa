package awstest_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// parameter is a name of the scenario's own in the Parameter Store.
func (c *client) parameter(rest string) *string { return aws.String("/" + c.name + rest) }

func (c *client) putParameter(name *string, value string, overwrite bool) (*ssm.PutParameterOutput, error) {
	return c.parameters.PutParameter(c.Context(),
		&ssm.PutParameterInput{Name: name, Value: &value, Type: types.ParameterTypeString, Overwrite: &overwrite})
}

// parameterScenarios are about the Parameter Store.
var parameterScenarios = []scenario{
	{"an unknown parameter is not found", documented, func(c *client) {
		_, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: c.parameter("")})
		c.fails(err, "ParameterNotFound", "")
		_, err = c.parameters.DeleteParameter(c.Context(), &ssm.DeleteParameterInput{Name: c.parameter("")})
		c.fails(err, "ParameterNotFound", "")
	}},
	{"a parameter is not overwritten without Overwrite", documented, func(c *client) {
		out, err := c.putParameter(c.parameter(""), "one", false)
		c.ok(err)
		if out.Version != 1 {
			c.Errorf("got version %d", out.Version)
		}
		_, err = c.putParameter(c.parameter(""), "two", false)
		c.fails(err, "ParameterAlreadyExists", "")
		out, err = c.putParameter(c.parameter(""), "two", true)
		c.ok(err)
		if out.Version != 2 {
			c.Errorf("got version %d", out.Version)
		}
		got, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: c.parameter("")})
		c.ok(err)
		c.equal("value", aws.ToString(got.Parameter.Value), "two")
	}},
	{"a new parameter needs a type", documented, func(c *client) {
		_, err := c.parameters.PutParameter(c.Context(),
			&ssm.PutParameterInput{Name: c.parameter(""), Value: aws.String("v")})
		c.fails(err, "ValidationException", "A parameter type is required when you create a parameter.")
	}},
	{"a standard parameter has at most 4096 characters", documented, func(c *client) {
		_, err := c.putParameter(c.parameter(""), strings.Repeat("x", 4096), false)
		c.ok(err)
		_, err = c.putParameter(c.parameter(""), strings.Repeat("x", 4097), true)
		c.fails(err, "ValidationException", "")
	}},
	{"reserved names are refused", documented, func(c *client) {
		for _, name := range []string{"aws-parameter", "ssmParameter", "/ssm/parameter"} {
			_, err := c.putParameter(&name, "v", false)
			c.fails(err, "ValidationException", "")
		}
		for _, name := range []string{"/aws/parameter", "/AWS-parameter"} {
			_, err := c.putParameter(&name, "v", false)
			c.fails(err, "AccessDeniedException", "No access to reserved parameter name: "+name+".")
		}
	}},
	{"a path must begin with a slash", documented, func(c *client) {
		_, err := c.putParameter(aws.String("conformance/slash"), "v", false)
		c.fails(err, "ValidationException", "Parameter name must be a fully qualified name.")
	}},
	{"parameters are listed by path", documented, func(c *client) {
		for _, rest := range []string{"/a", "/b/c", "/b/d/e", "x/f"} {
			_, err := c.putParameter(c.parameter(rest), "v", false)
			c.ok(err)
		}
		if got := c.list("", true); !slices.Equal(got, []string{"/a", "/b/c", "/b/d/e"}) {
			c.Errorf("recursive: %v", got)
		}
		if got := c.list("", false); !slices.Equal(got, []string{"/a"}) {
			c.Errorf("one level: %v", got)
		}
		if got := c.list("/b/", true); !slices.Equal(got, []string{"/b/c", "/b/d/e"}) {
			c.Errorf("below b: %v", got)
		}
		if got := c.list("/none", true); len(got) != 0 {
			c.Errorf("nowhere: %v", got)
		}
	}},
	{"a list by path has 10 parameters a page", documented, func(c *client) {
		for i := range 23 {
			_, err := c.putParameter(c.parameter(fmt.Sprintf("/p%02d", i)), "v", false)
			c.ok(err)
		}
		first, err := c.parameters.GetParametersByPath(c.Context(), &ssm.GetParametersByPathInput{Path: c.parameter("")})
		c.ok(err)
		if len(first.Parameters) > 10 || first.NextToken == nil {
			c.Errorf("first page: %d parameters, token %v", len(first.Parameters), first.NextToken)
		}
		if got := c.list("", false); len(got) != 23 {
			c.Errorf("got %d parameters", len(got))
		}
		_, err = c.parameters.GetParametersByPath(c.Context(),
			&ssm.GetParametersByPathInput{Path: c.parameter(""), MaxResults: aws.Int32(11)})
		c.fails(err, "ValidationException", "")
	}},
	{"unknown names of a batch are left out", documented, func(c *client) {
		_, err := c.putParameter(c.parameter(""), "v", false)
		c.ok(err)
		names := []string{*c.parameter(""), *c.parameter("-none")}
		got, err := c.parameters.GetParameters(c.Context(), &ssm.GetParametersInput{Names: names})
		c.ok(err)
		if len(got.Parameters) != 1 || !slices.Equal(got.InvalidParameters, names[1:]) {
			c.Errorf("got %v, invalid %v", len(got.Parameters), got.InvalidParameters)
		}
		deleted, err := c.parameters.DeleteParameters(c.Context(), &ssm.DeleteParametersInput{Names: names})
		c.ok(err)
		if !slices.Equal(deleted.DeletedParameters, names[:1]) || !slices.Equal(deleted.InvalidParameters, names[1:]) {
			c.Errorf("deleted %v, invalid %v", deleted.DeletedParameters, deleted.InvalidParameters)
		}
	}},
	{"a deleted parameter is gone", documented, func(c *client) {
		_, err := c.putParameter(c.parameter(""), "v", false)
		c.ok(err)
		_, err = c.parameters.DeleteParameter(c.Context(), &ssm.DeleteParameterInput{Name: c.parameter("")})
		c.ok(err)
		_, err = c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: c.parameter("")})
		c.fails(err, "ParameterNotFound", "")
	}},
	{"a parameter is read by ARN and by version", "GetParameter, LocalStack 2024-07-16", func(c *client) {
		for _, value := range []string{"one", "two"} {
			_, err := c.putParameter(c.parameter(""), value, true)
			c.ok(err)
		}
		got, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: c.parameter("")})
		c.ok(err)
		byARN, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: got.Parameter.ARN})
		c.ok(err)
		c.equal("by ARN", aws.ToString(byARN.Parameter.Value), "two")
		byVersion, err := c.parameters.GetParameter(c.Context(), &ssm.GetParameterInput{Name: c.parameter(":1")})
		c.ok(err)
		c.equal("by version", aws.ToString(byVersion.Parameter.Value), "one")
		history, err := c.parameters.GetParameterHistory(c.Context(), &ssm.GetParameterHistoryInput{Name: c.parameter("")})
		c.ok(err)
		if len(history.Parameters) != 2 || aws.ToString(history.Parameters[0].Value) != "one" ||
			history.Parameters[0].Labels == nil {
			c.Errorf("history of %d: %v", len(history.Parameters), history.Parameters)
		}
	}},
	{"a SecureString is shown only decrypted", documented, func(c *client) {
		_, err := c.parameters.PutParameter(c.Context(),
			&ssm.PutParameterInput{Name: c.parameter(""), Value: aws.String("classified"),
				Type: types.ParameterTypeSecureString})
		c.ok(err)
		for _, decrypt := range []bool{true, false} {
			got, err := c.parameters.GetParameter(c.Context(),
				&ssm.GetParameterInput{Name: c.parameter(""), WithDecryption: &decrypt})
			c.ok(err)
			if shown := strings.Contains(aws.ToString(got.Parameter.Value), "classified"); shown != decrypt {
				c.Errorf("decryption %v: shown %v", decrypt, shown)
			}
		}
	}},
	{"parameters are described", documented, func(c *client) {
		_, err := c.putParameter(c.parameter("/a"), "v", false)
		c.ok(err)
		got, err := c.parameters.DescribeParameters(c.Context(),
			&ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{
				{Key: aws.String("Path"), Option: aws.String("Recursive"), Values: []string{*c.parameter("")}}}})
		c.ok(err)
		if len(got.Parameters) != 1 || got.Parameters[0].Version != 1 || got.Parameters[0].LastModifiedDate == nil {
			c.Errorf("got %v", got.Parameters)
		}
	}},
}

// list returns the names under a path, from all pages, without the scenario's own prefix.
func (c *client) list(below string, recursive bool) (names []string) {
	c.Helper()
	pages := ssm.NewGetParametersByPathPaginator(c.parameters,
		&ssm.GetParametersByPathInput{Path: c.parameter(below), Recursive: &recursive})
	for pages.HasMorePages() {
		page, err := pages.NextPage(c.Context())
		c.ok(err)
		for _, parameter := range page.Parameters {
			names = append(names, strings.TrimPrefix(aws.ToString(parameter.Name), *c.parameter("")))
		}
	}
	slices.Sort(names)
	return names
}

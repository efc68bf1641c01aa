package awstest_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

// listScenarios are about ListSecrets. Other scenarios' secrets are in the lists too, so that a
// scenario filters by its own names as well.
var listScenarios = []scenario{
	{"secrets are listed page by page", documented, func(c *client) {
		for i := range 5 {
			c.createAs(fmt.Sprint(c.name, i), "")
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
	{"secrets are listed as they were created", "ListSecrets, moto 2025-01-28", func(c *client) {
		for _, name := range []string{"b", "c", "a"} {
			c.createAs(c.name+"/"+name, "")
		}
		c.lists("b c a", filter("name", c.name))
	}},
	{"a list can be reversed", documented, func(c *client) {
		for _, name := range []string{"b", "c", "a"} {
			c.createAs(c.name+"/"+name, "")
		}
		got, err := c.secrets.ListSecrets(c.Context(), &secretsmanager.ListSecretsInput{
			SortOrder: types.SortOrderTypeDesc, Filters: []types.Filter{filter("name", c.name)}})
		c.ok(err)
		c.listed(got, "a c b")
		_, err = c.secrets.ListSecrets(c.Context(), &secretsmanager.ListSecretsInput{SortOrder: "up"})
		c.fails(err, "ValidationException", "")
	}},
	{"a name is filtered by how it begins", "ListSecrets, LocalStack 2024-04-10", func(c *client) {
		c.createAs(c.name+"/one", "")
		c.createAs(c.name+"/Two", "")
		c.lists("one", filter("name", c.name+"/o"))
		c.lists("", filter("name", c.name+"/t"))
		c.lists("one Two", filter("name", c.name+"/o", c.name+"/T"))
		c.lists("", filter("name", "one"))
		c.lists("", filter("name", c.name+" one"))
		c.lists("Two", filter("name", c.name), filter("name", "!"+c.name+"/o"))
	}},
	{"a description is filtered by the beginnings of its words", "ListSecrets, LocalStack 2024-04-10",
		func(c *client) {
			for name, description := range map[string]string{"1": "a secret", "2": "an secret", "3": "asecret",
				"4": "thesecret"} {
				c.createAs(c.name+"/"+name, description)
			}
			own := filter("name", c.name)
			c.listsAnyOrder("1 2 3", own, filter("description", "a"))
			c.listsAnyOrder("4", own, filter("description", "!a"))
			c.listsAnyOrder("1 2", own, filter("description", "a secret"))
			c.listsAnyOrder("1 2 3 4", own, filter("description", "!c"))
			c.listsAnyOrder("", filter("description", "a"), filter("name", "secret"))
		}},
	{"a value of several words wants them all", "ListSecrets, moto 2025-01-28", func(c *client) {
		for i, description := range []string{"one two", "one and two", "one", "two", "unrelated"} {
			c.createAs(fmt.Sprint(c.name, "/", i), description)
		}
		own := filter("name", c.name)
		c.lists("0 1", own, filter("description", "one two"))
		c.lists("0 1", own, filter("description", "o t"))
		c.lists("0 1 3", own, filter("description", "t"))
		c.lists("0 1", own, filter("description", "one"), filter("description", "two"))
	}},
	{"all searches the words of each attribute", "ListSecrets, moto 2025-01-28", func(c *client) {
		c.createAs("ZqGammaOne", "")
		c.createAs("ZqGammaTwo", "DescTwo")
		c.createAs("ZqThirdgamma", "")
		c.createAs("ZqTagged", "", types.Tag{Key: aws.String("foobar"), Value: aws.String("v")})
		own := filter("name", "Zq")
		c.lists("ZqGammaOne", own, filter("all", "GammaOne"))
		c.lists("ZqGammaOne ZqGammaTwo", own, filter("all", "gamma"))
		c.lists("ZqGammaOne ZqGammaTwo", own, filter("all", "gam"))
		c.lists("", own, filter("all", "amma"))
		c.lists("ZqGammaTwo", own, filter("all", "d t"))
		c.lists("ZqTagged", own, filter("all", "foo"))
	}},
	{"words end at special characters and at capitals", "ListSecrets, moto 2025-01-28", func(c *client) {
		for _, separator := range []string{"/", "_", "+", "=", ".", "@", "-"} {
			c.createAs("Separated"+separator+"AppBeta"+separator+"x", "")
		}
		c.createAs("Separated/COMPANY/x", "")
		c.createAs("Separated/COMPANYthings/x", "")
		all := "Separated/AppBeta/x Separated_AppBeta_x Separated+AppBeta+x Separated=AppBeta=x Separated.AppBeta.x " +
			"Separated@AppBeta@x Separated-AppBeta-x"
		own := filter("name", "Separated")
		c.lists(all, own, filter("all", "AppBeta"))
		c.lists(all, own, filter("all", "Beta"))
		c.lists("", own, filter("all", "+"))
		c.lists("Separated/COMPANY/x", own, filter("all", "company"))
		c.lists("Separated/COMPANYthings/x", own, filter("all", "Ythings"))
		c.lists("", own, filter("all", "things"))
		c.lists("", own, filter("all", "N"))
	}},
	{"tags are filtered by how they begin", documented, func(c *client) {
		c.createAs(c.name+"/1", "", types.Tag{Key: aws.String("Kind"), Value: aws.String("blue")})
		c.createAs(c.name+"/2", "", types.Tag{Key: aws.String("blue"), Value: aws.String("Kind")})
		own := filter("name", c.name)
		c.lists("1", own, filter("tag-key", "Ki"))
		c.lists("2", own, filter("tag-value", "Ki"))
		c.lists("", own, filter("tag-key", "ki"))
	}},
	{"a filter needs a known key and a value", documented, func(c *client) {
		_, err := c.secrets.ListSecrets(c.Context(),
			&secretsmanager.ListSecretsInput{Filters: []types.Filter{filter("color", "red")}})
		c.fails(err, "ValidationException", "")
		_, err = c.secrets.ListSecrets(c.Context(),
			&secretsmanager.ListSecretsInput{Filters: []types.Filter{{Key: "name", Values: []string{}}}})
		c.refused(err)
	}},
}

func filter(key string, values ...string) types.Filter {
	return types.Filter{Key: types.FilterNameStringType(key), Values: values}
}

func (c *client) createAs(name, description string, tags ...types.Tag) {
	c.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v"), Tags: tags}
	if description != "" {
		in.Description = &description
	}
	_, err := c.secrets.CreateSecret(c.Context(), in)
	c.ok(err)
}

// lists compares the names of a list, without the scenario's own prefix.
func (c *client) lists(want string, filters ...types.Filter) {
	c.Helper()
	got, err := c.secrets.ListSecrets(c.Context(), &secretsmanager.ListSecretsInput{Filters: filters})
	c.ok(err)
	c.listed(got, want)
}

func (c *client) listed(got *secretsmanager.ListSecretsOutput, want string) {
	c.Helper()
	if diff := cmp.Diff(strings.Fields(want), c.names(got), equateEmpty); diff != "" {
		c.Errorf("names (-want +got):\n%s", diff)
	}
}

// listsAnyOrder is lists without regard to the order.
func (c *client) listsAnyOrder(want string, filters ...types.Filter) {
	c.Helper()
	got, err := c.secrets.ListSecrets(c.Context(), &secretsmanager.ListSecretsInput{Filters: filters})
	c.ok(err)
	if diff := cmp.Diff(strings.Fields(want), c.names(got), equateEmpty, sorted); diff != "" {
		c.Errorf("names (-want +got):\n%s", diff)
	}
}

func (c *client) names(list *secretsmanager.ListSecretsOutput) (names []string) {
	for _, secret := range list.SecretList {
		names = append(names, strings.TrimPrefix(aws.ToString(secret.Name), c.name+"/"))
	}
	return names
}

var (
	equateEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
	sorted      = cmp.Transformer("sorted", func(list []string) map[string]bool {
		set := map[string]bool{}
		for _, text := range list {
			set[text] = true
		}
		return set
	})
)

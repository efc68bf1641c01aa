package awstest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/standins/awstest"
)

func TestPagesByPathMayBeEmpty(t *testing.T) {
	server := awstest.New(t, &awstest.Config{Parameters: awstest.ParametersConfig{EmptyPages: true}})
	config := server.SDKConfig("AKIDTEST")
	c := &client{T: t, secrets: secretsmanager.NewFromConfig(config), parameters: ssm.NewFromConfig(config), name: "n"}
	for _, rest := range []string{"/a", "/b"} {
		if _, err := c.putParameter(c.parameter(rest), "v", false); err != nil {
			t.Fatal(err)
		}
	}
	first, err := c.parameters.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: c.parameter("")})
	if err != nil || len(first.Parameters) != 0 || first.NextToken == nil {
		t.Errorf("first page: %d parameters, token %v, %v", len(first.Parameters), first.NextToken, err)
	}
	if got := c.list("", false); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestNamesOfParameters(t *testing.T) {
	store := awstest.NewParameterStore(awstest.ParametersConfig{})
	for _, test := range []struct {
		name string
		ok   bool
	}{
		{"plain", true}, {"/a/b.c_d-E9", true}, {strings.Repeat("/a", 15), true}, {"/" + strings.Repeat("a", 1010), true},
		{strings.Repeat("/a", 16), false}, {"/" + strings.Repeat("a", 1011), false}, {"a/b", false},
		{"/a b", false}, {"/ä", false},
		{"/a/", false}, {"/a//b", false}, {"awsname", false}, {"/AWS/name", false}, {"SSMname", false},
	} {
		_, err := store.PutParameter(&awstest.PutParameterInput{Name: test.name, Value: "v", Type: "String"})
		if (err == nil) != test.ok {
			t.Errorf("%.40q: %v", test.name, err)
		}
	}
}

func TestOldVersionsOfParametersAreRemoved(t *testing.T) {
	store := awstest.NewParameterStore(awstest.ParametersConfig{Versions: 2})
	for range 5 {
		if _, err := store.PutParameter(&awstest.PutParameterInput{Name: "/p", Value: "v", Type: "String",
			Overwrite: true}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.GetParameterHistory(&awstest.GetParameterHistoryInput{Name: "/p"})
	if err != nil || len(got.Parameters) != 2 || got.Parameters[1].Version != 5 {
		t.Errorf("got %d versions, %v", len(got.Parameters), err)
	}
}

func TestStandardParametersEndAtTenThousand(t *testing.T) {
	store := awstest.NewParameterStore(awstest.ParametersConfig{})
	put := func(name, tier string) (string, error) {
		out, err := store.PutParameter(&awstest.PutParameterInput{Name: name, Value: "v", Type: "String", Tier: tier,
			Overwrite: true})
		if err != nil {
			return "", err
		}
		return out.Tier, nil
	}
	for n := range 10_000 {
		if tier, err := put(fmt.Sprintf("/p/%d", n), "Intelligent-Tiering"); tier != "Standard" || err != nil {
			t.Fatal(tier, err)
		}
	}
	for _, step := range []struct{ name, tier, want string }{
		{"/p/more", "", ""}, {"/p/more", "Standard", ""},
		{"/p/more", "Intelligent-Tiering", "Advanced"}, {"/p/other", "Advanced", "Advanced"},
		{"/p/0", "Intelligent-Tiering", "Standard"}, // overwritten: no further parameter
		{"/p/0", "Advanced", "Advanced"}, {"/p/room", "Standard", "Standard"}, {"/p/room2", "Standard", ""},
		{"/p/0", "", "Advanced"}, // an advanced parameter never becomes a standard one
	} {
		got, err := put(step.name, step.tier)
		var refused *awstest.APIError
		if got != step.want || errors.As(err, &refused) != (step.want == "") {
			t.Errorf("put %s as %q: %q, %v, want %q", step.name, step.tier, got, err, step.want)
		}
	}
	if _, err := store.DeleteParameter(&awstest.ParameterNameInput{Name: "/p/room"}); err != nil {
		t.Fatal(err)
	}
	if tier, err := put("/p/again", "Standard"); tier != "Standard" || err != nil {
		t.Error(tier, err)
	}
}

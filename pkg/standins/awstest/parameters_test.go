package awstest_test

import (
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

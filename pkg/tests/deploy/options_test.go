package deploy_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

const replicaKey = "arn:aws:kms:us-east-2:111122223333:key/mrk-1234"

func TestReplicasAreMadeInTheRegionsThatAreNamed(t *testing.T) {
	for regions, want := range map[string]any{
		"":          nil,
		"eu-west-1": []any{map[string]any{"Region": "eu-west-1"}},
		"eu-west-1,us-east-2=" + replicaKey: []any{
			map[string]any{"Region": "eu-west-1"}, map[string]any{"Region": "us-east-2", "KmsKeyId": replicaKey},
		},
		"us-east-2=" + replicaKey + ",eu-west-1,sa-east-1": []any{
			map[string]any{"Region": "us-east-2", "KmsKeyId": replicaKey}, map[string]any{"Region": "eu-west-1"},
			map[string]any{"Region": "sa-east-1"},
		},
	} {
		tm := newTemplate(t, map[string]string{"ReplicaRegions": regions}, nil)
		got := tm.resources("AWS::SecretsManager::Secret")["TokenSecret"]["ReplicaRegions"]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: replicas %v, want %v", regions, got, want)
		}
	}
}

func TestIVRFunctionIsReachedByHTTPOnlyIfAsked(t *testing.T) {
	const plan = "AWS::ApiGateway::UsagePlan"
	for option, c := range map[string]struct {
		made     []string // resources that this option makes
		security string
	}{
		"off":     {nil, ""},
		"iam":     {[]string{"IvrApi", "IvrPermission"}, "signature"},
		"api-key": {[]string{"IvrApi", "IvrApiKey", "IvrPermission", "IvrUsagePlan", "IvrUsagePlanKey"}, "key"},
	} {
		tm := newTemplate(t, map[string]string{"IvrHttp": option}, map[string]string{"IvrApi": "api"})
		var made []string
		for _, kind := range []string{
			"AWS::Serverless::Api", "AWS::ApiGateway::ApiKey", plan, "AWS::ApiGateway::UsagePlanKey",
			"AWS::Lambda::Permission",
		} {
			made = append(made, slices.Collect(maps.Keys(tm.resources(kind)))...)
		}
		made = slices.DeleteFunc(made, func(name string) bool { return name == "RotatePermission" })
		slices.Sort(made)
		if !slices.Equal(made, c.made) {
			t.Errorf("%s makes %v, want %v", option, made, c.made)
		}
		if c.made != nil {
			checkAPI(t, tm, c.security)
		}
	}
}

// checkAPI checks that the API has one operation, which is throttled and asks for credentials.
func checkAPI(t *testing.T, tm *template, security string) {
	t.Helper()
	api := tm.resources("AWS::Serverless::Api")["IvrApi"]
	body := api["DefinitionBody"].(map[string]any)
	operation := body["paths"].(map[string]any)["/accounts"].(map[string]any)["get"].(map[string]any)
	if want := []any{map[string]any{security: []any{}}}; !reflect.DeepEqual(operation["security"], want) {
		t.Errorf("security %v, want %v", operation["security"], want)
	}
	schemes := body["components"].(map[string]any)["securitySchemes"].(map[string]any)
	if schemes[security] == nil {
		t.Errorf("the security scheme %s is missing", security)
	}
	settings := api["MethodSettings"].([]any)[0].(map[string]any)
	if settings["ThrottlingRateLimit"] != 10 || settings["HttpMethod"] != "*" {
		t.Errorf("settings %v", settings)
	}
	permission := tm.resources("AWS::Lambda::Permission")["IvrPermission"]
	if permission["SourceArn"] != "arn:aws:execute-api:us-east-1:123456789012:api/v1/GET/accounts" ||
		permission["Principal"] != "apigateway.amazonaws.com" {
		t.Errorf("permission %v", permission)
	}
}

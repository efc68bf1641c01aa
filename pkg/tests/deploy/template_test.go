package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"engage-token-rotation/pkg/standins/sandbox"
)

// maxLines keeps the template short enough for a person who has to approve it.
const maxLines = 1090

func TestTemplateIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > maxLines {
		t.Errorf("template.yaml has %d lines; keep it at %d", lines, maxLines)
	}
}

// The parts of the template, in the order in which a reader asks for them.
const (
	whatIsMade = iota
	whoMayDoWhat
	whatReports
)

var parts = map[string]int{
	"AWS::SecretsManager::Secret":              whatIsMade,
	"AWS::SecretsManager::RotationSchedule":    whatIsMade,
	"AWS::Serverless::Function":                whatIsMade,
	"AWS::Serverless::Api":                     whatIsMade,
	"AWS::ApiGateway::ApiKey":                  whatIsMade,
	"AWS::ApiGateway::UsagePlan":               whatIsMade,
	"AWS::ApiGateway::UsagePlanKey":            whatIsMade,
	"AWS::Logs::LogGroup":                      whatIsMade,
	"AWS::Lambda::Permission":                  whoMayDoWhat,
	"AWS::IAM::Role":                           whoMayDoWhat,
	"AWS::IAM::ManagedPolicy":                  whoMayDoWhat,
	"AWS::SNS::Topic":                          whatReports,
	"AWS::SNS::Subscription":                   whatReports,
	"AWS::SNS::TopicPolicy":                    whatReports,
	"AWS::Events::Rule":                        whatReports,
	"AWS::CloudWatch::Alarm":                   whatReports,
	"AWS::CloudWatch::Dashboard":               whatReports,
	"AWS::CloudFormation::WaitConditionHandle": whatReports,
}

func TestResourcesAreInTheReadersOrder(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Resources yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	part := whatIsMade
	for i := 0; i+1 < len(document.Resources.Content); i += 2 {
		name := document.Resources.Content[i].Value
		var resource struct {
			Type string `yaml:"Type"`
		}
		if err := document.Resources.Content[i+1].Decode(&resource); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		next, known := parts[resource.Type]
		if !known {
			t.Errorf("%s: in which part of the template does a %s belong? Add it to parts", name, resource.Type)
		}
		if next < part {
			t.Errorf("%s belongs in an earlier part of the template", name)
		}
		part = max(part, next)
	}
	if part != whatReports {
		t.Error("no resource that reports")
	}
}

func TestFunctionsAreWhatTheReadmePromises(t *testing.T) {
	tm := newTemplate(t, nil, nil)
	globals := tm.section("Globals")["Function"].(map[string]any)
	if globals["Runtime"] != "provided.al2023" || globals["Handler"] != "bootstrap" || globals["Tracing"] != "Active" {
		t.Errorf("Globals: %v", globals)
	}
	functions := tm.resources("AWS::Serverless::Function")
	want := []string{"IvrFunction", "RotateFunction", "SweepFunction"}
	if got := slices.Sorted(maps.Keys(functions)); !slices.Equal(got, want) {
		t.Fatalf("functions %v; want %v", got, want)
	}
	logs := tm.resources("AWS::Logs::LogGroup")
	for name, f := range functions {
		if f["ReservedConcurrentExecutions"] != nil {
			t.Errorf("%s reserves concurrency, which fails the deployment in new accounts", name)
		}
		logging := f["LoggingConfig"].(map[string]any)
		retained := false
		for _, group := range logs {
			retained = retained || group["LogGroupName"] == logging["LogGroup"] && group["RetentionInDays"] != nil
		}
		if logging["LogFormat"] != "JSON" || !retained {
			t.Errorf("%s: logging %v", name, logging)
		}
	}
}

func TestFunctionsGetTheirEnvironment(t *testing.T) {
	const token, admin = "arn:token", "arn:admin"
	parameters := map[string]string{
		"AdminSecretArn": admin, "EngageBaseUrl": "https://e", "RingCentralBaseUrl": "https://r",
		"EngageAllowedHosts": "h", "PreviousTokenRetention": "1h", "ExclusiveUser": "true",
		"ParameterPrefix": "/p", "LogLevel": "DEBUG", "TokenCacheTtl": "2m",
	}
	all := map[string]string{
		"LOG_LEVEL": "DEBUG", "ENGAGE_BASE_URL": "https://e", "ENGAGE_ALLOWED_HOSTS": "h", "AWS_ENDPOINT_URL": "",
	}
	both := map[string]string{
		"ADMIN_SECRET_ARN": admin, "RINGCENTRAL_BASE_URL": "https://r", "PREVIOUS_TOKEN_RETENTION": "1h",
		"EXCLUSIVE_USER": "true", "PARAMETER_PREFIX": "/p", "TOKEN_SECRET_ARN": token,
	}
	want := map[string][]map[string]string{
		"RotateFunction": {all, both},
		"SweepFunction": {all, both, {
			"ROTATION_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:stack-rotate",
		}},
		"IvrFunction": {all, {"TOKEN_SECRET_ID": token, "TOKEN_CACHE_TTL": "2m"}},
	}
	tm := newTemplate(t, parameters, map[string]string{"TokenSecret": token})
	for function, sets := range want {
		wanted := map[string]string{}
		for _, set := range sets {
			maps.Copy(wanted, set)
		}
		if got := tm.environment(function); !maps.Equal(got, wanted) {
			t.Errorf("%s: environment %v\nwant %v", function, got, wanted)
		}
	}
	for _, function := range []string{"RotateFunction", "SweepFunction"} {
		if value, ok := newTemplate(t, nil, nil).environment(function)["ADMIN_SECRET_ARN"]; !ok || value != "" {
			t.Errorf("%s: ADMIN_SECRET_ARN %q without an admin secret", function, value)
		}
	}
}

// `sam local invoke` sets only variables that the template declares.
func TestTemplateDeclaresWhatTheSandboxSets(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	tm := newTemplate(t, nil, nil)
	for function := range asSandbox {
		for name := range tm.environment(function) {
			declared[name] = true
		}
	}
	b := startBox(t, sandbox.Config{})
	for name := range b.Settings("127.0.0.1") {
		if !declared[name] {
			t.Errorf("the sandbox sets %s, and no function of the template declares it", name)
		}
	}
}

func TestSecretsManagerMayInvokeBeforeTheScheduleIsMade(t *testing.T) {
	further := map[string]string{"FurtherSecretsPrefix": "further/"}
	tm := newTemplate(t, further, map[string]string{"TokenSecret": "arn:token"})
	permissions := tm.resources("AWS::Lambda::Permission")
	want := map[string]string{
		"RotatePermission":        "arn:token",
		"FurtherRotatePermission": "arn:aws:secretsmanager:us-east-1:123456789012:secret:further/*",
	}
	for name, source := range want {
		p := permissions[name]
		if p["Principal"] != "secretsmanager.amazonaws.com" || p["SourceAccount"] != account || p["SourceArn"] != source ||
			p["Action"] != "lambda:InvokeFunction" {
			t.Errorf("%s: %v", name, p)
		}
	}
	if len(newTemplate(t, nil, nil).resources("AWS::Lambda::Permission")) != 1 {
		t.Error("without further secrets, more than one secret may have the function invoked")
	}
}

// A stack update that changes the value would replace the token.
func TestNoParameterChangesTheValueOfTheTokenSecret(t *testing.T) {
	tm := newTemplate(t, nil, nil)
	properties := tm.section("Resources")["TokenSecret"].(map[string]any)["Properties"].(map[string]any)
	if properties["SecretString"] != "{}" {
		t.Errorf("value: %v", properties["SecretString"])
	}
	if properties["GenerateSecretString"] != nil || properties["Description"] != fmt.Sprint(properties["Description"]) {
		t.Errorf("properties that may replace the value: %v", properties)
	}
	resource := tm.section("Resources")["TokenSecret"].(map[string]any)
	if resource["DeletionPolicy"] != "RetainExceptOnCreate" || resource["UpdateReplacePolicy"] != "Retain" {
		t.Error("removing the stack takes the token from its readers")
	}
	existing := newTemplate(t, map[string]string{"ExistingTokenSecretArn": "arn:mine"}, nil)
	if made := existing.resources("AWS::SecretsManager::Secret"); len(made) != 0 {
		t.Errorf("besides an existing secret the stack makes %v", made)
	}
	schedules := existing.resources("AWS::SecretsManager::RotationSchedule")
	if schedules["TokenSecretRotation"]["SecretId"] != "arn:mine" {
		t.Errorf("an existing secret is not rotated: %v", schedules)
	}
}

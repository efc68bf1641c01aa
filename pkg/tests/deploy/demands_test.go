package deploy_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// demands are the parameters for the demands of an account, with a value that sets each, and the
// condition that the value makes true.
var demands = map[string]struct{ value, condition string }{
	"PermissionsBoundaryArn": {"arn:aws:iam::123456789012:policy/Boundary", "HasBoundary"},
	"RolePath":               {"/teams/voice/", "HasRolePath"},
	"VpcSubnetIds":           {"subnet-0a1b2c3d", "InVpc"},
	"VpcSecurityGroupIds":    {"sg-0a1b2c3d", "InVpc"},
	"EngageProxyUrl":         {"http://proxy.example.com:3128", "HasProxy"},
	"LogsKmsKeyArn":          {"arn:aws:kms:us-east-1:123456789012:key/logs", "HasLogsKey"},
	"EnvironmentKmsKeyArn":   {"arn:aws:kms:us-east-1:123456789012:key/environment", "HasEnvironmentKey"},
	"ReservedConcurrency":    {"5", "ReservesConcurrency"},
	"LogDeletion":            {"Retain", "KeepsLogs"},
}

func withDemands() map[string]string {
	set := map[string]string{}
	for name, option := range demands {
		set[name] = option.value
	}
	return set
}

// everyResource returns the resolved resources by logical id, with their attributes.
func (tm *template) everyResource() map[string]any {
	found := map[string]any{}
	for name, r := range tm.section("Resources") {
		resource := r.(map[string]any)
		if condition, ok := resource["Condition"].(string); ok && !tm.condition(condition) {
			continue
		}
		resolved := tm.resolve(resource).(map[string]any)
		for _, attribute := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
			if resolved[attribute] == "Delete" { // which is what CloudFormation does without it
				delete(resolved, attribute)
			}
		}
		found[name] = resolved
	}
	return found
}

// withoutDemands removes from a part of the template everything that depends on a condition of an
// option: each value that the condition chooses, if there is none otherwise, and each resource that
// exists only with it.
func withoutDemands(value any, conditions map[string]bool) any {
	switch v := value.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			if item = withoutDemands(item, conditions); item != (noValue{}) {
				list = append(list, item)
			}
		}
		return list
	case map[string]any:
		if choice, ok := v["Fn::If"].([]any); ok && conditions[fmt.Sprint(choice[0])] {
			isNothing := reflect.DeepEqual(choice[2], map[string]any{"Ref": "AWS::NoValue"}) || choice[2] == "Delete"
			if isNothing {
				return noValue{}
			}
		}
		if condition, ok := v["Condition"].(string); ok && conditions[condition] && v["Type"] != nil {
			return noValue{}
		}
		left := map[string]any{}
		for key, item := range v {
			if item = withoutDemands(item, conditions); item != (noValue{}) {
				left[key] = item
			}
		}
		return left
	}
	return value
}

// The template without the options is what is left when every value is removed that an option
// chooses. With all options off, the stack is the one of that template.
func TestDemandsThatAreOffChangeNothing(t *testing.T) {
	off := newTemplate(t, nil, nil)
	without := newTemplate(t, nil, nil)
	conditions := map[string]bool{}
	for name, option := range demands {
		conditions[option.condition] = true
		delete(without.section("Parameters"), name)
		delete(without.values, name)
	}
	for _, section := range []string{"Globals", "Resources", "Outputs"} {
		without.document[section] = withoutDemands(without.section(section), conditions)
	}
	for condition := range conditions {
		delete(without.section("Conditions"), condition)
	}
	written := fmt.Sprint(without.document["Globals"], without.document["Resources"], without.document["Outputs"],
		without.document["Conditions"])
	for name, option := range demands {
		if strings.Contains(written, ":"+name+"]") || strings.Contains(written, option.condition) {
			t.Errorf("%s changes something although it is off", name)
		}
	}
	got, want := off.everyResource(), without.everyResource()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("resources %v\nwithout the options %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s: %v\nwithout the options %v", name, got[name], want[name])
		}
	}
	globals := func(tm *template) any { return tm.resolve(tm.section("Globals")) }
	if !reflect.DeepEqual(globals(off), globals(without)) {
		t.Errorf("functions: %v\nwithout the options %v", globals(off), globals(without))
	}
}

// Each option alone changes the stack, and all parameters of their group are known here.
func TestEachDemandChangesTheStack(t *testing.T) {
	off := newTemplate(t, nil, nil)
	shown := off.section("Metadata")["AWS::CloudFormation::Interface"].(map[string]any)
	for _, g := range shown["ParameterGroups"].([]any) {
		group := g.(map[string]any)
		if group["Label"].(map[string]any)["default"] != "Demands of the account" {
			continue
		}
		got := slices.Sorted(slices.Values(texts(group["Parameters"])))
		if want := slices.Sorted(maps.Keys(demands)); !slices.Equal(got, want) {
			t.Errorf("the group has %v; demands has %v", group["Parameters"], want)
		}
	}
	stack := func(tm *template) []any { return []any{tm.resolve(tm.section("Globals")), tm.everyResource()} }
	for name, option := range demands {
		on := newTemplate(t, map[string]string{name: option.value}, nil)
		if reflect.DeepEqual(stack(on), stack(off)) {
			t.Errorf("%s=%s changes nothing", name, option.value)
		}
	}
}

func TestDemandsReachEveryResourceThatTheyAreFor(t *testing.T) {
	tm := newTemplate(t, withDemands(), nil)
	function := tm.resolve(tm.section("Globals")).(map[string]any)["Function"].(map[string]any)
	for property, want := range map[string]any{
		"KmsKeyArn": demands["EnvironmentKmsKeyArn"].value, "ReservedConcurrentExecutions": "5",
		"VpcConfig": map[string]any{"SubnetIds": "subnet-0a1b2c3d", "SecurityGroupIds": "sg-0a1b2c3d"},
	} {
		if !reflect.DeepEqual(function[property], want) {
			t.Errorf("functions: %s %v, want %v", property, function[property], want)
		}
	}
	for _, name := range []string{"RotateFunction", "SweepFunction", "IvrFunction"} {
		if got := tm.environment(name)["ENGAGE_PROXY_URL"]; got != demands["EngageProxyUrl"].value {
			t.Errorf("%s: proxy %q", name, got)
		}
	}
	for kind, properties := range map[string]map[string]string{
		"AWS::IAM::Role":          {"PermissionsBoundary": "PermissionsBoundaryArn", "Path": "RolePath"},
		"AWS::IAM::ManagedPolicy": {"Path": "RolePath"},
		"AWS::Logs::LogGroup":     {"KmsKeyId": "LogsKmsKeyArn"},
		"AWS::SNS::Topic":         {"KmsMasterKeyId": "LogsKmsKeyArn"},
	} {
		for name, resource := range tm.resources(kind) {
			for property, option := range properties {
				if resource[property] != demands[option].value {
					t.Errorf("%s: %s %v, want that of %s", name, property, resource[property], option)
				}
			}
		}
	}
	for name, r := range tm.everyResource() {
		resource := r.(map[string]any)
		if resource["Type"] == "AWS::Logs::LogGroup" &&
			(resource["DeletionPolicy"] != "Retain" || resource["UpdateReplacePolicy"] != "Retain") {
			t.Errorf("%s is deleted with the stack", name)
		}
	}
}

// Lambda connects the functions with the VPC by their roles. Code of the functions may not use
// that.
func TestOnlyLambdaMayUseThePermissionsOfTheVPC(t *testing.T) {
	tm := newTemplate(t, withDemands(), nil)
	for name, role := range tm.resources("AWS::IAM::Role") {
		if !slices.Contains(texts(role["ManagedPolicyArns"]), "VpcPolicy") {
			t.Errorf("%s: its function cannot be connected with the VPC", name)
		}
	}
	denied := false
	statements := tm.resources("AWS::IAM::ManagedPolicy")["VpcPolicy"]["PolicyDocument"].(map[string]any)["Statement"]
	for _, s := range statements.([]any) {
		statement := s.(map[string]any)
		if statement["Effect"] != "Deny" {
			continue
		}
		pattern := fmt.Sprint(statement["Condition"].(map[string]any)["ArnLike"].(map[string]any)["lambda:SourceFunctionArn"])
		denied = statement["Action"] == "ec2:*" && statement["Resource"] == "*"
		for function := range tm.resources("AWS::Serverless::Function") {
			denied = denied && like(pattern, tm.attribute(function, "Arn"))
		}
	}
	if !denied {
		t.Error("code of a function may change network interfaces")
	}
	if len(newTemplate(t, nil, nil).resources("AWS::IAM::ManagedPolicy")) != 1 {
		t.Error("without a VPC there are permissions for it")
	}
}

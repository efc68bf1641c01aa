package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the directory of the module.
const root = "../../.."

// The names and ids that a resolved template stands for.
const (
	stackName = "stack"
	account   = "123456789012"
	region    = "us-east-1"
)

// template is template.yaml with its intrinsic functions resolved for given parameters.
type template struct {
	document map[string]any
	values   map[string]any // parameters and pseudo parameters
	physical map[string]string
}

// noValue is what AWS::NoValue resolves to: whatever holds it leaves it out.
type noValue struct{}

// newTemplate resolves the template. parameters go before the defaults; physical gives resources the names and ARNs that
// Ref and GetAtt X.Arn answer, and the others get made-up ones.
func newTemplate(t *testing.T, parameters, physical map[string]string) *template {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var parsed yaml.Node
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	document, ok := plain(t, parsed.Content[0]).(map[string]any)
	if !ok {
		t.Fatal("template.yaml is no mapping")
	}
	tm := &template{document: document, physical: physical, values: map[string]any{
		"AWS::Partition": "aws", "AWS::Region": region, "AWS::AccountId": account, "AWS::StackName": stackName,
		"AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": noValue{},
	}}
	for name, p := range tm.section("Parameters") {
		if value, ok := p.(map[string]any)["Default"]; ok {
			tm.values[name] = fmt.Sprint(value)
		}
	}
	for name, value := range parameters {
		if _, ok := tm.section("Parameters")[name]; !ok {
			t.Fatalf("template.yaml has no parameter %s", name)
		}
		tm.values[name] = value
	}
	return tm
}

func (tm *template) section(name string) map[string]any {
	section, _ := tm.document[name].(map[string]any)
	return section
}

// plain turns YAML into maps, lists and scalars, and the short forms of intrinsic functions into the long ones.
func plain(t *testing.T, n *yaml.Node) any {
	t.Helper()
	value := untagged(t, n)
	switch tag := n.Tag; {
	case !strings.HasPrefix(tag, "!") || strings.HasPrefix(tag, "!!"):
		return value
	case tag == "!Ref" || tag == "!Condition":
		return map[string]any{tag[1:]: value}
	case tag == "!GetAtt":
		resource, attribute, _ := strings.Cut(fmt.Sprint(value), ".")
		return map[string]any{"Fn::GetAtt": []any{resource, attribute}}
	default:
		return map[string]any{"Fn::" + tag[1:]: value}
	}
}

func untagged(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, plain(t, item))
		}
		return list
	case yaml.ScalarNode:
		if strings.HasPrefix(n.Tag, "!!") {
			var scalar any
			if err := n.Decode(&scalar); err != nil {
				t.Fatal(err)
			}
			return scalar
		}
		return n.Value
	}
	t.Fatalf("template.yaml:%d: an alias, which CloudFormation does not know", n.Line)
	return nil
}

// resolve evaluates the intrinsic functions in a value.
func (tm *template) resolve(value any) any {
	switch v := value.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			if r := tm.resolve(item); r != (noValue{}) {
				list = append(list, r)
			}
		}
		return list
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if resolved, ok := tm.call(name, argument); ok {
					return resolved
				}
			}
		}
		m := map[string]any{}
		for key, item := range v {
			if r := tm.resolve(item); r != (noValue{}) {
				m[key] = r
			}
		}
		return m
	}
	return value
}

func (tm *template) call(name string, argument any) (any, bool) {
	switch name {
	case "Ref":
		return tm.reference(argument.(string)), true
	case "Fn::GetAtt":
		parts := argument.([]any)
		return tm.attribute(parts[0].(string), parts[1].(string)), true
	case "Fn::Sub":
		return tm.substitute(argument), true
	case "Fn::If":
		parts := argument.([]any)
		if tm.condition(parts[0].(string)) {
			return tm.resolve(parts[1]), true
		}
		return tm.resolve(parts[2]), true
	case "Fn::Equals":
		parts := argument.([]any)
		return fmt.Sprint(tm.resolve(parts[0])) == fmt.Sprint(tm.resolve(parts[1])), true
	case "Fn::Not":
		return !tm.resolve(argument.([]any)[0]).(bool), true
	case "Fn::And":
		for _, part := range argument.([]any) {
			if !tm.resolve(part).(bool) {
				return false, true
			}
		}
		return true, true
	case "Condition":
		if name, ok := argument.(string); ok {
			return tm.condition(name), true
		}
	}
	return nil, false
}

func (tm *template) condition(name string) bool {
	result, _ := tm.resolve(tm.section("Conditions")[name]).(bool)
	return result
}

func (tm *template) reference(name string) any {
	if value, ok := tm.values[name]; ok {
		return value
	}
	if physical, ok := tm.physical[name]; ok {
		return physical
	}
	if logs, ok := tm.property(name, "LogGroupName"); ok {
		return logs
	}
	return name
}

func (tm *template) attribute(name, attribute string) string {
	if physical, ok := tm.physical[name+"."+attribute]; ok {
		return physical
	}
	if attribute == "Arn" {
		resource, _ := tm.section("Resources")[name].(map[string]any)
		if resource["Type"] == "AWS::Serverless::Function" {
			function, _ := tm.property(name, "FunctionName")
			return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%v", region, account, function)
		}
	}
	return fmt.Sprintf("arn:aws:made-up:%s:%s:%s/%s", region, account, name, attribute)
}

func (tm *template) property(resource, name string) (any, bool) {
	r, _ := tm.section("Resources")[resource].(map[string]any)
	properties, _ := r["Properties"].(map[string]any)
	value, ok := properties[name]
	return tm.resolve(value), ok
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (tm *template) substitute(argument any) string {
	text, _ := argument.(string)
	extra := map[string]any{}
	if parts, ok := argument.([]any); ok {
		text, extra = parts[0].(string), parts[1].(map[string]any)
	}
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if value, ok := extra[name]; ok {
			return fmt.Sprint(tm.resolve(value))
		}
		if resource, attribute, ok := strings.Cut(name, "."); ok {
			return tm.attribute(resource, attribute)
		}
		return fmt.Sprint(tm.reference(name))
	})
}

// resources returns the properties of the resources of a type that the parameters bring into being, by logical id.
func (tm *template) resources(kind string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for name, r := range tm.section("Resources") {
		resource, _ := r.(map[string]any)
		condition, conditional := resource["Condition"].(string)
		if resource["Type"] != kind || conditional && !tm.condition(condition) {
			continue
		}
		properties, _ := tm.resolve(resource["Properties"]).(map[string]any)
		found[name] = properties
	}
	return found
}

func TestParametersRefuseBadValues(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:engage/admin-AbCdEf"
	cases := map[string]struct{ good, bad []string }{
		"AdminSecretArn":         {[]string{"", arn}, []string{"engage/admin", strings.TrimSuffix(arn, "-AbCdEf") + "x", arn + "*"}},
		"ExistingTokenSecretArn": {[]string{"", arn}, []string{"*", "arn:aws:s3:::bucket"}},
		"TokenSecretName":        {[]string{"engage/token", "a@b"}, []string{"", "a b", `a"b`, "engage/*"}},
		"FurtherSecretsPrefix":   {[]string{"", "engage/", "a/b/"}, []string{"*", "/", "a/", "engage", "engage/*"}},
		"KmsKeyArn":              {[]string{"", "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234"}, []string{"alias/x", "arn:aws:kms:eu-west-1:111122223333:alias/x", "*"}},
		"RotationSchedule": {
			[]string{"rate(4 hours)", "rate(12 hours)", "rate(1 day)", "rate(30 days)", "cron(0 3 ? * SUN *)", "cron(0 8 1 * ? *)", "cron(0 /8 * * ? *)"},
			[]string{"", "daily", "rate(1 hour)", "rate(3 hours)", "rate(1 days)", "rate(0 days)", "rate(5 minutes)", "cron(0 3 * * *)"},
		},
		"RotationWindow":         {[]string{"1h", "3h", "24h"}, []string{"", "0h", "25h", "3", "30m"}},
		"PreviousTokenRetention": {[]string{"0s", "90m", "1h30m", "8760h"}, []string{"0", "1d", "-1h", "1h 30m", "soon"}},
		"TokenCacheTtl":          {[]string{"5m", "1h"}, []string{"5", "-5m", "never"}},
		"EngageBaseUrl":          {[]string{"", "https://ringcx.ringcentral.com", "https://engage.example.com:8443/"}, []string{"http://engage.example.com", "engage.example.com", "https://a/b", "https://user@host"}},
		"RingCentralBaseUrl":     {[]string{"", "https://platform.ringcentral.com"}, []string{"http://x", "platform"}},
		"EngageAllowedHosts":     {[]string{"", "a.example.com", "a.example.com,b.example.com:8443"}, []string{"a b", "a,,b", "a;b"}},
		"AlarmEmail":             {[]string{"", "ops@example.com"}, []string{"ops", "ops@host", "a b@example.com"}},
		"AlarmTopicArn":          {[]string{"", "arn:aws:sns:eu-west-1:111122223333:alarms"}, []string{"alarms", "arn:aws:sns:eu-west-1:111122223333:*"}},
		"ParameterPrefix":        {[]string{"/engage-token-rotation", "/a/b/c"}, []string{"", "/", "a", "/a/", "/a/*", "/a b"}},
	}
	parameters := newTemplate(t, nil, nil).section("Parameters")
	for name, p := range parameters {
		parameter := p.(map[string]any)
		pattern, ok := parameter["AllowedPattern"].(string)
		if !ok {
			if parameter["AllowedValues"] == nil && parameter["MinValue"] == nil {
				t.Errorf("%s accepts anything", name)
			}
			continue
		}
		if parameter["ConstraintDescription"] == nil {
			t.Errorf("%s does not say what it wants", name)
		}
		examples, ok := cases[name]
		if !ok {
			t.Errorf("%s is not tried here", name)
		}
		accepts := func(value string) bool {
			least, _ := parameter["MinLength"].(int)
			return len(value) >= least && regexp.MustCompile(pattern).FindString(value) == value && regexp.MustCompile(pattern).MatchString(value)
		}
		for _, value := range examples.good {
			if !accepts(value) {
				t.Errorf("%s refuses %q", name, value)
			}
		}
		for _, value := range examples.bad {
			if accepts(value) {
				t.Errorf("%s accepts %q", name, value)
			}
		}
	}
}

func TestParametersAreGroupedLabelledAndDescribed(t *testing.T) {
	tm := newTemplate(t, nil, nil)
	face := tm.section("Metadata")["AWS::CloudFormation::Interface"].(map[string]any)
	var grouped []string
	for _, group := range face["ParameterGroups"].([]any) {
		for _, name := range group.(map[string]any)["Parameters"].([]any) {
			grouped = append(grouped, name.(string))
		}
	}
	slices.Sort(grouped)
	labels := face["ParameterLabels"].(map[string]any)
	all := slices.Sorted(maps.Keys(tm.section("Parameters")))
	if !slices.Equal(grouped, all) || !slices.Equal(slices.Sorted(maps.Keys(labels)), all) {
		t.Errorf("parameters %v\ngrouped %v\nlabelled %v", all, grouped, slices.Sorted(maps.Keys(labels)))
	}
	for name, p := range tm.section("Parameters") {
		parameter := p.(map[string]any)
		if text, _ := parameter["Description"].(string); text == "" {
			t.Errorf("%s is not described", name)
		}
		if regexp.MustCompile(`(?i)password|credential|jwt`).MatchString(name) || parameter["NoEcho"] != nil {
			t.Errorf("%s: no secret is ever a parameter", name)
		}
	}
}

func TestFunctionsAreWhatTheReadmePromises(t *testing.T) {
	tm := newTemplate(t, nil, nil)
	globals := tm.section("Globals")["Function"].(map[string]any)
	if globals["Runtime"] != "provided.al2023" || globals["Handler"] != "bootstrap" || globals["Tracing"] != "Active" {
		t.Errorf("Globals: %v", globals)
	}
	functions := tm.resources("AWS::Serverless::Function")
	if got := slices.Sorted(maps.Keys(functions)); !slices.Equal(got, []string{"IvrFunction", "RotateFunction", "SweepFunction"}) {
		t.Fatalf("functions: %v", got)
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

func TestSecretsManagerMayInvokeBeforeTheScheduleIsMade(t *testing.T) {
	tm := newTemplate(t, map[string]string{"FurtherSecretsPrefix": "further/"}, map[string]string{"TokenSecret": "arn:token"})
	permissions := tm.resources("AWS::Lambda::Permission")
	want := map[string]string{"RotationPermission": "arn:token", "FurtherRotationPermission": "arn:aws:secretsmanager:us-east-1:123456789012:secret:further/*"}
	for name, source := range want {
		p := permissions[name]
		if p["Principal"] != "secretsmanager.amazonaws.com" || p["SourceAccount"] != account || p["SourceArn"] != source || p["Action"] != "lambda:InvokeFunction" {
			t.Errorf("%s: %v", name, p)
		}
	}
	schedule := tm.section("Resources")["RotationOfTokenSecret"].(map[string]any)
	if schedule["DependsOn"] != "RotationPermission" {
		t.Errorf("the schedule depends on %v", schedule["DependsOn"])
	}
	if len(newTemplate(t, nil, nil).resources("AWS::Lambda::Permission")) != 1 {
		t.Error("without further secrets more than one secret may have the function invoked")
	}
}

// A value in the template would be put over the token by a stack update that changes it.
func TestTokenSecretHoldsTheAdminSecretAlone(t *testing.T) {
	tm := newTemplate(t, map[string]string{"AdminSecretArn": "arn:admin"}, nil)
	s := tm.resources("AWS::SecretsManager::Secret")["TokenSecret"]
	if s["SecretString"] != `{"adminSecretArn":"arn:admin"}` {
		t.Errorf("value: %v", s["SecretString"])
	}
	resource := tm.section("Resources")["TokenSecret"].(map[string]any)
	if resource["DeletionPolicy"] != "Retain" || resource["UpdateReplacePolicy"] != "Retain" {
		t.Error("removing the stack takes the token from its readers")
	}
	existing := newTemplate(t, map[string]string{"ExistingTokenSecretArn": "arn:mine"}, nil)
	if len(existing.resources("AWS::SecretsManager::Secret")) != 0 || existing.resources("AWS::SecretsManager::RotationSchedule")["RotationOfTokenSecret"]["SecretId"] != "arn:mine" {
		t.Error("an existing secret is not taken")
	}
}

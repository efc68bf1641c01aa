package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the directory of the module.
const root = "../../.."

// The names and ids in a resolved template.
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

// noValue is what AWS::NoValue resolves to: the list or map around it leaves it out.
type noValue struct{}

// newTemplate reads the template. parameters override the defaults. physical gives the names and
// ARNs that Ref and GetAtt return for resources, by "X" and "X.Arn"; other resources get made-up
// ones.
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
		t.Fatal("template.yaml is not a mapping")
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

// plain turns YAML into maps, lists and scalars, and short forms of intrinsic functions into long
// ones.
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
	t.Fatalf("template.yaml:%d: an alias, which CloudFormation does not accept", n.Line)
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
	case "Fn::Or":
		for _, part := range argument.([]any) {
			if tm.resolve(part).(bool) {
				return true, true
			}
		}
		return false, true
	case "Fn::And":
		for _, part := range argument.([]any) {
			if !tm.resolve(part).(bool) {
				return false, true
			}
		}
		return true, true
	case "Fn::Select":
		parts := argument.([]any)
		return tm.resolve(parts[1]).([]any)[parts[0].(int)], true
	case "Fn::Split":
		parts := argument.([]any)
		list := []any{}
		for _, part := range strings.Split(fmt.Sprint(tm.resolve(parts[1])), parts[0].(string)) {
			list = append(list, part)
		}
		return list, true
	case "Fn::Join":
		parts := argument.([]any)
		return strings.Join(texts(tm.resolve(parts[1])), parts[0].(string)), true
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

// resources returns, by logical id, the properties of the resources of a type. Resources with a
// condition that is false are left out.
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

// environment returns the environment variables of a function.
func (tm *template) environment(function string) map[string]string {
	variables := map[string]string{}
	globals := tm.section("Globals")["Function"]
	for _, properties := range []any{tm.resolve(globals), tm.resources("AWS::Serverless::Function")[function]} {
		environment, _ := properties.(map[string]any)["Environment"].(map[string]any)
		values, _ := environment["Variables"].(map[string]any)
		for name, value := range values {
			variables[name] = fmt.Sprint(value)
		}
	}
	return variables
}

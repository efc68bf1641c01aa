package deploy_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// call is one use of a permission. context has the values of the condition keys.
type call struct {
	function, action, resource string
	context                    map[string]string
}

// statement is one statement of a policy.
type statement struct {
	sid                string
	actions, resources []string
	conditions         map[string]any
}

// roles are the execution roles of the functions.
var roles = map[string]string{
	sandbox.FunctionRotate: "RotateRole", sandbox.FunctionSweep: "SweepRole", sandbox.FunctionIVR: "IvrRole",
}

// policies returns, by function, the statements of its role: those of its own and those of the
// template's managed policies.
func policies(t *testing.T, tm *template) map[string][]statement {
	t.Helper()
	found := map[string][]statement{}
	made, managed := tm.resources("AWS::IAM::Role"), tm.resources("AWS::IAM::ManagedPolicy")
	if len(made) != len(roles) {
		t.Fatalf("%d roles; want %v", len(made), roles)
	}
	for function, role := range roles {
		list, _ := made[role]["Policies"].([]any)
		attached, _ := made[role]["ManagedPolicyArns"].([]any)
		for _, name := range attached {
			policy, ok := managed[fmt.Sprint(name)]
			if !ok {
				t.Fatalf("role %s: managed policy %v is not the template's", role, name)
			}
			list = append(list, policy)
		}
		for _, p := range list {
			for _, s := range p.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				found[function] = append(found[function], newStatement(t, s.(map[string]any)))
			}
		}
		if len(found[function]) == 0 {
			t.Fatalf("role %s has no permissions", role)
		}
	}
	return found
}

func newStatement(t *testing.T, s map[string]any) statement {
	t.Helper()
	if s["Effect"] != "Allow" || s["NotAction"] != nil || s["NotResource"] != nil {
		t.Fatalf("statement %v: only plain permissions are understood here", s["Sid"])
	}
	conditions, _ := s["Condition"].(map[string]any)
	return statement{fmt.Sprint(s["Sid"]), texts(s["Action"]), texts(s["Resource"]), conditions}
}

// texts returns a text or a list of them as a list.
func texts(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{fmt.Sprint(value)}
	}
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// like is IAM's comparison with * and ?.
func like(pattern, text string) bool {
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^(" + quoted + ")$").MatchString(text)
}

func (s statement) meets(c call) bool {
	for operator, tests := range s.conditions {
		for key, wanted := range tests.(map[string]any) {
			given, ok := c.context[key]
			matches := func(pattern string) bool {
				return operator == "StringEquals" && pattern == given || operator == "StringLike" && like(pattern, given)
			}
			if !ok || !slices.ContainsFunc(texts(wanted), matches) {
				return false
			}
		}
	}
	return true
}

func (s statement) allows(c call) bool {
	reaches := func(r string) bool { return like(r, c.resource) }
	return slices.Contains(s.actions, c.action) && slices.ContainsFunc(s.resources, reaches) && s.meets(c)
}

// withKey adds the calls to KMS that Secrets Manager makes with the caller's permissions when a
// customer key is used.
func withKey(calls []call, key string) []call {
	all := slices.Clone(calls)
	for _, c := range calls {
		context := viaSecretsManager(c.resource)
		switch c.action {
		case "secretsmanager:GetSecretValue":
			all = append(all, call{c.function, "kms:Decrypt", key, context})
		case "secretsmanager:PutSecretValue":
			all = append(all,
				call{c.function, "kms:Decrypt", key, context},
				call{c.function, "kms:GenerateDataKey", key, context})
		}
	}
	return all
}

// viaSecretsManager is the context of a call to KMS that Secrets Manager makes for a secret.
func viaSecretsManager(secretARN string) map[string]string {
	return map[string]string{
		"kms:ViaService": "secretsmanager." + region + ".amazonaws.com", "kms:EncryptionContext:SecretARN": secretARN,
	}
}

// recorded returns the calls of the functions, with the condition keys that they have in a stack of
// the template.
func recorded(b *box, tm *template) []call {
	rotates := map[string]bool{}
	for _, s := range b.State().Secrets {
		rotates[s.ARN] = s.RotationEnabled
	}
	var calls []call
	for _, p := range b.Calls().Permissions {
		if !slices.Contains(sandbox.Functions, p.Function) {
			continue
		}
		c := call{p.Function, p.Action, p.Resource, map[string]string{}}
		if rotates[p.Resource] {
			c.context["secretsmanager:resource/AllowRotationLambdaArn"] = tm.attribute("RotateFunction", "Arn")
		}
		calls = append(calls, c)
	}
	return calls
}

// platform are the statements that Lambda uses on behalf of a function.
var platform = []string{"WriteLogs", "Trace"}

// checkPolicies checks that the policies allow the calls of a recorded run, and nothing that it
// does not use.
func checkPolicies(t *testing.T, b *box) {
	t.Helper()
	const key = "arn:aws:kms:us-east-1:123456789012:key/1234"
	token, admin := b.arn(sandbox.TokenSecret), b.arn(sandbox.AdminSecret)
	cases := map[string]map[string]string{
		"a secret of the stack": {"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/"},
		"an existing secret": {
			"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/", "ExistingTokenSecretArn": token,
		},
		"a customer key": {"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/", "KmsKeyArn": key},
	}
	for name, parameters := range cases {
		t.Run(name, func(t *testing.T) {
			tm := newTemplate(t, parameters, map[string]string{"TokenSecret": token})
			calls := recorded(b, tm)
			if parameters["KmsKeyArn"] != "" {
				calls = withKey(calls, key)
			}
			compare(t, policies(t, tm), calls)
		})
	}
	t.Run("no further secrets", func(t *testing.T) {
		tm := newTemplate(t, map[string]string{"AdminSecretArn": admin}, map[string]string{"TokenSecret": token})
		isFurther := func(c call) bool { return strings.Contains(c.resource, ":secret:further/") }
		compare(t, policies(t, tm), slices.DeleteFunc(recorded(b, tm), isFurther))
	})
}

// compare checks that policies allow every call, and that calls use every action and every resource
// of each statement.
func compare(t *testing.T, policies map[string][]statement, calls []call) {
	t.Helper()
	used := map[string]bool{}
	for _, c := range calls {
		allowed := false
		for _, s := range policies[c.function] {
			if !s.allows(c) {
				continue
			}
			allowed = true
			used[c.function+" "+s.sid+" "+c.action] = true
			for _, r := range s.resources {
				if like(r, c.resource) {
					used[c.function+" "+s.sid+" "+r] = true
				}
			}
		}
		if !allowed {
			t.Errorf("%s may not %s on %s %v", c.function, c.action, c.resource, c.context)
		}
	}
	for function, statements := range policies {
		for _, s := range statements {
			if slices.Contains(platform, s.sid) {
				continue
			}
			for _, part := range slices.Concat(s.actions, s.resources) {
				if !used[function+" "+s.sid+" "+part] {
					t.Errorf("%s: statement %s: no call uses %s", function, s.sid, part)
				}
			}
		}
	}
}

// maxManagedPolicy is AWS's limit of a managed policy, in characters without white space.
const maxManagedPolicy = 6144

func TestManagedPolicyFitsLongNames(t *testing.T) {
	const arn = "arn:aws-us-gov:secretsmanager:us-gov-east-1:123456789012:secret:"
	long := strings.Repeat("x", 150)
	tm := newTemplate(t, map[string]string{
		"AdminSecretArn":         arn + long + "-AbCdEf",
		"ExistingTokenSecretArn": arn + long + "-AbCdEf",
		"FurtherSecretsPrefix":   long + "/",
		"KmsKeyArn":              "arn:aws-us-gov:kms:us-gov-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
		"ParameterPrefix":        strings.Repeat("/"+long[:50], 3),
	}, nil)
	tm.values["AWS::Partition"], tm.values["AWS::Region"] = "aws-us-gov", "us-gov-east-1"
	for name, policy := range tm.resources("AWS::IAM::ManagedPolicy") {
		text, err := json.Marshal(policy["PolicyDocument"])
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxManagedPolicy {
			t.Errorf("%s has %d characters; AWS takes %d", name, len(text), maxManagedPolicy)
		}
	}
}

// withoutResources are the statements with actions for which IAM has no narrower resource.
var withoutResources = []string{"Trace", "FindSecrets"}

func TestPoliciesNameNoWildcards(t *testing.T) {
	const admin = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/admin-AbCdEf"
	const token = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
	prefix := "arn:aws:ssm:us-east-1:123456789012:parameter/engage-token-rotation/"
	tm := newTemplate(t, map[string]string{"AdminSecretArn": admin}, map[string]string{"TokenSecret": token})
	for function, statements := range policies(t, tm) {
		for _, s := range statements {
			for _, action := range s.actions {
				if strings.ContainsAny(action, "*?") {
					t.Errorf("%s: %s allows %s", function, s.sid, action)
				}
			}
			for _, r := range s.resources {
				exact := r == token || r == admin && function != sandbox.FunctionIVR
				below := strings.HasPrefix(r, prefix) && !strings.ContainsAny(strings.TrimSuffix(r, "/*"), "*?")
				own := strings.HasPrefix(r, "arn:aws:made-up:") && s.sid == "WriteLogs"
				wide := r == "*" && slices.Contains(withoutResources, s.sid)
				if !exact && !below && !own && !wide {
					t.Errorf("%s: %s reaches %s", function, s.sid, r)
				}
			}
		}
	}
}

// What a function must not be able to do, even when every option of the template is used.
func TestPoliciesDenyTheRest(t *testing.T) {
	const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
	const parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/engage-token-rotation/"
	const token, admin, other = secret + "engage/token-AbCdEf", secret + "engage/admin-AbCdEf", secret + "other-AbCdEf"
	tm := newTemplate(t,
		map[string]string{"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/", "KmsKeyArn": "arn:key"},
		map[string]string{"TokenSecret": token})
	statements := policies(t, tm)
	ours := tm.attribute("RotateFunction", "Arn")
	rotatedBy := func(function string) map[string]string {
		return map[string]string{"secretsmanager:resource/AllowRotationLambdaArn": function}
	}
	const rotate, sweep, ivr = sandbox.FunctionRotate, sandbox.FunctionSweep, sandbox.FunctionIVR
	for name, c := range map[string]call{
		"write the admin secret":       {rotate, "secretsmanager:PutSecretValue", admin, nil},
		"write a further admin secret": {rotate, "secretsmanager:PutSecretValue", secret + "further/admin-AbCdEf", nil},
		"write what another function rotates": {
			rotate, "secretsmanager:PutSecretValue", secret + "further/token-AbCdEf", rotatedBy(ours + "-other"),
		},
		"read a secret that is not the stack's": {rotate, "secretsmanager:GetSecretValue", other, nil},
		"delete the secret":                     {rotate, "secretsmanager:DeleteSecret", token, nil},
		"read the whole ledger as the rotation": {rotate, "ssm:GetParametersByPath", parameter + "ledger", nil},
		"list secrets as the rotation":          {rotate, "secretsmanager:ListSecrets", "*", nil},
		"change a setting":                      {rotate, "ssm:PutParameter", parameter + "settings/base-url", nil},
		"use the key without Secrets Manager": {
			rotate, "kms:Decrypt", "arn:key", map[string]string{"kms:EncryptionContext:SecretARN": token},
		},
		"use the key for another secret":      {rotate, "kms:Decrypt", "arn:key", viaSecretsManager(other)},
		"encrypt an admin secret":             {rotate, "kms:GenerateDataKey", "arn:key", viaSecretsManager(admin)},
		"write as the sweep":                  {sweep, "secretsmanager:PutSecretValue", token, rotatedBy(ours)},
		"move labels as the sweep":            {sweep, "secretsmanager:UpdateSecretVersionStage", token, rotatedBy(ours)},
		"encrypt as the sweep":                {sweep, "kms:GenerateDataKey", "arn:key", viaSecretsManager(token)},
		"change a setting as the sweep":       {sweep, "ssm:PutParameter", parameter + "settings/base-url", nil},
		"read the password as the IVR":        {ivr, "secretsmanager:GetSecretValue", admin, nil},
		"read the ledger as the IVR":          {ivr, "ssm:GetParametersByPath", parameter + "ledger", nil},
		"read the settings as the IVR":        {ivr, "ssm:GetParametersByPath", parameter + "settings", nil},
		"decrypt another secret as the IVR":   {ivr, "kms:Decrypt", "arn:key", viaSecretsManager(admin)},
		"read further secrets as the IVR":     {ivr, "secretsmanager:GetSecretValue", secret + "further/token-AbCdEf", nil},
		"write the token as the IVR function": {ivr, "secretsmanager:PutSecretValue", token, nil},
	} {
		if slices.ContainsFunc(statements[c.function], func(s statement) bool { return s.allows(c) }) {
			t.Errorf("may %s", name)
		}
	}
}

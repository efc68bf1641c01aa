package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// call is one use of a permission, with what the conditions of a policy may ask about it.
type call struct {
	function, action, resource string
	context                    map[string]string
}

// statement is one of a policy's.
type statement struct {
	sid                string
	actions, resources []string
	conditions         map[string]any
}

// policies returns the statements of the functions' roles.
func policies(t *testing.T, tm *template) map[string][]statement {
	t.Helper()
	found := map[string][]statement{}
	roles := tm.resources("AWS::IAM::Role")
	for function, role := range map[string]string{sandbox.FunctionRotate: "RotationRole", sandbox.FunctionSweep: "SweepRole", sandbox.FunctionIVR: "IvrRole"} {
		list, ok := roles[role]["Policies"].([]any)
		if !ok || roles[role]["ManagedPolicyArns"] != nil {
			t.Fatalf("role %s: want policies of its own alone", role)
		}
		for _, p := range list {
			for _, s := range p.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				found[function] = append(found[function], newStatement(t, s.(map[string]any)))
			}
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
	return slices.Contains(s.actions, c.action) && slices.ContainsFunc(s.resources, func(r string) bool { return like(r, c.resource) }) && s.meets(c)
}

// withKey adds the calls that Secrets Manager makes of a customer key in the caller's name.
func withKey(calls []call, key string) []call {
	all := slices.Clone(calls)
	for _, c := range calls {
		context := map[string]string{"kms:ViaService": "secretsmanager." + region + ".amazonaws.com", "kms:EncryptionContext:SecretARN": c.resource}
		switch c.action {
		case "secretsmanager:GetSecretValue":
			all = append(all, call{c.function, "kms:Decrypt", key, context})
		case "secretsmanager:PutSecretValue":
			all = append(all, call{c.function, "kms:Decrypt", key, context}, call{c.function, "kms:GenerateDataKey", key, context})
		}
	}
	return all
}

// recorded returns what the functions called, as the template's stack would have it.
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

// platform are the statements that Lambda itself uses in a function's name, and not the function.
var platform = []string{"WriteLogs", "Trace"}

func TestPoliciesAllowWhatTheFunctionsDoAndNothingElse(t *testing.T) {
	t.Parallel()
	b := startBox(t, sandbox.Config{})
	b.everyday()
	b.kill(sandbox.TokenSecret)
	b.kill("further/token")
	b.invoke(sandbox.FunctionSweep, `{}`)
	if violations := b.State().Violations; len(violations) > 0 {
		t.Fatalf("the run is no fair sample: %v", violations)
	}
	const key = "arn:aws:kms:us-east-1:123456789012:key/1234"
	token, admin := b.arn(sandbox.TokenSecret), b.arn(sandbox.AdminSecret)
	cases := map[string]map[string]string{
		"a secret of the stack": {"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/"},
		"an existing secret":    {"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/", "ExistingTokenSecretArn": token},
		"a customer key":        {"AdminSecretArn": admin, "FurtherSecretsPrefix": "further/", "KmsKeyArn": key},
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
		calls := slices.DeleteFunc(recorded(b, tm), func(c call) bool { return strings.Contains(c.resource, ":secret:further/") })
		compare(t, policies(t, tm), calls)
	})
}

// compare holds calls against policies: each is allowed, and of each statement each action and each resource is used.
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
					t.Errorf("%s: statement %s: nothing uses %s", function, s.sid, part)
				}
			}
		}
	}
}

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
				if !exact && !below && !own && s.sid != "Trace" {
					t.Errorf("%s: %s reaches %s", function, s.sid, r)
				}
			}
		}
	}
}

// What the function must not be able to do, even with every option of the template in use.
func TestPoliciesDenyTheRest(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
	tm := newTemplate(t, map[string]string{"AdminSecretArn": arn + "engage/admin-AbCdEf", "FurtherSecretsPrefix": "further/", "KmsKeyArn": "arn:key"},
		map[string]string{"TokenSecret": arn + "engage/token-AbCdEf"})
	roles := policies(t, tm)
	ours := tm.attribute("RotateFunction", "Arn")
	rotatedBy := func(function string) map[string]string {
		return map[string]string{"secretsmanager:resource/AllowRotationLambdaArn": function}
	}
	for name, c := range map[string]call{
		"write the admin secret":                {sandbox.FunctionRotate, "secretsmanager:PutSecretValue", arn + "engage/admin-AbCdEf", nil},
		"write a further admin secret":          {sandbox.FunctionRotate, "secretsmanager:PutSecretValue", arn + "further/admin-AbCdEf", nil},
		"write what another function rotates":   {sandbox.FunctionRotate, "secretsmanager:PutSecretValue", arn + "further/token-AbCdEf", rotatedBy(ours + "-other")},
		"read a secret of somebody else":        {sandbox.FunctionRotate, "secretsmanager:GetSecretValue", arn + "other-AbCdEf", nil},
		"delete the secret":                     {sandbox.FunctionRotate, "secretsmanager:DeleteSecret", arn + "engage/token-AbCdEf", nil},
		"change a setting":                      {sandbox.FunctionRotate, "ssm:PutParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/engage-token-rotation/settings/base-url", nil},
		"use the key by another way":            {sandbox.FunctionRotate, "kms:Decrypt", "arn:key", map[string]string{"kms:EncryptionContext:SecretARN": arn + "engage/token-AbCdEf"}},
		"use the key for another secret":        {sandbox.FunctionRotate, "kms:Decrypt", "arn:key", map[string]string{"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com", "kms:EncryptionContext:SecretARN": arn + "other-AbCdEf"}},
		"write as the sweep":                    {sandbox.FunctionSweep, "secretsmanager:PutSecretValue", arn + "engage/token-AbCdEf", rotatedBy(ours)},
		"move labels as the sweep":              {sandbox.FunctionSweep, "secretsmanager:UpdateSecretVersionStage", arn + "engage/token-AbCdEf", rotatedBy(ours)},
		"read the password as the IVR function": {sandbox.FunctionIVR, "secretsmanager:GetSecretValue", arn + "engage/admin-AbCdEf", nil},
		"read the ledger as the IVR function":   {sandbox.FunctionIVR, "ssm:GetParametersByPath", "arn:aws:ssm:us-east-1:123456789012:parameter/engage-token-rotation/settings", nil},
	} {
		if slices.ContainsFunc(roles[c.function], func(s statement) bool { return s.allows(c) }) {
			t.Errorf("may %s", name)
		}
	}
}

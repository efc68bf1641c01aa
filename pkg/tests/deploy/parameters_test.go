package deploy_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParametersRefuseBadValues(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:engage/admin-AbCdEf"
	cases := map[string]struct{ good, bad []string }{
		"AdminSecretArn": {
			[]string{"", arn},
			[]string{"engage/admin", strings.TrimSuffix(arn, "-AbCdEf") + "x", arn + "*"},
		},
		"ExistingTokenSecretArn": {[]string{"", arn}, []string{"*", "arn:aws:s3:::bucket"}},
		"TokenSecretName":        {[]string{"engage/token", "a@b"}, []string{"", "a b", `a"b`, "engage/*"}},
		"FurtherSecretsPrefix":   {[]string{"", "engage/", "a/b/"}, []string{"*", "/", "a/", "engage", "engage/*"}},
		"KmsKeyArn": {
			[]string{"", "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234"},
			[]string{"alias/x", "arn:aws:kms:eu-west-1:111122223333:alias/x", "*"},
		},
		"ReplicaRegions": {
			[]string{
				"", "eu-west-1", "us-gov-west-1,us-east-2,ap-southeast-3",
				"eu-west-1=arn:aws:kms:eu-west-1:111122223333:key/mrk-1234,us-east-2",
			},
			[]string{"eu", "eu-west-1,", "eu-west-1, us-east-2", "a,b,c,d", "eu-west-1=alias/x", "eu-west-1="},
		},
		"RotationSchedule": {
			[]string{
				"rate(4 hours)", "rate(12 hours)", "rate(1 day)", "rate(30 days)",
				"cron(0 3 ? * SUN *)", "cron(0 8 1 * ? *)", "cron(0 /8 * * ? *)",
			},
			[]string{
				"", "daily", "rate(1 hour)", "rate(3 hours)", "rate(1 days)", "rate(0 days)", "rate(5 minutes)",
				"cron(0 3 * * *)",
			},
		},
		"RotationWindow":         {[]string{"1h", "3h", "24h"}, []string{"", "0h", "25h", "3", "30m"}},
		"PreviousTokenRetention": {[]string{"0s", "90m", "1h30m", "8760h"}, []string{"0", "1d", "-1h", "1h 30m", "soon"}},
		"TokenCacheTtl":          {[]string{"5m", "1h"}, []string{"5", "-5m", "never"}},
		"EngageBaseUrl": {
			[]string{"", "https://ringcx.ringcentral.com", "https://engage.example.com:8443/"},
			[]string{"http://engage.example.com", "engage.example.com", "https://a/b", "https://user@host"},
		},
		"RingCentralBaseUrl": {[]string{"", "https://platform.ringcentral.com"}, []string{"http://x", "platform"}},
		"EngageAllowedHosts": {
			[]string{"", "a.example.com", "a.example.com,b.example.com:8443"},
			[]string{"a b", "a,,b", "a;b"},
		},
		"AlarmEmail": {[]string{"", "ops@example.com"}, []string{"ops", "ops@host", "a b@example.com"}},
		"AlarmTopicArn": {
			[]string{"", "arn:aws:sns:eu-west-1:111122223333:alarms"},
			[]string{"alarms", "arn:aws:sns:eu-west-1:111122223333:*"},
		},
		"PermissionsBoundaryArn": {
			[]string{"", "arn:aws:iam::111122223333:policy/boundaries/Developers", "arn:aws:iam::aws:policy/PowerUserAccess"},
			[]string{"Developers", "arn:aws:iam::111122223333:role/Developers", "*"},
		},
		"RolePath":            {[]string{"", "/", "/teams/voice/"}, []string{"teams", "/teams", "teams/", "/te ams/"}},
		"VpcSubnetIds":        {[]string{"", "subnet-0a1b2c3d4e5f6a7b8"}, []string{"subnet", "vpc-0a1b2c3d", "subnet-*"}},
		"VpcSecurityGroupIds": {[]string{"", "sg-0a1b2c3d4e5f6a7b8"}, []string{"default", "sg-*"}},
		"EngageProxyUrl": {
			[]string{"", "http://proxy.example.com:3128", "https://proxy.example.com"},
			[]string{"proxy.example.com:3128", "http://user:pass@proxy.example.com", "socks5://proxy", "http://proxy/path"},
		},
		"LogsKmsKeyArn": {
			[]string{"", "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234"}, []string{"alias/x", "*"},
		},
		"EnvironmentKmsKeyArn": {
			[]string{"", "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234"}, []string{"alias/x", "*"},
		},
		"ParameterPrefix": {[]string{"/engage-token-rotation", "/a/b/c"}, []string{"", "/", "a", "/a/", "/a/*", "/a b"}},
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
			t.Errorf("%s has no ConstraintDescription", name)
		}
		examples, ok := cases[name]
		if !ok {
			t.Errorf("%s: add examples to this test", name)
		}
		whole := regexp.MustCompile("^(?:" + pattern + ")$")
		least, _ := parameter["MinLength"].(int)
		accepts := func(value string) bool { return len(value) >= least && whole.MatchString(value) }
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

func TestParametersAreGroupedAndDescribed(t *testing.T) {
	tm := newTemplate(t, nil, nil)
	face := tm.section("Metadata")["AWS::CloudFormation::Interface"].(map[string]any)
	var grouped []string
	for _, group := range face["ParameterGroups"].([]any) {
		for _, name := range group.(map[string]any)["Parameters"].([]any) {
			grouped = append(grouped, name.(string))
		}
	}
	slices.Sort(grouped)
	if all := slices.Sorted(maps.Keys(tm.section("Parameters"))); !slices.Equal(grouped, all) {
		t.Errorf("parameters %v\ngrouped %v", all, grouped)
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

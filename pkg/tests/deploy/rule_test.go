package deploy_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// fits evaluates an EventBridge pattern. The event must have every field of the pattern with one of
// the listed values; a value is a text or {"prefix": text}. Of the patterns in $or, one must fit.
func fits(pattern, event map[string]any) bool {
	for name, wanted := range pattern {
		if name == "$or" {
			oneFits := func(one any) bool { return fits(one.(map[string]any), event) }
			if !slices.ContainsFunc(wanted.([]any), oneFits) {
				return false
			}
			continue
		}
		inner, nested := wanted.(map[string]any)
		if nested {
			given, ok := event[name].(map[string]any)
			if !ok || !fits(inner, given) {
				return false
			}
			continue
		}
		given, _ := event[name].(string)
		found := false
		for _, w := range wanted.([]any) {
			prefix, isPrefix := w.(map[string]any)
			found = found || w == any(given) || isPrefix && strings.HasPrefix(given, prefix["prefix"].(string))
		}
		if !found {
			return false
		}
	}
	return true
}

// serviceEvents are an event of Secrets Manager as EventBridge receives it through CloudTrail: the
// secret's ARN was seen in two places.
func serviceEvents(name, arn string) []map[string]any {
	var events []map[string]any
	for _, place := range []map[string]any{
		{"additionalEventData": map[string]any{"SecretId": arn}},
		{"serviceEventDetails": map[string]any{"secretId": arn}},
	} {
		detail := map[string]any{"eventSource": "secretsmanager.amazonaws.com", "eventName": name}
		maps.Copy(detail, place)
		events = append(events, map[string]any{
			"source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail", "time": "2026-01-01T00:00:00Z",
			"detail": detail,
		})
	}
	return events
}

// rulePattern returns the event pattern of the template's rule.
func rulePattern(tm *template) map[string]any {
	return tm.resources("AWS::Events::Rule")["RotationGivenUp"]["EventPattern"].(map[string]any)
}

func TestRuleReportsRotationsGivenUpAndNothingElse(t *testing.T) {
	const prefix = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
	physical := map[string]string{"TokenSecret": prefix + "engage/token-AbCdEf"}
	one := rulePattern(newTemplate(t, nil, physical))
	many := rulePattern(newTemplate(t, map[string]string{"FurtherSecretsPrefix": "further/"}, physical))
	for _, c := range []struct {
		event, secret string
		one, many     bool
	}{
		{"RotationFailed", "engage/token-AbCdEf", true, true},
		{"RotationAbandoned", "engage/token-AbCdEf", true, true},
		{"TestRotationFailed", "engage/token-AbCdEf", true, true},
		{"RotationSucceeded", "engage/token-AbCdEf", false, false},
		{"RotationStarted", "engage/token-AbCdEf", false, false},
		{"RotationFailed", "further/token-AbCdEf", false, true},
		{"RotationFailed", "other-AbCdEf", false, false},
	} {
		for _, event := range serviceEvents(c.event, prefix+c.secret) {
			if got := fits(one, event); got != c.one {
				t.Errorf("%v: %v, for one secret", event, got)
			}
			if got := fits(many, event); got != c.many {
				t.Errorf("%v: %v, with further secrets", event, got)
			}
		}
	}
}

func TestRuleReportsARotationThatFailsInTheSandbox(t *testing.T) {
	t.Parallel()
	b := startBox(t, sandbox.Config{})
	b.scenario(sandbox.ScenarioLedgerDenied)
	b.rotate()
	pattern := rulePattern(newTemplate(t, nil, map[string]string{"TokenSecret": b.arn(sandbox.TokenSecret)}))
	var fitting []string
	for _, sent := range b.State().Events {
		var event map[string]any
		if err := json.Unmarshal(sent.EventBridge, &event); err != nil {
			t.Fatal(err)
		}
		if fits(pattern, event) {
			fitting = append(fitting, sent.Name)
		}
	}
	if !slices.Equal(fitting, []string{"RotationFailed"}) {
		t.Errorf("the rule takes %v of %v", fitting, b.State().Events)
	}
}

// One parameter decides where logins are sent, or which tokens are deleted.
func TestRuleReportsChangesOfSettingsAndOfNothingElse(t *testing.T) {
	tm := newTemplate(t, map[string]string{"ParameterPrefix": "/team/rotation"}, nil)
	rule := tm.resources("AWS::Events::Rule")["SettingsChanged"]
	for name, want := range map[string]bool{
		"/team/rotation/settings/base-url": true, "/team/rotation/settings/exclusive-user": true,
		"/team/rotation/ledger/0123/token-1": false, "/team/rotation/logins/0123/1": false, "/team/other/settings/x": false,
	} {
		event := map[string]any{
			"source": "aws.ssm", "detail-type": "Parameter Store Change",
			"detail": map[string]any{"name": name, "operation": "Update", "type": "String"},
		}
		if got := fits(rule["EventPattern"].(map[string]any), event); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	target := rule["Targets"].([]any)[0].(map[string]any)
	if target["Arn"] != "AlarmTopic" {
		t.Errorf("it tells %v", target["Arn"])
	}
}

// The environment forbids the parameter unless the template's user says otherwise.
func TestAParameterAloneMakesNoUserExclusive(t *testing.T) {
	for _, function := range []string{"RotateFunction", "SweepFunction"} {
		if got := newTemplate(t, nil, nil).environment(function)["EXCLUSIVE_USER"]; got != "never" {
			t.Errorf("%s: EXCLUSIVE_USER %q", function, got)
		}
	}
}

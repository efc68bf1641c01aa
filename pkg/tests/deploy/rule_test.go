package deploy_test

import (
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// fits evaluates an EventBridge pattern. The event must have every field of the pattern with one of
// the listed values; a value is a text or {"prefix": text}.
func fits(pattern, event map[string]any) bool {
	for name, wanted := range pattern {
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

// serviceEvent is an event of Secrets Manager as EventBridge receives it through CloudTrail.
func serviceEvent(name, arn string) map[string]any {
	return map[string]any{
		"source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail", "time": "2026-01-01T00:00:00Z",
		"detail": map[string]any{
			"eventSource": "secretsmanager.amazonaws.com", "eventName": name,
			"additionalEventData": map[string]any{"SecretId": arn},
		},
	}
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
		event := serviceEvent(c.event, prefix+c.secret)
		if got := fits(one, event); got != c.one {
			t.Errorf("%s of %s: %v, for one secret", c.event, c.secret, got)
		}
		if got := fits(many, event); got != c.many {
			t.Errorf("%s of %s: %v, with further secrets", c.event, c.secret, got)
		}
	}
}

func TestRuleReportsARotationThatFailsInTheSandbox(t *testing.T) {
	t.Parallel()
	b := startBox(t, sandbox.Config{})
	b.scenario(sandbox.ScenarioLedgerDenied)
	b.rotate()
	pattern := rulePattern(newTemplate(t, nil, map[string]string{"TokenSecret": b.arn(sandbox.TokenSecret)}))
	for _, event := range b.State().Events {
		if fits(pattern, serviceEvent(event.Name, b.arn(sandbox.TokenSecret))) {
			return
		}
	}
	t.Errorf("no event of %v fits", b.State().Events)
}

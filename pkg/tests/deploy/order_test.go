package deploy_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"
)

// needs returns the resources that a resource waits for, by DependsOn or because it refers to them.
func (tm *template) needs(name string) []string {
	found := map[string]bool{}
	var look func(value any)
	note := func(name string) {
		if _, ok := tm.section("Resources")[name]; ok {
			found[name] = true
		}
	}
	look = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, item := range v {
				look(item)
			}
		case map[string]any:
			for key, item := range v {
				if text, ok := item.(string); ok && key == "Ref" {
					note(text)
				}
				if parts, ok := item.([]any); ok && key == "Fn::GetAtt" {
					note(parts[0].(string))
				}
				look(item)
			}
		case string:
			for _, match := range placeholder.FindAllStringSubmatch(v, -1) {
				note(regexp.MustCompile(`^\w+`).FindString(match[1]))
			}
		}
	}
	resource := tm.section("Resources")[name].(map[string]any)
	look(resource)
	for _, other := range texts(resource["DependsOn"]) {
		note(other)
	}
	return slices.Collect(maps.Keys(found))
}

// The first rotation starts with the schedule.
func TestTheScheduleIsMadeAfterAllThatARotationNeedsAndThatReports(t *testing.T) {
	tm := newTemplate(t, nil, nil)
	before := map[string]bool{}
	queue := []string{"TokenSecretRotation"}
	for len(queue) > 0 {
		for _, name := range tm.needs(queue[0]) {
			if !before[name] {
				before[name] = true
				queue = append(queue, name)
			}
		}
		queue = queue[1:]
	}
	for name, r := range tm.section("Resources") {
		switch r.(map[string]any)["Type"] {
		case "AWS::Serverless::Function", "AWS::CloudWatch::Alarm", "AWS::Events::Rule",
			"AWS::SNS::TopicPolicy", "AWS::IAM::Role":
			if !before[name] {
				t.Errorf("the schedule does not wait for %s", name)
			}
		}
	}
	if !before["RotatePermission"] {
		t.Error("the service may not invoke the function yet")
	}
	for name := range before {
		if slices.Contains(tm.needs(name), "TokenSecretRotation") {
			t.Errorf("%s waits for the schedule", name)
		}
	}
}

// CloudWatch looks at an alarm as soon as it is made, before any function has run.
func TestANewStackRaisesNoAlarm(t *testing.T) {
	for name, alarm := range newTemplate(t, nil, nil).resources("AWS::CloudWatch::Alarm") {
		if (&output{}).raises(t, alarm) {
			t.Errorf("%s is raised without any data", name)
		}
	}
}

// The sweep reports the tokens' age every hour. When it stops, the alarm has no data any more.
func TestTheEndOfSweepsIsReported(t *testing.T) {
	alarm := newTemplate(t, nil, nil).resources("AWS::CloudWatch::Alarm")["TokenAgeAlarm"]
	actions, _ := alarm["InsufficientDataActions"].([]any)
	if alarm["TreatMissingData"] != "missing" || len(actions) != 1 || actions[0] != alarm["AlarmActions"].([]any)[0] {
		t.Errorf("missing data: %v, actions %v", alarm["TreatMissingData"], actions)
	}
}

func TestTheDashboardsAddressFitsThePartition(t *testing.T) {
	for partition, want := range map[string]string{
		"aws":        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards:name=stack",
		"aws-cn":     "https://us-east-1.console.amazonaws.cn/cloudwatch/home?region=us-east-1#dashboards:name=stack",
		"aws-us-gov": "https://us-east-1.console.amazonaws-us-gov.com/cloudwatch/home?region=us-east-1#dashboards:name=stack",
		"aws-eusc":   "https://us-east-1.console.amazonaws-eusc.eu/cloudwatch/home?region=us-east-1#dashboards:name=stack",
	} {
		tm := newTemplate(t, nil, nil)
		tm.values["AWS::Partition"] = partition
		output := tm.section("Outputs")["DashboardUrl"].(map[string]any)
		if got := tm.resolve(output["Value"]); got != want {
			t.Errorf("%s: %v", partition, got)
		}
	}
}

package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

// The checkers of users' security teams: cfn-lint, checkov and cfn-guard.

// checkovVersion is the version that .ci/sam-setup installs.
const checkovVersion = "3.3.30"

// transformer turns the SAM template into plain CloudFormation, as the service does, with the
// translator inside SAM CLI. It needs no AWS account. The second argument has defaults of
// parameters: a linter judges the template by them. "bare" as the third removes what tells checkers
// to suppress a finding. SAM passes Metadata on to the resource of the same name alone; the others
// that it makes of a resource get it here.
const transformer = `
import json, sys
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform
template = yaml_parse(open("template.yaml").read())
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
for name, value in json.loads(sys.argv[2]).items():
    template["Parameters"][name]["Default"] = value
for resource in template["Resources"].values():
    if sys.argv[3:] == ["bare"]:
        for checker in ("checkov", "guard"):
            resource.get("Metadata", {}).pop(checker, None)
class Policies:
    def load(self):
        return {}
suppressions = {name: resource.get("Metadata", {}) for name, resource in template["Resources"].items()}
plain = transform(template, {}, Policies())
for name, resource in plain["Resources"].items():
    for owner, metadata in suppressions.items():
        if name.startswith(owner) and metadata:
            resource.setdefault("Metadata", metadata)
json.dump(plain, open(sys.argv[1], "w"), indent=1)
`

// transformed writes the transformed template and returns its path.
func transformed(t *testing.T, defaults map[string]string, more ...string) string {
	t.Helper()
	values, err := json.Marshal(defaults)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "template.json")
	arguments := append([]string{"-c", transformer, path, string(values)}, more...)
	transform := exec.CommandContext(t.Context(), besideSAM(t, "python3"), arguments...)
	transform.Dir, transform.Env = root, append(os.Environ(), "AWS_DEFAULT_REGION="+sandbox.Region)
	if out, err := transform.CombinedOutput(); err != nil {
		t.Fatalf("transform: %v\n%s", err, out)
	}
	return path
}

// besideSAM returns a program of SAM CLI's own Python environment.
func besideSAM(t *testing.T, program string) string {
	t.Helper()
	sam := string(findSAM(t))
	if resolved, err := filepath.EvalSymlinks(sam); err == nil {
		sam = resolved
	}
	path := filepath.Join(filepath.Dir(sam), program)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the installed SAM CLI has no Python environment beside it: %v", err)
	}
	return path
}

func TestTransformedTemplateIsPlainAndClean(t *testing.T) {
	linter := besideSAM(t, "cfn-lint")
	for name, path := range map[string]string{
		"source": filepath.Join(root, "template.yaml"), "options off": transformed(t, map[string]string{}),
		"options on": transformed(t, withDemands()),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name != "source" && bytes.Contains(text, []byte("AWS::Serverless::")) {
			t.Errorf("%s: the transformed template is not plain CloudFormation", name)
		}
		out, err := exec.CommandContext(t.Context(), linter, path).CombinedOutput()
		t.Logf("cfn-lint, %s: %v", name, err)
		if err != nil {
			t.Errorf("cfn-lint, %s: %v\n%s", name, err, out)
		}
	}
}

// checks are checkov's results by "resource check", with the reason of a suppressed one.
type checks struct {
	passed             int
	failed, suppressed map[string]string
}

func checkov(t *testing.T, path string) checks {
	t.Helper()
	command := exec.CommandContext(t.Context(), inCache(t, "checkov-"+checkovVersion+"/bin/checkov"),
		"--file", path, "--framework", "cloudformation", "--skip-download", "--output", "json", "--soft-fail")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("checkov %s: %v\n%s", path, err, out)
	}
	type check struct {
		ID       string `json:"check_id"`
		Resource string
		Result   struct {
			Reason string `json:"suppress_comment"`
		} `json:"check_result"`
	}
	var report struct {
		Summary struct{ Passed int }
		Results struct {
			Failed  []check `json:"failed_checks"`
			Skipped []check `json:"skipped_checks"`
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("checkov %s: %v\n%s", path, err, out)
	}
	found := checks{report.Summary.Passed, map[string]string{}, map[string]string{}}
	key := func(c check) string { return c.Resource[strings.LastIndex(c.Resource, ".")+1:] + " " + c.ID }
	for _, c := range report.Results.Failed {
		found.failed[key(c)] = ""
	}
	for _, c := range report.Results.Skipped {
		found.suppressed[key(c)] = c.Result.Reason
	}
	return found
}

// A finding is suppressed only if it would be one, and with a reason.
func TestCheckovFindsNothingUnexplained(t *testing.T) {
	_ = findSAM(t)
	bare := checkov(t, transformed(t, map[string]string{}, "bare"))
	for name, path := range map[string]string{
		"source": filepath.Join(root, "template.yaml"), "transformed": transformed(t, map[string]string{}),
	} {
		found := checkov(t, path)
		t.Logf("checkov, %s: %d passed, %d failed, suppressed: %v", name, found.passed, len(found.failed), found.suppressed)
		if found.passed < 40 || len(found.failed) > 0 {
			t.Errorf("%s: %d checks passed; not explained: %v", name, found.passed, found.failed)
		}
		for finding, reason := range found.suppressed {
			if _, ok := bare.failed[finding]; !ok {
				t.Errorf("%s: %s is suppressed, but is not a finding", name, finding)
			}
			if len(strings.Fields(reason)) < 4 {
				t.Errorf("%s: %s is suppressed because %q", name, finding, reason)
			}
		}
		if len(found.suppressed) != len(bare.failed) {
			t.Errorf("%s: suppressed %v\nfindings %v", name, found.suppressed, bare.failed)
		}
	}
}

// The rules are those of AWS's Guard rules registry: GUARD_RULES is the directory of its *.guard
// files. cfn-guard takes minutes to build, so that only CI at GitHub has it.
func TestGuardFindsNothingUnexplained(t *testing.T) {
	_ = findSAM(t)
	rules, guard := os.Getenv("GUARD_RULES"), "cfn-guard"
	if _, err := exec.LookPath(guard); rules == "" || err != nil {
		t.Skip("GUARD_RULES is not set, or cfn-guard is not on PATH")
	}
	violations := func(path string) []string {
		command := exec.CommandContext(t.Context(), guard, "validate", "--data", path, "--rules", rules,
			"--structured", "--output-format", "json", "--show-summary", "none")
		out, _ := command.Output() // it fails if there is a violation
		var reports []struct {
			Applicable   []string                               `json:"compliant"`
			NotCompliant []struct{ Rule struct{ Name string } } `json:"not_compliant"`
		}
		if err := json.Unmarshal(out, &reports); err != nil {
			t.Fatalf("cfn-guard: %v\n%s", err, out)
		}
		var names []string
		for _, report := range reports {
			for _, rule := range report.NotCompliant {
				names = append(names, rule.Rule.Name)
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	bare := violations(transformed(t, map[string]string{}, "bare"))
	left := violations(transformed(t, map[string]string{}))
	t.Logf("cfn-guard: %d rules are violated, %d of them without an explanation; explained: %v",
		len(bare), len(left), bare)
	if len(bare) == 0 || len(left) > 0 {
		t.Errorf("violated without suppressions %v, with them %v", bare, left)
	}
}

// Each suppression for cfn-guard has a reason beside it: cfn-guard itself knows none.
func TestSuppressionsHaveReasons(t *testing.T) {
	for name, r := range newTemplate(t, nil, nil).section("Resources") {
		metadata, _ := r.(map[string]any)["Metadata"].(map[string]any)
		guard, ok := metadata["guard"].(map[string]any)
		if reason, _ := guard["reason"].(string); ok && len(strings.Fields(reason)) < 2 {
			t.Errorf("%s: rules of cfn-guard are suppressed because %q", name, reason)
		}
	}
}

package awstest_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"engage-token-rotation/pkg/standins/awstest"
)

// operations are those of the stand-in: its request, and the SDK's, which has the members of AWS's
// model.
var operations = []struct {
	name         string
	request, sdk any
}{
	{"BatchGetSecretValue", awstest.BatchGetSecretValueInput{}, secretsmanager.BatchGetSecretValueInput{}},
	{"CancelRotateSecret", awstest.SecretIdInput{}, secretsmanager.CancelRotateSecretInput{}},
	{"CreateSecret", awstest.CreateSecretInput{}, secretsmanager.CreateSecretInput{}},
	{"DeleteSecret", awstest.DeleteSecretInput{}, secretsmanager.DeleteSecretInput{}},
	{"DescribeSecret", awstest.SecretIdInput{}, secretsmanager.DescribeSecretInput{}},
	{"GetRandomPassword", awstest.GetRandomPasswordInput{}, secretsmanager.GetRandomPasswordInput{}},
	{"GetSecretValue", awstest.GetSecretValueInput{}, secretsmanager.GetSecretValueInput{}},
	{"ListSecretVersionIds", awstest.ListSecretVersionIdsInput{}, secretsmanager.ListSecretVersionIdsInput{}},
	{"ListSecrets", awstest.ListSecretsInput{}, secretsmanager.ListSecretsInput{}},
	{"PutSecretValue", awstest.PutSecretValueInput{}, secretsmanager.PutSecretValueInput{}},
	{"RestoreSecret", awstest.SecretIdInput{}, secretsmanager.RestoreSecretInput{}},
	{"RotateSecret", awstest.RotateSecretInput{}, secretsmanager.RotateSecretInput{}},
	{"TagResource", awstest.TagSecretInput{}, secretsmanager.TagResourceInput{}},
	{"UntagResource", awstest.UntagSecretInput{}, secretsmanager.UntagResourceInput{}},
	{"UpdateSecret", awstest.UpdateSecretInput{}, secretsmanager.UpdateSecretInput{}},
	{"UpdateSecretVersionStage", awstest.UpdateSecretVersionStageInput{}, secretsmanager.UpdateSecretVersionStageInput{}},
	{"AddTagsToResource", awstest.AddTagsInput{}, ssm.AddTagsToResourceInput{}},
	{"DeleteParameter", awstest.ParameterNameInput{}, ssm.DeleteParameterInput{}},
	{"DeleteParameters", awstest.ParameterNamesInput{}, ssm.DeleteParametersInput{}},
	{"DescribeParameters", awstest.DescribeParametersInput{}, ssm.DescribeParametersInput{}},
	{"GetParameter", awstest.GetParameterInput{}, ssm.GetParameterInput{}},
	{"GetParameterHistory", awstest.GetParameterHistoryInput{}, ssm.GetParameterHistoryInput{}},
	{"GetParameters", awstest.GetParametersInput{}, ssm.GetParametersInput{}},
	{"GetParametersByPath", awstest.GetParametersByPathInput{}, ssm.GetParametersByPathInput{}},
	{"ListTagsForResource", awstest.ListTagsInput{}, ssm.ListTagsForResourceInput{}},
	{"PutParameter", awstest.PutParameterInput{}, ssm.PutParameterInput{}},
	{"RemoveTagsFromResource", awstest.RemoveTagsInput{}, ssm.RemoveTagsFromResourceInput{}},
}

// TestPackageCommentListsTheOperations compares the table in the package comment with the requests,
// the SDK's model, and the sources of the conformance suite.
func TestPackageCommentListsTheOperations(t *testing.T) {
	want := table(t)
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), want) {
		t.Errorf("the package comment in doc.go does not hold this table:\n%s", want)
	}
}

// TestEveryOperationIsKnown finds an operation that neither the table nor the list of unsupported
// ones has.
func TestEveryOperationIsKnown(t *testing.T) {
	server := awstest.New(t, nil)
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for method := range reflect.TypeFor[*secretsmanager.Client]().Methods() {
		if method.Type.NumIn() < 3 { // Options
			continue
		}
		listed := slices.ContainsFunc(operations, func(o struct {
			name         string
			request, sdk any
		}) bool {
			return o.name == method.Name
		})
		_, answer := send(t, server, "secretsmanager."+method.Name, `{}`)
		if supported := !strings.Contains(answer, "NotSupported"); supported != listed {
			t.Errorf("%s: supported %v, in the table %v", method.Name, supported, listed)
		}
		if !regexp.MustCompile(`\b` + method.Name + `\b`).Match(text) {
			t.Errorf("the package comment does not name %s", method.Name)
		}
	}
}

// table returns the lines of the package comment about the operations.
func table(t *testing.T) string {
	t.Helper()
	var lines strings.Builder
	for _, o := range operations {
		supported, model := members(o.request), members(o.sdk)
		var refused []string
		for _, member := range model {
			if !slices.Contains(supported, member) {
				refused = append(refused, member)
			}
		}
		for _, member := range supported {
			if !slices.Contains(model, member) {
				t.Errorf("%s: the service has no member %s", o.name, member)
			}
		}
		entry := o.name + ": " + strings.Join(supported, " ")
		if len(refused) > 0 {
			entry += "; refused: " + strings.Join(refused, " ")
		}
		lines.WriteString(wrapped(entry + "; " + source(o.name)))
	}
	return lines.String()
}

// members returns the exported fields of a request, in the order of their names.
func members(request any) (names []string) {
	for field := range reflect.TypeOf(request).Fields() {
		if field.IsExported() && field.Tag.Get("json") != "-" {
			names = append(names, field.Name)
		}
	}
	slices.Sort(names)
	return names
}

// source returns "recordings" if a scenario restates a recording of the operation.
func source(operation string) string {
	for _, s := range scenarios() {
		if slices.Contains(regexp.MustCompile(`\w+`).FindAllString(s.source, -1), operation) {
			return "recordings"
		}
	}
	return "documents"
}

// wrapped returns an entry as lines of a preformatted comment.
func wrapped(entry string) string {
	const width = 98
	var lines strings.Builder
	line := "//\t"
	for i, word := range strings.Fields(entry) {
		if len(line)+len(word) > width {
			lines.WriteString(strings.TrimRight(line, " ") + "\n")
			line = "//\t    "
		}
		if i > 0 && !strings.HasSuffix(line, "    ") {
			line += " "
		}
		line += word
	}
	return lines.String() + line + "\n"
}

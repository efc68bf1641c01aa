package lambdafn_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// failing returns a fault of AWS: the action (or any, if "") on a resource that contains a text.
func failing(action, resource string, e *awstest.APIError) func(awstest.Call) awstest.Action {
	return func(c awstest.Call) awstest.Action {
		if action != "" && c.Action != action || !strings.Contains(c.Resource, resource) {
			return awstest.Action{}
		}
		return awstest.Action{Before: awstest.Fail(e)}
	}
}

// begin starts a rotation, and step carries out one of its steps, whatever the outcome.
func (fs *functions) begin(t *testing.T) (step func(string)) {
	t.Helper()
	run, err := fs.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: secretName,
		RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:fn"})
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) { _, _ = fs.rotate.Invoke(t.Context(), run.Payload(name)) }
}

// edit writes the secret's document by hand, with some fields changed.
func (fs *functions) edit(t *testing.T, changes map[string]string) {
	t.Helper()
	current, err := fs.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: secretName})
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]string{}
	if err := json.Unmarshal([]byte(*current.SecretString), &document); err != nil {
		t.Fatal(err)
	}
	for name, value := range changes {
		document[name] = value
		if value == "" {
			delete(document, name)
		}
	}
	value, _ := json.Marshal(document)
	text := string(value)
	if _, err := fs.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: secretName,
		SecretString: &text}); err != nil {
		t.Fatal(err)
	}
}

// newest returns the last line of level WARN or ERROR.
func (fs *functions) newest() (line string) {
	for l := range strings.Lines(fs.lines.String()) {
		if strings.Contains(l, `"level":"ERROR"`) || strings.Contains(l, `"level":"WARN"`) {
			line = l
		}
	}
	return line
}

// At three in the morning an operator reads one line. It names the cause, the secret and the next
// step, also when the first failure was followed by others.
func TestTheNewestLineAloneNamesCauseSecretAndNextStep(t *testing.T) {
	status := func(code int) func(engagetest.Call) *engagetest.Fault {
		return func(engagetest.Call) *engagetest.Fault { return engagetest.Status(code) }
	}
	denied := &awstest.APIError{Code: "AccessDeniedException", Message: "Access to KMS is not allowed", Status: 400}
	ledgerDenied := &awstest.APIError{Code: "AccessDeniedException",
		Message: "User: fn is not authorized to perform: ssm:PutParameter", Status: 400}
	throttled := &awstest.APIError{Code: "ThrottlingException", Message: "Rate exceeded", Status: 400}
	const vendor = "engage.ringcentral.com"
	cases := []struct {
		name  string
		fail  func(t *testing.T, fs *functions)
		wants []string // cause and next step
	}{
		{"a wrong password, after many attempts", func(t *testing.T, fs *functions) {
			fs.engage.ChangePassword(engagetest.DefaultUser().Username, "another")
			step := fs.begin(t)
			for range 8 {
				step(awstest.StepCreate)
				time.Sleep(time.Second)
			}
		}, []string{"the login was refused", "HTTP 401", "check username, password and platformId"}},
		{"the vendor answers 503 for an hour", func(t *testing.T, fs *functions) {
			fs.engage.SetFault(status(503))
			step := fs.begin(t)
			for range 30 {
				step(awstest.StepCreate)
				time.Sleep(2 * time.Minute)
			}
		}, []string{vendor, "the vendor's server failed", "HTTP 503", "look at the vendor's status page"}},
		{"503, and the limit of logins hides it", func(t *testing.T, fs *functions) {
			fs.engage.SetFault(status(503))
			step := fs.begin(t)
			for range 8 {
				step(awstest.StepCreate)
			}
		}, []string{"the vendor's server failed", "HTTP 503", "the next"}},
		{"the vendor answers with web pages", func(t *testing.T, fs *functions) {
			fs.engage.SetFault(func(engagetest.Call) *engagetest.Fault {
				return engagetest.Respond(engagetest.Text(200, "<html><body>Sign in</body></html>"))
			})
			fs.begin(t)(awstest.StepCreate)
		}, []string{vendor, "the answer is a web page", "check that the base URL names the vendor's API host"}},
		{"the current token was deleted at the vendor: a sweep", func(t *testing.T, fs *functions) {
			fs.run(t)
			fs.deleteCurrent(t)
			if _, err := fs.sweep.Invoke(t.Context(), []byte(`{}`)); err != nil {
				t.Fatal(err)
			}
		}, []string{"the current token is dead", "rotate the secret now"}},
		{"the current token was deleted at the vendor: a preflight", func(t *testing.T, fs *functions) {
			fs.run(t)
			fs.deleteCurrent(t)
			fs.begin(t)(awstest.StepTest)
		}, []string{"the current token is dead", "rotate the secret now"}},
		{"the pending token was deleted at the vendor", func(t *testing.T, fs *functions) {
			fs.run(t)
			step := fs.begin(t)
			step(awstest.StepCreate)
			tokens := fs.engage.Tokens(engagetest.DefaultUser().Username)
			fs.engage.DeleteToken(tokens[len(tokens)-1])
			time.Sleep(time.Hour)
			step(awstest.StepTest)
		}, []string{`"reason":"dead"`, "the version's token is dead", "the API token was refused", "start a new rotation"}},
		{"the secret was edited during the rotation", func(t *testing.T, fs *functions) {
			fs.run(t)
			step := fs.begin(t)
			step(awstest.StepCreate)
			fs.edit(t, map[string]string{"note": "edited"})
			step(awstest.StepSet)
		}, []string{`"reason":"edited"`, "the secret was edited during the rotation", "start a new rotation"}},
		{"a login field is missing", func(t *testing.T, fs *functions) {
			fs.edit(t, map[string]string{"password": ""})
			fs.begin(t)(awstest.StepCreate)
		}, []string{`field \"password\"`, "secret arn:aws:secretsmanager:"}},
		{"KMS denies the key", func(t *testing.T, fs *functions) {
			fs.fault = failing("PutSecretValue", "", denied)
			fs.begin(t)(awstest.StepCreate)
		}, []string{"Access to KMS is not allowed", "kms:Decrypt and kms:GenerateDataKey"}},
		{"the ledger is denied", func(t *testing.T, fs *functions) {
			fs.fault = failing("PutParameter", "/ledger/", ledgerDenied)
			fs.begin(t)(awstest.StepCreate)
		}, []string{"write the intent", "ssm:PutParameter", "the function's role needs", "nothing was created"}},
		{"the settings are denied", func(t *testing.T, fs *functions) {
			fs.fault = failing("GetParametersByPath", "/settings", ledgerDenied)
			fs.begin(t)(awstest.StepCreate)
		}, []string{"read the settings", "the function's role needs ssm:GetParametersByPath"}},
		{"SSM throttles", func(t *testing.T, fs *functions) {
			fs.fault = failing("", "/ledger/", throttled)
			fs.begin(t)(awstest.StepCreate)
		}, []string{"ThrottlingException", "AWS limits the rate of these calls", "the service repeats the rotation"}},
		{"the admin secret is gone", func(t *testing.T, fs *functions) {
			fs.edit(t, map[string]string{"adminSecretArn": "engage/admin", "username": "", "password": "", "platformId": ""})
			fs.begin(t)(awstest.StepCreate)
		}, []string{"read the admin secret engage/admin", "ResourceNotFoundException",
			"store the login fields there, or correct adminSecretArn"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			withFunctions(t, func(t *testing.T, fs *functions) {
				c.fail(t, fs)
				line := fs.newest()
				for _, want := range append(c.wants, fs.arn, `"secretName":"`+secretName+`"`) {
					if !strings.Contains(line, want) {
						t.Errorf("the newest line lacks %q:\n%s", want, line)
					}
				}
				t.Log(line)
				checkOnce(t, fs.lines.String())
			})
		})
	}
}

// deleteCurrent deletes the current token at the vendor, an hour after it was created.
func (fs *functions) deleteCurrent(t *testing.T) {
	t.Helper()
	time.Sleep(time.Hour)
	for _, token := range fs.engage.Tokens(engagetest.DefaultUser().Username) {
		if _, err := engage.ParseToken(token); err != nil {
			t.Fatal(err)
		}
		fs.engage.DeleteToken(token)
	}
}

// checkOnce checks that each failed line is JSON with a text that repeats none of its parts.
func checkOnce(t *testing.T, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var document map[string]any
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			t.Errorf("%q is not JSON", line)
		}
		text, _ := document["error"].(string)
		if text == "" {
			continue
		}
		if !strings.Contains(text, "; ") {
			t.Errorf("no next step: %s", text)
		}
		seen := map[string]bool{}
		for _, clause := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' }) {
			clause = strings.TrimSpace(clause)
			if seen[clause] {
				t.Errorf("%q is said twice: %s", clause, text)
			}
			seen[clause] = true
		}
		if secretARN, _ := document["secretArn"].(string); document["step"] != nil && secretARN != "" &&
			strings.HasPrefix(text, document["step"].(string)+" of secret") {
			t.Errorf("the text repeats its attributes: %s", text)
		}
	}
}

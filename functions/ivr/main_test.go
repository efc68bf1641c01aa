package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// roleVariable makes the test binary play the bootstrap.
const roleVariable = "IVR_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const user = "api.user@example.com"

// start runs the function with an environment over the standard one of a test.
func start(t *testing.T, log *bytes.Buffer, environment map[string]string) *lambdatest.Function {
	t.Helper()
	env := map[string]string{roleVariable: "bootstrap"}
	for name, value := range environment {
		env[name] = value
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	function, err := lambdatest.Start(t.Context(),
		lambdatest.Config{Path: path, Env: env, Timeout: 8 * time.Second, Stdout: log, Stderr: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(function.Close)
	return function
}

func ask(t *testing.T, function *lambdatest.Function) map[string]string {
	t.Helper()
	event, err := os.ReadFile("../../events/ivr-first-account.json")
	if err != nil {
		t.Fatal(err)
	}
	result, err := function.Invoke(t.Context(), event)
	if err != nil || result.FunctionError != "" {
		t.Fatalf("invocation: %v; function: %s %s", err, result.ErrorType, result.ErrorMessage)
	}
	var answer map[string]string
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		t.Fatalf("not a flat map of strings: %s", result.Payload)
	}
	return answer
}

func TestFunctionAnswersAndDoesNotNoticeARotation(t *testing.T) {
	service := awstest.New(t, nil)
	vendor := engagetest.New(t, nil)
	document := func(token string) *string { return aws.String(fmt.Sprintf(`{"apiToken":%q}`, token)) }
	old := vendor.CreateToken(user)
	if _, err := service.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: "engage/token",
		SecretString: document(old)}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	function := start(t, &log, map[string]string{
		"TOKEN_SECRET_ID": "engage/token", "AWS_ENDPOINT_URL": service.URL, "ENGAGE_BASE_URL": vendor.URL,
	})
	for range 2 {
		if answer := ask(t, function); answer["status"] != "ok" || answer["accountId"] != "99990001" {
			t.Fatalf("answer %v\n%s", answer, log.String())
		}
	}
	if reads := service.Count("GetSecretValue"); reads != 1 {
		t.Errorf("the secret was read %d times by a warm function", reads)
	}

	current := vendor.CreateToken(user)
	if _, err := service.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "engage/token",
		SecretString: document(current)}); err != nil {
		t.Fatal(err)
	}
	vendor.DeleteToken(old)
	if answer := ask(t, function); answer["status"] != "ok" {
		t.Errorf("after a rotation: %v\n%s", answer, log.String())
	}
	if strings.Contains(log.String(), "RefusedReads") {
		t.Errorf("RefusedReads is emitted without a refusal: %s", log.String())
	}
	for _, token := range []string{old, current} {
		if strings.Contains(log.String(), token) {
			t.Errorf("the log holds a token: %s", log.String())
		}
	}
}

func TestWrongSettingsAreAnAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		log         string
	}{
		"no secret": {map[string]string{}, "TOKEN_SECRET_ID is missing"},
		"no duration": {map[string]string{"TOKEN_SECRET_ID": "x", "TOKEN_CACHE_TTL": "soon"},
			"TOKEN_CACHE_TTL is not a positive duration"},
		"no URL":       {map[string]string{"TOKEN_SECRET_ID": "x", "ENGAGE_BASE_URL": "ftp://x"}, "ENGAGE_BASE_URL"},
		"no log level": {map[string]string{"TOKEN_SECRET_ID": "x", "LOG_LEVEL": "LOUD"}, "LOG_LEVEL"},
		"no connection": {map[string]string{"TOKEN_SECRET_ID": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
			"GetSecretValue"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			function := start(t, &log, test.environment)
			answer := ask(t, function)
			if status := answer["status"]; status != "misconfigured" && (name != "no connection" || status != "unavailable") {
				t.Errorf("answer %v", answer)
			}
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("log %s", log.String())
			}
			measured := strings.Contains(log.String(), `"FunctionName":"`+function.Name()+`","RefusedReads":1`)
			if measured != (answer["status"] == "misconfigured") {
				t.Errorf("answer %v; RefusedReads emitted: %v\n%s", answer, measured, log.String())
			}
		})
	}
}

// What is linked costs time and memory at every cold start.
func TestLinksNothingThatItDoesNotUse(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"service/ssm", "service/sso", "aws-sdk-go-v2/config", "text/template", "net/rpc"} {
		if strings.Contains(string(out), unwanted) {
			t.Errorf("%s is linked in", unwanted)
		}
	}
}

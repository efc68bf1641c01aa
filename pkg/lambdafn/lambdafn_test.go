package lambdafn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/telemetry"
	"engage-token-rotation/pkg/internal/version"
	"engage-token-rotation/pkg/lambdafn"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

const secretName = "engage/token"

// functions are both handlers over stand-ins in the process, and the lines that they write.
type functions struct {
	aws           *awstest.Server
	engage        *engagetest.Server
	rotate, sweep lambdafn.Handler
	lines         bytes.Buffer
	arn           string
	// fault decides about calls to AWS; nil injects no fault.
	fault func(awstest.Call) awstest.Action
}

// newFunction returns a function that reports to lines.
func newFunction(lines *bytes.Buffer) *lambdafn.Function {
	return &lambdafn.Function{
		Log: telemetry.NewLogger(lines, slog.LevelInfo), Metrics: telemetry.NewMetrics(lines, time.Now), Name: "fn",
	}
}

func withFunctions(t *testing.T, test func(t *testing.T, fs *functions)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fs := &functions{engage: engagetest.NewServer(engagetest.Config{})}
		fs.aws = awstest.NewServer(awstest.Config{Fault: func(c awstest.Call) awstest.Action {
			if fs.fault == nil {
				return awstest.Action{}
			}
			return fs.fault(c)
		}})
		defer fs.aws.Close()
		user := engagetest.DefaultUser()
		document, _ := json.Marshal(user.LoginFields(""))
		value := string(document)
		made, err := fs.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: secretName, SecretString: &value})
		if err != nil {
			t.Fatal(err)
		}
		fs.arn = made.ARN
		environment, err := settings.FromEnvironment(func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		sdk := fs.aws.SDKConfig("function")
		secrets, parameters := awsstore.NewSecrets(sdk), awsstore.NewParameters(sdk)
		fn := newFunction(&fs.lines)
		fs.rotate = fn.Rotate(rotation.New(rotation.Config{Secrets: secrets, Parameters: parameters, Settings: environment,
			Transport: fs.engage.RoundTripper(), Attempt: lambdafn.RequestID, Log: fn.Log}))
		fs.sweep = fn.Sweep(sweep.New(sweep.Config{Secrets: secrets, Parameters: parameters, Settings: environment,
			Transport: fs.engage.RoundTripper(), Log: fn.Log}))
		test(t, fs)
	})
}

// run carries out the steps of a rotation and returns the answers.
func (fs *functions) run(t *testing.T) (answers []string) {
	t.Helper()
	run, err := fs.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: secretName,
		RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:fn"})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range run.Steps {
		answer, err := fs.rotate.Invoke(t.Context(), run.Payload(step))
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		answers = append(answers, string(answer))
	}
	fs.aws.Secrets.EndRotation(run, nil)
	return answers
}

// metrics returns the values of a metric, in order, and checks that each line has the dimension.
func (fs *functions) metrics(t *testing.T, name string) (values []float64) {
	t.Helper()
	for line := range strings.Lines(fs.lines.String()) {
		var document map[string]any
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			t.Fatalf("%q is not JSON", line)
		}
		if _, metric := document["_aws"]; !metric {
			continue
		}
		if value, ok := document[name].(float64); ok {
			if document["FunctionName"] != "fn" {
				t.Errorf("%s without FunctionName: %s", name, line)
			}
			values = append(values, value)
		}
	}
	return values
}

func TestEachStepIsAnsweredLoggedAndMeasured(t *testing.T) {
	withFunctions(t, func(t *testing.T, fs *functions) {
		for range 2 {
			answers := fs.run(t)
			for i, want := range []string{`"step":"createSecret","case":"C7","outcome":"created","fingerprint":"`,
				`"step":"setSecret","case":"S4","outcome":"checked"`,
				`"step":"testSecret","case":"T4","outcome":"verified"`,
				`"step":"finishSecret","case":"F7","outcome":"swapped"`} {
				if !strings.Contains(answers[i], want) {
					t.Errorf("answer %s, want %s", answers[i], want)
				}
			}
			time.Sleep(time.Hour)
		}
		if got := strings.Count(fs.lines.String(), `"msg":"rotation step done"`); got != 8 {
			t.Errorf("%d lines for 8 steps", got)
		}
		for _, attribute := range []string{`"step":"`, `"secretArn":"arn:aws:secretsmanager:`, `"versionId":"`,
			`"fingerprint":"`, `"durationMs":`, `"outcome":"`} {
			if got := strings.Count(fs.lines.String(), attribute); got < 8 {
				t.Errorf("%s is in %d lines", attribute, got)
			}
		}
		if got := fs.metrics(t, telemetry.RotationSucceeded); len(got) != 2 || got[0] != 1 {
			t.Errorf("RotationSucceeded %v", got)
		}
		if got := fs.metrics(t, telemetry.DeleteFailed); len(got) != 2 || got[0] != 0 {
			t.Errorf("DeleteFailed %v", got)
		}
	})
}

func TestAFailedStepIsLoggedAndMeasuredByItsStep(t *testing.T) {
	withFunctions(t, func(t *testing.T, fs *functions) {
		fs.engage.ChangePassword(engagetest.DefaultUser().Username, "another")
		run, err := fs.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: secretName,
			RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:fn"})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := fs.rotate.Invoke(t.Context(), run.Payload(awstest.StepCreate))
		if err == nil || answer != nil || !strings.Contains(err.Error(), "createSecret of secret arn:aws:secretsmanager:") ||
			!strings.Contains(err.Error(), run.VersionID) {
			t.Errorf("answer %s, error %v", answer, err)
		}
		for _, want := range []string{`"level":"ERROR"`, `"outcome":"failed"`, `"step":"createSecret"`,
			`"Step":"createSecret"`} {
			if !strings.Contains(fs.lines.String(), want) {
				t.Errorf("no line holds %s: %s", want, fs.lines.String())
			}
		}
		if got := fs.metrics(t, telemetry.RotationFailed); len(got) != 1 || got[0] != 1 {
			t.Errorf("RotationFailed %v", got)
		}
	})
}

// The pending token is deleted at the vendor. testSecret finds it dead after the propagation time,
// and abandons the rotation.
func TestAnAbandonedRotationIsCounted(t *testing.T) {
	withFunctions(t, func(t *testing.T, fs *functions) {
		fs.run(t)
		run, err := fs.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: secretName})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.rotate.Invoke(t.Context(), run.Payload(awstest.StepCreate)); err != nil {
			t.Fatal(err)
		}
		tokens := fs.engage.Tokens(engagetest.DefaultUser().Username)
		fs.engage.DeleteToken(tokens[len(tokens)-1])
		time.Sleep(time.Hour)
		if _, err := fs.rotate.Invoke(t.Context(), run.Payload(awstest.StepTest)); !errors.Is(err, report.ErrAbandoned) {
			t.Errorf("error %v, want one that wraps ErrAbandoned", err)
		}
		for _, name := range []string{telemetry.RotationAbandoned, telemetry.RotationFailed} {
			if got := fs.metrics(t, name); len(got) != 1 || got[0] != 1 {
				t.Errorf("%s %v, want one", name, got)
			}
		}
	})
}

// Fields of an event are checked before they are used, and a refused one is not printed.
func TestAnInvalidEventIsRefusedWithoutPrintingIt(t *testing.T) {
	for _, payload := range []string{
		``, `null`, `[]`, `"hunter2"`, `{"Step":"hunter2"}`,
		`{"Step":"createSecret","SecretId":"hunter2\n{\"level\":\"INFO\"}"}`,
		`{"Step":"createSecret","SecretId":"engage/token","ClientRequestToken":"hunter2"}`, `{"Step":["hunter2"]}`,
		`{"Step":"createSecret","SecretId":"engage/token","ClientRequestToken":"\u001b[31mhunter2hunter2hunter2hunter2"}`,
	} {
		withFunctions(t, func(t *testing.T, fs *functions) {
			for name, handle := range map[string]lambdafn.Handler{"rotate": fs.rotate, "sweep": fs.sweep} {
				_, err := handle.Invoke(t.Context(), []byte(payload))
				if err == nil || strings.Contains(err.Error(), "hunter") {
					t.Errorf("%s of %s: %v", name, payload, err)
				}
			}
			if strings.Contains(fs.lines.String(), "hunter") || strings.Count(fs.lines.String(), `"outcome":"failed"`) != 2 {
				t.Errorf("%s: %s", payload, fs.lines.String())
			}
			if len(fs.aws.Calls())+len(fs.engage.Calls()) != 0 {
				t.Errorf("%s: something was called", payload)
			}
		})
	}
}

func TestASweepIsAnsweredLoggedAndMeasured(t *testing.T) {
	withFunctions(t, func(t *testing.T, fs *functions) {
		fs.run(t)
		time.Sleep(time.Hour)
		answer, err := fs.sweep.Invoke(t.Context(), []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		var document report.Sweep
		if err := json.Unmarshal(answer, &document); err != nil || len(document.Secrets) != 1 ||
			document.Secrets[0].Current.AgeSeconds != 3600 {
			t.Errorf("answer %s, %v", answer, err)
		}
		if want := `{"version":"` + version.Number + `",`; !strings.HasPrefix(string(answer), want) {
			t.Errorf("answer %s does not begin with %s", answer, want)
		}
		for name, want := range map[string]float64{
			telemetry.TokenAgeSeconds: 3600, telemetry.RetiringTokens: 0, telemetry.UnclaimedTokens: 0,
			telemetry.DeadTokens: 0, telemetry.SweepFaults: 0,
		} {
			if got := fs.metrics(t, name); len(got) != 1 || got[0] != want {
				t.Errorf("%s %v, want %v", name, got, want)
			}
		}
		for line, want := range map[string]int{`"msg":"secret swept"`: 0, `"msg":"sweep done"`: 1} {
			if got := strings.Count(fs.lines.String(), line); got != want {
				t.Errorf("%d lines %s, want %d: a quiet secret has none of its own", got, line, want)
			}
		}
	})
}

func TestAFunctionThatIsNotConfiguredSaysSoEachTime(t *testing.T) {
	var lines bytes.Buffer
	env := map[string]string{"EXCLUSIVE_USER": "perhaps", "AWS_LAMBDA_FUNCTION_NAME": "fn"}
	fn := lambdafn.FromEnvironment(&lines, func(name string) string { return env[name] })
	if fn.Fault == nil || fn.Name != "fn" {
		t.Fatalf("fault %v, name %q", fn.Fault, fn.Name)
	}
	rotate := fn.Rotate(rotation.New(rotation.Config{Secrets: fn.Secrets, Parameters: fn.Parameters,
		Settings: fn.Settings, Log: fn.Log}))
	sweep := fn.Sweep(sweep.New(sweep.Config{Secrets: fn.Secrets, Parameters: fn.Parameters,
		Settings: fn.Settings, Log: fn.Log}))
	for _, handler := range []lambdafn.Handler{rotate, sweep, rotate, sweep} {
		if answer, err := handler.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, fn.Fault) || answer != nil {
			t.Errorf("%s, %v", answer, err)
		}
	}
	if want := `"msg":"function started","version":"` + version.Number; strings.Count(lines.String(), want) != 1 {
		t.Errorf("the start is not logged once with its version: %s", lines.String())
	}
	if got := strings.Count(lines.String(), "setting EXCLUSIVE_USER"); got != 5 {
		t.Errorf("%d lines name the setting, want one at start and one for each invocation: %s", got, lines.String())
	}
}

func TestAnInvocationIsNamedByItsRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "abc"})
	if lambdafn.RequestID(ctx) != "abc" || lambdafn.RequestID(context.Background()) != "" {
		t.Errorf("%q, %q", lambdafn.RequestID(ctx), lambdafn.RequestID(context.Background()))
	}
}

// brokenStore panics, as a defect of the product would.
type brokenStore struct{ rotation.Secrets }

func TestAPanicIsAFailedRotationToo(t *testing.T) {
	var lines bytes.Buffer
	server := awstest.NewServer(awstest.Config{})
	defer server.Close()
	environment, err := settings.FromEnvironment(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	rotate := newFunction(&lines).Rotate(rotation.New(rotation.Config{Secrets: brokenStore{},
		Parameters: awsstore.NewParameters(server.SDKConfig("fn")), Settings: environment}))
	answer, err := rotate.Invoke(t.Context(),
		[]byte(`{"Step":"setSecret","SecretId":"engage/token","ClientRequestToken":"0e2f2d6d-8b5e-4b4c-9a55-2f1f2f1c7d11"}`))
	if err == nil || answer != nil || !strings.HasPrefix(err.Error(), "panic") {
		t.Errorf("answer %s, error %v", answer, err)
	}
	if !strings.Contains(lines.String(), `"RotationFailed":1`) ||
		!strings.Contains(lines.String(), `"Step":"setSecret"`) || !strings.Contains(lines.String(), `"stack":"`) {
		t.Errorf("lines %s", lines.String())
	}
}

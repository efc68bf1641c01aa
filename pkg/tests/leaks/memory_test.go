package leaks_test

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// maxRSS is the most memory that the functions may use, whatever the vendor answers: half of
// Lambda's smallest size.
const maxRSS = 64 << 20

// The real functions with a hostile vendor: every answer is big, slow or nested.
func TestMemoryStaysBoundedUnderAHostileVendor(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the functions many times")
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux reports the peak of a process's memory")
	}
	answers := map[string]func() *engagetest.Answer{
		"endless":           func() *engagetest.Answer { return engagetest.Endless("a") },
		"endless list":      func() *engagetest.Answer { return engagetest.Endless(`"` + aToken + `",`) },
		"gzip bomb":         func() *engagetest.Answer { return engagetest.GzipBomb(64) },
		"declared too long": func() *engagetest.Answer { return engagetest.WrongLength("[]", 1<<30) },
		"deep nesting": func() *engagetest.Answer {
			return engagetest.JSON(200, strings.Repeat("[", 1<<19)+strings.Repeat("]", 1<<19))
		},
		"empty entries": func() *engagetest.Answer { return engagetest.JSON(200, "["+strings.Repeat(`"",`, 340_000)+`""]`) },
		"empty objects": func() *engagetest.Answer { return engagetest.JSON(200, "["+strings.Repeat(`{},`, 340_000)+`{}]`) },
		"20,000 tokens": func() *engagetest.Answer { return engagetest.ManyTokens(20_000) },
		"duplicate tokens": func() *engagetest.Answer {
			return engagetest.TokenList(strings.Split(strings.Repeat(aToken+" ", 20_000), " ")...)
		},
		"control characters": func() *engagetest.Answer { return engagetest.JSON(200, "[\"\x00\x1b[2J\"]") },
	}
	operations := []engagetest.Operation{engagetest.OpList, engagetest.OpLogin, engagetest.OpCreate, engagetest.OpAccounts,
		engagetest.OpDelete}
	for i, name := range slices.Sorted(maps.Keys(answers)) {
		answer := answers[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for o, operation := range operations {
				if !*every && o != 0 && o != 1+i%4 {
					continue
				}
				d := newDeployment(t, engage.FlowEngage, nil, nil, map[string]string{"TOKEN_CACHE_TTL": "1m"})
				if !d.rotateOnce() {
					t.Fatal("a rotation without a fault fails")
				}
				d.engage.SetFault(func(c engagetest.Call) *engagetest.Fault {
					if c.Operation != operation || c.Stage != engagetest.Before {
						return nil
					}
					return engagetest.Respond(answer())
				})
				d.rotate.Close()
				d.rotate = d.start("rotate") // with no session
				started := time.Now()
				d.rotateOnce()
				if passed := time.Since(started); passed > time.Minute {
					t.Errorf("%s: took %v", operation, passed)
				}
				for name, payload := range map[string]string{"sweep": `{}`, "ivr": `{}`} {
					if result := d.invoke(d.start(name), payload); result.PeakRSS > maxRSS {
						t.Errorf("%s: %s takes %d MiB", operation, name, result.PeakRSS>>20)
					}
				}
				if result := d.invoke(d.rotate, `{}`); result.PeakRSS == 0 || result.PeakRSS > maxRSS {
					t.Errorf("%s: rotate takes %d MiB", operation, result.PeakRSS>>20)
				} else {
					t.Logf("%s: rotate takes %d MiB", operation, result.PeakRSS>>20)
				}
				d.check()
			}
		})
	}
}

// The read of an answer that arrives byte by byte ends in time to report an error.
func TestASlowDripIsCutOffBeforeTheFunctionsDeadline(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for seconds")
	}
	t.Parallel()
	slow := fault{kind: "drip", answer: func(rw http.ResponseWriter, r *http.Request, _ string) {
		control := http.NewResponseController(rw)
		for r.Context().Err() == nil {
			if _, err := rw.Write([]byte(" ")); err != nil || control.Flush() != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}}
	d := newDeployment(t, engage.FlowEngage, &slow, nil, nil)
	d.rotate = d.startBinary(lambdatest.Config{Path: built.Function(t, "rotate"), FunctionName: "rotate", Env: d.env,
		Timeout: 5 * time.Second})
	run, err := d.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: tokenSecret,
		RotationLambdaARN: functionARN})
	if err != nil {
		t.Fatal(err)
	}
	d.wire.see("the RotationToken", run.RotationToken)
	result := d.invoke(d.rotate, string(run.Payload(awstest.StepCreate)))
	if result.ErrorType == "Sandbox.Timedout" || result.FunctionError == "" {
		t.Errorf("%s %s: the function was killed and reported no error", result.FunctionError, result.ErrorType)
	}
	if !strings.Contains(result.ErrorMessage, "engage: login at 127.0.0.1:") {
		t.Errorf("error %q", result.ErrorMessage)
	}
	d.check()
}

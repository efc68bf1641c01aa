package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"
)

// roleVariable makes the test binary play a bootstrap.
const roleVariable = "LAMBDATEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// play is the bootstrap.
func play(role string) {
	switch role {
	case "handler":
		lambda.Start(handle)
	case "init error":
		postInitError()
		os.Exit(1)
	case "init exit":
		fmt.Println("no way")
		os.Exit(3)
	case "init hang":
		time.Sleep(time.Hour)
	case "init exit 0":
	}
}

// event is an instruction to the handler.
type event struct {
	Do   string `json:"do"`
	Name string `json:"name,omitempty"`
	N    int    `json:"n,omitempty"`
}

// seen is the context and environment of the handler.
type seen struct {
	RequestID, ARN, Value string
	PID                   int
	Remaining             time.Duration
	Environ               []string
}

var kept []byte

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "look":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		directory, err := os.Getwd()
		return seen{lc.AwsRequestID, lc.InvokedFunctionArn, directory, os.Getpid(), time.Until(deadline), os.Environ()}, err
	case "fail":
		return nil, errors.New("it failed")
	case "panic":
		panic("at the disco")
	case "exit":
		os.Exit(e.N)
	case "hang":
		time.Sleep(time.Hour)
	case "child": // a child outlives the process unless the whole group is killed
		command := exec.Command("sleep", "600")
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		return nil, command.Run()
	case "print":
		for n := range e.N {
			fmt.Println("out", n)
			fmt.Fprintln(os.Stderr, "err", n)
		}
	case "use":
		kept = make([]byte, e.N)
		for i := range kept {
			kept[i] = byte(i)
		}
	case "big":
		return strings.Repeat("x", e.N), nil
	}
	return os.Getpid(), nil
}

func postInitError() {
	document, _ := json.Marshal(map[string]string{"errorType": "Config.Missing", "errorMessage": "no table"})
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
	req, _ := http.NewRequest(http.MethodPost, url, strings.NewReader(string(document)))
	req.Header.Set("Lambda-Runtime-Function-Error-Type", "Config.Missing")
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

package leaks_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/lambdatest"
)

// leak is a function that leaks the RotationToken of its event.
func leak(kind string) {
	lambda.Start(func(_ context.Context, event awstest.RotationEvent) (map[string]string, error) {
		secret := event.RotationToken
		switch kind {
		case "stdout":
			fmt.Println("token", secret)
		case "stderr":
			fmt.Fprintln(os.Stderr, url.QueryEscape("x="+secret))
		case "error":
			return nil, errors.New("no good: " + secret)
		case "answer":
			return map[string]string{"a": base64.StdEncoding.EncodeToString([]byte("ab" + secret))}, nil
		case "metric":
			fmt.Printf(`{"_aws":{},"Secret":%q}`+"\n", hex.EncodeToString([]byte(secret)))
		case "panic":
			panic(secret)
		case "a part":
			line, _ := json.Marshal(map[string]string{"msg": secret[9:17]})
			fmt.Println(string(line))
		}
		return nil, nil
	})
}

// The same harness with a function that leaks on purpose: each way out is found.
func TestAFunctionThatLeaksIsCaught(t *testing.T) {
	for _, kind := range []string{"stdout", "stderr", "error", "answer", "metric", "panic", "a part", "nothing"} {
		t.Run(kind, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			d := newDeployment(t, engage.FlowEngage, nil, nil, nil)
			d.rotate = d.startBinary(lambdatest.Config{Path: self, FunctionName: "rotate",
				Env: map[string]string{leakyFunction: kind}})
			d.rotateOnce()
			if leaks := d.leaks(); (len(leaks) > 0) != (kind != "nothing") {
				t.Errorf("found %v", leaks)
			}
		})
	}
}

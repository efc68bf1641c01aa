package lambdatest_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"engage-token-rotation/pkg/standins/lambdatest"
)

func Example() {
	ctx := context.Background()
	function, err := lambdatest.Start(ctx, lambdatest.Config{
		Path:    "build/rotate/bootstrap",
		Env:     map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
		Timeout: 30 * time.Second,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer function.Close()

	result, err := function.Invoke(ctx, []byte(`{"dryRun":true}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.FunctionError, result.ErrorType, result.InitDuration, result.Duration, result.PeakRSS)
}

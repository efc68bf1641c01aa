package awstest_test

import (
	"context"
	"encoding/json"
	"fmt"

	"engage-token-rotation/pkg/standins/awstest"
)

// A rotation as the service runs it, with a function that only writes the new value and makes it
// current.
func Example() {
	var secrets *awstest.SecretsManager
	secrets = awstest.NewSecretsManager(awstest.SecretsConfig{
		Invoke: func(_ context.Context, _ string, payload []byte) ([]byte, error) {
			var event awstest.RotationEvent
			if err := json.Unmarshal(payload, &event); err != nil {
				return nil, err
			}
			fmt.Println(event.Step)
			return nil, (&rotator{service: secrets}).step(event)
		},
		Events: func(event awstest.Event) { fmt.Println(event.Name) },
	})
	defer secrets.Close()

	value := "before"
	_, _ = secrets.CreateSecret(&awstest.CreateSecretInput{Name: "token", SecretString: &value})
	_, err := secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: "token",
		RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:rotate"})
	_ = secrets.Wait(context.Background())
	fmt.Println(err)
	// Output:
	// RotationStarted
	// createSecret
	// setSecret
	// testSecret
	// finishSecret
	// Secret Label Updated
	// RotationSucceeded
	// <nil>
}

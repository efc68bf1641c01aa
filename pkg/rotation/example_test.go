package rotation_test

import (
	"context"
	"encoding/json"
	"fmt"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// A rotation in its four steps, between stand-ins for AWS and the vendor.
func ExampleRotator_Handle() {
	aws, engage := awstest.NewServer(awstest.Config{}), engagetest.NewServer(engagetest.Config{})
	defer aws.Close()
	fields, err := json.Marshal(engagetest.DefaultUser().LoginFields(""))
	if err != nil {
		fmt.Println(err)
		return
	}
	value := string(fields)
	if _, err := aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: "engage/token",
		SecretString: &value}); err != nil {
		fmt.Println(err)
		return
	}
	environment, err := settings.FromEnvironment(func(string) string { return "" })
	if err != nil {
		fmt.Println(err)
		return
	}
	rotator := rotation.New(rotation.Config{
		Secrets:    awsstore.NewSecrets(aws.SDKConfig("rotate")),
		Parameters: awsstore.NewParameters(aws.SDKConfig("rotate")),
		Settings:   environment,
		Transport:  engage.RoundTripper(),
	})
	run, err := aws.Secrets.BeginRotation(&awstest.RotateSecretInput{
		SecretId: "engage/token", RotationLambdaARN: "arn:aws:lambda:us-east-1:123456789012:function:rotate",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range run.Steps {
		event, err := events.ParseRotation(run.Payload(step))
		if err != nil {
			fmt.Println(err)
			return
		}
		done, err := rotator.Handle(context.Background(), event)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(step, done.Case, done.Outcome)
	}
	// Output:
	// createSecret C7 created
	// setSecret S4 checked
	// testSecret T4 verified
	// finishSecret F7 swapped
}

package tokensource_test

import (
	"encoding/json"
	"log"
	"net/http/httptest"
	"os"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// startDeployment starts AWS with the secret engage/token, and Engage with a user of that token. It
// sets the environment of a program that reads the one and calls the other.
func startDeployment() (stop func()) {
	vendor := engagetest.NewServer(engagetest.Config{})
	engage := httptest.NewServer(vendor)
	services := awstest.NewServer(awstest.Config{})
	aws := httptest.NewServer(services)
	document, err := json.Marshal(map[string]string{"apiToken": vendor.CreateToken(engagetest.DefaultUser().Username)})
	if err != nil {
		log.Fatal(err)
	}
	text := string(document)
	if _, err := services.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: readersSecret,
		SecretString: &text}); err != nil {
		log.Fatal(err)
	}
	for name, value := range map[string]string{
		"ENGAGE_BASE_URL": engage.URL, "AWS_ENDPOINT_URL": aws.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "not-checked", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
	}
	return func() {
		for _, violation := range vendor.Violations() {
			log.Fatal(violation)
		}
		engage.Close()
		aws.Close()
		services.Close()
	}
}

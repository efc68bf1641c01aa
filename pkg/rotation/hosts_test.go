package rotation_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
)

// onlyHost reaches one host.
type onlyHost struct {
	host string
	next http.RoundTripper
}

func (n onlyHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != n.host {
		return nil, errors.New("connection refused")
	}
	return n.next.RoundTrip(r)
}

func TestPreflightSaysWhichOfTheVendorsHostsAnswers(t *testing.T) {
	for up, want := range map[string]string{
		"ringcx.ringcentral.com": "https://ringcx.ringcentral.com answers: set the base URL to it",
		"":                       "https://ringcx.ringcentral.com does not answer either",
	} {
		inDeployment(t, onlyAdmin, nil, func(t *testing.T, w *deployment) {
			environment, err := settings.FromEnvironment(func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			sdk := w.aws.SDKConfig(functionName)
			w.rotator = rotation.New(rotation.Config{Secrets: awsstore.NewSecrets(sdk), Settings: environment,
				Parameters: awsstore.NewParameters(sdk), Transport: onlyHost{up, w.engage.RoundTripper()}})
			no := false
			run, err := w.aws.Secrets.BeginRotation(&awstest.RotateSecretInput{SecretId: secretName,
				RotationLambdaARN: functionARN, RotateImmediately: &no})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.step(run, events.TestSecret); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		})
	}
}

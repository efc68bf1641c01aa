package awstest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

// The documented rates hold in virtual time: a second's worth of calls at once, and then one for
// each share of a second. Other operations go on.
func TestDocumentedRates(t *testing.T) {
	one := "one"
	for _, test := range []struct {
		name string
		rate int
		call func(*awstest.Server, int) error // of several operations in turn, where they share a rate
		free func(*awstest.Server) error
	}{
		{"reads of parameters", 40, func(s *awstest.Server, n int) error {
			if n%2 == 0 {
				_, err := s.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: "/"})
				return err
			}
			_, err := s.Parameters.GetParameters(&awstest.GetParametersInput{Names: []string{"/p"}})
			return err
		}, putParameter},
		{"writes of parameters", 3, func(s *awstest.Server, _ int) error { return putParameter(s) }, readParameter},
		{"writes of secrets", 50, func(s *awstest.Server, n int) error {
			if n%2 == 0 {
				_, err := s.Secrets.UpdateSecret(&awstest.UpdateSecretInput{SecretId: "s", Description: &one})
				return err
			}
			_, err := s.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: "s", SecretString: &one})
			return err
		}, describe},
		{"reads of secrets", 10000, func(s *awstest.Server, _ int) error { return describe(s) },
			func(s *awstest.Server) error {
				_, err := s.Secrets.ListSecrets(&awstest.ListSecretsInput{})
				return err
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := awstest.NewServer(awstest.Config{
					Secrets:    awstest.SecretsConfig{Rates: awstest.SecretsRates()},
					Parameters: awstest.ParametersConfig{Rates: awstest.ParameterRates()},
				})
				if _, err := server.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: "s"}); err != nil {
					t.Fatal(err)
				}
				for n := range test.rate {
					if err := test.call(server, n); err != nil {
						t.Fatalf("call %d of a second: %v", n+1, err)
					}
				}
				expectThrottled(t, test.call(server, test.rate))
				if err := test.free(server); err != nil {
					t.Errorf("an operation of another rate: %v", err)
				}
				time.Sleep(time.Second/time.Duration(test.rate) + time.Nanosecond)
				if err := test.call(server, 0); err != nil {
					t.Errorf("after the time of one call: %v", err)
				}
				expectThrottled(t, test.call(server, 1))
			})
		})
	}
}

func expectThrottled(t *testing.T, err error) {
	t.Helper()
	var api *awstest.APIError
	if !errors.As(err, &api) || api.Code != "ThrottlingException" {
		t.Errorf("got error %v, want ThrottlingException", err)
	}
}

func putParameter(s *awstest.Server) error {
	_, err := s.Parameters.PutParameter(&awstest.PutParameterInput{Name: "/p", Value: "v", Type: "String",
		Overwrite: true})
	return err
}

func readParameter(s *awstest.Server) error {
	_, err := s.Parameters.GetParameters(&awstest.GetParametersInput{Names: []string{"/p"}})
	return err
}

func describe(s *awstest.Server) error {
	_, err := s.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: "s"})
	return err
}

package awstest_test

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// motoDifferences are the scenarios that moto does not pass, each with what it does instead. The facts that a scenario
// holds the stand-in to are AWS's documentation and recordings of the service, so moto is excepted, not followed. Moto
// 5.2 was looked at.
var motoDifferences = map[string]string{
	"client errors have status 400":                                  "ResourceNotFoundException has status 404",
	"the same token with another value is refused for AWSPENDING":    "a pending value is overwritten",
	"a value has at most 64 KiB":                                     "any length is taken",
	"an unattached label is not found":                               "the message is that of an unknown secret",
	"versions without a label are hidden unless asked for":           "they are always listed",
	"a read without a label reads AWSCURRENT":                        "it reads the version that was current before the move",
	"a move to an unknown version is refused":                        "it is refused after the label was taken away",
	"AWSCURRENT cannot be removed":                                   "it can",
	"a new AWSCURRENT takes AWSPENDING from the old one":             "after a move of AWSCURRENT the next value leaves the label on two versions",
	"labels come sorted":                                             "they come as they were given",
	"a secret has at most 20 labels":                                 "any number is taken",
	"rotation needs a function":                                      "without one a new version becomes AWSCURRENT at once",
	"a rotation begins with an empty AWSPENDING version":             "the function must exist in moto, and its steps run before RotateSecret answers",
	"PutSecretValue fills the empty version":                         "no rotation begins without a function inside moto",
	"an incomplete rotation stands in the way of the next":           "no rotation begins without a function inside moto",
	"a write by hand abandons the rotation":                          "no rotation begins without a function inside moto",
	"an ARN without suffix fails for a name that ends like a suffix": "it is found",
	"a name has a fixed alphabet":                                    "any name is taken",
	"the name of a deleted secret is taken":                          "the error is ResourceExistsException, as for a secret in use",
	"a standard parameter has at most 4096 characters":               "any length is taken",
	"a path must begin with a slash":                                 "a name may have slashes and not begin with one",
	"a SecureString is shown only decrypted":                         "the undecrypted value is the plain text behind a prefix",
}

// startMoto starts moto on a free port, and stops it when the test is over.
func startMoto(t *testing.T) aws.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("moto takes seconds to start: skipped with -short")
	}
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not on PATH")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	command := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/moto-api/", nil)
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("moto did not start: %v", err)
		case <-ticker.C:
		}
	}
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDMOTO", SecretAccessKey: "not-checked"}, nil
		}),
	}
}

package foreign

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// motoStart is how long moto may take to listen: long, for a busy machine.
const motoStart = 3 * time.Minute

// Moto is a running moto, a stand-in for all of AWS.
type Moto struct {
	URL string
}

// StartMoto starts moto on a free port, or skips the test if it is not installed.
func StartMoto(t testing.TB) Moto {
	t.Helper()
	program := Find(t, "moto_server")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	startUntilEnd(t, exec.Command(program, "-H", "127.0.0.1", "-p", port))
	m := Moto{URL: "http://" + address}
	for deadline := time.Now().Add(motoStart); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get(m.URL + "/moto-api/")
		if err == nil {
			_ = response.Body.Close()
			return m
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto did not start: %v", err)
		}
	}
}

// SDKConfig returns a configuration for the SDK's clients, which call as the given caller (an
// access key id).
func (m Moto) SDKConfig(caller string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &m.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: caller, SecretAccessKey: "not-checked"}, nil
		}),
	}
}

package awstest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config configures a [Server]. Its zero value is two services without faults.
type Config struct {
	Secrets    SecretsConfig
	Parameters ParametersConfig // its Secrets is set by the server
	// Now is the clock of both services if they have none of their own; nil means time.Now.
	Now func() time.Time
	// Fault decides what happens to each call; nil injects no fault. It may be called concurrently.
	Fault func(Call) Action
	// Permit reports whether the caller may make the call; nil permits all. A refused call gets
	// AccessDeniedException.
	Permit func(Call) bool
	// RecordLimit is how many calls are remembered. 0 means 10,000.
	RecordLimit int
}

// Server answers for both services at one HTTP endpoint. It is an [http.Handler] and safe for
// concurrent use.
type Server struct {
	// URL is the address of a server of New; empty for one of NewServer.
	URL string
	// Secrets and Parameters are the services. Calls that a test makes on them directly are not
	// recorded and meet no fault.
	Secrets    *SecretsManager
	Parameters *ParameterStore

	config     Config
	operations map[string]operation

	mu     sync.Mutex
	number int
	calls  []Call
}

var _ http.Handler = (*Server)(nil)

// NewServer returns a server that does not listen: use it as a handler, or through Transport. Close
// it after use.
func NewServer(config Config) *Server {
	if config.Secrets.Now == nil {
		config.Secrets.Now = config.Now
	}
	if config.Parameters.Now == nil {
		config.Parameters.Now = config.Now
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.RecordLimit == 0 {
		config.RecordLimit = 10000
	}
	if config.Secrets.History == 0 {
		config.Secrets.History = 4
	}
	if config.Secrets.Sleep == nil {
		config.Secrets.Sleep = sleep
	}
	secrets := NewSecretsManager(config.Secrets)
	config.Parameters.Secrets = secrets
	if config.Parameters.Account == "" {
		config.Parameters.Account = secrets.config.Account
	}
	if config.Parameters.Region == "" {
		config.Parameters.Region = secrets.config.Region
	}
	s := &Server{Secrets: secrets, Parameters: NewParameterStore(config.Parameters), config: config}
	s.operations = s.table()
	return s
}

// TB is the part of testing.TB that New uses.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// New starts a server on a free port of the loopback interface and stops it when the test is over.
// A nil config is the zero one.
func New(t TB, config *Config) *Server {
	t.Helper()
	if config == nil {
		config = &Config{}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("awstest: %v", err)
	}
	s := NewServer(*config)
	s.URL = "http://" + listener.Addr().String()
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		s.Close()
		_ = server.Close()
		<-done
	})
	return s
}

// Close ends the rotations that run in the background.
func (s *Server) Close() { s.Secrets.Close() }

// Wait waits until no rotation runs in the background, or returns ctx's error.
func (s *Server) Wait(ctx context.Context) error { return s.Secrets.Wait(ctx) }

// SDKConfig is a configuration for the SDK's clients, which call as the given caller (an access key
// id). Clients of a server that does not listen call it in the process, which works in a
// testing/synctest bubble too.
func (s *Server) SDKConfig(caller string) aws.Config {
	config := aws.Config{
		Region: s.Secrets.config.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: caller, SecretAccessKey: "not-checked"}, nil
		}),
		BaseEndpoint: aws.String(s.URL),
	}
	if s.URL == "" {
		config.BaseEndpoint = aws.String("http://awstest.invalid")
		config.HTTPClient = &http.Client{Transport: s.Transport()}
	}
	return config
}

// Environment returns the environment variables with which a process calls this endpoint as the
// given caller.
func (s *Server) Environment(caller string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=" + s.Secrets.config.Region, "AWS_DEFAULT_REGION=" + s.Secrets.config.Region,
		"AWS_ACCESS_KEY_ID=" + caller, "AWS_SECRET_ACCESS_KEY=not-checked", "AWS_EC2_METADATA_DISABLED=true",
	}
}

package engage_test

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
)

var flows = []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy}

// vendorAndClient is a server in the process and a client for it. Inside a synctest bubble all of
// its waits are virtual.
type vendorAndClient struct {
	server      *engagetest.Server
	user        engagetest.User
	credentials engage.Credentials
	config      engage.Config
	client      *engage.Client
	permits     atomic.Int32
}

// connect starts a server in the process and makes a client for it. The test fails if the client
// sends what the vendor's pages do not allow.
func connect(t *testing.T, flow engage.Flow, config engagetest.Config) *vendorAndClient {
	t.Helper()
	w := &vendorAndClient{server: engagetest.NewServer(config), user: engagetest.DefaultUser()}
	w.credentials = credentialsOf(w.user, flow)
	w.config = engage.Config{
		Endpoint: engage.Endpoint{
			Flow:        flow,
			BaseURL:     mustURL("https://engage.ringcentral.com"),
			PlatformURL: mustURL("https://platform.ringcentral.com"),
		},
		Transport: w.server.RoundTripper(),
		Permit:    func(context.Context) error { w.permits.Add(1); return nil },
		Jitter:    func() float64 { return 0 },
	}
	w.client = engage.New(w.config)
	t.Cleanup(func() {
		for _, violation := range w.server.Violations() {
			t.Errorf("sent against the rules: %v", violation)
		}
	})
	return w
}

func credentialsOf(user engagetest.User, flow engage.Flow) engage.Credentials {
	return engage.Credentials{
		Flow: flow, Username: user.Username, Password: hidden.New(user.Password), PlatformID: user.PlatformID,
		ClientID: user.ClientID, ClientSecret: hidden.New(user.ClientSecret), JWT: hidden.New(user.JWT),
	}
}

func mustURL(text string) *url.URL {
	base, err := engage.ParseBaseURL(text)
	if err != nil {
		panic(err)
	}
	return base
}

// eachFlow runs the test once for each login flow, in a bubble, with a server of its own.
func eachFlow(t *testing.T, test func(t *testing.T, w *vendorAndClient)) {
	t.Helper()
	eachOf(t, flows, test)
}

func eachOf(t *testing.T, flows []engage.Flow, test func(t *testing.T, w *vendorAndClient)) {
	t.Helper()
	for _, flow := range flows {
		t.Run(string(flow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, connect(t, flow, engagetest.Config{})) })
		})
	}
}

// bubble runs the test in a bubble, with a server of the engage flow.
func bubble(t *testing.T, test func(t *testing.T, w *vendorAndClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, connect(t, engage.FlowEngage, engagetest.Config{})) })
}

func (w *vendorAndClient) login(t *testing.T) *engage.Session {
	t.Helper()
	session, err := w.client.Login(t.Context(), w.credentials)
	if err != nil {
		t.Fatalf("login: %v", err)
	}
	return session
}

func (w *vendorAndClient) create(t *testing.T, session *engage.Session) engage.Token {
	t.Helper()
	token, err := w.client.Create(t.Context(), session, nil)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return token
}

// answer makes the server answer every call of the operation so, until faultless is called.
func (w *vendorAndClient) answer(operation engagetest.Operation, make func() *engagetest.Answer) {
	w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
		if c.Operation != operation || c.Stage != engagetest.Before {
			return nil
		}
		return engagetest.Respond(make())
	})
}

func (w *vendorAndClient) faultless() { w.server.SetFault(nil) }

// took returns how long f takes by the bubble's clock.
func took(f func()) time.Duration {
	started := time.Now()
	f()
	return time.Since(started)
}

package engage_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/engagetest"
)

const platformHost = "platform.ringcentral.com"

// oneHost is a network in which one host alone has the API; another answers a web page, or not.
type oneHost struct {
	vendor *engagetest.Server
	host   string
	page   bool
	// asked are the hosts that were sent a request, and how often.
	asked map[string]int
}

func (n *oneHost) RoundTrip(r *http.Request) (*http.Response, error) {
	n.asked[r.URL.Host]++
	switch {
	case r.URL.Host == n.host, r.URL.Host == platformHost:
		return n.vendor.RoundTripper().RoundTrip(r)
	case n.page:
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Header: http.Header{}}, nil
	}
	return nil, errors.New("connection refused")
}

func TestTwinIsTheOtherHostOfTheVendorIfTheFirstHasNoAPI(t *testing.T) {
	const older, current = "engage.ringcentral.com", "ringcx.ringcentral.com"
	for name, c := range map[string]struct {
		configured, up string
		flow           engage.Flow
		page, wrong    bool
		twin           string
		answers        bool
	}{
		"the current host answers":    {older, current, engage.FlowEngage, false, false, current, true},
		"the older host answers":      {current, older, engage.FlowRingCentral, false, false, older, true},
		"the first has another page":  {older, current, engage.FlowEngage, true, false, current, true},
		"neither answers":             {older, "", engage.FlowEngage, false, false, current, false},
		"both answer something else":  {older, "", engage.FlowEngage, true, false, current, false},
		"the password is wrong":       {older, older, engage.FlowEngage, false, true, "", false},
		"a host of somebody's own":    {"engage.example.com", current, engage.FlowEngage, false, false, "", false},
		"a legacy login at that host": {older, current, engage.FlowLegacy, false, false, "", false},
		"a port of the vendor's host": {older + ":8443", current, engage.FlowEngage, false, false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vendor := engagetest.NewServer(engagetest.Config{})
				network := &oneHost{vendor: vendor, host: c.up, page: c.page, asked: map[string]int{}}
				client := engage.New(engage.Config{Transport: network, Endpoint: engage.Endpoint{Flow: c.flow,
					BaseURL:     &url.URL{Scheme: "https", Host: c.configured},
					PlatformURL: &url.URL{Scheme: "https", Host: platformHost}}})
				user := engagetest.DefaultUser()
				password := user.Password
				if c.wrong {
					password = "another-password"
				}
				_, err := client.Login(t.Context(), engage.Credentials{Username: user.Username,
					Password: hidden.New(password), PlatformID: user.PlatformID, ClientID: user.ClientID,
					ClientSecret: hidden.New(user.ClientSecret), JWT: hidden.New(user.JWT)})
				if err == nil {
					t.Fatal("the login succeeded")
				}
				twin, answers := client.Twin(t.Context(), err)
				if twin != c.twin || answers != c.answers {
					t.Errorf("%q, %v; want %q, %v, after %v", twin, answers, c.twin, c.answers, err)
				}
				if want := min(len(c.twin), 1); c.configured != c.up && network.asked[c.twin] != want && c.twin != "" {
					t.Errorf("asked %v", network.asked)
				}
				if violations := vendor.Violations(); len(violations) > 0 {
					t.Error(violations)
				}
			})
		})
	}
}

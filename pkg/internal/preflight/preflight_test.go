package preflight_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/internal/preflight"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/engagetest"
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

func TestAPreflightSaysWhichOfTheVendorsHostsAnswers(t *testing.T) {
	for up, want := range map[string]string{
		"ringcx.ringcentral.com": "https://ringcx.ringcentral.com answers: set the base URL to it",
		"":                       "https://ringcx.ringcentral.com does not answer either",
	} {
		synctest.Test(t, func(t *testing.T) {
			environment, err := settings.FromEnvironment(func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			document, err := secret.Parse(`{"username":"u","password":"hunter2","platformId":"aws80"}`)
			if err != nil {
				t.Fatal(err)
			}
			vendor := engagetest.NewServer(engagetest.Config{})
			accounts := &account.Accounts{Parameters: memstore.New(), Calls: target.Calls{
				Transport: onlyHost{up, vendor.RoundTripper()}, Now: time.Now, Jitter: func() float64 { return 0 },
			}}
			p, err := preflight.Run(t.Context(), accounts, account.Source{Settings: environment, Document: document})
			if p != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		})
	}
}

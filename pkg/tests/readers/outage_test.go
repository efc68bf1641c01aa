package readers_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// The clients go on with the token that they have while Secrets Manager fails, also after its time.
func TestClientsKeepTheTokenWhileSecretsManagerFails(t *testing.T) {
	commands := prepare(t, setupDir(t))
	for language, client := range map[string]string{
		"Python": "engage_client.py", "Node.js": "engage-client.mjs", "Java": "EngageClient.java",
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0)
			w.rotate(t.Context())
			services, err := url.Parse(w.box.AWSURL)
			if err != nil {
				t.Fatal(err)
			}
			var fails atomic.Bool
			var refused atomic.Int64
			proxy := httputil.NewSingleHostReverseProxy(services)
			outage := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if fails.Load() {
					refused.Add(1)
					rw.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				proxy.ServeHTTP(rw, r)
			}))
			defer outage.Close()
			w.env = append(w.env, "AWS_ENDPOINT_URL="+outage.URL, "AWS_MAX_ATTEMPTS=1")
			w.start(language, commands[language](t.Context(), client))
			fails.Store(true)
			<-time.After(3 * ttl)
			got := w.results()[client]
			if got.Failed > 0 || got.Calls < 5 || refused.Load() == 0 {
				t.Errorf("%+v, with %d reads refused", got, refused.Load())
			}
		})
	}
}

package bench_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// call is one call of a function to AWS or to the vendor, as the stand-ins saw it. It holds no secret.
type call struct {
	invocation string // the step
	name       string // what was called, and of what: "GetSecretValue AWSCURRENT"
	read       bool   // without effect, so that a second one in the same invocation is a waste
	login      bool
	begin, end time.Time
}

// recorder holds every call back for the same time before it is answered, and notes when each of them began and ended.
// It is safe for concurrent use.
type recorder struct {
	delay time.Duration
	// admin is the name of the admin secret, to tell its reads from those of the token secret.
	admin string

	mu         sync.Mutex
	invocation string
	calls      []*call
}

// during names the invocation that the calls from now on belong to.
func (r *recorder) during(invocation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invocation = invocation
}

// take returns the calls so far and forgets them. A call that is still under way has no end.
func (r *recorder) take() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := make([]call, len(r.calls))
	for i, c := range r.calls {
		calls[i] = *c
	}
	r.calls = nil
	return calls
}

// begin notes the beginning of a call, waits, and returns what notes its end.
func (r *recorder) begin(request *http.Request) (end func()) {
	c := r.describe(request)
	r.mu.Lock()
	c.invocation, c.begin = r.invocation, time.Now()
	r.calls = append(r.calls, &c)
	r.mu.Unlock()
	time.Sleep(r.delay)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.end = time.Now()
	}
}

// transport records in front of a stand-in in the process.
func (r *recorder) transport(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		defer r.begin(request)()
		return next.RoundTrip(request)
	})
}

// handler records in front of a stand-in that listens.
func (r *recorder) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		defer r.begin(request)()
		next.ServeHTTP(w, request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// describe names a call.
func (r *recorder) describe(request *http.Request) call {
	_, action, ok := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	if !ok {
		return describeEngage(request)
	}
	var input struct{ SecretId, VersionId, VersionStage, Name, Path string }
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			_ = json.Unmarshal(body, &input) // a call without these fields is named by its action
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	c := call{name: action, read: strings.HasPrefix(action, "Get") || strings.HasPrefix(action, "Describe")}
	switch {
	case input.SecretId != "" && strings.Contains(input.SecretId, r.admin):
		c.name += " admin secret"
	case action == "GetSecretValue" && input.VersionId != "":
		c.name += " new version"
	case input.VersionStage != "":
		c.name += " " + input.VersionStage
	case input.Path != "" || input.Name != "":
		c.name += " " + describeParameter(input.Path+input.Name)
	}
	return c
}

// describeParameter says what of the ledger, the logins or the settings a parameter or path is.
func describeParameter(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case strings.Contains(name, "/logins/"):
		return "login count"
	case last == "settings" || last == "logins":
		return last
	case strings.HasPrefix(last, "intent-"):
		return "intent"
	case strings.HasPrefix(last, "token-"):
		return "token record " + last[len("token-"):]
	case strings.Contains(name, "/ledger/"):
		return "ledger"
	}
	return name
}

// describeEngage names a call by the end of its path, which holds no secret but for a deletion, and by its credentials.
func describeEngage(request *http.Request) call {
	path := request.URL.Path
	switch {
	case strings.HasSuffix(path, "/oauth/token"):
		return call{name: "Engage JWT grant"}
	case strings.HasSuffix(path, "/token/refresh"):
		return call{name: "Engage refresh"}
	case strings.Contains(path, "/login"):
		return call{name: "Engage login", login: true}
	case strings.HasSuffix(path, "/accounts"):
		return call{name: "Engage accounts", read: true}
	case request.Method == http.MethodPost:
		return call{name: "Engage create token"}
	case request.Method == http.MethodDelete:
		return call{name: "Engage delete token"}
	}
	return call{name: "Engage list tokens", read: true}
}

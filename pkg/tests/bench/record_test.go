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

// call is one call of a function that a stand-in received. It holds no secret.
type call struct {
	invocation string // the step
	name       string // operation and object: "GetSecretValue AWSCURRENT"
	read       bool   // a read: a second one in the same invocation is a waste
	login      bool
	begin, end time.Time
}

// recorder delays every call for the same time before it is answered, and records when each began
// and ended. It is safe for concurrent use.
type recorder struct {
	delay time.Duration
	// admin is the name of the admin secret, to distinguish its reads from those of the token secret.
	admin string

	mu         sync.Mutex
	invocation string
	calls      []*call
}

// during names the invocation of the following calls.
func (r *recorder) during(invocation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invocation = invocation
}

// take returns the recorded calls and removes them. A call that is still running has no end.
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

// begin records the beginning of a call, waits, and returns a function that records its end.
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

// transport records the calls of a stand-in in the process.
func (r *recorder) transport(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		defer r.begin(request)()
		return next.RoundTrip(request)
	})
}

// handler records the calls of a stand-in that listens.
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

// describeParameter names a parameter or path of the ledger, the logins or the settings.
func describeParameter(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case strings.Contains(name, "/logins/"):
		return "login count"
	case last == "settings":
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

// describeEngage names a call by the end of its path, which holds a secret only for a deletion, and
// by its credentials.
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

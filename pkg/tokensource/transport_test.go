package tokensource_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/tokensource"
)

const host = "https://engage.example.com"

// vendor answers 200 to the live token, and with the status in its field dead to every other token.
// The transport under test sends its requests to it.
type vendor struct {
	dead    int // status for a token that is not live
	latency time.Duration
	// answer, if set, overrides all else.
	answer func(*http.Request) *http.Response

	mu     sync.Mutex
	live   string
	calls  []call
	open   int // response bodies not closed yet
	unread int // response bodies closed before their end
}

type call struct{ token, body string }

func (v *vendor) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	time.Sleep(v.latency)
	v.mu.Lock()
	defer v.mu.Unlock()
	token := req.Header.Get(tokensource.Header)
	v.calls = append(v.calls, call{token, string(body)})
	v.open++
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req}
	text := "welcome"
	if v.answer != nil {
		if special := v.answer(req); special != nil {
			resp, text = special, special.Status
		}
	} else if token != v.live {
		resp.StatusCode, text = v.dead, "Access is denied"
	}
	resp.Body = &watchedBody{Reader: strings.NewReader(text), vendor: v}
	return resp, nil
}

func (v *vendor) accept(t *testing.T, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.live = nth(t, n).Reveal()
}

type watchedBody struct {
	*strings.Reader
	vendor *vendor
	once   sync.Once
}

func (b *watchedBody) Close() error {
	b.once.Do(func() {
		b.vendor.mu.Lock()
		defer b.vendor.mu.Unlock()
		b.vendor.open--
		if b.Len() > 0 {
			b.vendor.unread++
		}
	})
	return nil
}

// setting returns a vault (the secret in memory), a vendor to which token 1 is live, and a client
// that reads the vault and calls the vendor.
func setting(t *testing.T, config tokensource.Config) (*vault, *vendor, *http.Client) {
	t.Helper()
	v := newVault(10 * time.Millisecond)
	config.Fetch = v.fetch
	e := &vendor{dead: http.StatusUnauthorized}
	e.accept(t, 1)
	return v, e, &http.Client{Transport: newTransport(t, newSource(t, config), e)}
}

func newTransport(t *testing.T, source *tokensource.Source, next http.RoundTripper) *tokensource.Transport {
	t.Helper()
	base, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := tokensource.NewTransport(source, base, next)
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

func wantStatus(t *testing.T, client *http.Client, req *http.Request, want int) {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != want || err != nil || len(body) == 0 {
		t.Fatalf("status %d with body %q (%v), want %d with a body", resp.StatusCode, body, err, want)
	}
}

func get(t *testing.T, path string) *http.Request { return request(t, http.MethodGet, path, nil) }

func request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestRequestIsSentAgainWithTheNewToken(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			v, e, client := setting(t, tokensource.Config{})
			e.dead = status
			wantStatus(t, client, get(t, "/a"), http.StatusOK)
			v.rotate(2)
			e.accept(t, 2)
			wantStatus(t, client, request(t, http.MethodPost, "/b", strings.NewReader("call 5551234567")), http.StatusOK)

			one, two := nth(t, 1).Reveal(), nth(t, 2).Reveal()
			want := []call{{one, ""}, {one, "call 5551234567"}, {two, "call 5551234567"}}
			if len(e.calls) != 3 || e.calls[0] != want[0] || e.calls[1] != want[1] || e.calls[2] != want[2] {
				t.Errorf("%d: the vendor saw %q", status, e.calls)
			}
			if e.open != 0 || e.unread != 0 {
				t.Errorf("%d: %d bodies left open, %d not drained", status, e.open, e.unread)
			}
			wantReads(t, v, 2)
		})
	}
}

func TestBodyThatCannotBeReadTwiceGetsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, e, client := setting(t, tokensource.Config{})
		wantStatus(t, client, get(t, "/"), http.StatusOK)
		v.rotate(2)
		e.accept(t, 2)
		stream := struct{ io.Reader }{strings.NewReader("a stream")}
		wantStatus(t, client, request(t, http.MethodPost, "/", stream), http.StatusUnauthorized)
		wantStatus(t, client, get(t, "/"), http.StatusOK)
		if len(e.calls) != 3 {
			t.Errorf("%d calls, want 3: the last one has the second token", len(e.calls))
		}
	})
}

func TestRefusalOfTheSameTokenGoesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, e, client := setting(t, tokensource.Config{})
		e.accept(t, 99)
		for range 20 {
			wantStatus(t, client, get(t, "/"), http.StatusUnauthorized)
		}
		wantReads(t, v, 2)
		if len(e.calls) != 20 {
			t.Errorf("%d calls for 20 requests", len(e.calls))
		}
	})
}

func TestRequestThatMeetsTwoRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, e, client := setting(t, tokensource.Config{TTL: time.Hour})
		wantStatus(t, client, get(t, "/"), http.StatusOK)
		v.rotate(2)
		e.answer = func(req *http.Request) *http.Response {
			if req.Header.Get(tokensource.Header) == nth(t, 3).Reveal() {
				return nil
			}
			v.rotate(len(e.calls)) // the second token is dead too before it is used
			return &http.Response{StatusCode: http.StatusUnauthorized, Status: "too late"}
		}
		wantStatus(t, client, get(t, "/"), http.StatusOK)
	})
}

func TestEndlessRotationsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, e, client := setting(t, tokensource.Config{})
		n := 1
		e.answer = func(*http.Request) *http.Response {
			n++
			v.rotate(n)
			return &http.Response{StatusCode: http.StatusUnauthorized, Status: "too late"}
		}
		wantStatus(t, client, get(t, "/"), http.StatusUnauthorized)
		if len(e.calls) != 3 || e.open != 0 {
			t.Errorf("%d calls, %d bodies open", len(e.calls), e.open)
		}
	})
}

// A user that lacks a permission gets 403 for a live token. That must not delay the read when the
// token is dead.
func TestMissingPermissionDoesNotHideADeadToken(t *testing.T) {
	for _, dead := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			v, e, client := setting(t, tokensource.Config{TTL: 24 * time.Hour})
			e.answer = func(req *http.Request) *http.Response {
				switch {
				case req.Header.Get(tokensource.Header) != e.live:
					return &http.Response{StatusCode: dead, Status: "dead"}
				case req.URL.Path == "/forbidden":
					return &http.Response{StatusCode: http.StatusForbidden, Status: "forbidden"}
				}
				return nil
			}
			for range 3600 {
				wantStatus(t, client, get(t, "/forbidden"), http.StatusForbidden)
				wantStatus(t, client, get(t, "/"), http.StatusOK)
				time.Sleep(100 * time.Millisecond)
			}
			if reads := v.count(); reads > 750 {
				t.Errorf("%d reads in six minutes of refusals, want no more than two a second", reads)
			}
			v.rotate(2)
			e.accept(t, 2)
			if dead == http.StatusForbidden {
				time.Sleep(time.Second) // as for a missing permission, until MinBackoff is over
			}
			wantStatus(t, client, get(t, "/"), http.StatusOK)
		})
	}
}

func TestTokenNeverLeavesForAnotherHost(t *testing.T) {
	tests := map[string]func(*http.Request){
		"another host":            func(r *http.Request) { r.URL.Host = "evil.example.com" },
		"a host below":            func(r *http.Request) { r.URL.Host = "engage.example.com.evil.example" },
		"another port":            func(r *http.Request) { r.URL.Host = "engage.example.com:8443" },
		"plain http":              func(r *http.Request) { r.URL.Scheme = "http" },
		"http on TLS's port":      func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", "engage.example.com:443" },
		"a trailing dot":          func(r *http.Request) { r.URL.Host = "engage.example.com." },
		"another Host header":     func(r *http.Request) { r.Host = "evil.example.com" },
		"no host":                 func(r *http.Request) { r.URL.Host = "" },
		"a host in the user info": func(r *http.Request) { r.URL.Host = "engage.example.com@evil.example.com" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			e := &vendor{}
			v := newVault(0)
			transport := newTransport(t, newSource(t, tokensource.Config{Fetch: v.fetch}), e)
			body := &closeWatcher{Reader: strings.NewReader("x")}
			req := request(t, http.MethodPost, "/", body)
			change(req)
			resp, err := transport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			if !errors.Is(err, tokensource.ErrForeignHost) || len(e.calls) != 0 || !body.closed {
				t.Errorf("error %v, %d calls, body closed %v", err, len(e.calls), body.closed)
			}
		})
	}
}

func TestTheSameHostInOtherSpellings(t *testing.T) {
	for _, spelt := range []string{"engage.example.com", "ENGAGE.example.COM", "engage.example.com:443"} {
		_, e, client := setting(t, tokensource.Config{})
		req := get(t, "/")
		req.URL.Host, req.Host = spelt, spelt
		wantStatus(t, client, req, http.StatusOK)
		if len(e.calls) != 1 {
			t.Errorf("%s: %d calls", spelt, len(e.calls))
		}
	}
}

func TestRedirectsCarryTheTokenOnTheHostAlone(t *testing.T) {
	_, e, client := setting(t, tokensource.Config{})
	e.answer = func(req *http.Request) *http.Response {
		switch req.URL.Path {
		case "/stay":
			return &http.Response{StatusCode: http.StatusFound, Status: "moved", Header: http.Header{"Location": {"/there"}}}
		case "/leave":
			return &http.Response{StatusCode: http.StatusTemporaryRedirect, Status: "moved",
				Header: http.Header{"Location": {"https://evil.example.com/"}}}
		}
		return nil
	}
	wantStatus(t, client, get(t, "/stay"), http.StatusOK)
	resp, err := client.Do(request(t, http.MethodPost, "/leave", strings.NewReader("x")))
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, tokensource.ErrForeignHost) || len(e.calls) != 3 {
		t.Errorf("error %v after %d calls", err, len(e.calls))
	}
	if strings.Contains(err.Error(), nth(t, 1).Reveal()) {
		t.Errorf("the error holds the token: %v", err)
	}
}

func TestRequestIsLeftAsItWas(t *testing.T) {
	_, e, client := setting(t, tokensource.Config{})
	req := get(t, "/")
	req.Header.Set(tokensource.Header, "an old token of the caller")
	wantStatus(t, client, req, http.StatusOK)
	if got := req.Header.Get(tokensource.Header); got != "an old token of the caller" {
		t.Errorf("the caller's request now has %q", got)
	}
	if e.calls[0].token != nth(t, 1).Reveal() {
		t.Errorf("the vendor saw %q", e.calls[0].token)
	}
}

func TestNoTokenIsAnErrorAndNothingIsSent(t *testing.T) {
	v, e, client := setting(t, tokensource.Config{})
	v.set("", errDown)
	body := &closeWatcher{Reader: strings.NewReader("x")}
	resp, err := client.Do(request(t, http.MethodPost, "/", body))
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, errDown) || len(e.calls) != 0 || !body.closed {
		t.Errorf("error %v, %d calls, body closed %v", err, len(e.calls), body.closed)
	}
}

func TestManyRequestsOverARotationReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, e, client := setting(t, tokensource.Config{TTL: time.Hour})
		e.latency = 5 * time.Millisecond
		wantStatus(t, client, get(t, "/"), http.StatusOK)
		v.rotate(2)
		e.accept(t, 2)
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				wantStatus(t, client, request(t, http.MethodPut, "/", bytes.NewReader([]byte("x"))), http.StatusOK)
			})
		}
		group.Wait()
		wantReads(t, v, 2)
	})
}

func TestTransportNeedsASourceAndAHost(t *testing.T) {
	source := newSource(t, tokensource.Config{Fetch: fixed("")})
	for _, base := range []*url.URL{nil, {}, {Scheme: "https"}, {Scheme: "ftp", Host: "engage.example.com"}} {
		if _, err := tokensource.NewTransport(source, base, nil); err == nil {
			t.Errorf("base %v: no error", base)
		}
	}
	if _, err := tokensource.NewTransport(nil, &url.URL{Scheme: "https", Host: "engage.example.com"}, nil); err == nil {
		t.Error("no source: no error")
	}
}

type closeWatcher struct {
	io.Reader
	closed bool
}

func (c *closeWatcher) Close() error { c.closed = true; return nil }

func TestTransportSendsANameAndVersion(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		want   []string
	}{
		"by default":             {http.Header{}, []string{engage.UserAgent}},
		"the program's own":      {http.Header{"User-Agent": {"my-ivr/2.1"}}, []string{"my-ivr/2.1"}},
		"the program sends none": {http.Header{"User-Agent": {""}}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			_, e, client := setting(t, tokensource.Config{})
			var sent []string
			e.answer = func(r *http.Request) *http.Response {
				sent = r.Header["User-Agent"]
				return nil
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = c.header
			wantStatus(t, client, req, http.StatusOK)
			if !slices.Equal(sent, c.want) {
				t.Errorf("User-Agent %q, want %q", sent, c.want)
			}
		})
	}
}

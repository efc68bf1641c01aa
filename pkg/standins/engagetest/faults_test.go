package engagetest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/standins/engagetest"
)

// each runs a test twice: with a server that listens, and with one in the process. base is the URL
// to which the test sends requests.
func each(
	t *testing.T,
	config engagetest.Config,
	test func(t *testing.T, s *engagetest.Server, base string, transport http.RoundTripper),
) {
	t.Run("listener", func(t *testing.T) {
		s := engagetest.New(t, &config)
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		test(t, s, s.URL, transport)
	})
	t.Run("in the process", func(t *testing.T) {
		s := engagetest.NewServer(config)
		test(t, s, "https://engage.example.com", s.RoundTripper())
	})
}

// call sends a request with an API token.
func call(
	ctx context.Context,
	base string,
	transport http.RoundTripper,
	method, path, token string,
) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "faults/1.0")
	req.Header.Set("X-Auth-Token", token)
	return transport.RoundTrip(req)
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name   string
		stage  engagetest.Stage
		fault  func() *engagetest.Fault
		status int // 0: a reset
		made   int // tokens that the call has made
	}{
		{"dropped before the effect", engagetest.Before, engagetest.Drop, 0, 0},
		{"dropped after the effect", engagetest.After, engagetest.Drop, 0, 1},
		{"500 before the effect", engagetest.Before, func() *engagetest.Fault { return engagetest.Status(500) }, 500, 0},
		{"500 after the effect", engagetest.After, func() *engagetest.Fault { return engagetest.Status(500) }, 500, 1},
		{
			"429",
			engagetest.Before,
			func() *engagetest.Fault { return engagetest.Respond(engagetest.TooManyRequests("7")) },
			429,
			0,
		},
		{
			"a web page",
			engagetest.After,
			func() *engagetest.Fault { return engagetest.Respond(engagetest.HTML(200)) },
			200,
			1,
		},
		{"a redirect", engagetest.Before, func() *engagetest.Fault {
			return engagetest.Respond(engagetest.Redirect(307, "https://evil.example.com/"))
		}, 307, 0},
		{
			"nothing",
			engagetest.After,
			func() *engagetest.Fault { return engagetest.Respond(engagetest.Empty(200)) },
			200,
			1,
		},
		{"a delay", engagetest.Before, func() *engagetest.Fault { return engagetest.Delay(time.Millisecond) }, 200, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, engagetest.Config{}, func(t *testing.T, s *engagetest.Server, base string, transport http.RoundTripper) {
				user := engagetest.DefaultUser().Username
				token := s.CreateToken(user)
				s.SetFault(engagetest.Once(engagetest.OpCreate, 1, test.stage, test.fault()))
				resp, err := call(t.Context(), base, transport, "POST", "/api/v1/admin/token", token)
				switch {
				case test.status == 0 && !errors.Is(err, syscall.ECONNRESET):
					t.Errorf("error %v, want a reset", err)
				case test.status != 0 && err != nil:
					t.Fatal(err)
				case test.status != 0:
					_ = resp.Body.Close()
					if resp.StatusCode != test.status {
						t.Errorf("status %d, want %d", resp.StatusCode, test.status)
					}
				}
				if made := len(s.Tokens(user)) - 1; made != test.made {
					t.Errorf("%d tokens were made, want %d", made, test.made)
				}
				if calls := s.Calls(); len(calls) != 1 || !strings.HasPrefix(calls[0].Fault, string(test.stage)+": ") {
					t.Errorf("the log does not tell of the fault: %+v", calls)
				}
				resp, err = call(t.Context(), base, transport, "POST", "/api/v1/admin/token", token)
				if err != nil || resp.StatusCode != 200 {
					t.Fatalf("the second call is met by the fault of the first: %v", err)
				}
				_ = resp.Body.Close()
			})
		})
	}
}

// A server does not learn that its client has gone: the call has its effect.
func TestADelayedCallHasItsEffectThoughTheClientHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := engagetest.NewServer(engagetest.Config{
			Fault: engagetest.Once(engagetest.OpCreate, 1, engagetest.Before, engagetest.Delay(time.Minute)),
		})
		user := engagetest.DefaultUser().Username
		token := s.CreateToken(user)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := call(ctx, "https://engage.example.com", s.RoundTripper(), "POST", "/api/v1/admin/token", token)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 5*time.Second {
			t.Errorf("error %v after %v, want the deadline's after 5s", err, time.Since(begun))
		}
		if n := len(s.Tokens(user)); n != 2 {
			t.Errorf("%d tokens, want 2", n)
		}
	})
}

func TestHookSeesTheCall(t *testing.T) {
	var seen []engagetest.Call
	c := newClient(t, engagetest.Config{Fault: func(call engagetest.Call) *engagetest.Fault {
		seen = append(seen, call)
		return nil
	}})
	token := c.server.CreateToken(c.user.Username)
	c.send("DELETE", voice+"token/"+token, "", "X-Auth-Token", token)
	if len(seen) != 2 || seen[0].Stage != engagetest.Before || seen[1].Stage != engagetest.After {
		t.Fatalf("the hook saw %+v", seen)
	}
	for _, call := range seen {
		if call.Operation != engagetest.OpDelete || call.User != c.user.Username || call.Auth != "x-auth-token" ||
			len(call.Fingerprint) != 12 {
			t.Errorf("call %+v", call)
		}
	}
	if seen[0].Status != 0 || seen[1].Status != 200 {
		t.Errorf("status %d before and %d after", seen[0].Status, seen[1].Status)
	}
}

func TestHostileAnswers(t *testing.T) {
	const most = 4 << 20
	tests := []struct {
		name   string
		answer func() *engagetest.Answer
		bytes  int // that a client gets which reads up to most; -1: more than it takes
		broken bool
		begins string
	}{
		{"endless body", engagetest.EndlessToken, -1, false, "aws80:"},
		{"gzip bomb", func() *engagetest.Answer { return engagetest.GzipBomb(64) }, -1, false, "aaaa"},
		{
			"declared longer than it is",
			func() *engagetest.Answer { return engagetest.WrongLength("abc", 10) },
			3,
			true,
			"abc",
		},
		{
			"declared shorter than it is",
			func() *engagetest.Answer { return engagetest.WrongLength("abcdef", 3) },
			3,
			false,
			"abc",
		},
		{"drip", func() *engagetest.Answer { return engagetest.Drip("abc", time.Millisecond) }, 3, false, "abc"},
		{
			"thousands of tokens",
			func() *engagetest.Answer { return engagetest.ManyTokens(5000, "mine") },
			225_008,
			false,
			`["aws80:0000`,
		},
		{
			"nonsense in the list",
			func() *engagetest.Answer { return engagetest.TokenList("../accounts", "\x00") },
			24,
			false,
			`["../accounts"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			each(t, engagetest.Config{}, func(t *testing.T, s *engagetest.Server, base string, transport http.RoundTripper) {
				token := s.CreateToken(engagetest.DefaultUser().Username)
				s.SetFault(engagetest.Once(engagetest.OpList, 1, engagetest.Before, engagetest.Respond(test.answer())))
				resp, err := call(t.Context(), base, transport, "GET", "/api/v1/admin/token", token)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
				if broken := errors.Is(err, io.ErrUnexpectedEOF); broken != test.broken || err != nil && !broken {
					t.Errorf("error %v, want a broken body: %v", err, test.broken)
				}
				if test.bytes < 0 && len(body) <= most || test.bytes >= 0 && len(body) != test.bytes {
					t.Errorf("%d bytes, want %d", len(body), test.bytes)
				}
				if !strings.HasPrefix(string(body), test.begins) {
					t.Errorf("the body begins with %.20q, want %q", body, test.begins)
				}
			})
		})
	}
}

func TestADripEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := engagetest.NewServer(engagetest.Config{})
		token := s.CreateToken(engagetest.DefaultUser().Username)
		s.SetFault(
			engagetest.Once(
				engagetest.OpList,
				1,
				engagetest.Before,
				engagetest.Respond(engagetest.Drip(strings.Repeat("x", 100), time.Second)),
			),
		)
		ctx, cancel := context.WithTimeout(t.Context(), 5500*time.Millisecond)
		defer cancel()
		resp, err := call(ctx, "https://engage.example.com", s.RoundTripper(), "GET", "/api/v1/admin/token", token)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if len(body) != 5 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes and %v, want 5 and the deadline's error", len(body), err)
		}
	})
}

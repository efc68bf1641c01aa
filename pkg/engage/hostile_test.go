package engage_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

// memoryBound is what any answer may cost, garbage included: the body's cap with the growth of its
// buffer, and what is read from it. What a function takes of the machine at its peak is far less;
// pkg/tests/leaks measures that.
const memoryBound = 80 << 20

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// hostile are answers of a broken or malicious host; want is part of the error for each call that
// meets them.
var hostile = []struct {
	name   string
	answer func() *engagetest.Answer
	want   string
}{
	{"endless body", func() *engagetest.Answer { return engagetest.Endless("a") }, "the answer is longer than 1 MiB"},
	{
		"endless white space",
		func() *engagetest.Answer { return engagetest.Endless(" ") },
		"the answer is longer than 1 MiB",
	},
	{"endless array", func() *engagetest.Answer { return engagetest.Endless(`[`) }, "the answer is longer than 1 MiB"},
	{
		"endless list",
		func() *engagetest.Answer { return engagetest.Endless(`"` + tokenA + `",`) },
		"the answer is longer than 1 MiB",
	},
	{
		"endless web page",
		func() *engagetest.Answer { return engagetest.Endless("<p>") },
		"the answer is longer than 1 MiB",
	},
	{"gzip bomb", func() *engagetest.Answer { return engagetest.GzipBomb(512) }, ""},
	{
		"slow drip",
		func() *engagetest.Answer { return engagetest.Drip(strings.Repeat("a", 100), time.Second) },
		"no answer in time",
	},
	{
		"declared too long",
		func() *engagetest.Answer { return engagetest.WrongLength("[]", 1000) },
		"the connection broke",
	},
	{"deep nesting", func() *engagetest.Answer {
		return engagetest.JSON(200, strings.Repeat("[", 1<<19)+strings.Repeat("]", 1<<19))
	}, ""},
	{"deep objects", func() *engagetest.Answer { return engagetest.JSON(200, strings.Repeat(`{"a":`, 1<<17)) }, ""},
	{
		"a million empty entries",
		func() *engagetest.Answer { return engagetest.JSON(200, "["+strings.Repeat(`"",`, 340_000)+`""]`) },
		"",
	},
	{"control characters", func() *engagetest.Answer { return engagetest.JSON(200, "[\"\x00\x1b[2J\r\n\"]") }, ""},
}

// Each answer meets each call: the call ends within its time, with an error that a person can read,
// and within bounds.
func TestAHostileHostCostsBoundedTimeAndMemory(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			eachFlow(t, func(t *testing.T, w *vendorAndClient) {
				w.config.Attempts, w.config.LoginAttempts = 1, 1
				client := engage.New(w.config)
				session := w.login(t)
				token, _ := engage.ParseToken(tokenA)
				w.server.SetFault(func(c engagetest.Call) *engagetest.Fault {
					if c.Stage == engagetest.After {
						return nil
					}
					return engagetest.Respond(h.answer())
				})
				made := allocated(func() { _ = h.answer() }) // what the stand-in itself costs
				calls := map[string]func(context.Context) error{
					"login": func(ctx context.Context) error { _, err := client.Login(ctx, w.credentials); return err },
				}
				if w.credentials.Flow == engage.FlowEngage { // the token calls are the same for all
					calls["list"] = func(ctx context.Context) error { _, err := client.List(ctx, session); return err }
					calls["create"] = func(ctx context.Context) error { _, err := client.Create(ctx, session, nil); return err }
					calls["accounts"] = func(ctx context.Context) error { _, err := client.Accounts(ctx, session); return err }
				}
				if w.credentials.Flow == engage.FlowEngage &&
					(h.name == "endless body" || h.name == "gzip bomb" || h.name == "slow drip") {
					calls["delete"] = func(ctx context.Context) error { return client.Delete(ctx, session, token) }
				}
				for name, call := range calls {
					var err error
					started := time.Now()
					cost := allocated(func() { err = call(t.Context()) })
					if err == nil || !strings.Contains(err.Error(), h.want) || len(err.Error()) > 400 {
						t.Errorf("%s: error %v, want one that says %q", name, err, h.want)
					}
					if strings.ContainsAny(fmt.Sprint(err), "\x00\x1b\r\n") {
						t.Errorf("%s: the error holds control characters: %q", name, err)
					}
					if waited := time.Since(started); waited > 15*time.Second {
						t.Errorf("%s took %v", name, waited)
					}
					if cost > memoryBound+made {
						t.Errorf("%s allocated %d MiB", name, cost>>20)
					}
				}
			})
		})
	}
}

func TestThousandsOfTokensAreRead(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		const n = 20_000 // some 900 KB
		w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.ManyTokens(n, tokenA, tokenA, tokenA) })
		listed, err := w.client.List(t.Context(), session)
		if err != nil || len(listed) != n+1 {
			t.Errorf("%d tokens, %v; want %d", len(listed), err, n+1)
		}
		w.answer(engagetest.OpList, func() *engagetest.Answer { return engagetest.ManyTokens(30_000) })
		_, err = w.client.List(t.Context(), session)
		checkText(t, err, "engage: list tokens: the answer is longer than 1 MiB (HTTP 200); check the base URL")
	})
}

func TestEndlessHeadersAreCutOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2000 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 1000))
		}
		_, _ = io.WriteString(w, "[]")
	}))
	defer server.Close()
	token, _ := engage.ParseToken(tokenA)
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{BaseURL: mustURL(server.URL)}, Attempts: 1})
	if _, err := client.List(t.Context(), token); err == nil {
		t.Error("two megabytes of headers were taken")
	}
}

// Over a real connection net/http would unpack gzip by itself if it were asked to: then the cap
// would be on the packed size.
func TestAGzipBombIsNotUnpackedOverTheWire(t *testing.T) {
	server := engagetest.New(t, &engagetest.Config{Fault: func(c engagetest.Call) *engagetest.Fault {
		if c.Operation != engagetest.OpList || c.Stage == engagetest.After {
			return nil
		}
		return engagetest.Respond(engagetest.GzipBomb(256))
	}})
	token, _ := engage.ParseToken(tokenA)
	client := engage.New(engage.Config{Endpoint: engage.Endpoint{BaseURL: mustURL(server.URL)}, Attempts: 1})
	_, err := client.List(t.Context(), token)
	checkText(
		t,
		err,
		"engage: list tokens: the answer is compressed, which was not asked for (HTTP 200); "+
			"check that the base URL names the vendor's API host",
	)
}

package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/tokensource"
)

func tokenOf(t testing.TB, text string) engage.Token {
	t.Helper()
	d, err := secret.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestHitAllocatesNothingAndReadsNothing(t *testing.T) {
	v := newVault(0)
	source := newSource(t, tokensource.Config{Fetch: v.fetch})
	ctx := t.Context()
	wantToken(t, source, 1)
	if allocs := testing.AllocsPerRun(1000, func() { _, _ = source.Token(ctx) }); allocs != 0 {
		t.Errorf("a hit allocates %v times", allocs)
	}
	if d, err := source.Document(ctx); err != nil || d.Text().Reveal() != document(1) {
		t.Errorf("Document: %v, %v", d, err)
	}
	wantReads(t, v, 1)
}

func TestManyColdCallersShareOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(50 * time.Millisecond)
		source := newSource(t, tokensource.Config{Fetch: v.fetch})
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				if token, err := source.Token(t.Context()); err != nil || token != nth(t, 1) {
					t.Errorf("Token: %v, %v", token, err)
				}
			})
		}
		group.Wait()
		wantReads(t, v, 1)
	})
}

func TestCancelledCallerDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Second)
		source := newSource(t, tokensource.Config{Fetch: v.fetch})
		cause := errors.New("the caller hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := source.Token(ctx); !errors.Is(err, cause) {
				t.Errorf("cancelled caller: %v", err)
			}
		})
		synctest.Wait() // its read runs
		group.Go(func() { wantToken(t, source, 1) })
		synctest.Wait()
		cancel(cause)
		group.Wait()
		wantReads(t, v, 1)
	})
}

func TestRefreshRunsInTheBackgroundAheadOfExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Second)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: 10 * time.Minute, RefreshAhead: 2 * time.Minute})
		wantToken(t, source, 1)
		v.rotate(2)

		time.Sleep(8*time.Minute - time.Second)
		wantToken(t, source, 1)
		wantReads(t, v, 1)

		time.Sleep(time.Minute + 2*time.Second) // the latest time that jitter allows
		for range 5 {
			before := time.Now()
			wantToken(t, source, 1)
			if waited := time.Since(before); waited != 0 {
				t.Fatalf("a caller waited %v for a read ahead of expiry", waited)
			}
		}
		if err := source.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantToken(t, source, 2)
		wantReads(t, v, 2)
	})
}

func TestJitterSpreadsTheReadsOfManyPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const programs = 200
		v := newVault(0)
		var sources []*tokensource.Source
		for range programs {
			source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: 10 * time.Minute, RefreshAhead: 4 * time.Minute})
			wantToken(t, source, 1)
			sources = append(sources, source)
		}
		time.Sleep(7 * time.Minute) // halfway through the minutes 6 to 8 in which they are drawn to read
		for _, source := range sources {
			wantToken(t, source, 1)
		}
		synctest.Wait()
		if read := v.count() - programs; read < programs/4 || read > programs*3/4 {
			t.Errorf("%d of %d programs have read halfway through", read, programs)
		}
	})
}

func TestWithoutRefreshAheadCallersWaitAtExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Second)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: time.Minute, RefreshAhead: -1})
		wantToken(t, source, 1)
		v.rotate(2)
		time.Sleep(time.Minute - time.Nanosecond)
		wantToken(t, source, 1)
		time.Sleep(time.Nanosecond)
		before := time.Now()
		wantToken(t, source, 2)
		if waited := time.Since(before); waited != time.Second {
			t.Errorf("the caller waited %v, want the read's second", waited)
		}
	})
}

func TestLastGoodTokenServesUpToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(0)
		var told []tokensource.Failure
		source := newSource(t, tokensource.Config{
			Fetch: v.fetch, TTL: 5 * time.Minute, MaxStale: time.Hour,
			OnFailure: func(f tokensource.Failure) { told = append(told, f) },
		})
		wantToken(t, source, 1)
		v.set("", errDown)

		for range 64 {
			time.Sleep(time.Minute)
			wantToken(t, source, 1)
			synctest.Wait()
		}
		time.Sleep(time.Minute) // 5 minutes and an hour are over
		if _, err := source.Token(t.Context()); !errors.Is(err, errDown) {
			t.Fatalf("after the limit: %v", err)
		}
		last := told[len(told)-1]
		if first := told[0]; first.Serving != nth(t, 1) || first.Age < 4*time.Minute || first.Left > time.Hour+time.Minute ||
			!errors.Is(first.Err, errDown) {
			t.Errorf("first failure: %+v", first)
		}
		if !last.Serving.IsZero() {
			t.Errorf("after the limit a token is still used: %+v", last)
		}

		v.rotate(2)
		time.Sleep(time.Minute) // the longest back-off
		wantToken(t, source, 2)
	})
}

func TestNoStaleTokenWhereNoneIsAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(0)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, TTL: time.Minute, MaxStale: -1, RefreshAhead: -1})
		wantToken(t, source, 1)
		v.set("", errDown)
		time.Sleep(time.Minute)
		if _, err := source.Token(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("Token: %v", err)
		}
	})
}

func TestAnOutageIsNotAStormOnTheSecret(t *testing.T) {
	for name, warm := range map[string]bool{"with a stale token": true, "without any token": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVault(time.Millisecond)
				source := newSource(t, tokensource.Config{Fetch: v.fetch})
				if warm {
					wantToken(t, source, 1)
					time.Sleep(5 * time.Minute)
				}
				v.set("", errDown)
				before := v.count()
				for range 36_000 { // an hour of ten callers a second
					_, _ = source.Token(t.Context())
					time.Sleep(100 * time.Millisecond)
				}
				if reads := v.count() - before; reads < 50 || reads > 150 {
					t.Errorf("%d reads in an hour's outage, want about one a minute", reads)
				}
			})
		})
	}
}

func TestReadThatHangsEndsAtTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Hour)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, Timeout: 3 * time.Second})
		before := time.Now()
		if _, err := source.Token(t.Context()); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(before) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(before), err)
		}
	})
}

func TestInvalidDocumentsAreErrorsWithoutTheirText(t *testing.T) {
	tests := map[string]struct {
		text string
		want error
	}{
		"no token yet":      {`{"adminSecretArn":"a-hidden-value"}`, tokensource.ErrNoToken},
		"token null":        {`{"apiToken":null}`, tokensource.ErrNoToken},
		"not JSON":          {`a-hidden-value`, secret.ErrFormat},
		"broken off":        {`{"apiToken":"a-hidden-value`, secret.ErrFormat},
		"token not a token": {`{"apiToken":"a hidden-value with spaces"}`, secret.ErrFormat},
		"empty":             {``, secret.ErrFormat},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			source := newSource(t, tokensource.Config{Fetch: fixed(test.text)})
			_, err := source.Token(t.Context())
			if !errors.Is(err, test.want) {
				t.Fatalf("Token: %v, want %v", err, test.want)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v", err, err), "hidden-value") {
				t.Errorf("the error holds the text: %v", err)
			}
		})
	}
}

func TestCloseEndsTheReadAndItsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Hour)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, Timeout: 2 * time.Hour})
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := source.Token(t.Context()); !errors.Is(err, tokensource.ErrClosed) {
					t.Errorf("Token: %v", err)
				}
			})
		}
		synctest.Wait()
		before := time.Now()
		_, _ = source.Close(), source.Close()
		group.Wait()
		if took := time.Since(before); took != 0 {
			t.Errorf("Close waited %v for a read that it should have ended", took)
		}
		if _, err := source.Token(t.Context()); !errors.Is(err, tokensource.ErrClosed) {
			t.Errorf("Token after Close: %v", err)
		}
		if _, err := source.Replace(t.Context(), nth(t, 1), 401); !errors.Is(err, tokensource.ErrClosed) {
			t.Errorf("Replace after Close: %v", err)
		}
	})
}

func TestCloseWaitsForTheReadsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		source := newSource(t, tokensource.Config{Fetch: func(ctx context.Context) (hidden.String, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // it has to clean up
			ended = true
			return hidden.String{}, ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = source.Token(ctx)
		source.Close()
		if !ended {
			t.Error("Close returned before the read had ended")
		}
	})
}

func TestWaitWaitsForARunningReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault(time.Minute)
		source := newSource(t, tokensource.Config{Fetch: v.fetch, Timeout: time.Hour})
		if err := source.Wait(t.Context()); err != nil {
			t.Fatalf("idle: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = source.Token(ctx)
		if err := source.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait with an ended context: %v", err)
		}
		if err := source.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		wantToken(t, source, 1)
		wantReads(t, v, 1)
	})
}

func TestCallbackMayUseTheSource(t *testing.T) {
	var source *tokensource.Source
	var calls atomic.Int64
	source = newSource(t, tokensource.Config{
		Fetch:     fixed("broken"),
		OnFailure: func(tokensource.Failure) { calls.Add(1); _, _ = source.Token(t.Context()) },
	})
	if _, err := source.Token(t.Context()); !errors.Is(err, secret.ErrFormat) || calls.Load() != 1 {
		t.Errorf("Token: %v; OnFailure called %d times", err, calls.Load())
	}
}

func TestWrongConfigIsRefused(t *testing.T) {
	for name, config := range map[string]tokensource.Config{
		"no Fetch":         {},
		"negative TTL":     {Fetch: fixed(""), TTL: -1},
		"negative Timeout": {Fetch: fixed(""), Timeout: -1},
		"negative backoff": {Fetch: fixed(""), MinBackoff: -1},
	} {
		if _, err := tokensource.New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

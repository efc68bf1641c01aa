package lambdatest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/lambdatest"
)

func TestConcurrency(t *testing.T) {
	t.Run("two processes for two invocations", func(t *testing.T) {
		sent := make(chan int, 10)
		f := start(t, "handler", lambdatest.Config{Concurrency: 2, Observe: func(e lambdatest.Event) {
			if e.Kind == lambdatest.InvocationSent {
				sent <- e.PID
			}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 2 {
			go func() { _, _ = f.Invoke(ctx, []byte(`{"do":"hang"}`)) }()
		}
		if a, b := <-sent, <-sent; a == b {
			t.Errorf("process %d has two invocations at a time", a)
		}
	})
	t.Run("a throttled function refuses", func(t *testing.T) {
		sent := make(chan int, 10)
		f := start(t, "handler", lambdatest.Config{Throttle: true, Observe: func(e lambdatest.Event) {
			if e.Kind == lambdatest.InvocationSent {
				sent <- e.PID
			}
		}})
		go func() { _, _ = f.Invoke(t.Context(), []byte(`{"do":"hang"}`)) }()
		<-sent
		if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, lambdatest.ErrThrottled) {
			t.Errorf("error %v, want ErrThrottled", err)
		}
	})
	t.Run("waiting ends with the context", func(t *testing.T) {
		sent := make(chan int, 10)
		f := start(t, "handler", lambdatest.Config{Observe: func(e lambdatest.Event) {
			if e.Kind == lambdatest.InvocationSent {
				sent <- e.PID
			}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := f.Invoke(ctx, []byte(`{"do":"hang"}`))
			done <- err
		}()
		<-sent
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
		if _, err := f.Invoke(ctx, []byte(`{}`)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v of an invocation that waits, want context.Canceled", err)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	sent := make(chan int, 10)
	f := start(t, "handler", lambdatest.Config{Observe: func(e lambdatest.Event) {
		if e.Kind == lambdatest.InvocationSent {
			sent <- e.PID
		}
	}})
	done := make(chan error, 1)
	go func() {
		_, err := f.Invoke(t.Context(), []byte(`{"do":"hang"}`))
		done <- err
	}()
	<-sent
	f.Close()
	f.Close()
	if err := <-done; !errors.Is(err, lambdatest.ErrClosed) {
		t.Errorf("error %v of the running invocation, want ErrClosed", err)
	}
	if _, err := f.Invoke(t.Context(), nil); !errors.Is(err, lambdatest.ErrClosed) {
		t.Errorf("error %v of a late invocation, want ErrClosed", err)
	}
	for _, p := range f.Processes() {
		if p.Exit != "signal: killed" {
			t.Errorf("process %d: %q", p.PID, p.Exit)
		}
	}
}

func TestEventsWaitForTheirTurnAndEndWithTheFunction(t *testing.T) {
	sent := make(chan int, 10)
	f := start(t, "handler", lambdatest.Config{FunctionName: "rotate", Throttle: true, Observe: func(e lambdatest.Event) {
		if e.Kind == lambdatest.InvocationSent {
			sent <- e.PID
		}
	}})
	api := lambdatest.NewAPI(f)
	for range 3 {
		r := httptest.NewRequest("POST", "/2015-03-31/functions/rotate/invocations", strings.NewReader(`{"do":"hang"}`))
		r.Header.Set("X-Amz-Invocation-Type", "Event")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			t.Errorf("status %d, want 202", w.Code)
		}
	}
	<-sent
	f.Close() // ends the hanging event and drops the waiting ones
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

func TestRenewedProcessesAreReplacedBeforeTheirNextInvocation(t *testing.T) {
	f := start(t, "handler", lambdatest.Config{Concurrency: 3})
	pid := func() int {
		t.Helper()
		result, err := f.Invoke(t.Context(), []byte(`{}`))
		if err != nil || result.FunctionError != "" {
			t.Fatalf("invoke: %v %s", err, result.Payload)
		}
		return result.PID
	}
	first := pid()
	if second := pid(); second != first {
		t.Errorf("process %d was idle, and %d was started", first, second)
	}
	f.Renew()
	third := pid()
	if third == first {
		t.Errorf("process %d was used after the renewal", first)
	}
	if fourth := pid(); fourth != third {
		t.Errorf("process %d was idle, and %d was started", third, fourth)
	}
}

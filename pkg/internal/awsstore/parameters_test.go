package awsstore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"engage-token-rotation/pkg/internal/awserr"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/standins/awstest"
)

// withParameters runs a test on a store over a stand-in in the process, on virtual time.
func withParameters(t *testing.T, fault func(awstest.Call) awstest.Action,
	test func(t *testing.T, s *awsstore.Parameters, server *awstest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := awstest.NewServer(awstest.Config{Fault: fault})
		defer server.Close()
		test(t, awsstore.NewParameters(server.SDKConfig("function")), server)
	})
}

func TestAParameterIsCreatedOnce(t *testing.T) {
	withParameters(t, nil, func(t *testing.T, s *awsstore.Parameters, _ *awstest.Server) {
		var created atomic.Int32
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				ok, err := s.Create(t.Context(), "/p/a", fmt.Sprint(i))
				if err != nil {
					t.Error(err)
				}
				if ok {
					created.Add(1)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 {
			t.Errorf("created %d times", created.Load())
		}
	})
}

func TestAParameterIsSetReadAndDeleted(t *testing.T) {
	withParameters(t, nil, func(t *testing.T, s *awsstore.Parameters, _ *awstest.Server) {
		if _, ok, err := s.Get(t.Context(), "/p/a"); ok || err != nil {
			t.Errorf("an unknown name: %v, %v", ok, err)
		}
		for _, value := range []string{"1", "2"} {
			if err := s.Set(t.Context(), "/p/a", value); err != nil {
				t.Fatal(err)
			}
			if got, ok, err := s.Get(t.Context(), "/p/a"); got != value || !ok || err != nil {
				t.Errorf("%q, %v, %v", got, ok, err)
			}
		}
		for range 2 { // the second time the name is unknown
			if err := s.Delete(t.Context(), "/p/a"); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestListsFollowAllPagesOfTheirLevel(t *testing.T) {
	withParameters(t, nil, func(t *testing.T, s *awsstore.Parameters, server *awstest.Server) {
		want := map[string]string{}
		for i := range 35 { // four pages
			name := fmt.Sprintf("/p/a/%02d", i)
			want[name] = fmt.Sprint(i)
			if err := s.Set(t.Context(), name, want[name]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Set(t.Context(), "/p/a/deep/er", "x"); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(t.Context(), "/p/aa", "x"); err != nil {
			t.Fatal(err)
		}
		got, err := s.List(t.Context(), "/p/a")
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%d parameters, want %d; %v", len(got), len(want), err)
		}
		want["/p/a/deep/er"] = "x"
		if got, err = s.ListAll(t.Context(), "/p/a"); err != nil || !maps.Equal(got, want) {
			t.Errorf("all levels: %v, %v", slices.Sorted(maps.Keys(got)), err)
		}
		if got, err := s.List(t.Context(), "/none"); err != nil || len(got) != 0 {
			t.Errorf("an unknown path: %v, %v", got, err)
		}
		if server.Count("GetParametersByPath") < 8 {
			t.Error("the pages are not followed")
		}
	})
}

func TestThrottledCallsAreRepeated(t *testing.T) {
	throttled := 0
	withParameters(t, func(c awstest.Call) awstest.Action {
		if c.Action == "PutParameter" && throttled < 4 {
			throttled++
			return awstest.Action{Before: awstest.Throttled()}
		}
		return awstest.Action{}
	}, func(t *testing.T, s *awsstore.Parameters, _ *awstest.Server) {
		if ok, err := s.Create(t.Context(), "/p/a", "x"); !ok || err != nil {
			t.Errorf("%v, %v after %d refusals", ok, err, throttled)
		}
	})
}

// SSM's validation messages quote the value that was sent.
func TestErrorsNameTheOperationAndNotTheValue(t *testing.T) {
	withParameters(t, func(awstest.Call) awstest.Action {
		return awstest.Action{Before: awstest.Fail(&awstest.APIError{Code: "ValidationException",
			Message: "Value 'hunter2' is bad", Status: 400})}
	}, func(t *testing.T, s *awsstore.Parameters, _ *awstest.Server) {
		_, createErr := s.Create(t.Context(), "/p/a", "hunter2")
		_, _, getErr := s.Get(t.Context(), "/p/a")
		_, listErr := s.List(t.Context(), "/p")
		for want, err := range map[string]error{
			"PutParameter: ValidationException": createErr, "GetParameter: ValidationException": getErr,
			"GetParametersByPath: ValidationException": listErr,
			"DeleteParameter: ValidationException":     s.Delete(t.Context(), "/p/a"),
		} {
			var described *awserr.Error
			if err == nil || !strings.HasPrefix(err.Error(), want+"; ") || !errors.As(err, &described) ||
				strings.Contains(fmt.Sprintf("%#v", err), "hunter2") {
				t.Errorf("error %v, want %s", err, want)
			}
		}
	})
}

// An account has 10,000 standard parameters. A fleet needs more.
func TestAParameterBeyondTheStandardOnesIsAnAdvancedOne(t *testing.T) {
	withParameters(t, nil, func(t *testing.T, s *awsstore.Parameters, server *awstest.Server) {
		for n := range 10_000 {
			in := &awstest.PutParameterInput{Name: fmt.Sprintf("/other/%d", n), Value: "x", Type: "String"}
			if _, err := server.Parameters.PutParameter(in); err != nil {
				t.Fatal(err)
			}
		}
		if ok, err := s.Create(t.Context(), "/p/a", "x"); !ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		if err := s.Set(t.Context(), "/p/b", "x"); err != nil {
			t.Error(err)
		}
	})
}

package bench_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/lambdatest"
)

// maxWall is what a rotation may take as a multiple of its longest chain of calls. More is printed
// and fails nothing.
const maxWall = 1.15

// testBinary rotates with the real function over HTTP in the same circumstances as testRoundTrips,
// and compares the numbers of calls with those that were counted there. With a delay before each
// answer it prints the times beside the chains.
func testBinary(t *testing.T, built programs, delay time.Duration) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nthe binary, %s before each answer; ms\n\n| login fields | rotation | createSecret | setSecret | "+
		"testSecret | finishSecret | whole | chain | ratio (at most %.2f) |\n|---|---|---|---|---|---|---|---|---|\n",
		delay, maxWall)
	for _, p := range places {
		if !*full && p.flow != places[0].flow {
			continue
		}
		counted := measureChains(t, p)
		measured := runBinary(t, built, p, delay)
		for _, c := range circumstances {
			if m, ok := measured[c.name]; ok {
				compareCalls(t, p, c, m, counted[c.name])
				chain := time.Duration(counted[c.name].chain()) * delay
				fmt.Fprintf(&b, "| %s | %s |", p, c.name)
				for _, s := range m.steps {
					fmt.Fprintf(&b, " %d |", s.took.Milliseconds())
				}
				fmt.Fprintf(&b, " %d | %d × %d = %d | %.2f |\n", m.took().Milliseconds(), counted[c.name].chain(),
					delay.Milliseconds(),
					chain.Milliseconds(), float64(m.took())/float64(max(chain, 1)))
			}
		}
	}
	if delay > 0 {
		t.Log(b.String())
	}
}

// compareCalls fails if the binary made other calls than the same parts in the process.
func compareCalls(t *testing.T, p place, c circumstance, got, want total) {
	t.Helper()
	for i, s := range got.steps {
		if have, wanted := callNames(s), callNames(want.steps[i]); !slices.Equal(have, wanted) {
			t.Errorf("%s, %s, %s: the binary called\n%s\nin the process it was\n%s", p, c.name, s.name, strings.Join(have, ", "),
				strings.Join(wanted, ", "))
		}
	}
}

// callNames leaves out the removal of login counts: there are old ones only on virtual time.
func callNames(s step) []string {
	var names []string
	for _, c := range s.calls {
		if name := short(c.name); name != "DeleteParameter login count" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// runBinary rotates in the circumstances that need no wait.
func runBinary(t *testing.T, built programs, p place, delay time.Duration) map[string]total {
	t.Helper()
	sv := newServices(t, p.flow, p.admin, delay)
	defer sv.end()
	function, err := lambdatest.Start(t.Context(), lambdatest.Config{
		Path: built["rotate"].path, Env: sv.listen(false), FunctionName: "rotate", Timeout: time.Minute,
		InitTimeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer function.Close()
	var took time.Duration
	invoke := func(payload []byte) error {
		result, err := function.Invoke(t.Context(), payload)
		took = result.Duration
		if err == nil && result.FunctionError != "" {
			err = errors.New(result.ErrorMessage)
		}
		return err
	}
	measured := map[string]total{}
	for _, c := range circumstances {
		if c.later > 0 && len(c.fresh) == 0 {
			continue // a warm process that is older than its session
		}
		var times []time.Duration
		m := sv.rotate(func(payload []byte) error {
			err := invoke(payload)
			times = append(times, took)
			return err
		}, func(step string) {
			if slices.Contains(c.fresh, step) {
				function.Kill()
			}
		})
		for i := range m.steps {
			m.steps[i].took = times[i]
		}
		measured[c.name] = m
	}
	return measured
}

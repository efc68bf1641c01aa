package bench_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
)

// callDelay is the delay of every call to AWS and to the vendor.
const callDelay = 50 * time.Millisecond

// circumstance is the process in which a rotation runs, and the time.
type circumstance struct {
	name string
	// fresh reports whether the process is replaced before a step.
	fresh []string
	// later is the time since the previous rotation.
	later time.Duration
	// refuse makes the vendor refuse the refresh token.
	refuse bool
}

const (
	first   = "first, cold"
	second  = "second, warm"
	later   = "later, cold"
	ended   = "later, warm, access token ended"
	refused = "later, warm, session ended"
	allCold = "later, every step cold"
)

var circumstances = []circumstance{
	{name: first, fresh: []string{"createSecret"}},
	{name: second},
	{name: ended, later: 10 * time.Minute},
	{name: refused, later: 10 * time.Hour, refuse: true},
	{name: later, later: 10 * time.Hour, fresh: []string{"createSecret"}},
	{name: allCold, later: 10 * time.Hour, fresh: []string{"createSecret", "setSecret", "testSecret", "finishSecret"}},
}

// chains are the longest chains of calls that wait for one another, in createSecret and in the
// whole rotation.
type chains struct{ create, rotation int }

// place is where the login fields are, and which they are.
type place struct {
	flow  engage.Flow
	admin bool
	// want are the chains by circumstance, in the order of circumstances.
	want []chains
}

func (p place) String() string {
	if p.admin {
		return string(p.flow) + ", admin secret"
	}
	return string(p.flow) + ", inline"
}

// A first rotation has no token to delete: it takes two calls fewer in finishSecret. It has no
// current token to list with during the login either: createSecret takes one call more. The stack's
// own admin secret is read ahead, so that it lengthens no chain but those of testSecret and
// finishSecret in a fresh process. A warm process does not log in; the session of flow legacy has
// no access token that ends. A ringcentral login is two calls instead of one.
var places = []place{
	{engage.FlowEngage, false, []chains{{8, 15}, {5, 14}, {7, 16}, {7, 16}, {7, 16}, {7, 16}}},
	{engage.FlowEngage, true, []chains{{8, 15}, {5, 14}, {7, 16}, {7, 16}, {7, 16}, {7, 18}}},
	{engage.FlowLegacy, false, []chains{{8, 15}, {5, 14}, {5, 14}, {7, 16}, {7, 16}, {7, 16}}},
	{engage.FlowLegacy, true, []chains{{8, 15}, {5, 14}, {5, 14}, {7, 16}, {7, 16}, {7, 18}}},
	{engage.FlowRingCentral, false, []chains{{9, 16}, {5, 14}, {8, 17}, {8, 17}, {8, 17}, {8, 17}}},
	{engage.FlowRingCentral, true, []chains{{9, 16}, {5, 14}, {8, 17}, {8, 17}, {8, 17}, {8, 19}}},
}

// measureChains rotates in each circumstance, on virtual time: every call takes exactly callDelay
// and nothing else takes any time, so that the figures are counts.
func measureChains(t *testing.T, p place) map[string]total {
	t.Helper()
	measured := map[string]total{}
	synctest.Test(t, func(t *testing.T) {
		sv := newServices(t, p.flow, p.admin, callDelay)
		defer sv.aws.Close()
		invoke := sv.newRotator()
		for _, c := range circumstances {
			time.Sleep(c.later)
			sv.refuseRefresh(c.refuse)
			measured[c.name] = sv.rotate(func(payload []byte) error { return invoke(payload) }, func(step string) {
				if slices.Contains(c.fresh, step) {
					invoke = sv.newRotator()
				}
			})
		}
		if violations := sv.engage.Violations(); len(violations) > 0 {
			t.Errorf("the vendor's rules were broken: %v", violations)
		}
	})
	return measured
}

func testRoundTrips(t *testing.T) {
	for _, p := range places {
		t.Run(p.String(), func(t *testing.T) {
			measured := measureChains(t, p)
			for n, c := range circumstances {
				checkRotation(t, p.want[n], c, measured[c.name])
			}
			first, second := measured[first], measured[second]
			if second.calls() >= first.calls() {
				t.Errorf("a warm rotation made %d calls, the first one %d", second.calls(), first.calls())
			}
			if second.logins() != 0 {
				t.Errorf("a warm rotation within the life of the session logged in %d times", second.logins())
			}
			report(t, p, measured)
		})
	}
}

// checkRotation compares the counts of one rotation with what is expected.
func checkRotation(t *testing.T, want chains, c circumstance, measured total) {
	t.Helper()
	if got := measured.chain(); got != want.rotation {
		t.Errorf("%s: the rotation's longest chain has %d calls, want %d", c.name, got, want.rotation)
	}
	if got, want := measured.took(), time.Duration(measured.chain())*callDelay; got != want {
		t.Errorf("%s: the rotation took %s, its longest chain %s: something waited for no call", c.name, got, want)
	}
	if got := measured.logins(); got > 1 {
		t.Errorf("%s: %d logins", c.name, got)
	}
	for _, s := range measured.steps {
		if s.name == "createSecret" && s.chain() != want.create {
			t.Errorf("%s: createSecret's longest chain has %d calls, want %d:\n%s", c.name, s.chain(),
				want.create, chainTable(s))
		}
		if s.name != "createSecret" && s.logins() > 0 {
			t.Errorf("%s: %s logged in", c.name, s.name)
		}
		if twice, want := s.readTwice(), listedTwice(c, s.name); !slices.Equal(twice, want) {
			t.Errorf("%s: %s read twice: %q, want %q", c.name, s.name, twice, want)
		}
	}
}

// listedTwice returns what a step reads twice by design. createSecret lists the tokens twice when
// there is no current token by which it could recognize a wrong list. finishSecret lists them with
// the new token before the swap, and again to confirm the deletion of the previous one.
func listedTwice(c circumstance, step string) []string {
	switch {
	case c.name == first && step == "createSecret", c.name != first && step == "finishSecret":
		return []string{"Engage list tokens"}
	}
	return nil
}

// report prints which calls wait for which, and what a warm rotation saves.
func report(t *testing.T, p place, measured map[string]total) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| rotation |", p)
	for _, s := range measured[circumstances[0].name].steps {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	b.WriteString(" chain | calls | logins |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range circumstances {
		fmt.Fprintf(&b, "| %s |", c.name)
		for _, s := range measured[c.name].steps {
			fmt.Fprintf(&b, " %d |", s.chain())
		}
		fmt.Fprintf(&b, " %d | %d | %d |\n", measured[c.name].chain(), measured[c.name].calls(), measured[c.name].logins())
	}
	fmt.Fprintf(&b, "\nwhat a warm rotation saves against a cold one of the same kind: %s\n",
		saved(measured[later], measured[second]))
	for _, s := range measured[later].steps {
		b.WriteString("\n" + chainTable(s))
	}
	t.Log("\n" + b.String())
}

// chainTable shows which calls wait for which in one step.
func chainTable(s step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | concurrently |\n|---|---|\n", s.name)
	for n, side := range levels(s.calls) {
		names := make([]string, len(side))
		for i, c := range side {
			names[i] = short(c.name)
		}
		fmt.Fprintf(&b, "| %d | %s |\n", n+1, strings.Join(names, ", "))
	}
	return b.String()
}

// saved names the calls that cold made more often than warm.
func saved(cold, warm total) string {
	had := warm.count()
	counts := cold.count()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[name] - had[name]; n > 0 {
			names = append(names, fmt.Sprintf("%d × %s", n, name))
		}
	}
	return strings.Join(names, ", ")
}

package bench_test

import (
	"slices"
	"strings"
	"time"
)

// levels sorts the calls of one invocation by what they waited for: a call of level n began after a
// call of level n-1 was answered. Since every call takes the same time, concurrent calls are on one
// level, and the number of levels is the length of the longest chain of calls that depend on one
// another.
func levels(calls []call) [][]call {
	calls = slices.Clone(calls)
	slices.SortStableFunc(calls, func(a, b call) int { return a.begin.Compare(b.begin) })
	level := make([]int, len(calls))
	var sorted [][]call
	for i, c := range calls {
		for j := range i {
			if !calls[j].end.After(c.begin) {
				level[i] = max(level[i], level[j]+1)
			}
		}
		for len(sorted) <= level[i] {
			sorted = append(sorted, nil)
		}
		sorted[level[i]] = append(sorted[level[i]], c)
	}
	for _, side := range sorted {
		slices.SortStableFunc(side, func(a, b call) int { return strings.Compare(a.name, b.name) })
	}
	return sorted
}

// step is one invocation of a rotation with its calls.
type step struct {
	name  string
	calls []call
	took  time.Duration
}

func (s step) chain() int { return len(levels(s.calls)) }

func (s step) logins() int {
	n := 0
	for _, c := range s.calls {
		if c.login {
			n++
		}
	}
	return n
}

// readTwice returns the reads that the invocation repeated.
func (s step) readTwice() []string {
	seen := map[string]bool{}
	var twice []string
	for _, c := range s.calls {
		if c.read && seen[c.name] {
			twice = append(twice, c.name)
		}
		seen[c.name] = true
	}
	return twice
}

// total is a measured rotation.
type total struct {
	steps []step
}

func (t total) sum(of func(step) int) int {
	n := 0
	for _, s := range t.steps {
		n += of(s)
	}
	return n
}

func (t total) calls() int  { return t.sum(func(s step) int { return len(s.calls) }) }
func (t total) chain() int  { return t.sum(step.chain) }
func (t total) logins() int { return t.sum(step.logins) }

func (t total) took() time.Duration {
	var took time.Duration
	for _, s := range t.steps {
		took += s.took
	}
	return took
}

// count returns how often each call was made.
func (t total) count() map[string]int {
	counts := map[string]int{}
	for _, s := range t.steps {
		for _, c := range s.calls {
			counts[short(c.name)]++
		}
	}
	return counts
}

// short returns a call's name without the fingerprint of its token.
func short(name string) string {
	if i := strings.Index(name, "token record "); i >= 0 {
		return name[:i+len("token record")]
	}
	return name
}

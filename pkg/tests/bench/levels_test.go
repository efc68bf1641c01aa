package bench_test

import (
	"slices"
	"testing"
	"time"
)

func TestLevelsFollowWhatWasWaitedFor(t *testing.T) {
	at := func(name string, begin, end int) call {
		zero := time.Unix(0, 0)
		return call{name: name, begin: zero.Add(time.Duration(begin)), end: zero.Add(time.Duration(end))}
	}
	for _, test := range []struct {
		name  string
		calls []call
		want  []string
	}{
		{"nothing", nil, nil},
		{"one after the other", []call{at("b", 50, 100), at("a", 0, 50)}, []string{"a", "b"}},
		{"concurrent", []call{at("b", 0, 50), at("a", 0, 50)}, []string{"a b"}},
		{"begun before the other has ended", []call{at("a", 0, 50), at("b", 49, 99)}, []string{"a b"}},
		{"two chains", []call{at("a", 0, 50), at("x", 0, 50), at("b", 50, 100), at("c", 100, 150), at("y", 60, 110)},
			[]string{"a x", "b y", "c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, side := range levels(test.calls) {
				line := side[0].name
				for _, c := range side[1:] {
					line += " " + c.name
				}
				got = append(got, line)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("levels %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadTwiceNamesRepeatedReadsOnly(t *testing.T) {
	s := step{calls: []call{{name: "a", read: true}, {name: "b", read: true}, {name: "write"}, {name: "write"},
		{name: "a", read: true}}}
	if got := s.readTwice(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("read twice: %q", got)
	}
}

package simulation

import (
	"testing"
)

// safeguard is a line of the table: where a marked safeguard of the product is missed soonest.
type safeguard struct {
	name string
	in   string // the profile of histories that misses it soonest; empty: any
	few  bool   // it is one of those that TestMutations always removes
}

// safeguards are all that are marked in the product.
var safeguards = []safeguard{}

// guarded are the packages with safeguards, below pkg.
var guarded = []string{"decide", "engage", "ledger", "rotation", "sweep"}

// TestSafeguards checks that each marker of the product has a line in the table, and each line a
// marker, and that each can be removed.
func TestSafeguards(t *testing.T) {
	marked := map[string]bool{}
	for _, m := range markers(t) {
		if marked[m.name] {
			t.Errorf("%s: safeguard %s is marked twice", m, m.name)
		}
		marked[m.name] = true
		if _, err := m.mutant(); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	listed := map[string]bool{}
	for _, s := range safeguards {
		if listed[s.name] {
			t.Errorf("safeguard %s has two lines in the table", s.name)
		}
		listed[s.name] = true
		if !marked[s.name] {
			t.Errorf(
				"safeguard %s is not marked in the product; remove its line, or mark it with //safeguard:%s",
				s.name,
				s.name,
			)
		}
		if !isProfile(s.in) {
			t.Errorf("safeguard %s is looked for in profile %q, which does not exist", s.name, s.in)
		}
	}
	for name := range marked {
		if !listed[name] {
			t.Errorf("safeguard %s is marked in the product; give it a line in the table", name)
		}
	}
}

func isProfile(name string) bool {
	for _, p := range profiles {
		if p.name == name {
			return true
		}
	}
	return false
}

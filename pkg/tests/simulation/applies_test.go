package simulation

import "testing"

// TestSafeguards checks that each safeguard of the table stands in the product once.
func TestSafeguards(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutations {
		if names[m.name] {
			t.Errorf("%s stands twice in the table", m.name)
		}
		names[m.name] = true
		t.Run(m.name, func(t *testing.T) { m.overlay(t, t.TempDir()) })
	}
}

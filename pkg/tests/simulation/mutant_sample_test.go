package simulation

import (
	"os"
	"strings"
	"testing"
)

// TestMutants checks each verb on a sample: what the file without the safeguard holds instead.
func TestMutants(t *testing.T) {
	const sample = "testdata/sample.go.txt"
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"wait":        "const wait = 0 * (2 * time.Minute)",
		"if-off":      "if false && (a) {",
		"second-term": "if a && (true || (b)) && c {",
		"case-on":     "case (true || (b)):",
		"or-term":     "case (false && (a)) || c:",
		"call":        "if false { if err := do(); err != nil {",
		"order":       "second() first()",
		"result":      "return (false && (a || b))",
	}
	found := markersIn(sample, string(text))
	if len(found) != len(want) {
		t.Errorf("%d markers, want %d", len(found), len(want))
	}
	for _, m := range found {
		changed, err := m.change(text)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if flat := strings.Join(strings.Fields(string(changed)), " "); !strings.Contains(flat, want[m.name]) {
			t.Errorf("%s: the file lacks %q:\n%s", m.name, want[m.name], changed)
		}
	}
}

// TestMutantsThatCannotBe checks that a marker in the wrong place is an error.
func TestMutantsThatCannotBe(t *testing.T) {
	for _, text := range []string{
		"package p\n\nfunc f(a bool) {\n\tif a { //safeguard:x term 2\n\t}\n}\n",
		"package p\n\nfunc f(a int) {\n\ta++ //safeguard:x\n}\n",
		"package p\n\nfunc f(a int) {\n\ta++ //safeguard:x later\n}\n",
	} {
		if _, err := markersIn("p.go", text)[0].change([]byte(text)); err == nil {
			t.Errorf("no error for\n%s", text)
		}
	}
}

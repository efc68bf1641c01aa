package secret

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzMembers checks that members finds in a valid object what encoding/json finds.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		`{}`, ` { "a" : 1 , "b":[{"c":"}\""}, null] ,"d":"ü\\" }`, `{"\u0061":-1.5e+3,"a":true}`, `{"a":{"b":{}},"c":""}`, `[1]`, `{"a"`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
			return
		}
		dec := json.NewDecoder(strings.NewReader(text))
		_, _ = dec.Token()
		all, open := members(text)
		if int(dec.InputOffset()) != open {
			t.Fatalf("the object begins at %d, want %d", open, dec.InputOffset())
		}
		for _, m := range all {
			name, err := dec.Token()
			if err != nil || name != m.name(text) {
				t.Fatalf("member %q, want %q (%v)", m.name(text), name, err)
			}
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil || string(raw) != m.raw(text) || int(dec.InputOffset()) != m.end {
				t.Fatalf("value %q to %d, want %q to %d (%v)", m.raw(text), m.end, raw, dec.InputOffset(), err)
			}
		}
		if dec.More() {
			t.Fatalf("%d members are too few", len(all))
		}
	})
}

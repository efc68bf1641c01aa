package hidden_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"engage-token-rotation/pkg/hidden"
)

const text = "correct-horse-battery"

func TestOnlyRevealGivesTheText(t *testing.T) {
	s := hidden.New(text)
	if s.Reveal() != text {
		t.Error("Reveal gives another text")
	}
	for name, got := range map[string]string{"String": s.String(), "GoString": s.GoString(),
		"LogValue": s.LogValue().String()} {
		if got != hidden.Placeholder {
			t.Errorf("%s gives %q", name, got)
		}
	}
}

// Wrong verbs and flags too: %w of a value that is not an error makes package fmt print without the
// value's methods.
func TestEveryVerbPrintsThePlaceholderOrNothing(t *testing.T) {
	s := hidden.New(text)
	type outer struct {
		Exported   hidden.String
		unexported hidden.String
		Pointer    *hidden.String
		Slice      []hidden.String
		Map        map[hidden.String]hidden.String
		Any        any
	}
	values := []any{s, &s, outer{s, s, &s, []hidden.String{s}, map[hidden.String]hidden.String{s: s}, s}, []any{s},
		[1]hidden.String{s}}
	for _, value := range values {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "30", ".3", "+#30.20"} {
			for verb := '!'; verb <= '~'; verb++ {
				format := "%" + flags + string(verb)
				for _, printed := range []string{fmt.Sprintf(format, value), fmt.Errorf(format, value).Error()} {
					if strings.Contains(printed, text[:8]) {
						t.Fatalf("%s of a %T prints the text", format, value)
					}
				}
			}
		}
	}
	if printed := fmt.Sprintf("%v %+v %#v %s %q %d", s, s, s, s, s,
		s); printed != strings.TrimSpace(strings.Repeat(hidden.Placeholder+" ", 6)) {
		t.Errorf("printed %q", printed)
	}
}

func TestEncodingsHoldThePlaceholder(t *testing.T) {
	s := hidden.New(text)
	type document struct {
		A hidden.String
		B *hidden.String
		C map[string]hidden.String `xml:"-"`
		D map[hidden.String]int    `xml:"-"`
	}
	value := document{s, &s, map[string]hidden.String{"x": s}, map[hidden.String]int{s: 1}}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(value); err != nil {
		t.Fatal(err)
	}
	if err := xml.NewEncoder(&out).Encode(value); err != nil {
		t.Fatal(err)
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("message", "plain", s, "pointer", &s, "struct", value, slog.Group("group", "in", s),
			"any", []any{s})
	}
	if strings.Contains(out.String(), text[:8]) {
		t.Errorf("encoded the text: %s", out.String())
	}
	if !strings.Contains(out.String(), `"A":"`+hidden.Placeholder+`"`) {
		t.Errorf("no placeholder: %s", out.String())
	}
	var _ encoding.TextMarshaler = s
}

func TestStringsAreComparable(t *testing.T) {
	if hidden.New(text) != hidden.New(strings.Clone(text)) || hidden.New(text) == hidden.New(text+"x") {
		t.Error("equal Strings have different texts, or the other way round")
	}
}

func TestTheZeroStringIsEmpty(t *testing.T) {
	var zero hidden.String
	if !zero.IsZero() || zero.Reveal() != "" || zero != hidden.New("") || hidden.New(" ").IsZero() {
		t.Error("the zero String is not the empty text")
	}
	if zero.String() != hidden.Placeholder {
		t.Error("an empty text shows that it is empty")
	}
}

func TestAFingerprintIsTwelveHexDigitsOfSHA256(t *testing.T) {
	if got := hidden.Fingerprint("abc"); got != "ba7816bf8f01" {
		t.Errorf("fingerprint %q", got)
	}
	if hidden.Fingerprint("abc") == hidden.Fingerprint("abd") || len(hidden.Fingerprint("")) != hidden.FingerprintLength {
		t.Error("different texts have the same fingerprint")
	}
}

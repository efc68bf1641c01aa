// Package leaks finds secrets where they must not be: its tests run rotations with the real
// functions and faults at every call, collect every byte of their output and answers, and search it
// with a [Finder]. Only tests import it.
package leaks

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// WindowLength is how many consecutive characters of a secret count as a leak.
const WindowLength = 8

// Finder searches text for secrets: any 8 consecutive characters of one, and the whole of it
// base64, URL-escaped, JSON-escaped, quoted or in hex. The zero Finder searches for no secret. A
// Finder is not safe for concurrent use.
type Finder struct {
	windows map[string]string   // what it is, by the 8 characters
	forms   map[string][]needle // by the first 8 characters
	short   []needle            // forms of less than 8 characters
	known   map[string]bool
}

type needle struct{ text, name string }

// Leak is a secret that was found. It does not hold the secret.
type Leak struct {
	Name   string // the name of the secret, and its form
	Offset int
	// Before is the text in front of the leak.
	Before string
}

// String describes the leak.
func (l Leak) String() string {
	return fmt.Sprintf("%s at byte %d, after %q", l.Name, l.Offset, l.Before)
}

// Add adds a secret with a name.
func (f *Finder) Add(name, secret string) {
	if secret == "" || f.known[secret] {
		return
	}
	if f.known == nil {
		f.windows, f.forms, f.known = map[string]string{}, map[string][]needle{}, map[string]bool{}
	}
	f.known[secret] = true
	for i := 0; i+WindowLength <= len(secret); i++ {
		f.windows[secret[i:i+WindowLength]] = fmt.Sprintf("%s (characters %d to %d)", name, i, i+WindowLength)
	}
	for form, texts := range forms(secret) {
		for _, text := range texts {
			f.addForm(needle{text, name + " (" + form + ")"})
		}
	}
}

func (f *Finder) addForm(n needle) {
	if len(n.text) < WindowLength {
		f.short = append(f.short, n)
		return
	}
	f.forms[n.text[:WindowLength]] = append(f.forms[n.text[:WindowLength]], n)
}

// Len returns how many secrets were added.
func (f *Finder) Len() int { return len(f.known) }

// forms are the ways in which a secret may be written.
func forms(secret string) map[string][]string {
	quoted, _ := json.Marshal(secret)
	inner := string(quoted[1 : len(quoted)-1])
	twice, _ := json.Marshal(inner)
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	spaces := strings.ReplaceAll(query, "+", "%20")
	plain := strconv.Quote(secret)
	ascii := strconv.QuoteToASCII(secret)
	asHex := hex.EncodeToString([]byte(secret))
	return map[string][]string{
		"plain":  {secret},
		"JSON":   {inner, string(twice[1 : len(twice)-1]), unescapeHTML(inner)},
		"quoted": {plain[1 : len(plain)-1], ascii[1 : len(ascii)-1]},
		"URL-escaped": {query, path, spaces, lowerEscapes(query), lowerEscapes(path), lowerEscapes(spaces),
			url.QueryEscape(query), strings.ReplaceAll(path, ":", "%3A"), everyByte(secret)},
		"hex":                 {asHex, strings.ToUpper(asHex), spacedHex(secret)},
		"base64":              alignments(base64.StdEncoding, secret),
		"base64url":           alignments(base64.URLEncoding, secret),
		"bytes of %v":         {strings.Trim(fmt.Sprint([]byte(secret)), "[]")},
		"upper or lower case": {strings.ToUpper(secret), strings.ToLower(secret)},
	}
}

func unescapeHTML(text string) string {
	return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(text)
}

func lowerEscapes(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			b.WriteString(strings.ToLower(text[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func everyByte(secret string) string {
	var b strings.Builder
	for i := range len(secret) {
		fmt.Fprintf(&b, "%%%02X", secret[i])
	}
	return b.String()
}

func spacedHex(secret string) string { return fmt.Sprintf("% x", secret) }

// alignments returns the base64 texts of a secret anywhere in a longer text: for each of the three
// alignments the characters that depend only on the secret.
func alignments(encoding *base64.Encoding, secret string) []string {
	var texts []string
	for before := range 3 {
		encoded := encoding.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
		first := (before*8 + 5) / 6
		last := (before + len(secret)) * 8 / 6
		texts = append(texts, encoded[first:last])
	}
	return texts
}

// Find returns the leaks in a text, at most one for each kind.
func (f *Finder) Find(text string) []Leak {
	var leaks []Leak
	found := map[string]bool{}
	add := func(name string, offset int) {
		kind, _, _ := strings.Cut(name, " (characters")
		if found[kind] {
			return
		}
		found[kind] = true
		leaks = append(leaks, Leak{name, offset, text[max(0, offset-80):offset]})
	}
	for i := 0; i+WindowLength <= len(text); i++ {
		head := text[i : i+WindowLength]
		if name, ok := f.windows[head]; ok {
			add(name, i)
		}
		for _, n := range f.forms[head] {
			if strings.HasPrefix(text[i:], n.text) {
				add(n.name, i)
			}
		}
	}
	for _, n := range f.short {
		if at := strings.Index(text, n.text); at >= 0 {
			add(n.name, at)
		}
	}
	return leaks
}

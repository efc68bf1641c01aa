package pages_test

import (
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// dialect are phrases that this project has given up for plain words.
var dialect = regexp.MustCompile(`(?i)\blest\b|\bwhose it is\b|\bcome of\b|\bholds it none\b|\bdeeds\b|` +
	`\bnobody's\b|\bin the midst\b|\bstands? in\b|\bgoes before\b|\bis no [a-z]+ |\bdivided by\b|\bat fault\b`)

// plain are phrases that dialect matches and that plain English has too, each with the reason.
var plain = map[string]string{
	"is no longer ":           "an adverb of time",
	"there is no ":            "how English says that something does not exist",
	"divided by slash symbol": "a message of AWS's own",
}

// text is a piece of a file that people read: a comment, a message, or a whole page.
type text struct {
	path string
	line int
	text string
}

func TestPlainWords(t *testing.T) {
	used := map[string]bool{}
	for _, path := range files(t) {
		for _, piece := range textsOf(t, path) {
			for _, at := range dialect.FindAllStringIndex(piece.text, -1) {
				if phrase := plainAt(piece.text, at); phrase != "" {
					used[phrase] = true
					continue
				}
				before, after := max(0, at[0]-40), min(len(piece.text), at[1]+40)
				line := piece.line + strings.Count(piece.text[:at[0]], "\n")
				around := strings.Join(strings.Fields(piece.text[before:after]), " ")
				t.Errorf("%s:%d: %q in \"...%s...\"", piece.path, line, piece.text[at[0]:at[1]], around)
			}
		}
	}
	for phrase, reason := range plain {
		if !used[phrase] {
			t.Errorf("nothing says %q any more (%s): remove it from the list", phrase, reason)
		}
	}
}

// plainAt returns the plain phrase that the match is part of, or "".
func plainAt(whole string, at []int) string {
	for phrase := range plain {
		from := max(0, at[0]-len(phrase))
		to := min(len(whole), at[1]+len(phrase))
		if strings.Contains(strings.ToLower(whole[from:to]), phrase) {
			return phrase
		}
	}
	return ""
}

// textsOf returns what people read in a file: comments and string literals of Go files, everything
// of other text files.
func textsOf(t *testing.T, file string) []text {
	t.Helper()
	switch path.Ext(file) {
	case ".go":
		return goTexts(t, file)
	case ".md", ".yaml", ".yml", ".py", ".mjs", ".java", ".toml":
		return []text{{file, 1, read(t, file)}}
	}
	if path.Base(file) == "Makefile" || strings.HasPrefix(file, ".ci/") {
		return []text{{file, 1, read(t, file)}}
	}
	return nil
}

// goTexts joins the lines of a comment, so that a phrase is found across them.
func goTexts(t *testing.T, file string) []text {
	t.Helper()
	source := []byte(read(t, file))
	set := token.NewFileSet()
	handle := set.AddFile(file, set.Base(), len(source))
	var s scanner.Scanner
	s.Init(handle, source, nil, scanner.ScanComments)
	var all []text
	last := 0 // the line of the comment before
	for {
		position, kind, literal := s.Scan()
		line := handle.Line(position)
		switch kind {
		case token.EOF:
			return all
		case token.COMMENT:
			literal = strings.TrimPrefix(literal, "//")
			if last == line-1 && len(all) > 0 {
				all[len(all)-1].text += "\n" + literal
			} else {
				all = append(all, text{file, line, literal})
			}
			last = line
		case token.STRING:
			if file != "pkg/tests/pages/words_test.go" { // which holds the phrases themselves
				all = append(all, text{file, line, literal})
			}
			last = 0
		}
	}
}

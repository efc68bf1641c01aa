package pages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// runbook is the section of the manual that names each alarm, and each line of level WARN or ERROR.
func runbook(t *testing.T) page {
	t.Helper()
	_, section, found := strings.Cut(pageAt(t, "functions/README.md").text, "\n## Runbook\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("the manual has no runbook")
	}
	return page{path: "functions/README.md", text: section}
}

// rows returns the names in the first column of a table of the runbook, by their marks: those of
// lines end in "-line".
func (p page) rows(lines bool) []string {
	var names []string
	for _, row := range regexp.MustCompile("<a id=\"([a-z0-9-]+)\"></a>`([^`]+)`").FindAllStringSubmatch(p.text, -1) {
		if strings.HasSuffix(row[1], "-line") == lines {
			names = append(names, row[2])
		}
	}
	slices.Sort(names)
	return names
}

func TestTheRunbookHasEachAlarmAndEachAlarmNamesItsRow(t *testing.T) {
	anchors := pageAt(t, "functions/README.md").anchors()
	alarm := regexp.MustCompile(`(?ms)^  (\w+)Alarm:\n    Type: AWS::CloudWatch::Alarm\n.*?` +
		`AlarmDescription:(.*?)\n      \w`)
	var names []string
	for _, match := range alarm.FindAllStringSubmatch(read(t, "template.yaml"), -1) {
		names = append(names, match[1])
		address := regexp.MustCompile(`Runbook: functions/README\.md#([a-z0-9-]+)`).FindStringSubmatch(match[2])
		if address == nil || address[1] != strings.ToLower(match[1]) || !slices.Contains(anchors, address[1]) {
			t.Errorf("the description of alarm %s does not name its row of the runbook: %s", match[1], match[2])
		}
	}
	slices.Sort(names)
	if got := runbook(t).rows(false); len(names) == 0 || !slices.Equal(got, names) {
		t.Errorf("the runbook has the alarms %q; the template has %q", got, names)
	}
}

func TestTheRunbookNamesEachMetric(t *testing.T) {
	section := runbook(t).text
	metrics := regexp.MustCompile(`(?m)^\t(\w+)\s+= "(\w+)"`).FindAllStringSubmatch(
		read(t, "pkg/internal/telemetry/telemetry.go"), -1)
	found := 0
	for _, metric := range metrics {
		if metric[1] != metric[2] {
			continue // a unit
		}
		found++
		if !strings.Contains(section, "`"+metric[2]+"`") {
			t.Errorf("metric %s has no row in the runbook", metric[2])
		}
	}
	if found < 10 {
		t.Errorf("%d metrics are known; the constants have moved", found)
	}
}

func TestTheRunbookHasEachLineOfLevelWarnOrError(t *testing.T) {
	rows := runbook(t).rows(true)
	sentences, texts := logged(t)
	for _, sentence := range sentences {
		if !slices.ContainsFunc(rows, func(row string) bool { return strings.HasPrefix(sentence, row) }) {
			t.Errorf("the line %q has no row in the runbook", sentence)
		}
	}
	for _, row := range rows {
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, row) }) {
			t.Errorf("the runbook's row %q is printed by nothing", row)
		}
	}
	if len(sentences) < 10 {
		t.Errorf("only %q are logged; the walk misses them", sentences)
	}
}

// logged returns the constant messages of the product's log calls of level WARN or ERROR, and all
// of its string constants.
func logged(t *testing.T) (sentences, texts []string) {
	t.Helper()
	for _, path := range files(t) {
		if !isProduct(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					texts = append(texts, literal(n))
				}
			case *ast.CallExpr:
				if message := messageOf(n); message != "" {
					sentences = append(sentences, message)
				}
			}
			return true
		})
	}
	return sentences, texts
}

// messageOf returns the message of a log call of level WARN or ERROR, or of any level for LogAttrs;
// "" for another call, and for a message that is not constant.
func messageOf(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	at := map[string]int{"ErrorContext": 1, "WarnContext": 1, "Error": 0, "Warn": 0, "LogAttrs": 2}
	n, logs := at[selector.Sel.Name]
	if !logs || len(call.Args) <= n {
		return ""
	}
	message := call.Args[n]
	for {
		sum, ok := message.(*ast.BinaryExpr)
		if !ok {
			break
		}
		message = sum.X
	}
	if text, ok := message.(*ast.BasicLit); ok {
		return literal(text)
	}
	return ""
}

func literal(text *ast.BasicLit) string {
	value, err := strconv.Unquote(text.Value)
	if err != nil {
		return ""
	}
	return value
}

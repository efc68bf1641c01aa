package pages_test

import (
	"os"
	"strings"
	"testing"
)

// README's Go program is part of the Example of package tokensource, which runs.
func TestTheGoReaderIsTheExample(t *testing.T) {
	_, shown, _ := strings.Cut(pageAt(t, "README.md").text, "```go\n")
	shown, _, found := strings.Cut(shown, "```")
	if !found {
		t.Fatal("README.md has no Go program")
	}
	source, err := os.ReadFile(root + "/pkg/tokensource/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(source), "\t// ----\n")
	if len(parts) != 3 {
		t.Fatal("the Example does not mark the part that README shows")
	}
	if run := strings.ReplaceAll("\n"+parts[1], "\n\t", "\n"); strings.TrimSpace(run) != strings.TrimSpace(shown) {
		t.Errorf("README.md shows\n%s\nthe Example runs\n%s", shown, run)
	}
}

package pages_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
)

var (
	versionPattern     = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	fingerprintPattern = regexp.MustCompile(`\b[0-9a-f]{12}\b`)
	durationPattern    = regexp.MustCompile(` +\d+ ms\b`)
	callsPattern       = regexp.MustCompile(`^( +(?:Engage|Secrets Manager|Parameter Store) +)(.+)$`)
)

// normalize puts place-holders for what differs from run to run, and sorts the calls of a line,
// some of which are concurrent.
func normalize(printed string) string {
	printed = versionPattern.ReplaceAllString(printed, "VERSION")
	printed = fingerprintPattern.ReplaceAllString(printed, "FINGERPRINT")
	printed = durationPattern.ReplaceAllString(printed, " N ms")
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	for n, line := range lines {
		if match := callsPattern.FindStringSubmatch(line); match != nil {
			calls := strings.Split(match[2], ", ")
			slices.Sort(calls)
			lines[n] = match[1] + strings.Join(calls, ", ")
		}
	}
	return strings.Join(lines, "\n")
}

// The rotation that README shows is what `make run` prints.
func TestThePrintedRotationIsTrue(t *testing.T) {
	var out bytes.Buffer
	config := sandbox.Config{Binaries: functionBinaries(t)}
	if err := sandbox.Demo(t.Context(), config, &out, func(string) string { return "" }); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	_, printed, _ := strings.Cut(out.String(), "\nRotation 2 of 3")
	printed, _, _ = strings.Cut(printed, "\n\n")
	_, shown, _ := strings.Cut(pageAt(t, "README.md").text, "```\nRotation 2 of 3")
	shown, _, _ = strings.Cut(shown, "```")
	if got, want := normalize(shown), normalize(printed); got != want {
		t.Errorf("README.md shows\n%s\n\nmake run prints\n%s", got, want)
	}
}

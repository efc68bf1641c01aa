package release

import (
	"fmt"
	"regexp"
	"strings"

	"engage-token-rotation/pkg/internal/version"
)

var (
	// function matches the head of a function in the template, up to its properties.
	function = regexp.MustCompile(`(?m)^  (\w+)Function:\n    Type: AWS::Serverless::Function\n` +
		`(?:    .*\n)*?    Properties:\n`)
	// onlyForBuilds are the lines of the template that name files of the sources.
	onlyForBuilds = regexp.MustCompile(`(?m)^ +(?:BuildMethod: makefile|CodeUri: \.|LicenseUrl: .*|ReadmeUrl: .*)\n` +
		`|^    # x86_64 or arm64, (?:.*\n    #)*.*\n`)
	architectureLine = regexp.MustCompile(`(?m)^    Architectures: \[\w+\]$`)
)

// Packaged returns the template of an architecture, whose functions are zips beside it, and the
// names of the functions. A zip is named after its function: that of RotateFunction is rotate.zip.
func Packaged(template, architecture string) (text string, functions []string, err error) {
	text = function.ReplaceAllStringFunc(template, func(head string) string {
		name := strings.ToLower(function.FindStringSubmatch(head)[1])
		functions = append(functions, name)
		return head + "      CodeUri: " + name + ".zip\n"
	})
	if n := strings.Count(template, "Type: AWS::Serverless::Function\n"); len(functions) == 0 || n != len(functions) {
		return "", nil, fmt.Errorf("package the template: %d of %d functions are understood; "+
			"write each as the others are", len(functions), n)
	}
	if n := len(architectureLine.FindAllString(text, -1)); n != 1 {
		return "", nil, fmt.Errorf("package the template: %d lines name the architecture; have one", n)
	}
	text = architectureLine.ReplaceAllString(text, "    Architectures: ["+architecture+"]")
	return onlyForBuilds.ReplaceAllString(text, ""), functions, nil
}

// Notes returns the part of the changelog about this source's version, which must be its first.
func Notes(changelog string) (string, error) {
	_, first, found := strings.Cut(changelog, "\n## ")
	heading, rest, _ := strings.Cut(first, "\n")
	if !found || heading != version.Number {
		return "", fmt.Errorf("read the changelog: its first entry is %q; begin it with %s", heading, version.Number)
	}
	notes, _, _ := strings.Cut(rest, "\n## ")
	return strings.TrimSpace(notes) + "\n", nil
}

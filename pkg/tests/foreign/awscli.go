package foreign

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// AWSCLI is an installed AWS CLI.
type AWSCLI struct {
	// Version is such as "2.36.7".
	Version string
	// Dir holds nothing but the program aws.
	Dir string
}

var cliVersion = regexp.MustCompile(`^aws-cli/((\d+)\.(\d+)\.\d+)`)

// firstMinor are the first minor versions that read AWS_ENDPOINT_URL. An older CLI would call AWS
// itself.
var firstMinor = map[int]int{1: 29, 2: 13}

// FindAWSCLIs returns the first AWS CLI of each major version on PATH. If there is none, it skips
// the test, or fails it with FOREIGN_SERVERS=required.
func FindAWSCLIs(t testing.TB) []AWSCLI {
	t.Helper()
	Find(t, "aws")
	var found []AWSCLI
	seen := map[int]bool{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "aws")
		out, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput()
		parts := cliVersion.FindStringSubmatch(string(out))
		if err != nil || parts == nil {
			continue
		}
		major, _ := strconv.Atoi(parts[2])
		minor, _ := strconv.Atoi(parts[3])
		first, known := firstMinor[major]
		if !known || minor < first || seen[major] {
			continue
		}
		seen[major] = true
		found = append(found, AWSCLI{Version: parts[1], Dir: linkAlone(t, path)})
	}
	if len(found) == 0 {
		t.Fatal("the AWS CLI on PATH does not read AWS_ENDPOINT_URL; install 1.29, 2.13 or newer")
	}
	return found
}

// linkAlone returns a new directory with a script that runs the program: the directory of the
// program may hold others that would hide those of PATH.
func linkAlone(t testing.TB, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nexec '" + absolute + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

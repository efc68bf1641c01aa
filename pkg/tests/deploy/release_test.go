package deploy_test

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/internal/version"
	"engage-token-rotation/pkg/standins/sandbox"
)

// TestReleaseRunsWithoutGo takes the archive that `make release` made. Its functions rotate in the
// sandbox, and in containers by SAM CLI with no Go on the PATH.
func TestReleaseRunsWithoutGo(t *testing.T) {
	sam := findSAM(t)
	name := "engage-token-rotation_" + version.Number + "_x86_64"
	archive := filepath.Join(root, "bin", "release", name+".zip")
	if _, err := os.Stat(archive); err != nil && os.Getenv("FOREIGN_SERVERS") != "required" {
		t.Skip("make release has made no release")
	}
	dir := t.TempDir()
	unzip(t, archive, dir)
	dir = filepath.Join(dir, name)
	for _, function := range sandbox.Functions {
		unzip(t, filepath.Join(dir, function+".zip"), filepath.Join(dir, "functions", function))
	}
	listen := containerSide(t)
	s, err := sandbox.Start(t.Context(), sandbox.Config{
		Binaries: sandbox.FindBinaries(filepath.Join(dir, "functions")), Listen: listen, Retention: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b := &box{s, t}
	b.rotate()
	if answer := b.invoke(sandbox.FunctionSweep, `{"dryRun": true}`); !strings.HasPrefix(answer,
		`{"version":"`+version.Number+`","commit":"`) {
		t.Errorf("the sweep answered %s", answer)
	}

	env := filepath.Join(dir, "env.json")
	if err := os.WriteFile(env, envVars(t, b, listen), 0o600); err != nil {
		t.Fatal(err)
	}
	local := &localInvoker{b: b, sam: sam, dir: dir, path: withoutGo(t), env: env, secrets: secretsOf(t, b)}
	local.begin(t, rotationVersion, "")
	local.invokeAll(t, steps)
	local.end(t, rotationVersion)
	for _, event := range []string{"ivr-first-account", "sweep-revoke-previous"} {
		local.invoke(t, after[slices.IndexFunc(after, func(i invocation) bool { return i.event == event })])
	}
	checkEnd(t, b)
}

// unzip writes the files of an archive below a directory.
func unzip(t *testing.T, archive, dir string) {
	t.Helper()
	reader, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatalf("%v; run make release", err)
	}
	defer func() { _ = reader.Close() }()
	for _, file := range reader.File {
		path := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		source, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, file.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutGo returns a PATH on which there is no Go.
func withoutGo(t *testing.T) string {
	t.Helper()
	places := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(place string) bool {
		_, err := exec.LookPath(filepath.Join(place, "go"))
		return err == nil
	})
	return strings.Join(places, string(os.PathListSeparator))
}

package release_test

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"engage-token-rotation/pkg/internal/release"
	"engage-token-rotation/pkg/internal/version"
)

const root = "../../.."

// built returns a directory like one in which make has built, with programs and bills of materials
// that hold the text. The bills have a time of their own.
func built(t *testing.T, text, timestamp string) release.Config {
	t.Helper()
	dir := t.TempDir()
	c := release.Config{Root: root, Bin: filepath.Join(dir, "bin"), Bills: filepath.Join(dir, "bills"),
		Out: filepath.Join(dir, "out")}
	for _, goarch := range []string{"amd64", "arm64"} {
		for _, function := range []string{"rotate", "sweep", "ivr"} {
			write(t, filepath.Join(c.Bin, "linux-"+goarch, function, "bootstrap"), text+goarch+function)
			write(t, filepath.Join(c.Bills, goarch, function+".json"),
				`{"bomFormat":"CycloneDX","metadata":{"timestamp":"`+timestamp+`","tools":[{"name":"t","hashes":["`+
					timestamp+`"]}]},"components":[{"name":"`+text+`"}]}`)
		}
	}
	return c
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func pack(t *testing.T, c release.Config) {
	t.Helper()
	if err := release.Pack(c); err != nil {
		t.Fatal(err)
	}
}

// unzip returns the files of an archive by name.
func unzip(t *testing.T, path string) map[string]*zip.File {
	t.Helper()
	reader, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	files := map[string]*zip.File{}
	for _, f := range reader.File {
		files[f.Name] = f
	}
	return files
}

func content(t *testing.T, f *zip.File) string {
	t.Helper()
	if f == nil {
		t.Fatal("a file is missing in the archive")
	}
	reader, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheSameBuildMakesTheSameBytes(t *testing.T) {
	one, two, other := built(t, "p", "2026-01-01"), built(t, "p", "2026-02-02"), built(t, "q", "2026-01-01")
	old := filepath.Join(two.Bin, "linux-arm64", "ivr", "bootstrap")
	if err := os.Chtimes(old, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []release.Config{one, two, other} {
		pack(t, c)
	}
	entries, err := os.ReadDir(one.Out)
	if err != nil || len(entries) != 4 {
		t.Fatalf("%v, %v; want two archives, the sums and the notes", entries, err)
	}
	for _, entry := range entries {
		first := read(t, filepath.Join(one.Out, entry.Name()))
		if first != read(t, filepath.Join(two.Out, entry.Name())) {
			t.Errorf("%s differs between two builds", entry.Name())
		}
		if differs := first != read(t, filepath.Join(other.Out, entry.Name())); differs == (entry.Name() == "notes.md") {
			t.Errorf("%s of another program: differs %v", entry.Name(), differs)
		}
	}
	for line := range strings.Lines(read(t, filepath.Join(one.Out, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if want := sha256.Sum256([]byte(read(t, filepath.Join(one.Out, name)))); sum != hex.EncodeToString(want[:]) {
			t.Errorf("SHA256SUMS: %s", line)
		}
	}
}

// packaged is what the tests read of a template.
type packaged struct {
	Globals struct {
		Function struct {
			Architectures []string `yaml:"Architectures"`
		} `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]struct {
		Type       string         `yaml:"Type"`
		Metadata   map[string]any `yaml:"Metadata"`
		Properties struct {
			CodeURI string `yaml:"CodeUri"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
	Metadata map[string]map[string]any `yaml:"Metadata"`
}

func TestAnArchiveHoldsWhatItsTemplateNames(t *testing.T) {
	c := built(t, "p", "2026-01-01")
	pack(t, c)
	for architecture, goarch := range map[string]string{"arm64": "arm64", "x86_64": "amd64"} {
		name := release.Name + "_" + version.Number + "_" + architecture
		files := unzip(t, filepath.Join(c.Out, name+".zip"))
		var template packaged
		text := content(t, files[name+"/template.yaml"])
		// Tags of intrinsic functions are not resolved, which the fields above do not need.
		if err := yaml.Unmarshal([]byte(text), &template); err != nil {
			t.Fatal(err)
		}
		if got := template.Globals.Function.Architectures; len(got) != 1 || got[0] != architecture {
			t.Errorf("the template of %s is for %v", architecture, got)
		}
		functions := 0
		for id, resource := range template.Resources {
			if resource.Type != "AWS::Serverless::Function" {
				continue
			}
			functions++
			if resource.Metadata["BuildMethod"] != nil {
				t.Errorf("%s has to be built", id)
			}
			path := filepath.Join(t.TempDir(), "function.zip")
			write(t, path, content(t, files[name+"/"+resource.Properties.CodeURI]))
			inside := unzip(t, path)
			program := inside["bootstrap"]
			function := strings.TrimSuffix(resource.Properties.CodeURI, ".zip")
			if len(inside) != 1 || content(t, program) != "p"+goarch+function || program.Mode() != fs.FileMode(0o755) {
				t.Errorf("%s: %v", id, inside)
			}
			if bill := content(t, files[name+"/"+function+".cdx.json"]); strings.Contains(bill, "2026-01-01") ||
				!strings.Contains(bill, `"components"`) {
				t.Errorf("%s: bill of materials %s", id, bill)
			}
		}
		if functions < 3 {
			t.Errorf("the template has %d functions", functions)
		}
		if app := template.Metadata["AWS::ServerlessRepo::Application"]; app["LicenseUrl"] != nil || app["ReadmeUrl"] != nil {
			t.Error("the template names files that are not in the archive")
		}
		for _, path := range []string{"/LICENSE", "/samconfig.toml", "/events/ivr-first-account.json"} {
			if content(t, files[name+path]) != read(t, root+path) {
				t.Errorf("%s is not that of the sources", path)
			}
		}
	}
}

func TestAReleaseIsOfOneVersion(t *testing.T) {
	tagged := built(t, "p", "")
	tagged.Tag = "v" + version.Number
	pack(t, tagged)

	other := built(t, "p", "")
	other.Tag = "v" + version.Number + "-rc1"
	oldTemplate := built(t, "p", "")
	oldTemplate.Root = t.TempDir()
	write(t, filepath.Join(oldTemplate.Root, "template.yaml"),
		strings.Replace(read(t, root+"/template.yaml"), "SemanticVersion: "+version.Number, "SemanticVersion: 0.9.9", 1))
	write(t, filepath.Join(oldTemplate.Root, ".github", "CHANGELOG.md"), read(t, root+"/.github/CHANGELOG.md"))
	oldChangelog := built(t, "p", "")
	oldChangelog.Root = t.TempDir()
	write(t, filepath.Join(oldChangelog.Root, "template.yaml"), read(t, root+"/template.yaml"))
	write(t, filepath.Join(oldChangelog.Root, ".github", "CHANGELOG.md"), "# Changes\n\n## 0.9.9\n\nOld.\n")
	for name, c := range map[string]struct {
		config release.Config
		want   string
	}{
		"tag":       {other, "is not v" + version.Number},
		"template":  {oldTemplate, "template.yaml has another SemanticVersion"},
		"changelog": {oldChangelog, `its first entry is "0.9.9"`},
	} {
		if err := release.Pack(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestNotesAreTheFirstEntryOfTheChangelog(t *testing.T) {
	got, err := release.Notes("# Changes\n\n## " + version.Number + "\n\nNew.\n\n- One\n\n## 0.9.9\n\nOld.\n")
	if err != nil || got != "New.\n\n- One\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestATemplateThatIsNotUnderstoodIsNotPackaged(t *testing.T) {
	template := read(t, root+"/template.yaml")
	for name, text := range map[string]string{
		"no function": "Resources: {}\n",
		"a function in another form": template +
			"\n  OtherFunction: {Metadata: {}, \n    Type: AWS::Serverless::Function\n",
		"two architectures": strings.Replace(template, "Architectures: [x86_64]",
			"Architectures: [x86_64]\n    Architectures: [arm64]", 1),
	} {
		if _, _, err := release.Packaged(text, "arm64"); err == nil {
			t.Errorf("%s: packaged", name)
		}
	}
}

// TestTerraformDeploysTheArchive needs Terraform; TERRAFORM_PLUGINS may name a directory with its
// AWS provider.
func TestTerraformDeploysTheArchive(t *testing.T) {
	c := built(t, "p", "2026-01-01")
	pack(t, c)
	name := release.Name + "_" + version.Number + "_arm64"
	dir := t.TempDir()
	for path, file := range unzip(t, filepath.Join(c.Out, name+".zip")) {
		write(t, filepath.Join(dir, strings.TrimPrefix(path, name+"/")), content(t, file))
	}
	plugins := os.Getenv("TERRAFORM_PLUGINS")
	if _, err := exec.LookPath("terraform"); err != nil || plugins == "" || testing.Short() {
		t.Skip("terraform is not on PATH, or TERRAFORM_PLUGINS is not set, or -short")
	}
	terraform := func(stdin string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), "terraform", append([]string{"-chdir=" + dir}, arguments...)...)
		command.Stdin = strings.NewReader(stdin)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s", arguments, err, out)
		}
		return string(out)
	}
	terraform("", "init", "-input=false", "-no-color", "-plugin-dir="+plugins)
	terraform("", "validate", "-no-color")
	out := terraform(`regexall("CodeUri: .*", local.body)`+"\n", "console", "-var", "bucket=b", "-var", "parameters={}")
	for _, function := range []string{"rotate", "sweep", "ivr"} {
		if !regexp.MustCompile(`CodeUri: s3://b/engage-token-rotation/[0-9a-f]{64}/` + function + `\.zip`).MatchString(out) {
			t.Errorf("the template does not name the uploaded %s.zip: %s", function, out)
		}
	}
}

func TestThePagesNameThisVersion(t *testing.T) {
	for path, want := range map[string]string{
		"README.md":           "unzip " + release.Name + "_" + version.Number + "_arm64.zip",
		".github/SECURITY.md": release.Name + "_" + version.Number + "_arm64.zip",
	} {
		if !strings.Contains(read(t, filepath.Join(root, path)), want) {
			t.Errorf("%s does not name %s", path, want)
		}
	}
}

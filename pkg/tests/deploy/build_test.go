package deploy_test

import (
	"debug/elf"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// samFlag runs what needs SAM CLI: `make test-sam`.
var samFlag = flag.Bool("sam", false, "run SAM CLI: validate, build, and invoke every event in containers")

// goarch runs the script that the make targets of `sam build` ask for the architecture.
func goarch(t *testing.T, template, record string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	artifacts := filepath.Join(dir, "build", "RotateFunction")
	for name, text := range map[string]string{"template.yaml": template, "build.toml": record} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(artifacts, 0o700); err != nil {
		t.Fatal(err)
	}
	script, path := filepath.Join(root, ".ci", "goarch"), filepath.Join(dir, "template.yaml")
	out, err := exec.Command("sh", script, path, artifacts, "RotateFunction").CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestArchitectureIsTheTemplates(t *testing.T) {
	const x86, arm = "    Architectures: [x86_64]\n", "    Architectures: [arm64]\n"
	const other = "[function_build_definitions.1]\narchitecture = \"arm64\"\nfunctions = [\"SweepFunction\"]\n"
	record := func(architecture string) string {
		return other + "\n[function_build_definitions.2]\narchitecture = \"" + architecture + "\"\n" +
			"functions = [\"IvrFunction\", \"RotateFunction\"]\n"
	}
	for name, c := range map[string]struct{ template, record, want string }{
		"x86_64":                             {x86, "", "amd64"},
		"arm64":                              {arm, "", "arm64"},
		"x86_64, and SAM packages for it":    {x86, record("x86_64"), "amd64"},
		"arm64, and SAM packages for it":     {arm, record("arm64"), "arm64"},
		"x86_64, but SAM packages for arm64": {x86, record("arm64"), ""},
		"arm64, but SAM packages for x86_64": {arm, record("x86_64"), ""},
		"none":                               {"Globals:\n", "", ""},
		"two":                                {x86 + arm, "", ""},
		"the same twice":                     {x86 + x86, "", ""},
		"a parameter":                        {"    Architectures: [!Ref Architecture]\n", "", ""},
		"an unknown name":                    {"    Architectures: [amd64]\n", "", ""},
		"a record of other functions only":   {x86, other, "amd64"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := goarch(t, c.template, c.record)
			refused := err != nil && strings.HasPrefix(got, "RotateFunction: ")
			if c.want == "" && !refused || c.want != "" && (err != nil || got != c.want) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestSAMBuild builds with `sam build` alone, for each architecture that the template may say.
func TestSAMBuild(t *testing.T) {
	sam := findSAM(t)
	for architecture, machine := range map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(architecture, func(t *testing.T) {
			dir := checkout(t)
			rewrite(t, filepath.Join(dir, "template.yaml"), `Architectures: \[\w+\]`, "Architectures: ["+architecture+"]")
			sam.run(t, dir, "build")
			for _, function := range []string{"RotateFunction", "SweepFunction", "IvrFunction"} {
				checkBinary(t, filepath.Join(dir, ".aws-sam", "build", function, "bootstrap"), machine)
			}
		})
	}
	t.Run("copied sources", func(t *testing.T) {
		dir := checkout(t)
		sam.run(t, dir, "build", "--no-build-in-source", "IvrFunction")
		checkBinary(t, filepath.Join(dir, ".aws-sam", "build", "IvrFunction", "bootstrap"), elf.EM_X86_64)
	})
	t.Run("a template of another architecture is refused", func(t *testing.T) {
		dir := checkout(t)
		text, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		other := strings.ReplaceAll(string(text), "Architectures: [x86_64]", "Architectures: [arm64]")
		if err := os.WriteFile(filepath.Join(dir, "other.yaml"), []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := sam.command(t, dir, "build", "--template", "other.yaml").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "SAM packages for arm64, and template.yaml has x86_64") {
			t.Errorf("built: %v\n%s", err, out)
		}
	})
}

// checkout returns a copy of the module without what git ignores.
func checkout(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatalf("list the files of the module: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func rewrite(t *testing.T, path, pattern, replacement string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, regexp.MustCompile(pattern).ReplaceAll(text, []byte(replacement)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// maxBinary bounds a function's binary, in bytes, so that a large new dependency is noticed. The
// largest binary is about a tenth smaller.
const maxBinary = 13_000_000

// checkBinary reads the ELF headers: the binary is for the machine, static and stripped.
func checkBinary(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if f.Machine != machine || f.Class != elf.ELFCLASS64 {
		t.Errorf("%s: built for %v", path, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s: not static", path)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Errorf("%s: not stripped", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(filepath.Dir(path))
	t.Logf("%s: %v, static, stripped, %.1f MB", name, f.Machine, float64(info.Size())/1e6)
	if info.Size() > maxBinary {
		t.Errorf("%s: %d bytes, more than %d", path, info.Size(), maxBinary)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%s: packaged together with other files: %v", path, entries)
	}
}

package bench_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/sandbox"
	"engage-token-rotation/pkg/tests/internal/binaries"
)

// The programs that are built, as paths below the module's root. The last three are yardsticks.
const (
	rotate   = "functions/rotate"
	sweep    = "functions/sweep"
	ivr      = "functions/ivr"
	empty    = "pkg/tests/bench/testdata/empty"
	linkOnly = "pkg/tests/bench/testdata/linkonly"
	unwarmed = "pkg/tests/bench/testdata/unwarmed"
)

// maxSize is how much larger than the handler that only links its packages a function may be,
// binary and zip.
const maxSize = 1.15

// binary is a built program.
type binary struct {
	path      string
	size, zip int64 // bytes
}

// programs are built programs by the last element of their path.
type programs map[string]binary

func buildAll(t testing.TB, sources ...string) programs {
	t.Helper()
	built := programs{}
	dir := t.TempDir()
	for _, program := range sources {
		name := filepath.Base(program)
		path := filepath.Join(dir, name, "bootstrap")
		if err := sandbox.BuildProgram(t.Context(), binaries.Root(t), program, path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		built[name] = binary{path: path, size: info.Size(), zip: zipped(t, path)}
	}
	return built
}

// zipped returns the length of the archive that would be deployed.
func zipped(t testing.TB, path string) int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("bootstrap")
	if err == nil {
		_, err = io.Copy(w, file)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return int64(archive.Len())
}

// testSizes compares the functions' sizes with that of a handler that only links the same packages.
func testSizes(t *testing.T, built programs) {
	base, least := built["linkonly"], built["empty"]
	var b strings.Builder
	b.WriteString("\n| binary | size | zip | against linkonly | zip | against empty | zip " +
		"|\n|---|---|---|---|---|---|---|\n")
	for _, name := range []string{"empty", "ivr", "linkonly", "sweep", "rotate"} {
		x := built[name]
		size, packed := ratio(x.size, base.size), ratio(x.zip, base.zip)
		fmt.Fprintf(&b, "| %s | %.1f MB | %.1f MB | %.2f | %.2f | %.2f | %.2f |\n", name, float64(x.size)/1e6,
			float64(x.zip)/1e6,
			size, packed, ratio(x.size, least.size), ratio(x.zip, least.zip))
		if size > maxSize || packed > maxSize {
			t.Errorf("%s is %.2f times as large as a handler that only links the packages of rotate, its zip %.2f times; at "+
				"most %.2f", name, size, packed, maxSize)
		}
	}
	t.Log(b.String())
}

func ratio(a, b int64) float64 { return float64(a) / float64(b) }

// testLinks fails if a function links a package that it does not use, or one that prevents the
// linker from removing what is never called: text/template, or a call of reflect's methods Method
// and MethodByName.
func testLinks(t *testing.T, built programs) {
	const costly = `^(text/template|html/template|net/rpc|expvar)$`
	// What finds credentials elsewhere than in Lambda's environment.
	const chain = `|/service/(sso|ssooidc|sts|signin)(/|$)|aws-sdk-go-v2/(config|credentials/\w+|feature/ec2/imds)$`
	forbidden := map[string]*regexp.Regexp{
		rotate: regexp.MustCompile(costly + chain),
		sweep:  regexp.MustCompile(costly + chain),
		ivr: regexp.MustCompile(costly + chain + `|/service/ssm(/|$)` +
			`|/pkg/(rotation|ledger|internal/awsstore|sweep)$`),
	}
	for program, pattern := range forbidden {
		t.Run(filepath.Base(program), func(t *testing.T) {
			list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc", "./"+program)
			list.Dir = binaries.Root(t)
			output, err := list.Output()
			if err != nil {
				t.Fatal(err)
			}
			for path := range strings.Lines(string(output)) {
				if pattern.MatchString(strings.TrimSpace(path)) {
					t.Errorf("%s is linked", strings.TrimSpace(path))
				}
			}
			checkDeadCode(t, built[filepath.Base(program)].path)
		})
	}
}

// checkDeadCode searches a binary for methods of the SDK's client that are not called. If some code
// uses reflect's Method, the linker keeps every exported method of every type, and so these.
// Function names stay in a stripped binary.
func checkDeadCode(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const client = "service/secretsmanager.(*Client)."
	if !bytes.Contains(content, []byte(client+"GetSecretValue")) {
		t.Fatal("the binary has no names of functions")
	}
	for _, method := range []string{"CreateSecret", "DeleteSecret", "ReplicateSecretToRegions"} {
		if bytes.Contains(content, []byte(client+method)) {
			t.Errorf("%s is linked and never called: something uses reflect's Method, or text/template", client+method)
		}
	}
}

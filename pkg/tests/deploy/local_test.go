package deploy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/sandbox"
)

const setup = "on Debian, .ci/sam-setup installs and starts everything that is needed"

// samVersion is the version that .ci/sam-setup installs.
const samVersion = "1.164.0"

// samCLI runs SAM CLI.
type samCLI string

// findSAM skips the test without -sam, and fails it if SAM CLI is missing.
func findSAM(t *testing.T) samCLI {
	t.Helper()
	if !*samFlag {
		t.Skip("needs SAM CLI: make test-sam")
	}
	if path, err := exec.LookPath("sam"); err == nil {
		return samCLI(path)
	}
	return samCLI(inCache(t, "sam-"+samVersion+"/bin/sam"))
}

// inCache returns the path of a program that .ci/sam-setup installs. It fails the test without it.
func inCache(t *testing.T, program string) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if home, err := os.UserHomeDir(); cache == "" && err == nil {
		cache = filepath.Join(home, ".cache")
	}
	path := filepath.Join(cache, "engage-token-rotation", filepath.FromSlash(program))
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("find %s: %v; %s", filepath.Base(program), err, setup)
	}
	return path
}

// command prepares a command that calls neither AWS nor SAM CLI's telemetry. Its environment has no
// AWS credentials.
func (s samCLI) command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), string(s), args...)
	c.Dir = dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "AWS_") {
			c.Env = append(c.Env, entry)
		}
	}
	c.Env = append(c.Env,
		"SAM_CLI_TELEMETRY=0", "SAM_CLI_CHECK_UPDATES=0", "AWS_DEFAULT_REGION="+sandbox.Region,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	return c
}

// run runs a command and fails the test if the command fails.
func (s samCLI) run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	started := time.Now()
	out, err := s.command(t, dir, args...).CombinedOutput()
	t.Logf("sam %s: %v", strings.Join(args, " "), time.Since(started).Round(100*time.Millisecond))
	if err != nil {
		t.Fatalf("sam %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestSAMValidate(t *testing.T) {
	sam := findSAM(t)
	out := sam.run(t, root, "validate", "--lint")
	if !strings.Contains(out, "is a valid SAM Template") {
		t.Errorf("%s", out)
	}
	t.Log(strings.TrimSpace(out))
}

// invocation is an event file, the function that gets it, and the answer that it must give.
type invocation struct {
	event, function string
	want            string // a pattern of the answer; it contains errorType if the function must fail
}

// The event files rotate a secret that was rotated once before. The retention is an hour.
const (
	rotationVersion  = "11111111-1111-4111-8111-111111111111"
	preflightVersion = "22222222-2222-4222-8222-222222222222"
	fingerprint      = `"[0-9a-f]{12}"`
)

var (
	preflight = []invocation{{"rotate-preflight", "RotateFunction", `"outcome": ?"preflight".*"accounts": ?1`}}
	steps     = []invocation{
		{"rotate-create", "RotateFunction", `"outcome": ?"created", ?"fingerprint": ?` + fingerprint},
		{"rotate-set", "RotateFunction", `"outcome": ?"checked"`},
		{"rotate-test", "RotateFunction", `"outcome": ?"verified"`},
		{"rotate-finish", "RotateFunction", `"outcome": ?"swapped".*"previous": ?` + fingerprint + `.*"retiring": ?1`},
	}
	after = []invocation{
		{"ivr-first-account", "IvrFunction", `"accountId": ?"99990001".*"status": ?"ok"`},
		{"ivr-one-account", "IvrFunction", `"accountId": ?"99990001".*"status": ?"ok"`},
		{"ivr-unknown-account", "IvrFunction", `"status": ?"not-found"`},
		{"ivr-http", "IvrFunction", `"statusCode": ?200`},
		{
			"sweep-dry-run", "SweepFunction",
			`"dryRun": ?true.*"retiring": ?\[\{"fingerprint": ?` + fingerprint + `.*"foreign": ?2`,
		},
		{"sweep-scheduled", "SweepFunction", `"retiring": ?\[\{.*"deleted": ?\[\]`},
		{"sweep-revoke-previous", "SweepFunction", `"retiring": ?\[\].*"deleted": ?\[` + fingerprint},
		{"sweep-delete-token", "SweepFunction", `deleteToken 0123456789ab: .*check the fingerprint.*"errorType"`},
		{"sweep-forget", "SweepFunction", `forget engage/old-token: .*"errorType"`},
	}
)

// TestSAMLocalInvokeOfEveryEvent invokes a function in a container, against the sandbox, with each
// file of events/.
func TestSAMLocalInvokeOfEveryEvent(t *testing.T) {
	sam := findSAM(t)
	listen := containerSide(t)
	files, err := filepath.Glob(filepath.Join(root, "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(preflight, steps, after)
	for _, file := range files {
		if !slices.ContainsFunc(all, func(i invocation) bool { return i.event+".json" == filepath.Base(file) }) {
			t.Errorf("%s: add it to the invocations of this test", file)
		}
	}
	b := startBox(t, sandbox.Config{Listen: listen, Retention: time.Hour})
	b.rotate()
	env := filepath.Join(t.TempDir(), "env.json")
	if err := os.WriteFile(env, envVars(t, b, listen), 0o600); err != nil {
		t.Fatal(err)
	}
	sam.run(t, root, "build")
	local := &localInvoker{b: b, sam: sam, env: env, secrets: secretsOf(t, b)}

	local.begin(t, preflightVersion, "&test=true")
	local.invokeAll(t, preflight)
	local.end(t, preflightVersion)
	local.begin(t, rotationVersion, "")
	local.invokeAll(t, steps)
	local.end(t, rotationVersion)
	local.secrets = append(local.secrets, secretsOf(t, b)...)
	local.askAPI(t)
	local.invokeAll(t, after)
	checkEnd(t, b)
}

// containerSide returns the address at which containers reach a server of this machine: that of
// Docker's bridge, which other machines do not reach. If Docker has no bridge on this machine,
// because it runs in a virtual machine, it returns 0.0.0.0.
func containerSide(t *testing.T) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "docker", "info").CombinedOutput(); err != nil {
		t.Fatalf("docker info: %v\n%s\ninstall and start Docker; %s", err, out, setup)
	}
	bridge, err := net.InterfaceByName("docker0")
	if err != nil {
		return "0.0.0.0"
	}
	addresses, err := bridge.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	t.Fatalf("docker0 has no IPv4 address; %s", setup)
	return ""
}

// envVars returns the file for --env-vars. The containers call the vendor by the same host as the
// sandbox's own functions if they can reach it.
func envVars(t *testing.T, b *box, listen string) []byte {
	t.Helper()
	if listen == "0.0.0.0" {
		return b.EnvVars()
	}
	text, err := json.Marshal(map[string]any{"Parameters": b.Settings(listen)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// localInvoker invokes functions with SAM CLI.
type localInvoker struct {
	b       *box
	sam     samCLI
	dir     string // with the template; "" means root
	path    string // PATH; "" means that of this process
	env     string
	secrets []string
}

func (l *localInvoker) invokeAll(t *testing.T, list []invocation) {
	t.Helper()
	for _, i := range list {
		l.invoke(t, i)
	}
}

// invoke invokes a function and checks its answer on stdout: SAM CLI exits with 0 even if the
// function failed.
func (l *localInvoker) invoke(t *testing.T, i invocation) {
	t.Helper()
	event, err := filepath.Abs(filepath.Join(root, "events", i.event+".json"))
	if err != nil {
		t.Fatal(err)
	}
	c := l.sam.command(t, cmp.Or(l.dir, root), "local", "invoke", i.function,
		"--event", event, "--env-vars", l.env, "--skip-pull-image")
	// The sandbox knows callers by their key. With its address SAM CLI does not search for an AWS
	// account.
	c.Env = append(c.Env, "AWS_ACCESS_KEY_ID=AKIASANDBOX"+asSandbox[i.function],
		"AWS_SECRET_ACCESS_KEY=sandbox", "AWS_ENDPOINT_URL="+l.b.AWSURL, "PATH="+cmp.Or(l.path, os.Getenv("PATH")))
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	started := time.Now()
	err = c.Run()
	answer := strings.TrimSpace(stdout.String())
	took := time.Since(started).Round(100 * time.Millisecond)
	t.Logf("sam local invoke %s --event %s.json (%v)\n    %s", i.function, i.event, took, answer)
	var object map[string]any
	fails := strings.Contains(i.want, "errorType")
	if err != nil || json.Unmarshal([]byte(answer), &object) != nil || fails != (object["errorType"] != nil) {
		t.Fatalf("%s: %v\n%s", i.event, err, stderr.String())
	}
	if !regexp.MustCompile(i.want).MatchString(answer) {
		t.Errorf("%s: want %s", i.event, i.want)
	}
	for _, s := range l.secrets {
		if strings.Contains(stdout.String()+stderr.String(), s) {
			t.Errorf("%s: the output contains a secret", i.event)
		}
	}
}

// begin does what Secrets Manager does before it invokes the function for a rotation.
func (l *localInvoker) begin(t *testing.T, version, options string) {
	t.Helper()
	l.post(t, sandbox.PathBegin+"?secret="+sandbox.TokenSecret+"&version="+version+options)
}

// end does what Secrets Manager does after the last step.
func (l *localInvoker) end(t *testing.T, version string) {
	t.Helper()
	outcome := l.post(t, sandbox.PathEnd+"?version="+version)
	if !strings.Contains(outcome, "succeeded") {
		t.Errorf("the outcome of version %s: %s", version, outcome)
	}
}

func (l *localInvoker) post(t *testing.T, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.b.AWSURL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", path, response.Status, body)
	}
	return string(body)
}

// secretsOf returns texts that no output may contain: the password and the current token.
func secretsOf(t *testing.T, b *box) []string {
	t.Helper()
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(sandbox.TokenSecret)}
	value, err := secretsmanager.NewFromConfig(b.user()).GetSecretValue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ APIToken string }
	if err := json.Unmarshal([]byte(*value.SecretString), &document); err != nil || document.APIToken == "" {
		t.Fatalf("no token in the secret: %v", err)
	}
	return []string{document.APIToken, engagetest.DefaultUser().Password}
}

// checkEnd checks the state after all events: one rotation, its previous token deleted, nothing
// else changed.
func checkEnd(t *testing.T, b *box) {
	t.Helper()
	state := b.State()
	at := slices.IndexFunc(state.Secrets, func(s sandbox.Secret) bool { return s.Name == sandbox.TokenSecret })
	token, user := state.Secrets[at], state.Users[0]
	isPending := func(labels []string) bool {
		return slices.Contains(labels, "AWSPENDING") && !slices.Contains(labels, "AWSCURRENT")
	}
	if !slices.Contains(token.Versions[rotationVersion], "AWSCURRENT") ||
		slices.ContainsFunc(slices.Collect(maps.Values(token.Versions)), isPending) {
		t.Errorf("labels: %v", token.Versions)
	}
	want := append(slices.Clone(user.Foreign), token.Tokens["AWSCURRENT"])
	if !slices.Equal(user.Tokens, want) {
		t.Errorf("the vendor has %v; want %v", user.Tokens, want)
	}
	for _, p := range state.Parameters {
		if strings.Contains(p.Name, "/intent-") {
			t.Errorf("an open intent is left: %s", p.Name)
		}
	}
	if len(state.Violations) > 0 {
		t.Errorf("the run broke rules of the vendor: %v", state.Violations)
	}
	admin := map[string]string{"AdminSecretArn": b.arn(sandbox.AdminSecret)}
	statements := policies(t, newTemplate(t, admin, map[string]string{"TokenSecret": token.ARN}))
	for _, p := range b.Calls().Permissions {
		c := call{p.Function, p.Action, p.Resource, nil}
		allows := func(s statement) bool { return s.allows(c) }
		if roles[p.Function] != "" && !slices.ContainsFunc(statements[p.Function], allows) {
			t.Errorf("the template does not allow %s to %s on %s", p.Function, p.Action, p.Resource)
		}
	}
	t.Logf("end: AWSCURRENT is %s with token %s; the vendor has that token and %d foreign ones",
		rotationVersion, token.Tokens["AWSCURRENT"], len(user.Foreign))
}

package pages_test

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/standins/sandbox"
	"engage-token-rotation/pkg/tests/foreign"
	"engage-token-rotation/pkg/tests/internal/binaries"
)

// needsAWS is the first line of a block that only AWS itself can run.
const needsAWS = "# needs AWS"

// commandPages are the pages of which each command block is accounted for.
var commandPages = []string{
	"README.md", "functions/README.md", "pkg/tokensource/README.md", "pkg/standins/README.md",
}

// command is a block of commands that does not need AWS. Either by names the test that runs it, or
// try runs it.
type command struct {
	page string
	// holds is a text that no other block of the page has.
	holds string
	by    string
	try   func(t *testing.T, s *shell, block string)
}

const rotateSecret = "aws secretsmanager rotate-secret --secret-id engage/token"

var commands = []command{
	{page: "README.md", holds: "make run", by: "TestDemoRotatesThreeTimesAndFindsAllWell"},
	{page: "README.md", holds: "revokePrevious", try: tryRevoking},
	{page: "README.md", holds: "put-secret-value", try: tryTheNewPassword},
	{page: "README.md", holds: "\n" + rotateSecret + "\n```", try: tryRotating},
	{page: "functions/README.md", holds: "dryRun", try: tryTheReport},
	{page: "functions/README.md", holds: "deleteToken", try: tryDeletingAToken},
	{page: "functions/README.md", holds: "AWSPENDING", try: tryStartingAfresh},
	{page: "functions/README.md", holds: "engage/second", try: tryAFurtherSecret},
	{page: "functions/README.md", holds: "--no-rotate-immediately", try: tryThePreflight},
	{page: "functions/README.md", holds: "sam local invoke", by: "TestSAMLocalInvokeOfEveryEvent"},
	{page: "pkg/tokensource/README.md", holds: "X-Auth-Token", try: tryReading},
	{page: "pkg/standins/README.md", holds: "make sandbox", by: "TestServeRotatesOnScheduleAndStops"},
}

// blocks returns the shell blocks of a page, with their fences.
func (p page) blocks() []string {
	var blocks []string
	for _, block := range fencePattern.FindAllString(p.text, -1) {
		if strings.HasPrefix(block, "```sh\n") {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// body returns a block without its fences.
func body(block string) string {
	return strings.TrimSuffix(strings.TrimPrefix(block, "```sh\n"), "```")
}

// find returns the one block of the command's page that the command is about.
func (c command) find(t *testing.T) string {
	t.Helper()
	var found []string
	for _, block := range pageAt(t, c.page).blocks() {
		if !strings.HasPrefix(body(block), needsAWS) && c.matches(block) {
			found = append(found, block)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of %s hold %q; one should", len(found), c.page, c.holds)
	}
	return found[0]
}

// matches reports whether the block is the command's. A text with both fences is the whole block.
func (c command) matches(block string) bool {
	if whole, found := strings.CutSuffix(c.holds, "```"); found {
		return "\n"+body(block) == whole
	}
	return strings.Contains(block, c.holds)
}

// Each block is run by a test, or begins with "# needs AWS".
func TestEachCommandBlockIsRunOrNeedsAWS(t *testing.T) {
	for _, c := range commands {
		c.find(t)
		if tests := testNames(t); c.by != "" && !slices.Contains(tests, c.by) {
			t.Errorf("%s: there is no test %s", c.page, c.by)
		}
	}
	for _, path := range commandPages {
		for _, block := range pageAt(t, path).blocks() {
			if strings.HasPrefix(body(block), needsAWS+"\n") {
				continue
			}
			n := 0
			for _, c := range commands {
				if c.page == path && c.matches(block) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: %d tests run this block; name one, or begin it with %q:\n%s", path, n, needsAWS, body(block))
			}
		}
	}
}

var built binaries.Dir

func TestMain(m *testing.M) { os.Exit(built.Run(m, 2)) }

// TestCommandBlocks runs the blocks of each page from top to bottom against one sandbox, with each
// AWS CLI on PATH.
func TestCommandBlocks(t *testing.T) {
	functions := functionBinaries(t)
	for _, cli := range foreign.FindAWSCLIs(t) {
		for _, path := range commandPages {
			if len(inOrder(t, path)) == 0 {
				continue
			}
			t.Run("CLI "+cli.Version+" "+path, func(t *testing.T) {
				t.Parallel()
				s := newShell(t, functions, cli.Dir)
				for _, c := range inOrder(t, path) {
					c.try(t, s, body(c.find(t)))
				}
			})
		}
	}
}

// inOrder returns the commands to try on a page, in the page's order.
func inOrder(t *testing.T, path string) []command {
	t.Helper()
	var tried []command
	for _, c := range commands {
		if c.page == path && c.try != nil {
			tried = append(tried, c)
		}
	}
	text := pageAt(t, path).text
	slices.SortFunc(tried, func(a, b command) int {
		return cmp.Compare(strings.Index(text, a.find(t)), strings.Index(text, b.find(t)))
	})
	return tried
}

// functionBinaries returns the built functions, or skips the test with -short.
func functionBinaries(t *testing.T) map[string]string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the sandbox and programs of others: skipped with -short")
	}
	return sandbox.FindBinaries(built.Functions(t))
}

// shell runs commands as a user does, against a sandbox.
type shell struct {
	box *sandbox.Sandbox
	env []string
}

// newShell returns a shell whose AWS CLI is the one in dir.
func newShell(t *testing.T, functions map[string]string, dir string) *shell {
	t.Helper()
	optional(t, "curl")
	optional(t, "jq")
	s := newBox(t, sandbox.Config{Binaries: functions, Retention: time.Hour})
	s.env = append(s.env, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return s
}

// newBox starts a sandbox, with the environment in which programs call it.
func newBox(t *testing.T, config sandbox.Config) *shell {
	t.Helper()
	box, err := sandbox.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	isAWS := func(entry string) bool { return strings.HasPrefix(entry, "AWS_") }
	s := &shell{box: box, env: slices.DeleteFunc(os.Environ(), isAWS)}
	for _, line := range box.Exports() {
		s.env = append(s.env, strings.Fields(strings.TrimPrefix(line, "export "))...)
	}
	s.env = append(s.env, "ENGAGE_BASE_URL="+box.EngageURL,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	return s
}

// run runs a script in the repository's directory, waits for the rotations that it began, and
// returns what it printed.
func (s *shell) run(t *testing.T, script, stdin string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-eu", "-c", script)
	c.Dir, c.Env, c.Stdin = root, s.env, strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	t.Logf("%s\n%s", script, out)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if strings.Contains(string(out), `"FunctionError"`) {
		t.Error("a function failed")
	}
	if err := s.box.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// rotate rotates the token secret, which must succeed.
func (s *shell) rotate(t *testing.T) {
	t.Helper()
	before := s.current(sandbox.TokenSecret)
	if _, err := s.box.Rotate(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.box.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.checkRotated(t, sandbox.TokenSecret, before)
}

// current returns the fingerprint of a secret's current token.
func (s *shell) current(name string) string {
	for _, secret := range s.box.State().Secrets {
		if secret.Name == name {
			return secret.Tokens["AWSCURRENT"]
		}
	}
	return ""
}

func (s *shell) checkRotated(t *testing.T, name, before string) {
	t.Helper()
	after := s.current(name)
	if after == "" || after == before {
		t.Errorf("the current token of %s was %q and is %q", name, before, after)
		for _, i := range s.box.Invocations() {
			t.Logf("%s %s %s %s", i.Function, i.Step, i.Answer, i.Error)
		}
	}
	if live := s.box.State().Users[0].Tokens; !slices.Contains(live, after) {
		t.Errorf("the current token of %s, %s, is not among the live ones: %s", name, after, live)
	}
}

func tryRotating(t *testing.T, s *shell, block string) {
	s.rotate(t)
	before := s.current(sandbox.TokenSecret)
	s.run(t, block, "")
	s.checkRotated(t, sandbox.TokenSecret, before)
}

func tryRevoking(t *testing.T, s *shell, block string) {
	s.rotate(t)
	leaked := s.current(sandbox.TokenSecret)
	out := s.run(t, block, "")
	s.checkRotated(t, sandbox.TokenSecret, leaked)
	if live := s.box.State().Users[0].Tokens; slices.Contains(live, leaked) {
		t.Errorf("the leaked token %s is alive", leaked)
	}
	if !regexp.MustCompile(`"deleted":\[[^]]*"` + leaked).MatchString(out) {
		t.Errorf("the answer does not name the deleted token %s", leaked)
	}
}

func tryTheNewPassword(t *testing.T, s *shell, block string) {
	s.rotate(t)
	before := s.current(sandbox.TokenSecret)
	login, err := json.Marshal(engagetest.DefaultUser().LoginFields(engage.FlowEngage))
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, block, string(login))
	s.run(t, rotateSecret, "")
	s.checkRotated(t, sandbox.TokenSecret, before)
}

func tryTheReport(t *testing.T, s *shell, block string) {
	s.rotate(t)
	s.rotate(t)
	out := s.run(t, block, "")
	for _, want := range []string{s.current(sandbox.TokenSecret), `"retiring":[{"fingerprint"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %s:\n%s", want, out)
		}
	}
}

func tryDeletingAToken(t *testing.T, s *shell, block string) {
	s.rotate(t)
	token := s.box.State().Users[0].Foreign[0]
	s.run(t, strings.Replace(block, "0123456789ab", token, 1), "")
	if live := s.box.State().Users[0].Tokens; slices.Contains(live, token) {
		t.Errorf("the token %s is alive", token)
	}
}

func tryStartingAfresh(t *testing.T, s *shell, block string) {
	if err := s.box.SetScenario(t.Context(), sandbox.ScenarioLoginRefused); err != nil {
		t.Fatal(err)
	}
	pending, err := s.box.Rotate(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.box.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.box.SetScenario(t.Context(), sandbox.ScenarioNone); err != nil {
		t.Fatal(err)
	}
	s.run(t, block, "")
	s.checkRotated(t, sandbox.TokenSecret, "")
	for _, secret := range s.box.State().Secrets {
		if labels := secret.Versions[pending]; len(labels) > 0 {
			t.Errorf("the version that was given up has the labels %s", labels)
		}
	}
}

func tryAFurtherSecret(t *testing.T, s *shell, block string) {
	s.run(t, block, "")
	s.checkRotated(t, "engage/second", "")
}

func tryThePreflight(t *testing.T, s *shell, block string) {
	s.rotate(t)
	before := s.current(sandbox.TokenSecret)
	s.run(t, block, "")
	s.checkRotated(t, sandbox.TokenSecret, before)
	preflight := false
	for _, i := range s.box.Invocations() {
		preflight = preflight || strings.Contains(string(i.Answer), `"preflight"`)
	}
	if !preflight {
		t.Error("no preflight ran")
	}
}

func tryReading(t *testing.T, s *shell, block string) {
	s.rotate(t)
	if out := s.run(t, block, ""); !strings.Contains(out, `"accountId"`) {
		t.Errorf("no accounts: %s", out)
	}
	if violations := s.box.State().Violations; len(violations) > 0 {
		t.Errorf("the vendor's rules are broken: %v", violations)
	}
}

// optional skips the test if a program is missing that no setup script of this repository brings.
func optional(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program + " is not on PATH")
	}
}

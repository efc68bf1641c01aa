package adversary_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/logins"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// attack is one attack: the vendor, the accounts with their stacks, and what must hold.
type attack struct {
	t      *testing.T
	vendor *engagetest.Server
	user   engagetest.User
	// harmAlone leaves out what is alive and remembered in the end: people did what they liked.
	harmAlone bool
	// reported is how many tokens of ours may stay alive beyond those in use. Each must be reported.
	reported int

	accounts []*account
	stacks   []*stack

	mu      sync.Mutex
	foreign map[string]bool // tokens of other programs
	killed  map[string]bool // tokens that a person deleted at the vendor
	silent  map[string]bool // hosts that do not answer
	calls   func()          // is called before each call to the vendor; may be nil
}

// account is one AWS account in one Region.
type account struct {
	*attack
	aws *awstest.Server
	// fault breaks calls, deny refuses them; nil: none.
	fault func(awstest.Call) awstest.Action
	deny  func(awstest.Call) bool
}

// attacked runs a test as an attack, and checks what must hold when it is over.
func attacked(t *testing.T, test func(t *testing.T, a *attack)) {
	t.Helper()
	attackedAt(t, engagetest.Config{}, test)
}

// attackedAt is attacked with a vendor of a configuration.
func attackedAt(t *testing.T, config engagetest.Config, test func(t *testing.T, a *attack)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config.Seed = 1
		a := &attack{
			t: t, vendor: engagetest.NewServer(config), user: engagetest.DefaultUser(),
			foreign: map[string]bool{}, killed: map[string]bool{}, silent: map[string]bool{},
		}
		if len(config.Users) > 0 {
			a.user = config.Users[0]
		}
		defer func() {
			for _, account := range a.accounts {
				account.aws.Close()
			}
		}()
		test(t, a)
		if !t.Failed() {
			a.prove()
		}
	})
}

// account adds an AWS account in a Region.
func (a *attack) account(config awstest.Config) *account {
	c := &account{attack: a}
	config.Secrets.History = 8
	config.Fault = func(call awstest.Call) awstest.Action {
		if f := c.fault; f != nil {
			return f(call)
		}
		return awstest.Action{}
	}
	config.Permit = func(call awstest.Call) bool {
		f := c.deny
		return f == nil || !f(call)
	}
	c.aws = awstest.NewServer(config)
	a.accounts = append(a.accounts, c)
	return c
}

// RoundTrip carries a call to the vendor and then looks whether a deletion did harm.
func (a *attack) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	silent, calls := a.silent[r.URL.Host], a.calls
	a.mu.Unlock()
	if calls != nil {
		calls()
	}
	if silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	response, err := a.vendor.RoundTripper().RoundTrip(r)
	if r.Method == http.MethodDelete {
		a.look("after a deletion")
	}
	return response, err
}

// look checks that no token is dead that must live.
func (a *attack) look(when string) {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for token := range a.foreign {
		if !a.vendor.Alive(token) && !a.killed[token] {
			a.killed[token] = true // named once
			a.t.Errorf("%s: token %s of another program is dead", when, print(token))
		}
	}
	for token, holder := range a.held() {
		if !a.vendor.Alive(token) && !a.killed[token] {
			a.killed[token] = true
			a.t.Errorf("%s: token %s is dead, which %s names", when, print(token), holder)
		}
	}
}

// held returns the tokens that AWSCURRENT or AWSPENDING of a secret names.
func (a *attack) held() map[string]string {
	held := map[string]string{}
	for _, c := range a.accounts {
		page, err := c.aws.Secrets.ListSecrets(&awstest.ListSecretsInput{MaxResults: 100})
		if err != nil {
			a.t.Fatal(err)
		}
		for _, entry := range page.SecretList {
			for _, stage := range []string{awstest.StageCurrent, awstest.StagePending} {
				if token := c.token(entry.Name, stage); token != "" {
					held[token] = stage + " of " + entry.Name
				}
			}
		}
	}
	return held
}

// value returns what a version holds, or "".
func (c *account) value(name, stage string) string {
	out, err := c.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: name, VersionStage: stage})
	if err != nil {
		return ""
	}
	return *out.SecretString
}

// token returns the token that a version holds, or "".
func (c *account) token(name, stage string) string {
	document, err := secret.Parse(c.value(name, stage))
	if err != nil {
		return ""
	}
	token, err := document.Token()
	if err != nil {
		return ""
	}
	return token.Reveal()
}

func (c *account) current(name string) string {
	c.t.Helper()
	token := c.token(name, awstest.StageCurrent)
	if token == "" {
		c.t.Fatalf("AWSCURRENT of %s names no token", name)
	}
	return token
}

func (c *account) create(name, value string) (arn string) {
	c.t.Helper()
	out, err := c.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value})
	if err != nil {
		c.t.Fatal(err)
	}
	return out.ARN
}

// edit changes the value of AWSCURRENT by hand.
func (c *account) edit(name string, change func(map[string]string)) {
	c.t.Helper()
	var fields map[string]string
	if err := json.Unmarshal([]byte(c.value(name, awstest.StageCurrent)), &fields); err != nil {
		c.t.Fatal(err)
	}
	change(fields)
	text, _ := json.Marshal(fields)
	value := string(text)
	if _, err := c.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: name,
		SecretString: &value}); err != nil {
		c.t.Fatal(err)
	}
}

// holder returns the version that carries a label.
func (c *account) holder(name, label string) string {
	c.t.Helper()
	out, err := c.aws.Secrets.DescribeSecret(&awstest.SecretIdInput{SecretId: name})
	if err != nil {
		c.t.Fatal(err)
	}
	return secret.Description{Versions: out.VersionIdsToStages}.Holder(label)
}

// move moves a label by hand; an empty to removes it.
func (c *account) move(name, label, to string) {
	c.t.Helper()
	if _, err := c.aws.Secrets.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: name, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: c.holder(name, label),
	}); err != nil {
		c.t.Fatal(err)
	}
}

// parameters returns the parameters below a path.
func (c *account) parameters(path string) map[string]string {
	c.t.Helper()
	all := map[string]string{}
	for next := ""; ; {
		page, err := c.aws.Parameters.GetParametersByPath(
			&awstest.GetParametersByPathInput{Path: path, Recursive: true, NextToken: next},
		)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, p := range page.Parameters {
			all[p.Name] = p.Value
		}
		if next = page.NextToken; next == "" {
			return all
		}
	}
}

// lose removes the parameters of a path that have a text in their name.
func (c *account) lose(path, text string) {
	c.t.Helper()
	for name := range c.parameters(path) {
		if !strings.Contains(name, text) {
			continue
		}
		if _, err := c.aws.Parameters.DeleteParameter(&awstest.ParameterNameInput{Name: name}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// another makes a token as another program of the user does.
func (a *attack) another(user engagetest.User) string {
	token := a.vendor.CreateToken(user.Username)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.foreign[token] = true
	return token
}

// kill deletes a token as a person does at the vendor's page.
func (a *attack) kill(token string) {
	a.mu.Lock()
	a.killed[token] = true
	a.mu.Unlock()
	a.vendor.DeleteToken(token)
}

// print returns a token's fingerprint.
func print(token string) engage.Fingerprint { return engage.Fingerprint(hidden.Fingerprint(token)) }

// fields returns a document with the user's login fields and more.
func fields(u engagetest.User, more ...string) string {
	document := map[string]string{"username": u.Username, "password": u.Password, "platformId": u.PlatformID}
	for n := 0; n+1 < len(more); n += 2 {
		document[more[n]] = more[n+1]
	}
	text, _ := json.Marshal(document)
	return string(text)
}

// adminFields is fields for an admin secret that serves every token secret.
func adminFields(u engagetest.User, more ...string) string {
	return `{"tokenSecrets":["*"],` + fields(u, more...)[1:]
}

// calm ends every fault.
func (a *attack) calm() {
	a.vendor.SetFault(nil)
	a.vendor.SetMisbehavior(engagetest.Misbehavior{})
	a.vendor.SetPropagation(engagetest.Propagation{})
	a.vendor.SetLimits(engagetest.Limits{})
	a.mu.Lock()
	a.silent, a.calls = map[string]bool{}, nil
	a.mu.Unlock()
	for _, c := range a.accounts {
		c.fault, c.deny = nil, nil
	}
}

// prove checks what must hold when the faults have stopped: one more rotation of each secret works,
// and when the sweeps have followed, each token of the users is in use, foreign, or reported.
func (a *attack) prove() {
	a.t.Helper()
	a.calm()
	time.Sleep(time.Hour)
	for _, s := range a.stacks {
		for _, name := range s.secrets {
			if err := s.rotate(name); err != nil {
				a.t.Errorf("secret %s of stack %s cannot be rotated any more: %v", name, s.name, err)
			}
		}
	}
	explained := map[engage.Fingerprint]string{}
	for range 3 {
		time.Sleep(26 * time.Hour) // past every retention of the tests
		clear(explained)
		for _, s := range a.stacks {
			s.explain(explained)
		}
	}
	a.look("in the end")
	a.logins()
	if !a.harmAlone {
		a.count(explained)
		a.records()
	}
}

// records checks that a ledger forgets what is dead, if only after weeks.
func (a *attack) records() {
	a.t.Helper()
	var remembered []string
	for range 3 {
		time.Sleep(decide.UnclaimedLife)
		for _, s := range a.stacks {
			_, _ = s.sweep(`{}`)
		}
		if remembered = a.deadRecords(); len(remembered) == 0 {
			return
		}
	}
	for _, record := range remembered {
		a.t.Error(record)
	}
}

// deadRecords describes the records of tokens that are dead.
func (a *attack) deadRecords() (list []string) {
	a.t.Helper()
	alive := map[engage.Fingerprint]bool{}
	for _, username := range a.users() {
		for _, token := range a.vendor.Tokens(username) {
			alive[print(token)] = true
		}
	}
	for _, s := range a.stacks {
		for name, value := range s.parameters(s.prefix() + "/ledger") {
			if _, fingerprint, ok := strings.Cut(name, "/token-"); ok && !alive[engage.Fingerprint(fingerprint)] {
				list = append(list, fmt.Sprintf("stack %s remembers a dead token: %s", s.name, value))
			}
		}
	}
	return list
}

// count checks that each token that is alive is in use, foreign, or reported.
func (a *attack) count(explained map[engage.Fingerprint]string) {
	a.t.Helper()
	inUse := map[string]bool{}
	for _, s := range a.stacks {
		for _, name := range s.secrets {
			inUse[s.current(name)] = true
		}
	}
	for token := range a.held() {
		inUse[token] = true // of secrets that no stack rotates
	}
	reported := 0
	for _, username := range a.users() {
		for _, token := range a.vendor.Tokens(username) {
			switch {
			case inUse[token], a.foreign[token]:
			case explained[print(token)] == "":
				a.t.Errorf("token %s lives for ever, and no report names it", print(token))
			default:
				reported++
			}
		}
	}
	if reported > a.reported {
		a.t.Errorf("%d tokens are left to an operator, want %d at most: %v", reported, a.reported, explained)
	}
}

func (a *attack) users() []string {
	names := map[string]bool{a.user.Username: true}
	for _, s := range a.stacks {
		for _, u := range s.users {
			names[u.Username] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// logins checks that no user had more than 5 logins in any minute.
func (a *attack) logins() {
	a.t.Helper()
	for _, username := range a.users() {
		times := a.vendor.Logins(username)
		for n := logins.Max; n < len(times); n++ {
			if gap := times[n].Sub(times[n-logins.Max]); gap < logins.Window {
				a.t.Errorf("user %s: six logins within %s", username, gap)
				break
			}
		}
	}
}

// errTimeout is a function that Lambda ended.
var errTimeout = errors.New("the function did not answer in time")

// within runs f as Lambda does: it has so much time, and no more.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	err := f(ctx)
	if time.Since(began) >= limit {
		return fmt.Errorf("%w: %w", errTimeout, err)
	}
	return err
}

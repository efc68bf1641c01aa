// Package failover moves a rotated secret to another Region and back, as the operator's manual
// describes it, and checks that the token of each copy that a reader may read works at every
// moment. It has tests only.
//
// Two Regions have a Secrets Manager and a ledger each, and share one Engage user. The test plays
// the replication: a copy gets each version of its primary, under the same version id.
package failover_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
	"engage-token-rotation/pkg/sweep"
)

const (
	tokenSecret = "engage/token"
	adminSecret = "engage/admin"
	function    = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

// region is one Region with its stack.
type region struct {
	name    string
	aws     *awstest.Server
	rotator *rotation.Rotator
	sweeper *sweep.Sweeper
	// replicas follow this Region's copy.
	replicas []*region
}

// move is two Regions and the user whom they share.
type move struct {
	t        *testing.T
	engage   *engagetest.Server
	old, new *region
}

// inTwoRegions starts with a primary in the old Region, rotated twice, and a replica in the new
// one.
func inTwoRegions(t *testing.T, retention string, test func(m *move)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &move{t: t, engage: engagetest.NewServer(engagetest.Config{})}
		m.old, m.new = m.newRegion("eu-west-1", retention), m.newRegion("eu-central-1", retention)
		defer m.old.aws.Close()
		defer m.new.aws.Close()
		m.engage.CreateToken(engagetest.DefaultUser().Username) // of another program
		m.create(m.old, tokenSecret, `{"adminSecretArn": "`+adminSecret+`"}`)
		m.create(m.new, tokenSecret, `{"adminSecretArn": "`+adminSecret+`"}`)
		m.old.replicas = []*region{m.new}
		for range 2 {
			m.rotate(m.old)
			time.Sleep(5 * time.Hour)
		}
		test(m)
		time.Sleep(5 * time.Hour)
		m.checkOnlyTheCurrentTokenLives()
	})
}

func (m *move) newRegion(name, retention string) *region {
	m.t.Helper()
	environment, err := settings.FromEnvironment(func(variable string) string {
		return map[string]string{settings.EnvRetention: retention}[variable]
	})
	if err != nil {
		m.t.Fatal(err)
	}
	r := &region{name: name, aws: awstest.NewServer(awstest.Config{Secrets: awstest.SecretsConfig{Region: name}})}
	sdk := r.aws.SDKConfig("function")
	secrets, parameters := awsstore.NewSecrets(sdk), awsstore.NewParameters(sdk)
	r.rotator = rotation.New(rotation.Config{
		Secrets: secrets, Parameters: parameters, Settings: environment, Transport: m.engage.RoundTripper(),
	})
	r.sweeper = sweep.New(sweep.Config{
		Secrets: secrets, Parameters: parameters, Settings: environment, Transport: m.engage.RoundTripper(),
	})
	login, err := json.Marshal(engagetest.DefaultUser().LoginFields(""))
	if err != nil {
		m.t.Fatal(err)
	}
	m.create(r, adminSecret, `{"tokenSecrets":["engage/*"],`+string(login[1:]))
	return r
}

func (m *move) create(r *region, name, value string) {
	m.t.Helper()
	_, err := r.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: name, SecretString: &value})
	if err != nil {
		m.t.Fatal(err)
	}
}

// rotate rotates a Region's secret, and then replicates it.
func (m *move) rotate(r *region) {
	m.t.Helper()
	run, err := r.aws.Secrets.BeginRotation(
		&awstest.RotateSecretInput{SecretId: tokenSecret, RotationLambdaARN: function})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, step := range run.Steps {
		event, err := events.ParseRotation(run.Payload(step))
		if err != nil {
			m.t.Fatal(err)
		}
		if _, err := r.rotator.Handle(m.t.Context(), event); err != nil {
			m.t.Fatalf("%s in %s: %v", step, r.name, err)
		}
	}
	r.aws.Secrets.EndRotation(run, nil)
	m.replicate(r)
}

// replicate brings the copies of a Region's replicas up to date.
func (m *move) replicate(primary *region) {
	m.t.Helper()
	current, err := primary.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: tokenSecret})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, replica := range primary.replicas {
		_, err := replica.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{
			SecretId: tokenSecret, ClientRequestToken: current.VersionId, SecretString: current.SecretString,
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// promote is step 2 of the manual: the copy is on its own.
func (m *move) promote(r, from *region) {
	from.replicas = slices.DeleteFunc(from.replicas, func(other *region) bool { return other == r })
}

// follow is step 3 of the manual: a copy is overwritten and follows another Region from then on.
func (m *move) follow(r, primary *region) {
	m.t.Helper()
	primary.replicas = append(primary.replicas, r)
	m.replicate(primary)
}

// sweepBoth runs the sweeps of both Regions, which nobody has switched off.
func (m *move) sweepBoth() {
	m.t.Helper()
	for _, r := range []*region{m.old, m.new} {
		answer, err := r.sweeper.Run(m.t.Context(), events.Sweep{})
		if err != nil {
			m.t.Fatalf("sweep in %s: %v", r.name, err)
		}
		if len(answer.Faults) > 0 {
			m.t.Errorf("sweep in %s: %q", r.name, answer.Faults)
		}
	}
}

// token returns the token that a reader finds in a Region.
func (m *move) token(r *region) string {
	m.t.Helper()
	current, err := r.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: tokenSecret})
	if err != nil {
		m.t.Fatal(err)
	}
	var document struct{ APIToken string }
	if err := json.Unmarshal([]byte(*current.SecretString), &document); err != nil || document.APIToken == "" {
		m.t.Fatalf("the copy in %s has no token: %v", r.name, err)
	}
	return document.APIToken
}

// checkReadersOf fails when the token that a reader finds in one of the Regions is dead.
func (m *move) checkReadersOf(when string, regions ...*region) {
	m.t.Helper()
	for _, r := range regions {
		if !m.engage.Alive(m.token(r)) {
			m.t.Errorf("%s: the copy in %s has a dead token", when, r.name)
		}
	}
}

func (m *move) checkOnlyTheCurrentTokenLives() {
	m.t.Helper()
	m.sweepBoth()
	m.checkReadersOf("at the end", m.old, m.new)
	if live := m.engage.Tokens(engagetest.DefaultUser().Username); len(live) != 2 {
		m.t.Errorf("%d tokens are alive at the end; the current one and that of another program should be", len(live))
	}
}

// goTo moves from one Region to the other by the four steps of the manual, with readers in both.
func (m *move) goTo(r, from *region) {
	m.t.Helper()
	// Step 1 cancels the rotation in from: nothing rotates it here.
	m.promote(r, from)
	m.checkReadersOf("after step 2", m.old, m.new)
	m.follow(from, r)
	m.checkReadersOf("after step 3", m.old, m.new)
	for range 3 {
		m.rotate(r)
		m.checkReadersOf("after a rotation", m.old, m.new)
		m.sweepBoth()
		m.checkReadersOf("after the sweeps", m.old, m.new)
		time.Sleep(5 * time.Hour)
	}
}

var retentions = map[string]string{"without a retention": "0s", "with a retention": "1h"}

func TestFailover(t *testing.T) {
	for name, retention := range retentions {
		t.Run(name, func(t *testing.T) {
			inTwoRegions(t, retention, func(m *move) {
				m.goTo(m.new, m.old)
				m.goTo(m.old, m.new) // and back
			})
		})
	}
}

// The old Region does not answer. Its readers have moved. Steps 1 and 3 follow when it is back,
// before a reader reads there.
func TestFailoverFromARegionThatDoesNotAnswer(t *testing.T) {
	for name, retention := range retentions {
		t.Run(name, func(t *testing.T) {
			inTwoRegions(t, retention, func(m *move) {
				m.promote(m.new, m.old)
				for range 2 {
					m.rotate(m.new)
					m.checkReadersOf("while the old Region is away", m.new)
					time.Sleep(5 * time.Hour)
				}
				m.sweepBoth() // the old Region is back, and its schedule runs before a person comes
				m.checkReadersOf("when the old Region is back", m.new)
				m.follow(m.old, m.new)
				m.checkReadersOf("after step 3", m.old, m.new)
				m.goTo(m.old, m.new)
			})
		})
	}
}

// The rule is needed: a rotation beside a copy that does not follow leaves that copy with a dead
// token. So the checks above can fail.
func TestARotationBesideAnotherCopyKillsItsToken(t *testing.T) {
	inTwoRegions(t, "0s", func(m *move) {
		m.promote(m.new, m.old)
		m.rotate(m.new) // which leaves a token that it did not create to the sweep
		time.Sleep(time.Hour)
		m.sweepBoth()
		if m.engage.Alive(m.token(m.old)) {
			t.Error("the token of the copy that does not follow is alive")
		}
		m.follow(m.old, m.new)
	})
}

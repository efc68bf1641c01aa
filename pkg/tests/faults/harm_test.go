package faults_test

import (
	"testing"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/baseline"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/awstest"
)

// Each kind of harm, done on purpose after a good rotation, must be seen: a matrix that cannot fail
// shows nothing.
func TestHarmIsSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: skipped with -short")
	}
	for _, test := range []struct {
		name string
		do   func(*deployment, *standIns)
		want harm
	}{
		{"the current token is deleted", func(d *deployment, s *standIns) {
			s.engage.DeleteToken(tokenOf(s.value(d.main.arn)))
		}, dead},
		{"a token is left over", func(_ *deployment, s *standIns) { s.makeToken() }, leaked},
		{"a token is left over that an intent's list holds", func(d *deployment, s *standIns) {
			s.makeToken()
			d.leaveIntent(s.live())
		}, leaked},
		{"a token is recorded for a version that is gone", func(d *deployment, s *standIns) {
			d.leaveRecord(s.makeToken(), ledger.Issued, time.Time{})
		}, leaked},
		{"a retiring token is overdue", func(d *deployment, s *standIns) {
			d.leaveRecord(s.makeToken(), ledger.Retiring, time.Now())
		}, leaked},
		{"a foreign token is deleted", func(d *deployment, s *standIns) {
			s.engage.DeleteToken(d.foreign[0])
		}, foreignDeleted},
		{"a foreign token is put into the secret", func(d *deployment, s *standIns) {
			s.put(d.main.arn, `{"apiToken":"`+d.foreign[0]+`"}`)
		}, foreignHeld},
		{"the secret has lost its token", func(d *deployment, s *standIns) { s.put(d.main.arn, `{}`) }, wedged},
		{"an intent names a user that is not swept", func(d *deployment, s *standIns) {
			d.leaveIntentOf("ffffffffffffffff", s.live())
		}, unfinished},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, s := rotated(t)
			if test.do(d, s); len(d.verdict.all()) > 0 {
				t.Fatal("it is seen without a look")
			}
			if d.checkEnd(t.Context()); len(d.verdict.found[test.want]) == 0 {
				t.Errorf("not seen as %s: %v", harmNames[test.want], d.verdict.all())
			}
		})
	}
}

// What an unanswered creation leaves is not a leak if the ledger reports it, and is counted apart.
func TestReportedIsCountedApart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: skipped with -short")
	}
	for name, do := range map[string]func(*deployment, *standIns){
		"by an intent": func(d *deployment, s *standIns) {
			d.leaveIntent(s.live())
			s.makeToken()
		},
		"by a record": func(d *deployment, s *standIns) {
			d.leaveRecord(s.makeToken(), ledger.Unclaimed, time.Now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, s := rotated(t)
			do(d, s)
			d.checkEnd(t.Context())
			if found := d.verdict.all(); len(found) > 0 || d.verdict.reported != 1 {
				t.Errorf("reported %d, found %v", d.verdict.reported, found)
			}
			if live := len(s.live()); live != foreignTokens+1 {
				t.Errorf("%d tokens live after the operator's event", live)
			}
		})
	}
}

// rotated returns a deployment after a good rotation, in which nothing is found.
func rotated(t *testing.T) (*deployment, *standIns) {
	t.Helper()
	s := newStandIns(t).(*standIns) //nolint:forcetypeassert // it returns nothing else
	d := newDeployment(t, variant{flow: engage.FlowEngage}, s, &verdict{})
	if err := d.rotate(t.Context(), d.main, 1); err != nil {
		t.Fatal(err)
	}
	if d.checkEnd(t.Context()); len(d.verdict.all()) > 0 {
		t.Fatalf("before: %v", d.verdict.all())
	}
	return d, s
}

func (s *standIns) put(arn, document string) {
	_, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: arn, SecretString: &document})
	must(err)
}

// goneVersion is a version that the secret does not have.
const goneVersion = "00000000-0000-4000-8000-000000000000"

// leaveIntent leaves an intent of a creation that was not answered.
func (d *deployment) leaveIntent(listed []string) {
	d.leaveIntentOf(ledger.User(d.ledgerName(d.main.gate)), listed)
}

func (d *deployment) leaveIntentOf(user ledger.User, listed []string) {
	intent := ledger.NewIntent(d.main.arn, goneVersion, "left", time.Now())
	intent.User, intent.Until = user, time.Now().Add(functionTimeout)
	var tokens []engage.Token
	for _, text := range listed {
		token, err := engage.ParseToken(text)
		must(err)
		tokens = append(tokens, token)
	}
	intent.Baseline = baseline.Of(tokens)
	must(d.ledger().Begin(d.t.Context(), intent))
}

// leaveRecord leaves a record of a token.
func (d *deployment) leaveRecord(token string, state ledger.State, at time.Time) {
	must(d.ledger().Set(d.t.Context(), ledger.Record{
		Secret: d.main.arn, Version: goneVersion, Fingerprint: engage.Fingerprint(hidden.Fingerprint(token)),
		State: state, CreatedAt: time.Now(), At: at, Intent: "left", User: ledger.User(d.ledgerName(d.main.gate)),
	}))
}

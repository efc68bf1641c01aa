package reading_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/memstore"
	"engage-token-rotation/pkg/internal/reading"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"

// store holds one secret whose description and values show a change at different times.
type store struct {
	labels, values func() map[string]string // version by label
	documents      map[string]string        // value by version
}

func (s store) Describe(context.Context, string) (secret.Description, error) {
	d := secret.Description{ARN: arn, Versions: map[string][]string{}}
	for label, version := range s.labels() {
		d.Versions[version] = append(d.Versions[version], label)
	}
	return d, nil
}

func (s store) Get(_ context.Context, _, version, label string) (secret.Version, error) {
	if label != "" {
		version = s.values()[label]
	}
	text, found := s.documents[version]
	if !found {
		return secret.Version{}, secret.ErrNotFound
	}
	return secret.Version{ARN: arn, ID: version, Value: hidden.New(text)}, nil
}

// document returns a value with a token of its own.
func document(n int) string {
	return fmt.Sprintf(`{"username":"u","password":"p","platformId":"aws80","apiToken":"%032d"}`, n)
}

func token(t *testing.T, n int) engage.Token {
	t.Helper()
	parsed, err := engage.ParseToken(fmt.Sprintf("%032d", n))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func reader(t *testing.T, s reading.Store) *reading.Reader {
	t.Helper()
	environment, err := settings.FromEnvironment(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	parameters := memstore.New()
	return &reading.Reader{
		Store: s, SecretID: "engage/token", VersionID: "new", Now: time.Now, Admins: target.Remembering(s),
		Settings: &settings.Loader{
			Environment: environment, Parameters: parameters, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		},
		Ledger: ledger.New(parameters, environment.Prefix),
	}
}

// at returns what holds before and after a time.
func at(change time.Time, before, after map[string]string) func() map[string]string {
	return func() map[string]string {
		if time.Now().Before(change) {
			return before
		}
		return after
	}
}

func TestReadsAreRepeatedUntilTheyAgree(t *testing.T) {
	before := map[string]string{secret.LabelCurrent: "old", secret.LabelPending: "new"}
	edited := map[string]string{secret.LabelCurrent: "edit", secret.LabelPending: "new"}
	unlabelled := map[string]string{secret.LabelCurrent: "old"}
	documents := map[string]string{"old": document(1), "edit": document(2), "new": document(3)}
	const lag = 2 * time.Second
	type lagging [2]map[string]string // what reads show before and after the lag
	for name, c := range map[string]struct {
		labels, values lagging
		current        string
		left           int    // the token that AWSCURRENT left meanwhile; 0: none
		err            string // part of it
	}{
		"at once": {
			labels: lagging{before, before}, values: lagging{before, before}, current: "old"},
		"the description lags": {
			labels: lagging{before, edited}, values: lagging{edited, edited}, current: "edit"},
		"the value lags": {
			labels: lagging{edited, edited}, values: lagging{before, edited}, current: "edit", left: 1},
		"the step's label lags": {
			labels: lagging{unlabelled, before}, values: lagging{before, before}, current: "old"},
		"they never agree": {
			labels: lagging{edited, edited}, values: lagging{before, before}, err: "name two versions as AWSCURRENT"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				change := time.Now().Add(lag)
				s := store{at(change, c.labels[0], c.labels[1]), at(change, c.values[0], c.values[1]), documents}
				r, err := reader(t, s).Read(t.Context(), reading.Needs{Labels: true, Value: true})
				if c.err != "" {
					if err == nil || !strings.Contains(err.Error(), c.err) || r.ARN != arn {
						t.Errorf("%v, want %q in it; ARN %q", err, c.err, r.ARN)
					}
					return
				}
				if err != nil || r.Current.ID != c.current || r.Labels.Holder(secret.LabelCurrent) != c.current {
					t.Errorf("%v, AWSCURRENT %q, want %q", err, r.Current.ID, c.current)
				}
				if facts := r.Facts(); !facts.Pending || facts.Current || !facts.Usable || !facts.SameFields || facts.SameToken {
					t.Errorf("facts %+v", facts)
				}
				if c.left == 0 && !r.Left.IsZero() || c.left != 0 && r.Left != token(t, c.left) {
					t.Errorf("token left %s", r.Left.Fingerprint())
				}
			})
		})
	}
}

func TestAVersionWithoutAValueIsAnErrorWhereOneIsRequired(t *testing.T) {
	labels := func() map[string]string {
		return map[string]string{secret.LabelCurrent: "old", secret.LabelPending: "new"}
	}
	s := store{labels, labels, map[string]string{"old": document(1)}}
	for name, c := range map[string]struct {
		want   reading.Needs
		waited time.Duration
		fails  bool
	}{
		"none is expected": {reading.Needs{Labels: true}, 0, false},
		"one may come":     {reading.Needs{Labels: true, Value: true}, ledger.Consistency, false},
		"it is required":   {reading.Needs{Labels: true, Value: true, Required: true}, ledger.Consistency, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				r, err := reader(t, s).Read(t.Context(), c.want)
				var failure *report.Failure
				if errors.As(err, &failure) != c.fails || r.Version.ID != "" || r.ARN != arn || r.Facts().HasValue {
					t.Errorf("error %v, version %q, ARN %q", err, r.Version.ID, r.ARN)
				}
				if waited := time.Since(began); waited != c.waited {
					t.Errorf("it waited %s, want %s", waited, c.waited)
				}
			})
		})
	}
}

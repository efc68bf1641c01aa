package faults_test

import (
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
)

// Each kind of harm, done on purpose after a good rotation, must be seen: a matrix that cannot fail shows nothing.
func TestHarmIsSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: skipped with -short")
	}
	for _, test := range []struct {
		name string
		do   func(*world, *standIns)
		want harm
	}{
		{"the current token is deleted", func(w *world, s *standIns) { s.engage.DeleteToken(tokenOf(s.value(w.main.arn))) }, dead},
		{"a token is left over", func(_ *world, s *standIns) { s.makeToken() }, leaked},
		{"a foreign token is deleted", func(w *world, s *standIns) { s.engage.DeleteToken(w.foreign[0]) }, foreignDeleted},
		{"a foreign token is put into the secret", func(w *world, s *standIns) {
			document := `{"apiToken":"` + w.foreign[0] + `"}`
			_, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: w.main.arn, SecretString: &document})
			must(err)
		}, foreignAdopted},
		{"the secret has lost its token", func(w *world, s *standIns) {
			document := `{}`
			_, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: w.main.arn, SecretString: &document})
			must(err)
		}, wedged},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := &verdict{}
			s := newStandIns(t).(*standIns)
			w := newWorld(t, variant{flow: engage.FlowEngage}, s, v)
			if err := w.rotate(t.Context(), w.main, 1); err != nil {
				t.Fatal(err)
			}
			if w.settle(); len(v.all()) > 0 {
				t.Fatalf("before: %v", v.all())
			}
			if test.do(w, s); len(v.all()) > 0 {
				t.Fatal("it is seen without a look")
			}
			if w.settle(); len(v.found[test.want]) == 0 {
				t.Errorf("not seen as %s: %v", harmNames[test.want], v.all())
			}
		})
	}
}

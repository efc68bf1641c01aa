package faults_test

import (
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
)

// Each kind of harm, done on purpose after a good rotation, must be found: a matrix that cannot
// fail proves nothing.
func TestHarmIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: skipped with -short")
	}
	for _, test := range []struct {
		name string
		do   func(*deployment, *standIns)
		want harm
	}{
		{"the current token is deleted", func(d *deployment, s *standIns) { s.engage.DeleteToken(tokenOf(s.value(d.main.arn))) }, dead},
		{"a token is left", func(_ *deployment, s *standIns) { s.makeToken() }, leaked},
		{"a foreign token is deleted", func(d *deployment, s *standIns) { s.engage.DeleteToken(d.foreign[0]) }, foreignDeleted},
		{"a foreign token is put into the secret", func(d *deployment, s *standIns) {
			document := `{"apiToken":"` + d.foreign[0] + `"}`
			_, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: d.main.arn, SecretString: &document})
			must(err)
		}, foreignAdopted},
		{"the secret has lost its token", func(d *deployment, s *standIns) {
			document := `{}`
			_, err := s.aws.Secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: d.main.arn, SecretString: &document})
			must(err)
		}, wedged},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := &verdict{}
			s := newStandIns(t).(*standIns)
			d := newDeployment(t, variant{flow: engage.FlowEngage}, s, v)
			if err := d.rotate(t.Context(), d.main, 1); err != nil {
				t.Fatal(err)
			}
			if d.checkEnd(); len(v.all()) > 0 {
				t.Fatalf("before: %v", v.all())
			}
			if test.do(d, s); len(v.all()) > 0 {
				t.Fatal("it is found before it was looked for")
			}
			if d.checkEnd(); len(v.found[test.want]) == 0 {
				t.Errorf("not found as %s: %v", harmNames[test.want], v.all())
			}
		})
	}
}

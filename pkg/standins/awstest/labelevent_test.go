package awstest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"engage-token-rotation/pkg/standins/awstest"
)

func TestLabelThatMovesIsAnEventUnlessTheServiceOwnsIt(t *testing.T) {
	move := func(label, from, to string) *awstest.UpdateSecretVersionStageInput {
		return &awstest.UpdateSecretVersionStageInput{SecretId: "s", VersionStage: label, RemoveFromVersionId: from,
			MoveToVersionId: to}
	}
	for name, c := range map[string]struct {
		change func(*rig)
		events []string
	}{
		"a value that becomes current": {func(r *rig) { r.write(v3, "three") }, []string{"AWSCURRENT 3"}},
		"a value with another label":   {func(r *rig) { r.write(v3, "three", "blue") }, []string{"blue 3"}},
		"a pending value":              {func(r *rig) { r.write(v3, "three", "AWSPENDING") }, nil},
		"the same value again":         {func(r *rig) { r.write(v2, "two", "AWSCURRENT") }, nil},
		"AWSCURRENT goes back":         {func(r *rig) { r.move(move("AWSCURRENT", v2, v1)) }, []string{"AWSCURRENT 1"}},
		"AWSCURRENT stays":             {func(r *rig) { r.move(move("AWSCURRENT", v2, v2)) }, nil},
		"a label of one's own":         {func(r *rig) { r.move(move("blue", "", v1)) }, []string{"blue 1"}},
		"AWSPENDING by hand":           {func(r *rig) { r.move(move("AWSPENDING", "", v1)) }, nil},
		"AWSPREVIOUS by hand":          {func(r *rig) { r.move(move("AWSPREVIOUS", v1, v2)) }, nil},
		"a label is taken away": {
			func(r *rig) { r.move(move("blue", "", v1)); r.move(move("blue", v1, "")) }, []string{"blue 1"},
		},
		"a secret is created": {
			func(r *rig) {
				value := "value"
				_, _ = r.CreateSecret(&awstest.CreateSecretInput{Name: "other", SecretString: &value})
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fast)
			r.write(v2, "two")
			r.moved = nil
			c.change(r)
			if diff := cmp.Diff(c.events, r.moved); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// The event has the form of the example in the Secrets Manager user guide.
func TestLabelEventAsEventBridgeDeliversIt(t *testing.T) {
	event := awstest.Event{
		Name: awstest.SecretLabelUpdated, Time: time.Date(2024, 2, 6, 16, 43, 48, 0, time.UTC), Label: "AWSCURRENT",
		SecretARN:  "arn:aws:secretsmanager:us-west-2:012345678901:secret:mySecret-a1b2c3",
		SecretName: "mySecret", VersionID: "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
	}
	var got map[string]any
	if err := json.Unmarshal(event.EventBridge(), &got); err != nil {
		t.Fatal(err)
	}
	if id, _ := got["id"].(string); id == "" {
		t.Error("the event has no id")
	}
	delete(got, "id")
	want := map[string]any{
		"version": "0", "detail-type": "Secret Label Updated", "source": "aws.secretsmanager",
		"account": "012345678901", "region": "us-west-2", "time": "2024-02-06T16:43:48Z",
		"resources": []any{"arn:aws:secretsmanager:us-west-2:012345678901:secret:mySecret-a1b2c3"},
		"detail": map[string]any{
			"name": "mySecret", "labelUpdated": "AWSCURRENT", "versionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

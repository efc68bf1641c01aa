package recipes_test

import (
	"encoding/json"
	"slices"
	"testing"

	"engage-token-rotation/pkg/standins/awstest"
)

// hear rotates twice, and does what the rule must not take. refresh is called with each message
// that the rule's target gets, while the event is sent.
func hear(s *service, rule *stack, refresh func(message string)) {
	s.Helper()
	s.heard = func(event awstest.Event) {
		for _, message := range rule.send(event.EventBridge()) {
			refresh(message)
		}
	}
	s.rotate(secretName)
	s.rotate(otherSecret)
	s.label("blue")
	s.rotate(secretName)
}

// The reloader takes the secret and the time from these fields, and annotates each ExternalSecret
// whose remoteRef.key is the secret. An annotation that does not change does nothing.
type reloaderMessage struct {
	Detail struct {
		EventTime         string `json:"eventTime"`
		RequestParameters struct {
			SecretID string `json:"secretId"`
		} `json:"requestParameters"`
	} `json:"detail"`
}

func TestExternalSecretsReadAfterTheSwapOfEachRotation(t *testing.T) {
	t.Parallel()
	s := newService(t)
	rule := deploy(t, "external-secrets-queue.yaml", map[string]string{"SecretArn": s.arn()})
	watched := externalSecret(t).Spec.Data[0].RemoteRef
	var read []string
	hear(s, rule, func(text string) {
		var message reloaderMessage
		if err := json.Unmarshal([]byte(text), &message); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if message.Detail.EventTime == "" {
			t.Errorf("no time to annotate with: %s", text)
		}
		if message.Detail.RequestParameters.SecretID == watched.Key {
			read = append(read, s.token())
		}
	})
	// The second rotation is another secret's.
	if want := []string{"token-1", "token-3"}; !slices.Equal(read, want) {
		t.Errorf("the operator read %v, want %v", read, want)
	}
}

func TestECSServiceIsDeployedAfterTheSwapOfEachRotation(t *testing.T) {
	t.Parallel()
	s := newService(t)
	rule := deploy(t, "ecs-redeploy.yaml",
		map[string]string{"SecretArn": s.arn(), "Cluster": "cluster", "Service": "service"})
	deployment := func() (id string) {
		rule.ask("deployment", "", &id)
		return id
	}
	made, started := []string{deployment()}, []string(nil)
	hear(s, rule, func(message string) {
		rule.ask("invoke", message, new(any))
		if id := deployment(); !slices.Contains(made, id) {
			made = append(made, id)
			started = append(started, s.token()) // what ECS gives to the tasks that it starts now
		}
	})
	if want := []string{"token-1", "token-3"}; !slices.Equal(started, want) {
		t.Errorf("deployed with %v, want %v", started, want)
	}
}

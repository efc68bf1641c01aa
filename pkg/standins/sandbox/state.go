package sandbox

import (
	"encoding/json"
	"slices"
	"time"

	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
)

// State is the state of the stand-ins: the answer of GET /_sandbox/state. It has fingerprints, and
// no secret.
type State struct {
	Flow       string       `json:"flow"`
	Scenario   Scenario     `json:"scenario"`
	Secrets    []Secret     `json:"secrets"`
	Users      []User       `json:"users"`
	Parameters []Parameter  `json:"parameters"`
	Events     []Event      `json:"events"`     // the latest, at most 200
	Violations []string     `json:"violations"` // of the vendor's rules, by any client; at most 200
	Leaks      []Leak       `json:"leaks"`      // secrets found in the output of functions
	Functions  []string     `json:"functions"`
	Settings   ExportedURLs `json:"urls"`
}

// ExportedURLs are the addresses for this machine.
type ExportedURLs struct {
	AWS    string `json:"aws"`
	Engage string `json:"engage"`
}

// Secret is one secret and its versions.
type Secret struct {
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// labels by version id; versions without labels are left out
	Versions        map[string][]string `json:"versions"`
	Tokens          map[string]string   `json:"tokens,omitempty"` // fingerprints by label
	RotationEnabled bool                `json:"rotationEnabled"`
	LastRotated     time.Time           `json:"lastRotated,omitzero"`
	NextRotation    time.Time           `json:"nextRotation,omitzero"`
}

// User is a user at the vendor.
type User struct {
	Username string   `json:"username"`
	Tokens   []string `json:"tokens"`  // fingerprints of the live tokens, oldest first
	Foreign  []string `json:"foreign"` // those of other programs, which must never be deleted
	Logins   int      `json:"logins"`
}

// Parameter is an SSM parameter: settings, ledger and login counters.
type Parameter struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"` // JSON as it is, any other text as a string
}

// Event is an event about a rotation, or a label that moved, which Secrets Manager sent to
// EventBridge.
type Event struct {
	Name    string    `json:"name"`
	Secret  string    `json:"secret"`
	Version string    `json:"version"`
	Label   string    `json:"label,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Time    time.Time `json:"time"`
	// EventBridge is the event as a rule's target gets it.
	EventBridge json.RawMessage `json:"eventBridge"`
}

// Leak is a secret text in a function's output.
type Leak struct {
	Function string `json:"function"`
	Kind     string `json:"kind"`
	Line     int    `json:"line"`
}

// maxListed is how many events, and how many violations, a State has at most.
const maxListed = 200

// latest returns the end of a list, for a State.
func latest[T any](list []T) []T { return list[max(0, len(list)-maxListed):] }

// State returns the current state.
func (s *Sandbox) State() State {
	sv := s.services.Load()
	state := State{
		Flow: string(s.config.Flow), Scenario: ScenarioNone, Secrets: sv.secrets(), Parameters: sv.parameters(),
		Leaks: s.leaks(), Settings: ExportedURLs{s.AWSURL, s.EngageURL}, Events: []Event{}, Violations: []string{},
		Users: []User{{
			Username: sv.user.Username, Tokens: fingerprints(sv.engage.Tokens(sv.user.Username)),
			Foreign: fingerprints(sv.others()),
			Logins:  sv.engage.LoginCount(sv.user.Username),
		}},
	}
	if active := s.scenario.Load(); active != nil {
		state.Scenario = active.name
	}
	for _, event := range latest(sv.told()) {
		state.Events = append(state.Events, Event{event.Name, event.SecretName, event.VersionID, event.Label, event.Reason,
			event.Time, event.EventBridge()})
	}
	for _, violation := range latest(sv.engage.Violations()) {
		state.Violations = append(state.Violations, violation.String())
	}
	for _, name := range Functions {
		if s.functions[name] != nil {
			state.Functions = append(state.Functions, name)
		}
	}
	return state
}

func fingerprints(texts []string) []string {
	list := []string{}
	for _, text := range texts {
		list = append(list, fingerprint(text))
	}
	return list
}

func (sv *services) secrets() []Secret {
	out, err := sv.aws.Secrets.ListSecrets(&awstest.ListSecretsInput{MaxResults: 100})
	if err != nil {
		return nil
	}
	var list []Secret
	for _, described := range out.SecretList {
		entry := Secret{
			Name: described.Name, ARN: described.ARN, Versions: described.SecretVersionsToStages, Tokens: map[string]string{},
			RotationEnabled: described.RotationEnabled, LastRotated: described.LastRotatedDate.Time,
			NextRotation: described.NextRotationDate.Time,
		}
		for _, stage := range []string{awstest.StageCurrent, awstest.StagePending, awstest.StagePrevious} {
			value, err := sv.aws.Secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: described.ARN,
				VersionStage: stage})
			if err != nil || value.SecretString == nil {
				continue
			}
			if document, err := secret.Parse(*value.SecretString); err == nil {
				if token, err := document.Token(); err == nil && !token.IsZero() {
					entry.Tokens[stage] = string(token.Fingerprint())
				}
			}
		}
		list = append(list, entry)
	}
	return list
}

func (sv *services) parameters() []Parameter {
	list := []Parameter{}
	for next := ""; ; {
		out, err := sv.aws.Parameters.GetParametersByPath(&awstest.GetParametersByPathInput{Path: settings.DefaultPrefix,
			Recursive: true, NextToken: next})
		if err != nil {
			return list
		}
		for _, p := range out.Parameters {
			value := json.RawMessage(p.Value)
			if !json.Valid(value) {
				value, _ = json.Marshal(p.Value)
			}
			list = append(list, Parameter{p.Name, value})
		}
		if next = out.NextToken; next == "" {
			return list
		}
	}
}

// leaks searches the functions' output for secrets.
func (s *Sandbox) leaks() []Leak {
	found := []Leak{}
	for name, output := range s.outputs {
		for n, line := range output.all() {
			for _, kind := range s.witness.leaks(line) {
				found = append(found, Leak{name, kind, n + 1})
			}
		}
	}
	return found
}

// AWSCall is a call of Secrets Manager or SSM.
type AWSCall struct {
	Number   int    `json:"number"`
	Function string `json:"function"` // who called: a function's name, or "user"
	Action   string `json:"action"`   // as in a policy: "secretsmanager:GetSecretValue"
	Resource string `json:"resource"` // an ARN
	Code     string `json:"code,omitempty"`

	Time       time.Time `json:"time"`
	DurationMs float64   `json:"durationMs"`
}

// EngageCall is a call of the vendor's API.
type EngageCall struct {
	Number      int64     `json:"number"`
	Operation   string    `json:"operation"`
	User        string    `json:"user,omitempty"`
	Auth        string    `json:"auth,omitempty"`
	Status      int       `json:"status"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Fault       string    `json:"fault,omitempty"`
	Time        time.Time `json:"time"`
	DurationMs  float64   `json:"durationMs"`
}

// Permission is an action on a resource that a function used.
type Permission struct {
	Function string `json:"function"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Count    int    `json:"count"`
}

// Calls are the latest calls: the answer of GET /_sandbox/calls.
type Calls struct {
	AWS    []AWSCall    `json:"aws"`
	Engage []EngageCall `json:"engage"`
	// Permissions sums up the AWS calls by function, action and resource, for comparing them with a
	// policy.
	Permissions []Permission `json:"permissions"`
}

// Calls returns the calls since the start or the last reset, at least the latest 10,000 of each
// kind.
func (s *Sandbox) Calls() Calls {
	sv := s.services.Load()
	calls := Calls{AWS: []AWSCall{}, Engage: []EngageCall{}, Permissions: []Permission{}}
	for _, c := range sv.aws.Calls() {
		call := newAWSCall(c)
		calls.AWS = append(calls.AWS, call)
		calls.Permissions = count(calls.Permissions,
			Permission{Function: call.Function, Action: call.Action, Resource: call.Resource})
	}
	for _, c := range sv.engage.Calls() {
		calls.Engage = append(calls.Engage, newEngageCall(c))
	}
	return calls
}

func count(list []Permission, used Permission) []Permission {
	at := slices.IndexFunc(list, func(p Permission) bool {
		return p.Function == used.Function && p.Action == used.Action && p.Resource == used.Resource
	})
	if at < 0 {
		used.Count = 1
		return append(list, used)
	}
	list[at].Count++
	return list
}

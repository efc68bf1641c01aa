package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
)

// View is what the page shows: the answer of GET /_sandbox/view. It has fingerprints, and no
// secret.
type View struct {
	Now       time.Time `json:"now"`
	Flow      string    `json:"flow"`
	Scenario  Scenario  `json:"scenario"`
	Retention string    `json:"retention"`
	// Strike is armed for the functions in Waits.
	Strike Strike   `json:"strike"`
	Waits  []string `json:"waits"`
	// Worlds are this product, and the yardstick if it is switched on.
	Worlds   []World  `json:"worlds"`
	Ledger   []Entry  `json:"ledger"`
	Alarms   []Alarm  `json:"alarms"`
	Timeline []Run    `json:"timeline"` // newest first
	Faults   []Choice `json:"faults"`
	// Scenarios are those that can be chosen.
	Scenarios []Choice `json:"scenarios"`
}

// World is a rotation function, its secret and its user's tokens at the vendor.
type World struct {
	Function string `json:"function"`
	Secret   string `json:"secret"`
	// Rotating reports that a rotation runs, or waits for its next attempt.
	Rotating bool      `json:"rotating"`
	Next     time.Time `json:"next,omitzero"` // the next scheduled rotation
	Versions []Version `json:"versions"`
	Tokens   []Token   `json:"tokens"`
}

// Version is a version of a secret.
type Version struct {
	ID          string   `json:"id"`
	Labels      []string `json:"labels"`
	Fingerprint string   `json:"fingerprint,omitempty"`
}

// Owner is whose a token is.
type Owner string

// The owners of tokens. Those of this product follow its ledger; leaked is the yardstick's.
const (
	OwnerCurrent    Owner = "current"
	OwnerPending    Owner = "pending"
	OwnerIssued     Owner = "issued"
	OwnerOutgoing   Owner = "outgoing"
	OwnerRetiring   Owner = "retiring"
	OwnerUnclaimed  Owner = "unclaimed"
	OwnerUnanswered Owner = "unanswered" // nothing names it: its creation runs, or was not answered
	OwnerLeaked     Owner = "leaked"     // nothing will ever delete it
	OwnerForeign    Owner = "foreign"
)

// Token is a live token at the vendor.
type Token struct {
	Fingerprint string `json:"fingerprint"`
	Owner       Owner  `json:"owner"`
	// Until is the end of the retention of a retiring token.
	Until time.Time `json:"until,omitzero"`
}

// Entry is a record or an intent of the ledger.
type Entry struct {
	Name        string    `json:"name"`
	Kind        string    `json:"kind"` // "record" or "intent"
	Fingerprint string    `json:"fingerprint,omitempty"`
	State       string    `json:"state,omitempty"`
	Version     string    `json:"version"`
	At          time.Time `json:"at,omitzero"`
	StartedAt   time.Time `json:"startedAt,omitzero"`
}

// View returns what the page shows.
func (s *Sandbox) View() View {
	sv := s.services.Load()
	v := View{
		Now: time.Now(), Flow: string(s.config.Flow), Scenario: ScenarioNone, Retention: s.retention(sv),
		Ledger: sv.ledgerEntries(), Alarms: s.Alarms(), Timeline: s.runs(sv), Faults: strikeFaults,
	}
	if active := s.scenario.Load(); active != nil {
		v.Scenario = active.name
	}
	for _, name := range Scenarios() {
		v.Scenarios = append(v.Scenarios, Choice{string(name), name.Meaning()})
	}
	v.Strike, v.Waits = s.strikes.armed()
	for _, function := range sv.rotating() {
		v.Worlds = append(v.Worlds, sv.world(function, v.Ledger))
	}
	return v
}

// retention returns the parameter of the retention, or the functions' environment.
func (s *Sandbox) retention(sv *services) string {
	out, err := sv.aws.Parameters.GetParameter(&awstest.GetParameterInput{Name: parameterRetention})
	if err != nil {
		return s.config.Retention.String()
	}
	return out.Parameter.Value
}

func (sv *services) world(function string, entries []Entry) World {
	w := World{Function: function, Secret: secretOf(function), Versions: []Version{}, Tokens: []Token{}}
	for _, event := range sv.told() {
		if event.SecretName == w.Secret {
			w.Rotating = strings.HasSuffix(event.Name, "RotationStarted")
		}
	}
	held := map[string]string{} // fingerprints by label
	for _, sec := range sv.secrets() {
		if sec.Name != w.Secret {
			continue
		}
		held, w.Next = sec.Tokens, sec.NextRotation
		w.Versions = versionsOf(sec)
	}
	username := sv.user.Username
	if function == FunctionYardstick {
		username = yardstickUser().Username
	}
	foreign := fingerprints(sv.others())
	for _, fingerprint := range fingerprints(sv.engage.Tokens(username)) {
		token := Token{Fingerprint: fingerprint}
		switch {
		case fingerprint == held[awstest.StageCurrent]:
			token.Owner = OwnerCurrent
		case fingerprint == held[awstest.StagePending]:
			token.Owner = OwnerPending
		case function == FunctionYardstick:
			token.Owner = yardstickOwner(fingerprint, foreign, w.Rotating)
		default:
			token.Owner, token.Until = ownerBy(entries, fingerprint, foreign)
		}
		w.Tokens = append(w.Tokens, token)
	}
	return w
}

// versionsOf returns the versions with labels, AWSPENDING first, then AWSCURRENT.
func versionsOf(sec Secret) []Version {
	versions := []Version{}
	rank := map[string]int{awstest.StagePending: 1, awstest.StageCurrent: 2, awstest.StagePrevious: 3}
	for _, id := range slices.Sorted(maps.Keys(sec.Versions)) {
		v := Version{ID: id, Labels: slices.Clone(sec.Versions[id])}
		slices.SortFunc(v.Labels, func(a, b string) int { return cmp.Compare(rank[b], rank[a]) })
		for _, label := range v.Labels {
			v.Fingerprint = cmp.Or(v.Fingerprint, sec.Tokens[label])
		}
		versions = append(versions, v)
	}
	slices.SortStableFunc(versions, func(a, b Version) int { return rank[a.Labels[0]] - rank[b.Labels[0]] })
	return versions
}

// yardstickOwner is the owner of a token that neither AWSCURRENT nor AWSPENDING holds: the
// yardstick keeps no ledger.
func yardstickOwner(fingerprint string, foreign []string, rotating bool) Owner {
	switch {
	case slices.Contains(foreign, fingerprint):
		return OwnerForeign
	case rotating:
		return OwnerUnanswered
	}
	return OwnerLeaked
}

func ownerBy(entries []Entry, fingerprint string, foreign []string) (Owner, time.Time) {
	for _, e := range entries {
		if e.Kind == "record" && e.Fingerprint == fingerprint && e.State != "deleted" {
			if e.State == string(OwnerRetiring) {
				return OwnerRetiring, e.At
			}
			return Owner(e.State), time.Time{}
		}
	}
	if slices.Contains(foreign, fingerprint) {
		return OwnerForeign, time.Time{}
	}
	return OwnerUnanswered, time.Time{}
}

// ledgerEntries returns the records and intents, newest first.
func (sv *services) ledgerEntries() []Entry {
	list := []Entry{}
	for _, p := range sv.parameters() {
		name, found := strings.CutPrefix(p.Name, settings.DefaultPrefix+"/ledger/")
		var fields struct {
			Fingerprint, State, Version string
			At, StartedAt, CreatedAt    time.Time
		}
		if !found || json.Unmarshal(p.Value, &fields) != nil || fields.Version == "" {
			continue
		}
		kind := "record"
		if fields.Fingerprint == "" {
			kind = "intent"
		}
		started := fields.StartedAt
		if started.IsZero() {
			started = fields.CreatedAt
		}
		list = append(list, Entry{Name: name, Kind: kind, Fingerprint: fields.Fingerprint, State: fields.State,
			Version: fields.Version, At: fields.At, StartedAt: started})
	}
	slices.SortStableFunc(list, func(a, b Entry) int { return b.StartedAt.Compare(a.StartedAt) })
	return list
}

// Package report is what the steps of a rotation and the sweep tell of their work: a step its case
// and what it did, a sweep a summary and the details of each secret and user.
package report

import (
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/settings"
)

// Sweep is what a sweep found and did.
type Sweep struct {
	Summary Summary `json:"summary"`
	DryRun  bool    `json:"dryRun,omitempty"`
	// Secrets are all secrets; a brief answer has the first MaxBrief, and first those that need
	// attention.
	Secrets []*Secret `json:"secrets"`
	// Users counts the tokens that belong to no secret, user by user.
	Users []*User `json:"users"`
	// Deleted are the tokens that an operator named.
	Deleted []engage.Fingerprint `json:"deleted,omitempty"`
	// NotReached names users whose turn did not come in the time that the sweep had. The next sweep
	// begins with them.
	NotReached []ledger.User `json:"notReached,omitempty"`
	// Left are users with due tokens that are left to the next sweep: the time was over, or the vendor
	// did not take more.
	Left []ledger.User `json:"left,omitempty"`
	// Settings are the settings in use, each with its source.
	Settings []settings.Effective `json:"settings,omitempty"`
	// Unreadable names ledger parameters that hold no entry of a known form; remove them when they are
	// not needed.
	Unreadable []string `json:"unreadable,omitempty"`
	// Faults are what went wrong; the sweep went on without.
	Faults []string `json:"faults,omitempty"`
	// Omitted counts the entries that a brief answer leaves out; {"report":"full"} asks for them.
	Omitted int `json:"omitted,omitempty"`
}

// Secret is what a sweep found and did about one secret.
type Secret struct {
	Secret  string  `json:"secret"`
	Current Current `json:"current"`
	// State is "scheduled for deletion", "missing", "gone", or "" for a secret that exists.
	State string `json:"state,omitempty"`
	// MissingSince is since when the secret is not found.
	MissingSince time.Time `json:"missingSince,omitzero"`
	// Unfinished reports that AWSPENDING is on a version other than AWSCURRENT.
	Unfinished bool `json:"unfinished,omitempty"`
	// Retiring are tokens that wait, with the time until which they do.
	Retiring    []Waiting    `json:"retiring"`
	OpenIntents []OpenIntent `json:"openIntents"`
	// Unclaimed are tokens that appeared after a creation for this secret that was not answered.
	Unclaimed []Removable `json:"unclaimed"`
	// Unrecorded are tokens that AWSPREVIOUS holds and that the ledger does not name.
	Unrecorded []Removable `json:"unrecorded,omitempty"`
	// Unreachable are recorded tokens of a user as which no secret logs in any more.
	Unreachable []engage.Fingerprint `json:"unreachable,omitempty"`
	// Deleted are the tokens deleted by this sweep; with DryRun those that it would have deleted.
	Deleted      []engage.Fingerprint `json:"deleted"`
	DeleteFailed []engage.Fingerprint `json:"deleteFailed"`
	// Cases are the numbers of the situations met, by fingerprint; see package decide.
	Cases map[engage.Fingerprint]string `json:"cases,omitempty"`
}

// Current is the token that AWSCURRENT holds.
type Current struct {
	Fingerprint engage.Fingerprint `json:"fingerprint,omitempty"`
	AgeSeconds  int64              `json:"ageSeconds"`
	// Dead reports that the vendor refuses the token: rotate now.
	Dead bool `json:"dead,omitempty"`
}

// Waiting is a token that is to be deleted.
type Waiting struct {
	Fingerprint engage.Fingerprint `json:"fingerprint"`
	NotBefore   time.Time          `json:"notBefore"`
}

// Removable is a token that only an operator can decide about, with the event that deletes it.
type Removable struct {
	Fingerprint engage.Fingerprint `json:"fingerprint"`
	Since       time.Time          `json:"since,omitzero"`
	Remove      string             `json:"remove"`
}

// NewRemovable returns the entry of a token that was first seen at a time, which may be zero.
func NewRemovable(f engage.Fingerprint, since time.Time) Removable {
	return Removable{Fingerprint: f, Since: since, Remove: `{"deleteToken":"` + string(f) + `"}`}
}

// OpenIntent is a creation whose outcome is not known yet.
type OpenIntent struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"startedAt"`
}

// User counts the tokens of a user that belong to no managed secret.
type User struct {
	User    ledger.User `json:"user"`
	Foreign int         `json:"foreign"`
}

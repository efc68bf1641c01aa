package ledger

import (
	"cmp"
	"time"

	"engage-token-rotation/pkg/engage"
)

// Intent is written before a token is created, and removed once the fate of the creation is settled: a token record
// names it, or nothing was created.
type Intent struct {
	ID      string `json:"id"`
	Secret  string `json:"secret"`  // ARN
	Version string `json:"version"` // the version that the token is for
	// Base is the version that was AWSCURRENT when the rotation read it.
	Base      string    `json:"base,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	// Until is the deadline of the invocation that wrote the intent: later it cannot be at work any more.
	Until    time.Time `json:"until"`
	Baseline Baseline  `json:"baseline"`
	// InDoubt tells that by listings alone a token was attributed to this intent, or to another although it may have come of
	// this one. Nothing more is proven to come of it, and no record settles it: it is removed when it shows to have made
	// nothing else.
	InDoubt bool `json:"inDoubt,omitempty"`
}

// NewIntent returns an intent with an ID that no other attempt shares: attempt names the invocation.
func NewIntent(secret, version, attempt string, now time.Time) Intent {
	return Intent{ID: digest(16, secret, version, attempt, now.Format(time.RFC3339Nano)), Secret: secret, Version: version, StartedAt: now}
}

// State is what a token record says of its token.
type State string

// The states of a token.
const (
	// Issued: made for a version of a secret, which holds it, or is about to, or failed to.
	Issued State = "issued"
	// Retiring: to be deleted at NotBefore, unless AWSCURRENT or AWSPENDING names it by then.
	Retiring State = "retiring"
	// Unclaimed: appeared around a creation of ours whose answer was lost, and could not be proven ours. Reported only.
	Unclaimed State = "unclaimed"
	// Stray: held by no managed secret of a user declared exclusive; to be deleted at NotBefore.
	Stray State = "stray"
)

// claimed reports whether it is known whose the token is.
func (s State) claimed() bool { return s == Issued || s == Retiring }

// Token is the record of one token and one secret.
type Token struct {
	Secret      string             `json:"secret"`  // ARN; empty for a stray
	Version     string             `json:"version"` // the version that the token is for
	Fingerprint engage.Fingerprint `json:"fingerprint"`
	State       State              `json:"state"`
	CreatedAt   time.Time          `json:"createdAt"`
	// NotBefore is when a retiring or stray token may be deleted.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Intent is the intent that this record settles.
	Intent string `json:"intent,omitempty"`
	// Base is the version that was AWSCURRENT when the rotation read it.
	Base string `json:"base,omitempty"`
	// Adopted tells that the token was found, by listings or in a version, since the creation's own record was not written.
	Adopted bool `json:"adopted,omitempty"`
	// Replaced tells that a retiring token was seen to be held by nobody, so that NotBefore counts. Without it the swap
	// that was to replace the token may not have come about, and the retention begins when it is seen to have.
	Replaced bool `json:"replaced,omitempty"`
	// Elsewhere tells that the token was not in the list of this ledger's user: it is another user's, whose login fields
	// the secret had before. It can be listed and deleted by its own right alone.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Until is the deadline of the invocation that wrote the record; see Intent.Until.
	Until time.Time `json:"until,omitzero"`
	// Deleted tells that the vendor has deleted a retiring token; see Lingers.
	Deleted bool `json:"deleted,omitempty"`
}

// Lingers reports whether lists may still show the token although it is deleted, so that the record has to tell whose it is.
func (t Token) Lingers(now time.Time) bool {
	return t.Deleted && now.Sub(t.NotBefore) <= Propagation
}

// NewerThan reports whether the token was made after the other one; of two of the same moment, one is the newer.
func (t Token) NewerThan(other Token) bool {
	return cmp.Or(t.CreatedAt.Compare(other.CreatedAt), cmp.Compare(t.Fingerprint, other.Fingerprint)) > 0
}

// Due reports whether the token may be deleted at the time.
func (t Token) Due(now time.Time) bool {
	return (t.State == Retiring || t.State == Stray) && !now.Before(t.NotBefore)
}

package decide

import (
	"slices"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// What createSecret finds.
const (
	// C1: the version is AWSCURRENT: the rotation is over. Nothing is done.
	C1 Case = "C1"
	// C2: the version carries neither AWSPENDING nor AWSCURRENT: the rotation was cancelled, or the
	// secret edited by hand. The step fails; the next rotation starts afresh.
	C2 Case = "C2"
	// C3: the version has a value: an earlier attempt got so far. Nothing is done.
	C3 Case = "C3"
	// C4: the version has a value without a usable token: it was put by hand. The version is
	// abandoned.
	C4 Case = "C4"
	// C5: the version is empty, and a record says that a token was created for it beside the present
	// AWSCURRENT; the user's list holds it. It is put again.
	C5 Case = "C5"
	// C6: as C5, but the list lacks the token, which may be too new for it. The step fails, and the
	// service repeats it.
	C6 Case = "C6"
	// C7: the version is empty, and nothing can be put. A token is created.
	C7 Case = "C7"
	// C8: there is too little time for a creation. Nothing is created; the service repeats the step.
	C8 Case = "C8"
	// C9: the document would be too long with a token. Nothing is created.
	C9 Case = "C9"
	// C10: another attempt put a token first. The rotation goes on with that one; the token of this
	// attempt is recorded, and retired after the swap (R6).
	C10 Case = "C10"
	// C11: the put was refused, or its outcome is unknown. The step fails; the next attempt puts the
	// same token (C5).
	C11 Case = "C11"
	// C12: the creation was not answered. The step fails; the next attempt creates another token, and
	// a sweep reports what this one left.
	C12 Case = "C12"
)

// What setSecret finds.
const (
	// S1: the version is AWSCURRENT. Nothing is done.
	S1 Case = "S1"
	// S2: the version carries neither label. The step fails.
	S2 Case = "S2"
	// S3: AWSCURRENT and the version differ in more than the token: the secret was edited since, or
	// the version was made for another host or user. The version is abandoned.
	S3 Case = "S3"
	// S4: none of these. The step succeeds.
	S4 Case = "S4"
)

// What testSecret finds.
const (
	// T1: the version is AWSCURRENT. Nothing is done.
	T1 Case = "T1"
	// T2: the version carries AWSPENDING, and has no value or AWSCURRENT's token: a preflight.
	T2 Case = "T2"
	// T3: the version does not carry AWSPENDING. The step fails without a call to the vendor.
	T3 Case = "T3"
	// T4: the version's token answers, and its list holds it. The step succeeds.
	T4 Case = "T4"
	// T5: the token is dead: refused, older than the propagation time, and a login of the same user is
	// accepted. The version is abandoned.
	T5 Case = "T5"
	// T6: the token is refused, or missing in its list, and it is not certain that it is dead. The
	// step fails and keeps AWSPENDING; the service repeats it.
	T6 Case = "T6"
)

// What finishSecret finds.
const (
	// F1: the version is AWSCURRENT: an earlier attempt made the swap. The retirement goes on.
	F1 Case = "F1"
	// F2: the version carries neither label. The step fails.
	F2 Case = "F2"
	// F3: the version holds AWSCURRENT's token, or one that was created for another version: it was
	// made for a test, or by hand. The version is abandoned.
	F3 Case = "F3"
	// F4: neither a record nor an intent names the version: the ledger was lost. The token is
	// recorded, so that it is retired, and the version abandoned.
	F4 Case = "F4"
	// F5: the token's record is not issued: a sweep gave it up, or the version was replaced long ago.
	// The version is abandoned.
	F5 Case = "F5"
	// F6: AWSCURRENT is not the version that this one was made from: the secret was edited during the
	// rotation. The version is abandoned; the edit stays.
	F6 Case = "F6"
	// F7: none of these. The previous token is recorded as outgoing, the new one verified, AWSCURRENT
	// moved, and the previous token retired.
	F7 Case = "F7"
	// F8: the move failed and AWSCURRENT is where it was. The step fails; the service repeats it.
	F8 Case = "F8"
	// F9: the move failed, and AWSCURRENT has moved elsewhere: the secret was edited at that moment.
	// The version is abandoned; the edit stays.
	F9 Case = "F9"
)

// Version is what a step knows of the event's version.
type Version struct {
	Current  bool // it carries AWSCURRENT
	Pending  bool // it carries AWSPENDING
	HasValue bool
	// Usable reports that the value holds a token.
	Usable bool
	// SameToken reports that the value holds AWSCURRENT's token.
	SameToken bool
	// SameFields reports that the value differs from AWSCURRENT's in the token alone.
	SameFields bool
}

// Create decides what createSecret does before it asks the vendor.
func Create(v Version) (Case, Action) {
	switch {
	case v.Current:
		return C1, Nothing
	case !v.Pending: //safeguard:cancelled-rotations-create-nothing
		return C2, Refuse
	case v.Usable:
		return C3, Nothing
	case v.HasValue:
		return C4, Abandon
	}
	return C7, Proceed
}

// Supply is what createSecret knows when it has listed the user's tokens.
type Supply struct {
	Version string // the event's
	Base    string // the version that is AWSCURRENT
	Records []ledger.Record
	Listed  []engage.Fingerprint
	Now     time.Time
	// Time reports that the invocation has the time for a creation.
	Time bool
	// Fits reports that the document with a token is not too long.
	Fits bool
}

// Token decides which token createSecret puts: a recorded one, or a new one. record is the one to
// put again; it is the zero Record when there is none.
func (s Supply) Token() (c Case, a Action, record ledger.Record) {
	for _, r := range s.Records {
		if r.Version != s.Version || r.State != ledger.Issued || r.Base != s.Base {
			continue
		}
		switch {
		case slices.Contains(s.Listed, r.Fingerprint):
			return C5, Reissue, r
		case s.Now.Sub(r.CreatedAt) <= ledger.Propagation:
			return C6, Refuse, r
		}
	}
	switch {
	case !s.Fits:
		return C9, Refuse, record
	case !s.Time:
		return C8, Refuse, record
	}
	return C7, Proceed, record
}

// Set decides what setSecret does about a version with a value.
func Set(v Version) (Case, Action) {
	switch {
	case v.Current:
		return S1, Nothing
	case !v.Pending:
		return S2, Refuse
	case !v.SameFields:
		return S3, Abandon
	}
	return S4, Nothing
}

// Test decides what testSecret does.
func Test(v Version) (Case, Action) {
	switch {
	case v.Current:
		return T1, Nothing
	case !v.Pending: //safeguard:preflight-for-pending-versions-alone
		return T3, Refuse
	case !v.HasValue || v.SameToken:
		return T2, Preflight
	}
	return T4, Proceed
}

// Swap is what finishSecret knows before the swap.
type Swap struct {
	Version
	ID      string // the event's version
	Base    string // the version that is AWSCURRENT
	Record  ledger.Record
	Found   bool // Record is the token's, and claims it
	Intents []ledger.Intent
}

// Decide decides whether the version may be swapped in.
func (s Swap) Decide() (Case, Action) {
	switch {
	case s.Current:
		return F1, Resume
	case !s.Pending: //safeguard:cancelled-versions-are-not-swapped-in
		return F2, Refuse
	//safeguard:tokens-of-other-versions-are-not-swapped-in term 2
	case s.SameToken || s.Found && s.Record.Version != s.ID:
		return F3, Abandon
	}
	bases := s.bases()
	switch {
	case len(bases) == 0: //safeguard:unrecorded-versions-are-not-swapped-in
		return F4, RecordAndAbandon
	case s.Found && s.Record.State != ledger.Issued: //safeguard:given-up-tokens-are-not-swapped-in
		return F5, Abandon
	}
	if !s.SameFields { //safeguard:edited-fields-are-not-swapped
		return F6, Abandon
	}
	for _, base := range bases {
		if base != s.Base { //safeguard:edited-secrets-are-not-swapped
			return F6, Abandon
		}
	}
	return F7, Proceed
}

// bases returns the versions that the event's version may have been made from: what its record
// says, or, when the record could not be written, what its intents say.
func (s Swap) bases() []string {
	if s.Found {
		return []string{s.Record.Base}
	}
	var bases []string
	for _, intent := range s.Intents {
		if intent.Version == s.ID {
			bases = append(bases, intent.Base)
		}
	}
	return bases
}

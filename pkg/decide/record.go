package decide

import (
	"slices"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// What is done about a record. The first case that applies decides.
const (
	// R1: AWSCURRENT or AWSPENDING of the record's secret holds the token. It stays.
	R1 Case = "R1"
	// R2: another secret holds the token, may hold it but cannot be read, or held it later and keeps
	// it for its retention. It stays.
	R2 Case = "R2"
	// R3: AWSCURRENT holds a retiring or a deleted token: a person put it back. It is outgoing again,
	// so that its retention starts when AWSCURRENT is seen to move away.
	R3 Case = "R3"
	// R4: issued, and the invocation that created the token may still be at work, beside an AWSCURRENT
	// that has not moved. (A rotation knows for certain whether it has; what a sweep read may lag.) It
	// stays.
	R4 Case = "R4"
	// R5: issued, and the version carries AWSPENDING and has no value: the next attempt puts the token
	// there. It stays.
	R5 Case = "R5"
	// R6: issued, and the version holds another token: two attempts ran at once. No reader had this
	// token. It is retiring, and due.
	R6 Case = "R6"
	// R7: the token is gone: its user's list lacks it, and it is refused when it is asked itself. Its
	// record is removed.
	R7 Case = "R7"
	// R8: issued, no version holds the token, and AWSCURRENT is the version beside which it was
	// created: a late finishSecret may still swap it in. It is retiring, due after the invocation
	// limit or the retention, whichever is longer.
	R8 Case = "R8"
	// R9: issued, and no version holds the token: its rotation was abandoned, or the version was
	// replaced by hand. It is retiring, due after the retention: readers may have it cached.
	R9 Case = "R9"
	// R10: outgoing, and a rotation has moved AWSCURRENT away. It is retiring, due after the
	// retention.
	R10 Case = "R10"
	// R11: retiring, and due. It is deleted.
	R11 Case = "R11"
	// R12: retiring, and an operator ends the retention. It is deleted.
	R12 Case = "R12"
	// R13: as R12, but a late finishSecret may still swap it in. It is due after the invocation limit.
	R13 Case = "R13"
	// R14: retiring, and not due. It stays.
	R14 Case = "R14"
	// R15: deleted, and lists may still show the token. The record stays.
	R15 Case = "R15"
	// R16: deleted, and a list shows the token after the propagation time: the vendor did not delete
	// it. It is deleted again.
	R16 Case = "R16"
	// R17: deleted, and a believable list lacks the token. The record is removed.
	R17 Case = "R17"
	// R18: deleted, and no list could be asked. The record stays.
	R18 Case = "R18"
	// R19: unclaimed, and another record names the token or another secret holds it. The record is
	// removed.
	R19 Case = "R19"
	// R20: unclaimed, the user serves these rotations alone, every secret was read, and the token was
	// first seen long enough ago. It is deleted.
	R20 Case = "R20"
	// R21: unclaimed otherwise. It is reported.
	R21 Case = "R21"
	// R22: due, and another secret may hold the token: one did when a sweep looked, or a rotation put
	// it here that the secret's ledger does not know. A rotation leaves it to the sweep, which looks
	// at all secrets.
	R22 Case = "R22"
	// R23: outgoing, not created here, and AWSCURRENT was moved by hand before a rotation could
	// replace the token. It is foreign again; a sweep removes its record after the invocation limit.
	R23 Case = "R23"
)

// Label is where a secret holds a token.
type Label int

// The labels that matter for a token.
const (
	Unheld Label = iota // neither version holds it
	Pending
	Current
)

// Listing is what the vendor says of a token.
type Listing int

// What the vendor says.
const (
	Unknown Listing = iota // nothing that can be believed
	Shown                  // a list holds the token, or the token answers
	Gone                   // a believable list lacks the token, and the token is refused if it can be asked
)

// Facts are what is known about a record. The zero Facts know nothing and delete nothing that is
// not due.
type Facts struct {
	Now time.Time
	// Held is where the record's secret holds the token.
	Held Label
	// Elsewhere reports that another secret keeps the token, as in R2.
	Elsewhere bool
	// Claimed reports that another record names an unclaimed token.
	Claimed bool
	// Awaited reports that the record's version carries AWSPENDING and has no value.
	Awaited bool
	// Taken reports that the record's version has a value with another token.
	Taken bool
	// Swappable reports that AWSCURRENT is the version beside which the token was created.
	Swappable bool
	// Replaced reports that a rotation has moved AWSCURRENT away from the token.
	Replaced bool
	// Listed is what the vendor says of the token.
	Listed Listing
	// Retention is how long readers may have the token cached.
	Retention time.Duration
	// Revoke reports that an operator ends the retention of the secret's retiring tokens.
	Revoke bool
	// Exclusive reports that the user serves these rotations alone, and that every secret was read.
	Exclusive bool
	// OneSecret reports that only the record's secret was looked at, as a rotation does.
	OneSecret bool
}

// Decision is what is done about a record, and why.
type Decision struct {
	Case   Case
	Action Action
	// Record is what Write stores.
	Record ledger.Record
}

// ExclusiveDelay is how long after it was first seen an unclaimed token of an exclusive user is
// deleted.
const ExclusiveDelay = 15 * time.Minute

// UnclaimedLife is how long the record of an unclaimed token stays when lists lack the token.
const UnclaimedLife = 30 * 24 * time.Hour

// Record decides what is done about a record.
func Record(r ledger.Record, f Facts) Decision {
	keep := func(c Case) Decision { return Decision{Case: c, Action: Keep, Record: r} }
	do := func(c Case, a Action) Decision { return Decision{Case: c, Action: a, Record: r} }
	if r.State == ledger.Unclaimed {
		return unclaimed(r, f)
	}
	switch {
	case f.Held == Current && over(r): //safeguard:returned-token-starts-a-new-retention
		r.State = ledger.Outgoing
		return do(R3, Write)
	case f.Held != Unheld: //safeguard:held-tokens-stay
		return keep(R1)
	case f.Elsewhere: //safeguard:tokens-of-other-secrets-stay
		return keep(R2)
	case r.State == ledger.Deleted:
		return deleted(r, f)
	case r.State == ledger.Issued && f.Taken:
		return do(R6, Write).retire(f.Now)
	case r.State == ledger.Issued && mayBeAtWork(r, f): //safeguard:invocation-may-be-at-work
		return keep(R4)
	case r.State == ledger.Issued && f.Awaited: //safeguard:awaited-tokens-stay
		return keep(R5)
	case f.Listed == Gone && old(r, f):
		return do(R7, Forget)
	}
	switch r.State {
	case ledger.Issued:
		return issued(r, f)
	case ledger.Outgoing:
		if r.Base == "" && !r.Owned && !f.Replaced { //safeguard:outgoing-tokens-are-ours-by-a-swap
			// What shows the swap may be too new for reads; and a rotation may run beside another one, which
			// has just written the record.
			if f.OneSecret || f.Now.Sub(r.At) <= ledger.InvocationLimit {
				return keep(R23)
			}
			return do(R23, Forget)
		}
		return do(R10, Write).retire(f.Now.Add(f.Retention))
	}
	return retiring(r, f)
}

// over reports whether the record says that the token's time is over.
func over(r ledger.Record) bool { return r.State == ledger.Retiring || r.State == ledger.Deleted }

// mayBeAtWork reports whether the invocation that created the token may still put it or swap it in.
func mayBeAtWork(r ledger.Record, f Facts) bool {
	return (f.Swappable || !f.OneSecret) && !f.Now.After(r.Until)
}

// old reports whether the vendor's lists must show the token by now.
func old(r ledger.Record, f Facts) bool { return f.Now.Sub(r.CreatedAt) > ledger.Propagation }

// Replaced reports whether a rotation has moved AWSCURRENT away from the record's token: whether
// the version that was to replace it is AWSCURRENT, or was. were are versions that are or were
// AWSCURRENT, such as that of AWSPREVIOUS; so is the version of an outgoing token.
func Replaced(r ledger.Record, records []ledger.Record, were ...string) bool {
	if r.Successor == "" {
		return false
	}
	for _, other := range records {
		if other.State == ledger.Outgoing {
			were = append(were, other.Version)
		}
	}
	return slices.Contains(were, r.Successor)
}

func (d Decision) retire(at time.Time) Decision {
	d.Record.State, d.Record.At, d.Record.Owned = ledger.Retiring, at, true
	return d
}

func issued(r ledger.Record, f Facts) Decision {
	d := Decision{Case: R9, Action: Write, Record: r}
	retention := f.Retention //safeguard:abandoned-tokens-have-a-retention zero
	if f.Swappable {         //safeguard:late-finish-may-swap
		d.Case = R8
		return d.retire(f.Now.Add(max(retention, ledger.InvocationLimit)))
	}
	return d.retire(f.Now.Add(retention))
}

func retiring(r ledger.Record, f Facts) Decision {
	d := Decision{Case: R14, Action: Keep, Record: r}
	due := !f.Now.Before(r.At) //safeguard:retention-is-kept on
	switch {
	case f.OneSecret && mayBeShared(r): //safeguard:shared-tokens-are-the-sweeps
		d.Case = R22
	case due:
		d.Case, d.Action = R11, Delete
	case f.Revoke && !f.Swappable:
		d.Case, d.Action = R12, Delete
	case f.Revoke && f.Now.Add(ledger.InvocationLimit).Before(r.At):
		d.Case, d.Action = R13, Write
		return d.retire(f.Now.Add(ledger.InvocationLimit))
	}
	return d
}

// mayBeShared reports whether another secret may hold the token. A token that was not created here,
// but whose value has a time of creation, was put by a rotation: of another secret, of which this
// one is a copy, or of this one, before its ledger was lost.
func mayBeShared(r ledger.Record) bool {
	return r.SharedWith != "" || r.Base == "" && !r.CreatedAt.IsZero()
}

func deleted(r ledger.Record, f Facts) Decision {
	d := Decision{Case: R15, Action: Keep, Record: r}
	switch {
	case f.Now.Sub(r.At) <= ledger.Propagation:
	case f.Listed == Shown:
		d.Case, d.Action = R16, Delete
	case f.Listed == Gone:
		d.Case, d.Action = R17, Forget
	default:
		d.Case = R18
	}
	return d
}

func unclaimed(r ledger.Record, f Facts) Decision {
	d := Decision{Case: R21, Action: Keep, Record: r}
	seen := f.Now.Sub(r.At)
	switch {
	case f.Held != Unheld: //safeguard:held-unclaimed-tokens-stay
		d.Case = R1 // a finishSecret may be writing this record as outgoing just now
	case f.Claimed || f.Elsewhere: //safeguard:claimed-tokens-are-not-unclaimed
		d.Case, d.Action = R19, Forget
	case f.Listed == Gone && seen > UnclaimedLife:
		d.Case, d.Action = R7, Forget
	//safeguard:unclaimed-tokens-of-shared-users-stay term 1
	//safeguard:unclaimed-tokens-have-a-delay term 3
	case f.Exclusive && f.Listed == Shown && seen >= ExclusiveDelay:
		d.Case, d.Action = R20, Delete
	}
	return d
}

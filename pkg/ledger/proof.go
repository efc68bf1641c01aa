package ledger

import (
	"context"
	"slices"
	"time"

	"engage-token-rotation/pkg/engage"
)

// ProofWindow is how long after an intent a token that appeared can be proven ours.
const ProofWindow = time.Hour

// Propagation is how long the vendor's list may lack a token that exists, at the most that is reckoned with. The vendor
// promises nothing.
const Propagation = 2 * time.Minute

// Proof finds out which tokens of a listing come of a secret's open intents. A token is proven ours when it is the only
// one that appeared between the intent's listing and this one, not more than ProofWindow apart, while no other secret of
// the same user had an intent open that could account for it. Tokens with a record do not count: whose they are is known,
// unless the record says that it is not.
//
// The view must have been read after the listing was made, and where something is to be proven by it, when reads had
// settled since; see [Proof.Undecided]. A Proof is for one goroutine.
type Proof struct {
	view   View
	secret string
	listed []engage.Fingerprint
	tokens map[engage.Fingerprint]engage.Token
	now    time.Time
	// OnlyEnded leaves out intents whose invocation may still be at work.
	OnlyEnded bool

	known     map[engage.Fingerprint]bool // whose they are is recorded, or was found out here
	unclaimed map[engage.Fingerprint]bool // recorded as nobody's, so far
	excluded  map[engage.Fingerprint]bool
	settled   map[string]bool // intent ids
	doubted   map[string]bool
	kept      map[string]bool
	tied      []Intent // doubted by settle, which is to be written down
}

// NewProof starts a proof for one secret.
func NewProof(view View, secret string, listed []engage.Token, now time.Time) *Proof {
	p := &Proof{view: view, secret: secret, now: now,
		tokens: make(map[engage.Fingerprint]engage.Token, len(listed)), known: map[engage.Fingerprint]bool{},
		unclaimed: map[engage.Fingerprint]bool{}, excluded: map[engage.Fingerprint]bool{}, settled: map[string]bool{}, doubted: map[string]bool{}, kept: map[string]bool{}}
	for _, token := range listed {
		p.listed = append(p.listed, token.Fingerprint())
		p.tokens[token.Fingerprint()] = token
	}
	for _, record := range view.Tokens {
		if !record.State.claimed() {
			p.unclaimed[record.Fingerprint] = true
			continue
		}
		p.known[record.Fingerprint] = true
		if record.Intent != "" {
			p.settled[record.Intent] = true
		}
	}
	for _, intent := range view.Intents {
		if intent.InDoubt {
			p.doubted[intent.ID], p.settled[intent.ID] = true, false
		}
	}
	return p
}

// Recall adds what the ledger held before the listing was made: a token that stood in the list may have been deleted since,
// and its record with it.
func (p *Proof) Recall(earlier View) {
	for _, record := range earlier.Tokens {
		p.known[record.Fingerprint] = p.known[record.Fingerprint] || record.State.claimed()
	}
	for _, intent := range earlier.Intents {
		if intent.Secret != p.secret && !slices.ContainsFunc(p.view.Intents, func(i Intent) bool { return i.ID == intent.ID }) {
			p.view.Intents = append(p.view.Intents, intent)
		}
	}
}

// Secrets returns the ARNs of the user's secrets that the ledger names, sorted.
func (p *Proof) Secrets() []string { return p.view.Secrets() }

// Exclude takes a token out of the question for Next, such as the one that AWSCURRENT holds. An intent that it may have
// come of stays open nevertheless.
func (p *Proof) Exclude(fingerprint engage.Fingerprint) { p.excluded[fingerprint] = true }

// Open returns the secret's intents that are not settled, newest first.
func (p *Proof) Open() []Intent {
	var open []Intent
	for _, intent := range slices.Backward(p.view.Intents) {
		if intent.Secret == p.secret && !p.settled[intent.ID] {
			open = append(open, intent)
		}
	}
	return open
}

// Undecided reports whether something appeared that Next may prove to come of an intent. What Next says of it rests on
// what the ledger does not hold, so that a view which was read without waiting does not do; see [Ledger.ReadSettled].
func (p *Proof) Undecided() bool {
	return slices.ContainsFunc(p.Open(), func(i Intent) bool { return p.provable(i) && len(p.appeared(i)) > 0 })
}

// provable reports whether a listing can still prove what came of an open intent.
func (p *Proof) provable(intent Intent) bool {
	return p.now.Sub(intent.StartedAt) <= ProofWindow && intent.Baseline.Known() && !p.doubted[intent.ID] &&
		!(p.OnlyEnded && !p.now.After(intent.Until))
}

// Next returns a token that is proven to come of an intent; ok is false when there is none (left). The intent stays open,
// in doubt from then on, until its creation would have shown.
func (p *Proof) Next() (intent Intent, token engage.Token, ok bool) {
	var passed []Intent // newer, and may have made what appeared
	for _, intent := range p.Open() {
		if !p.provable(intent) || p.overlapped(intent) {
			passed = append(passed, intent)
			continue
		}
		appeared := p.candidates(intent)
		if len(appeared) == 1 && !p.unclaimed[appeared[0]] && !madeBy(passed, appeared[0]) {
			p.settle(intent, appeared[0])
			return intent, p.tokens[appeared[0]], true
		}
	}
	return Intent{}, engage.Token{}, false
}

// madeBy reports whether the creation after one of the intents may have made the token.
func madeBy(intents []Intent, fingerprint engage.Fingerprint) bool {
	return slices.ContainsFunc(intents, func(i Intent) bool { return !i.Baseline.Contains(fingerprint) })
}

// settle counts a token as come of an intent, which is in doubt from then on, as is another one that the token may have
// come of as well: what else has appeared, or will, may be somebody else's.
func (p *Proof) settle(intent Intent, fingerprint engage.Fingerprint) {
	for _, other := range p.Open() {
		if other.ID == intent.ID || !p.doubted[other.ID] && !other.Baseline.Contains(fingerprint) {
			p.doubt(other)
			p.tied = append(p.tied, other)
		}
	}
	p.known[fingerprint] = true
}

// Hold tells the proof which token the intent's version holds, the zero Fingerprint where it holds none, and reports
// whether that proves the token to come of the intent. Call it for the newest intents of a version first. A token that is
// not listed may be dead, or another user's, and leaves the intent in doubt.
func (p *Proof) Hold(intent Intent, held engage.Fingerprint) bool {
	if slices.ContainsFunc(p.Open(), func(i Intent) bool { return i.Version == intent.Version && p.kept[i.ID] }) {
		p.Keep(intent) // the token may be that one's
	}
	if held == "" || p.kept[intent.ID] || intent.Baseline.Contains(held) {
		return false
	}
	if record, found := p.view.Find(p.secret, held); found && record.Intent == "" {
		p.doubt(intent) // recorded only when it was replaced, so that it may have come of this one
	}
	if p.known[held] {
		return false
	}
	if _, listed := p.tokens[held]; !listed {
		p.doubt(intent)
		return false
	}
	p.settle(intent, held)
	return true
}

// Keep leaves the intent as it is, to be looked at again later: something about it could not be read or written.
func (p *Proof) Keep(intent Intent) {
	p.doubt(intent)
	p.kept[intent.ID] = true
}

// doubt leaves the intent open, whatever has appeared: not all that could tell of its creation is known.
func (p *Proof) doubt(intent Intent) { p.doubted[intent.ID] = true }

// appeared returns the unaccounted tokens that the intent's listing did not hold.
func (p *Proof) appeared(intent Intent) []engage.Fingerprint {
	var appeared []engage.Fingerprint
	for _, fingerprint := range p.listed {
		if !p.known[fingerprint] && !intent.Baseline.Contains(fingerprint) {
			appeared = append(appeared, fingerprint)
		}
	}
	return appeared
}

// candidates returns those that appeared and are not excluded.
func (p *Proof) candidates(intent Intent) []engage.Fingerprint {
	return slices.DeleteFunc(p.appeared(intent), func(f engage.Fingerprint) bool { return p.excluded[f] })
}

// overlapped reports whether another secret's creation, itself unaccounted for, could have made what appeared. One that
// had ended, and shown, before the intent's listing could not.
func (p *Proof) overlapped(intent Intent) bool {
	if len(p.view.Unreadable) > 0 {
		return true
	}
	for _, other := range p.view.Intents {
		if other.Secret != intent.Secret && !p.settled[other.ID] && !other.Until.Add(Propagation).Before(intent.StartedAt) {
			return true
		}
	}
	return false
}

// Settled returns the secret's intents that may be removed: a record names them, or they made nothing, and any creation
// would have shown by now.
func (p *Proof) Settled() []Intent {
	var settled []Intent
	for _, intent := range p.view.Intents {
		if intent.Secret != p.secret || p.kept[intent.ID] {
			continue
		}
		over := p.now.After(intent.Until.Add(Propagation))
		if p.settled[intent.ID] || over && intent.Baseline.Known() && len(p.appeared(intent)) == 0 {
			settled = append(settled, intent)
		}
	}
	return settled
}

// Unproven is an intent that never will be settled, and the tokens that may have come of it and have no record yet.
type Unproven struct {
	Intent Intent
	Tokens []engage.Fingerprint
}

// Expired returns the secret's intents whose time for a proof is over, with what appeared since.
func (p *Proof) Expired() []Unproven {
	var expired []Unproven
	for _, intent := range p.Waiting() {
		if p.kept[intent.ID] || p.now.Sub(intent.StartedAt) <= ProofWindow || !p.now.After(intent.Until.Add(Propagation)) {
			continue
		}
		u := Unproven{Intent: intent}
		if intent.Baseline.Known() {
			u.Tokens = slices.DeleteFunc(p.candidates(intent), func(f engage.Fingerprint) bool { return p.unclaimed[f] })
		}
		expired = append(expired, u)
	}
	return expired
}

// Attribute claims the record of a token that the proof has found; see [Ledger.Claim]. First it writes down which intents
// are in doubt.
func (l *Ledger) Attribute(ctx context.Context, user User, p *Proof, t Token) (standing Token, won bool, err error) {
	for ; len(p.tied) > 0; p.tied = p.tied[1:] {
		p.tied[0].InDoubt = true
		if err := l.Begin(ctx, user, p.tied[0]); err != nil {
			return Token{}, false, err
		}
	}
	return l.Claim(ctx, user, t)
}

// Report records the tokens as unclaimed, for the sweep's report, and then removes the intent.
func (l *Ledger) Report(ctx context.Context, user User, u Unproven) error {
	for _, fingerprint := range u.Tokens {
		_, _, err := l.Claim(ctx, user, Token{
			Secret: u.Intent.Secret, Version: u.Intent.Version, Fingerprint: fingerprint, State: Unclaimed, CreatedAt: u.Intent.StartedAt,
		})
		if err != nil {
			return err
		}
	}
	return l.End(ctx, user, u.Intent)
}

// Waiting returns the secret's intents that are not settled.
func (p *Proof) Waiting() []Intent {
	settled := map[string]bool{}
	for _, intent := range p.Settled() {
		settled[intent.ID] = true
	}
	return slices.DeleteFunc(p.Open(), func(intent Intent) bool { return settled[intent.ID] })
}

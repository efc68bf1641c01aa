package simulation

import (
	"fmt"
	"time"
)

// guarantee is one of the promises that are checked.
type guarantee uint8

const (
	dead       guarantee = iota // G1: AWSCURRENT names a dead token, or the token of AWSCURRENT or AWSPENDING was deleted
	unverified                  // G1: a token was swapped in that the same invocation had not verified
	foreign                     // G2: a token that is not ours by right was deleted, or put into a secret
	leaked                      // G3: a live token of ours that no secret holds, and no record or report names
	wedged                      // G3: a further rotation fails, although nothing is wrong any more
	logins                      // G4
	lostEdit                    // G6
	cutOff                      // G7: a reader has a failed call, or a token did not live as long as the retention
	costly                      // G9: after a loss in the ledger a current token was deleted, or a secret is wedged
	needless                    // a rotation fails, although nothing goes wrong
	tardy                       // a token lives on for longer, or is one more, than needs be
	broken                      // something else that must not be
	numberOfGuarantees
)

var guaranteeNames = [numberOfGuarantees]string{
	"G1 dead current token", "G1 unverified token swapped in", "G2 foreign token harmed", "G3 leaked token",
	"G3 wedged secret", "G4 too many logins", "G6 lost edit", "G7 failed call of a reader",
	"G9 harm after a loss in the ledger", "needless failure", "needless token", "other",
}

// harm is what people did to themselves: no program could have known better. Each is counted, by
// its kind.
type harm uint8

const (
	putBackTooLate harm = iota // a version was put back in the seconds in which its token was deleted
	copied                     // a token was copied into a second secret, and rotated away before a sweep saw it
	copyForgotten              // a sweep saw the copy, and a person removed its record before the next one
	notExclusive               // a user was declared exclusive, and another program's token appeared
	numberOfHarms
)

var harmNames = [numberOfHarms]string{
	"a version put back while its token was being deleted", "a token copied into a second secret before a sweep saw it",
	"a copied token whose record was removed before the next sweep",
	"a foreign token of a user declared exclusive",
}

// excuse is why something that looks like a violation is none. Each is counted.
type excuse uint8

const (
	putWhileDeleted excuse = iota // AWSPENDING was filled after the deletion's last look; such a version is not swapped in
	endedByOperator               // revokePrevious ended the retention
	replacedByHand                // a person replaced the token before a rotation or sweep saw it as AWSCURRENT's
	deletedByHand                 // a person deleted the token at the vendor's page
	lostRecord                    // a person removed the token's record, or the intent of its creation
	leftToSweep                   // a rotation left the token to the sweep: it may be another secret's
	oldNote                       // a sweep noted by an old read that a token is shared; its next sweep retires it again
	hiddenByCut                   // lists were cut so that nothing known contradicted them, when an intent ended
	unseenSwap                    // a hand-made token: a crashed or doubled swap, then two manual changes or a deletion
	unreachableUser               // no secret of the stack logs in as the token's user any more
	retired                       // a list showed it after an operator's forget had removed its record
	readLate                      // a reader without package tokensource kept a token that need not live any more
	numberOfExcuses
)

var excuseNames = [numberOfExcuses]string{
	"AWSPENDING filled while its token was being deleted", "retention ended by revokePrevious",
	"replaced by hand, never seen as current", "deleted at the vendor's page", "record or intent removed by hand",
	"left to the sweep: not made for the secret that held it",
	"record of a shared token rewritten by an old read",
	"left by a lost creation, hidden by a cut list that nothing known contradicts",
	"hand-made token, moved on twice by hand, or its secret deleted, after a crashed or doubled swap",
	"no secret logs in as the token's user any more",
	"record removed by forget while lists still showed the token",
	"plain cache beyond the token's life",
}

// violation is a guarantee that was not kept.
type violation struct {
	guarantee guarantee
	text      string
}

func (v violation) String() string { return guaranteeNames[v.guarantee] + ": " + v.text }

// observer knows who has made which token, who holds it, and what the programs have seen and done.
type observer struct {
	tokens        map[string]*token // by text
	byFingerprint map[string]*token
	creations     map[string]*creation // by the intent's id
	loginTimes    map[string][]time.Time
	// grants holds the platform's access tokens, to the clients they were granted to; guarded by
	// scheduler.mu.
	grants     map[string]string
	ledgerLost bool // a person has removed something of a ledger

	asking   *call         // the call that the vendor answers just now
	made     string        // the token that the vendor has made just now
	unlisted time.Duration // how long lists lack it

	counts
	violations []violation
}

// counts is what the table shows of a history, beside its violations.
type counts struct {
	started, succeeded         int // rotations
	sweeps, duplicates, manual int
	reads                      int
	faults                     [numberOfFaults]int
	lies                       [numberOfLies]int
	harms                      [numberOfHarms]int
	excuses                    [numberOfExcuses]int
	unclaimed                  int // tokens of ours that a sweep reports as unclaimed, as nobody can know them
	idleSweeps                 int // sweeps that were left out, as nothing had happened since the last one
}

func (o *observer) init() {
	o.tokens, o.byFingerprint = map[string]*token{}, map[string]*token{}
	o.creations, o.loginTimes = map[string]*creation{}, map[string][]time.Time{}
	o.grants = map[string]string{}
}

// violate notes a violation.
func (h *history) violate(g guarantee, format string, args ...any) {
	if h.ledgerLost && (g == dead || g == wedged) {
		g = costly
	}
	v := violation{g, fmt.Sprintf(format, args...)}
	h.violations = append(h.violations, v)
	h.logf("!!! %s", v)
}

// hurt counts a harm that people did to themselves.
func (h *history) hurt(kind harm, t *token) {
	h.harms[kind]++
	h.logf("  self-inflicted, token %s: %s", t, harmNames[kind])
}

// allow counts an excuse.
func (h *history) allow(why excuse, t *token) {
	h.excuses[why]++
	h.logf("  excused, token %s: %s", t, excuseNames[why])
}

// token is a permanent token and its true story.
type token struct {
	text, fingerprint string
	user              string
	by                *invocation // which made it; nil: a person, or another program
	secret            *managed    // that it was made for
	born, died        time.Time
	listed            time.Time // when lists begin to show it
	answered          bool      // its creation's answer reached the program
	swapped           bool      // it was AWSCURRENT's of a managed secret when a rotation put another one in its place
	swappedAt         time.Time
	swappedBy         map[*stack]bool
	held              bool      // some version of a managed secret has held it
	unclaimedSince    time.Time // when a sweep that called it unclaimed first listed
	recorded          time.Time // when a record first called it issued
	lost              bool      // a person removed its record, or the intent of its creation

	currentSince   time.Time // when it last became AWSCURRENT's
	renewed        time.Time // when its record was first written since
	written        time.Time // when its record was last written,
	writtenBy      *invocation
	writtenBefore  time.Time // when another program had last written it
	swept          bool      // since then a sweep has gone well that had to see it
	lastCurrent    time.Time // when it ceased to be AWSCURRENT's,
	lastOf         *managed  // and which secret's
	replacedByHand bool
	putBack        bool // a person made it AWSCURRENT's again
	removedByHand  bool
	deletedAt      time.Time // when a program deleted it
	retired        bool      // by an operator's forget
	endedEarly     bool      // it was deleted before the retention was over, as it may be

	copiedFrom *managed
	copiedTo   *managed  // a second secret that a person gave it to,
	copiedAt   time.Time // when,
	copySeenAt time.Time // and when a sweep that went well had seen both
	copyLost   bool      // a person removed what that sweep noted
}

func (t *token) alive() bool { return t.died.IsZero() }

func (t *token) String() string {
	if t == nil {
		return "(none)"
	}
	return t.fingerprint
}

// creation is an intent as it was truly written.
type creation struct {
	intent
	by     *invocation
	listed time.Time // when its list was shown
	lost   bool      // a person has removed the intent
	// hidden tells that the intent was ended by a cut list that nothing known contradicts.
	hidden bool
}

// secretMemory is what the observer remembers of a secret.
type secretMemory struct {
	current, pending               string // tokens
	currentVersion, pendingVersion string
	fields                         string // AWSCURRENT's document without the token
	since, pendingSince            time.Time
	byHand                         bool                 // a person has made it AWSCURRENT
	excused                        string               // a dead token: put by a person, or counted as a violation
	pendingBegan                   time.Time            // when AWSPENDING came to its version
	handMoves                      []time.Time          // of AWSCURRENT
	revoked                        bool                 // an operator has ended its retention once
	moved                          bool                 // it has been another user's
	cancelled                      map[string]time.Time // when a person took AWSPENDING from a version
	bases                          map[string][]string  // version to the versions that it was made from
}

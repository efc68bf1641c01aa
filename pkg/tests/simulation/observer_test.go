package simulation

import (
	"time"

	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/sweep"
)

// guarantee is one of the promises that are checked.
type guarantee uint8

const (
	dead      guarantee = iota // G1: AWSCURRENT names a dead token, or the token of AWSCURRENT or AWSPENDING was deleted
	unchecked                  // G1: a token was swapped in that had not been verified
	stolen                     // G2: a token of somebody else's was deleted or adopted
	leaked                     // G3: a live token of ours that nobody owns and nothing tells of
	wedged                     // G3: a further rotation fails, although nothing is wrong any more
	logins                     // G4
	lostEdit                   // G6
	needless                   // a rotation fails, although nothing goes wrong
	tardy                      // a token lives on for longer, or is one more, than needs be
	cutOff                     // G7: a reader has a failed call
	broken                     // something else that must not be
	numberOfGuarantees
)

var guaranteeNames = [numberOfGuarantees]string{
	"G1 dead current token", "G1 unverified token swapped in", "G2 foreign token deleted or adopted", "G3 leaked token", "G3 wedged secret",
	"G4 too many logins", "G6 lost edit", "needless failure", "needless token", "G7 failed call of a reader", "other",
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
	intents       map[string]*intent
	secretOf      map[string]*managed
	ledgerUsers   map[string]string // a user's name to that of its part of the ledger
	loginTimes    map[string][]time.Time

	violations   []violation
	coincidences int // where a guard is documented to be imperfect
	unclaimed    int // tokens of ours that could not be proven ours, and are reported
	faults       faultCounts
	started      int // rotations
	succeeded    int
	sweeps       int
	duplicates   int
	deeds        int         // of people
	latest       *invocation // the latest of the final sweeps

	// Settings of the world's behaviour.
	lagging    float64
	longestLag time.Duration
	impatience float64
	strangers  float64
	unlisted   time.Duration // how long lists lack the token that is made just now
	together   bool          // all secrets are rotated at the same times
	smooth     bool          // nothing is to go wrong in this history
	sweepRate  float64
	drag       float64
	warm       []rotator
}

func (o *observer) init(*world) {
	o.tokens, o.byFingerprint, o.intents = map[string]*token{}, map[string]*token{}, map[string]*intent{}
	o.secretOf, o.loginTimes = map[string]*managed{}, map[string][]time.Time{}
	o.ledgerUsers = map[string]string{}
}

// token is a permanent token and its true story.
type token struct {
	text, fingerprint string
	user              string
	by                *invocation // which made it; nil: a person, or another program
	secret            *managed    // that it was made for
	born, died        time.Time
	listed            time.Time // when lists begin to show it
	recorded          time.Time // when the ledger first had a record of it as issued
	lastCurrent       time.Time // when it ceased to be AWSCURRENT's
	lastOf            *managed
	currentSince      time.Time // when it last became AWSCURRENT's
	renewed           time.Time // when its record was first written since
	swept             bool      // since then a sweep has gone well
	held              bool      // some version of a managed secret has held it
	replaced          bool      // a rotation has put another one in its place
	putBack           bool      // a person has made it AWSCURRENT's again
	forgotten         time.Time // when a record of it was removed,
	forgottenBy       string    // and in which part of the ledger
	stray             time.Time // when a sweep first recorded it
	found             time.Time // when it was first taken for one whose creation was not answered,
	foundIn           time.Time // by which listing,
	foundFor          *managed  // and of which secret's
	compensated       time.Time // when the createSecret that could not put it deleted it
	coincidence       bool      // taken for ours by a documented coincidence
	removedByHand     bool
	endedEarly        bool     // it was deleted before the retention was over, as it may be
	sharedWith        *managed // which a person has given it to, although it is another secret's
	replacedByHand    bool
}

func (t *token) alive() bool { return t.died.IsZero() }

func (t *token) String() string { return t.fingerprint }

// intent is an intent as it was truly written.
type intent struct {
	by     *invocation
	at     time.Time
	listed time.Time // when its baseline was
}

// memory is what the observer remembers of an invocation.
type memory struct {
	began     time.Time
	sweeping  bool
	request   sweep.Request
	answer    sweep.Answer
	report    rotation.Report
	failed    bool
	loginUser string
	// ledgerUser is the part of the ledger that it wrote an intent to.
	ledgerUser  string
	loggedIn    int                    // times that a login was answered
	looked      map[*managed]time.Time // where AWSCURRENT stood when, as it last saw
	described   time.Time              // when the labels stood as it last saw them,
	describedAt time.Time              // and when it saw them
	base        string                 // the version that it last saw as AWSCURRENT
	listedAt    time.Time
	proofAt     time.Time         // when it listed before it last read the ledger
	firstRead   time.Time         // when it first read the ledger,
	named       map[*managed]bool // and which secrets that named then
	sent        []sending         // what a sweep has asked for, without repetitions
	verified    map[string]bool
	created     []*token
	faults      int            // what went wrong with its calls, but for a put that was refused
	calls       map[string]int // to the vendor
	version     string         // that it works on
	put         string         // the token that it has put
	replaced    *token         // that it has put another one in the place of
	// givenUp are the fingerprints of tokens that it has read in the ledger to be given up, and when it first did.
	givenUp map[string]time.Time
	// retiring is when it last read that the token of a fingerprint is retiring.
	retiring map[string]reading
	// seen are the versions that it first and last saw as AWSCURRENT.
	seen map[*managed][2]string
	// putRefused tells that a permission was missing to put the token.
	putRefused bool
	// coincidence tells that somebody else's token was taken for the one that this invocation may have made.
	coincidence bool
}

// reading is when a state was read, and as of when.
type reading struct{ at, as time.Time }

// hid reports whether a change had been made and was not shown.
func (r reading) hid(change time.Time) bool { return r.at.After(change) && r.as.Before(change) }

// sending is a call that was sent.
type sending struct {
	at   time.Time
	what string
}

// secretMemory is what the observer remembers of a secret.
type secretMemory struct {
	current, pending               string // tokens
	currentVersion, pendingVersion string
	fields                         string // AWSCURRENT's document without the token
	since                          time.Time
	pendingSince                   time.Time
	byHand                         bool   // a person has made it AWSCURRENT
	excused                        string // a dead token that a person has put there
	revoked, moved                 bool
	rotated                        bool                 // a rotation has moved AWSCURRENT once
	cancelled                      map[string]time.Time // when a person took AWSPENDING from a version
	bases                          map[string][]string  // version to the versions that it was made from, by whatever attempt
}

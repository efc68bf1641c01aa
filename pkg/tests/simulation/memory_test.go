package simulation

import (
	"strings"
	"time"

	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/report"
)

// memory is what the observer remembers of an invocation.
type memory struct {
	began   time.Time
	request events.Sweep
	answer  report.Sweep
	report  report.Step
	failed  bool
	version string // that it works on

	loginUser    string
	accepted     map[string]bool // the tokens whose deletion the vendor accepted
	loggedIn     int             // times that a login was answered
	firstRead    time.Time       // when it first read the ledger
	firstListed  time.Time
	listedAt     time.Time
	listedOf     map[string]time.Time  // when it was last shown a list of a user
	cuts         map[string][][]string // all lists of users that were cut, as they were shown
	cut          map[string][]string   // the lists of users that were cut, as they were last shown
	disturbed    int                   // of the faults, those that were not old reads
	ledgerFaults int                   // of these, of writes to the ledger
	ended        time.Time
	faults       int            // what went wrong with its calls
	calls        map[string]int // to the vendor
	verified     map[string]bool
	created      []*token
	put          string                 // the token that it has put
	replaced     *token                 // that it has put another one in the place of
	sent         []sending              // what a sweep has asked for, without repetitions
	retiring     map[string]reading     // the latest record of a fingerprint that it read as retiring or deleted
	givenUp      map[string]time.Time   // when it first read that a token of its secret is retiring or deleted
	looked       map[*managed]time.Time // the time of the newest state of a secret's labels that it has seen
	seen         map[*managed]sight
	labels       map[*managed]time.Time // the time of the newest labels of all versions that it has seen
	described    time.Time              // the labels that it last saw are of this time,
	describedAt  time.Time              // and it saw them at this one
	base         string                 // the version that it last saw as AWSCURRENT
}

// sight is the versions that a program first and last saw as AWSCURRENT.
type sight struct{ first, last string }

// reading is when a state was read, and as of when.
type reading struct{ at, as time.Time }

// hid reports whether a change had been made and was not shown.
func (r reading) hid(change time.Time) bool { return r.at.After(change) && r.as.Before(change) }

// sending is a call that was sent.
type sending struct {
	at   time.Time
	what string
}

// sweeping reports whether the invocation is a sweep.
func (i *invocation) sweeping() bool { return i.secret == nil }

// observeCall sees a call that is sent.
func (i *invocation) observeCall(c *call) {
	if !i.sweeping() {
		return
	}
	what := c.op + c.resource
	if n := len(i.sent); n == 0 || i.sent[n-1].what != what {
		i.sent = append(i.sent, sending{c.sent, what})
	}
}

// firstReadOfLedger notes when the program first reads the ledger.
func (i *invocation) firstReadOfLedger() {
	if i.firstRead.IsZero() {
		i.firstRead = time.Now()
	}
}

// look notes that the program sees the labels of a secret as they were some time ago.
func (i *invocation) look(s *managed, age time.Duration) {
	if i.looked == nil {
		i.looked = map[*managed]time.Time{}
	}
	i.looked[s] = time.Now().Add(-age)
}

// see notes which version the program sees as AWSCURRENT.
func (i *invocation) see(s *managed, version string) {
	if i.seen == nil {
		i.seen = map[*managed]sight{}
	}
	first := i.seen[s].first
	if first == "" {
		first = version
	}
	i.seen[s] = sight{first, version}
}

// sawMove reports whether the program saw AWSCURRENT move.
func (i *invocation) sawMove(s *managed) bool { return i.seen[s].first != i.seen[s].last }

// knewGivenUp reports whether the program had read in the ledger that the token is given up when it
// sent a request.
func (i *invocation) knewGivenUp(t *token, sent time.Time) bool {
	at, known := i.givenUp[t.fingerprint]
	return known && at.Before(sent)
}

// observeRead sees that a program reads a record as it was some time ago.
func (h *history) observeRead(by *invocation, name, value string, age time.Duration) {
	if value == "" {
		return
	}
	_, fingerprint, found := strings.Cut(name, "/token-")
	if !found {
		return
	}
	_, state, _ := strings.Cut(value, `"state":"`)
	if !strings.HasPrefix(state, `retiring"`) && !strings.HasPrefix(state, `deleted"`) {
		return
	}
	fingerprint = fingerprint[:fingerprintDigits]
	if by.retiring == nil {
		by.retiring, by.givenUp = map[string]reading{}, map[string]time.Time{}
	}
	by.retiring[fingerprint] = reading{time.Now(), time.Now().Add(-age)}
	if by.secret == nil || !strings.Contains(value, by.secret.arn) {
		return
	}
	if _, known := by.givenUp[fingerprint]; !known {
		by.givenUp[fingerprint] = time.Now()
	}
}

// fingerprintDigits is the length of a fingerprint.
const fingerprintDigits = 12

// unseen reports whether a program cannot have seen a change of a secret when it asked for a
// deletion.
func (i *invocation) unseen(s *managed, change, asked time.Time) bool {
	return change.After(asked) || change.After(i.looked[s]) && !i.lookedTooEarly(change, asked)
}

// callsAtOnce is how many calls may lie between a sweep's last look at a token's holder and its
// deletion: what is left of the look, the record, the deletion itself by either right.
const callsAtOnce = 6

// lookedTooEarly reports whether a sweep has done much else between a change that its reads had to
// show and the deletion that it then asked for: it is to look right before.
func (i *invocation) lookedTooEarly(change, asked time.Time) bool {
	n := 0
	for _, s := range i.sent {
		if s.at.After(change.Add(consistency)) && !s.at.After(asked) {
			n++
		}
	}
	return n > callsAtOnce
}

package sweep

import (
	"sync"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// Answer is what a sweep found and did.
type Answer struct {
	DryRun  bool            `json:"dryRun,omitempty"`
	Secrets []*SecretReport `json:"secrets"`
	// Users counts the tokens that belong to no secret, user by user.
	Users []*UserReport `json:"users"`
	// Deleted are the tokens that an operator named.
	Deleted []engage.Fingerprint `json:"deleted,omitempty"`
	// NotReached names users whose turn did not come in the time that the sweep had. The next sweep
	// begins with them.
	NotReached []ledger.User `json:"notReached,omitempty"`
	// Unreadable names ledger parameters that hold no entry of a known form; remove them when they are
	// not needed.
	Unreadable []string `json:"unreadable,omitempty"`
	// Faults are what went wrong; the sweep went on without.
	Faults []string `json:"faults,omitempty"`
}

// SecretReport is what a sweep found and did about one secret.
type SecretReport struct {
	Secret  string  `json:"secret"`
	Current Current `json:"current"`
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

func removable(f engage.Fingerprint, since time.Time) Removable {
	return Removable{Fingerprint: f, Since: since, Remove: `{"deleteToken":"` + string(f) + `"}`}
}

// OpenIntent is a creation whose outcome is not known yet.
type OpenIntent struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"startedAt"`
}

// UserReport counts the tokens of a user that belong to no managed secret.
type UserReport struct {
	User    ledger.User `json:"user"`
	Foreign int         `json:"foreign"`
}

// report collects the answer. It is safe for concurrent use.
type report struct {
	mu     sync.Mutex
	answer Answer
	byARN  map[string]*SecretReport
}

func newReport(dryRun bool) *report {
	return &report{
		answer: Answer{DryRun: dryRun, Secrets: []*SecretReport{}, Users: []*UserReport{}},
		byARN:  map[string]*SecretReport{},
	}
}

// about changes the report of a secret.
func (r *report) about(arn string, change func(*SecretReport)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.byARN[arn]
	if s == nil {
		s = &SecretReport{
			Secret: arn, Retiring: []Waiting{}, OpenIntents: []OpenIntent{}, Unclaimed: []Removable{},
			Deleted: []engage.Fingerprint{}, DeleteFailed: []engage.Fingerprint{}, Cases: map[engage.Fingerprint]string{},
		}
		r.byARN[arn] = s
		r.answer.Secrets = append(r.answer.Secrets, s)
	}
	change(s)
}

func (r *report) user(u *UserReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer.Users = append(r.answer.Users, u)
}

func (r *report) notReached(user ledger.User) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer.NotReached = append(r.answer.NotReached, user)
}

func (r *report) fault(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer.Faults = append(r.answer.Faults, text)
}

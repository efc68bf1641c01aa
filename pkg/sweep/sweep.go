// Package sweep goes through the ledger on a schedule: it deletes previous tokens whose retention is over, resolves what
// crashed rotations have left, and reports what it cannot resolve.
//
// # What is found, what it means, what is done
//
// A token that AWSCURRENT or AWSPENDING of any secret that the ledger names holds is never deleted, whatever its record
// says. So the deletions come last: the marks are written, reads of AWS settle ([ledger.ReadsSettle]), all secrets are read
// anew, and the token's own once more right before its deletion. While one of those secrets cannot be read, nothing is
// proven by listings, and nothing counts as nobody's.
//
//	retiring, due                     retention over, or left over     deleted
//	retiring, not due                 retention                        reported, with its time; revokePrevious deletes it,
//	                                                                   unless AWSCURRENT stands where it was made from:
//	                                                                   then it ends that time within a quarter of an hour
//	issued, or retiring without a     a rotation broke off or was      left alone until the deadline of the invocation that
//	  swap; AWSCURRENT stands where   cancelled, or moved back by      made it; then marked as retiring, so that it is not
//	  it was made from                hand; a late finishSecret may    swapped in any more, and deleted a quarter of an hour
//	                                  still swap it in                 later, when no invocation can be at work, or after
//	                                                                   the retention if that is longer; without retention at
//	                                                                   once, if its version is still pending without a value
//	the same, AWSCURRENT elsewhere    replaced, or edited by hand      deleted after the retention: it may have been
//	                                  since                            current
//	open intent, its invocation over  killed around a creation         listed: exactly one token appeared, and it is proven
//	                                                                   ours (ledger.Proof): deleted; the intent goes when
//	                                                                   its creation would have shown. None: so it does.
//	                                                                   Else it stays for up to an hour, and then what
//	                                                                   appeared is recorded as unclaimed
//	unclaimed                         in doubt                         reported until it is gone or somebody's
//	no record, user not exclusive     foreign                          counted
//	no record, user exclusive         nobody's                         recorded; deleted by a later sweep, at least a
//	                                                                   quarter of an hour on
//
// The record of a deleted token stays, and says so, while lists might show the token to a creation that is open: it would
// be taken for that one's. A secret's newest record stays when its token is gone: without any record the sweep would not
// know of the secret, and take a token that somebody puts there by hand for nobody's. The next rotation removes it.
//
// Two sweeps at once, or a sweep during a rotation, do no harm: whoever creates a token's record first decides about it,
// and a record that has changed since it was read is left to the next sweep.
package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// grace is the longest that an invocation can be at work, which Lambda limits.
const grace = 15 * time.Minute

// Config configures a Sweeper. Secrets and Parameters are required.
type Config struct {
	Secrets    rotation.Secrets
	Parameters ledger.Parameters
	// Settings are those of the environment; the parameters are laid over them.
	Settings settings.Settings
	// Transport carries the calls to the vendor; nil means engage.NewTransport().
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Jitter is passed on to the vendor's client; nil means random.
	Jitter func() float64
	// Log gets detail; nil discards it.
	Log *slog.Logger
}

// Request is what a sweep is asked for.
type Request struct {
	// DryRun only reports.
	DryRun bool `json:"dryRun"`
	// RevokePrevious names a secret, by ARN or name, whose retention ends now; only that secret's tokens are swept.
	RevokePrevious string `json:"revokePrevious"`
}

// ParseRequest reads an event: an object with the fields of Request, or a scheduled event of EventBridge, which asks for
// a plain sweep. Any other field is refused, so that a misspelt dryRun deletes nothing.
func ParseRequest(payload []byte) (Request, error) {
	const remedy = `; send {}, {"dryRun":true} or {"revokePrevious":"<secret ARN or name>"}`
	var scheduled struct {
		Source                 string
		DryRun, RevokePrevious json.RawMessage
	}
	isScheduled := json.Unmarshal(payload, &scheduled) == nil && (scheduled.Source == "aws.events" || scheduled.Source == "aws.scheduler")
	if isScheduled && scheduled.DryRun == nil && scheduled.RevokePrevious == nil {
		return Request{}, nil
	}
	var request *Request
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&request)
	if _, end := decoder.Token(); err != nil || request == nil || !errors.Is(end, io.EOF) {
		return Request{}, errors.New("read the event: it is not a sweep's" + remedy)
	}
	if request.RevokePrevious != "" && !secret.IsID(request.RevokePrevious) {
		return Request{}, errors.New("read the event: field revokePrevious is not the ARN or name of a secret" + remedy)
	}
	return *request, nil
}

// Answer is what a sweep found and did.
type Answer struct {
	DryRun  bool            `json:"dryRun,omitempty"`
	Secrets []*SecretReport `json:"secrets"`
	// Users tells of the tokens that belong to no secret, user by user.
	Users []*UserReport `json:"users"`
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
	// Unclaimed are tokens that appeared around a creation of this secret's and could not be proven ours.
	Unclaimed []engage.Fingerprint `json:"unclaimed"`
	// Deleted are the tokens deleted by this sweep; with DryRun those that it would have deleted.
	Deleted      []engage.Fingerprint `json:"deleted"`
	DeleteFailed []engage.Fingerprint `json:"deleteFailed"`
}

// Current is the token that AWSCURRENT holds.
type Current struct {
	Fingerprint engage.Fingerprint `json:"fingerprint,omitempty"`
	AgeSeconds  int64              `json:"ageSeconds"`
	// Dead tells that the vendor refuses the token: rotate now.
	Dead bool `json:"dead,omitempty"`
}

// Waiting is a token that is to be deleted.
type Waiting struct {
	Fingerprint engage.Fingerprint `json:"fingerprint"`
	NotBefore   time.Time          `json:"notBefore"`
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
	// Strays are foreign tokens of a user declared exclusive, which a later sweep deletes.
	Strays []Waiting `json:"strays,omitempty"`
	// Deleted are the strays deleted by this sweep.
	Deleted []engage.Fingerprint `json:"deleted,omitempty"`
	// Unreadable names ledger parameters that hold no record; remove them when nobody needs them.
	Unreadable []string `json:"unreadable,omitempty"`
}

// Sweeper sweeps. It is safe for concurrent use.
type Sweeper struct {
	config Config
}

// New returns a Sweeper.
func New(config Config) *Sweeper {
	if config.Transport == nil {
		config.Transport = engage.NewTransport()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Sweeper{config: config}
}

// Run carries out a sweep. What fails for one user or secret stands in Answer.Faults; the error is for what stops all.
func (s *Sweeper) Run(ctx context.Context, request Request) (Answer, error) {
	set, err := s.config.Settings.WithParameters(ctx, s.config.Parameters)
	if err != nil {
		return Answer{}, err
	}
	book := ledger.New(s.config.Parameters, set.Prefix)
	views, err := book.ReadAll(ctx)
	if err != nil {
		return Answer{}, err
	}
	run := &run{Sweeper: s, settings: set, ledger: book, request: request, views: views, moved: map[string]bool{}, recorded: map[engage.Fingerprint]bool{},
		answer: Answer{DryRun: request.DryRun, Secrets: []*SecretReport{}, Users: []*UserReport{}}}
	if request.RevokePrevious != "" {
		d, err := s.config.Secrets.Describe(ctx, request.RevokePrevious)
		if err != nil {
			return Answer{}, errors.Join(errors.New("find the secret that revokePrevious names: check its name"), err)
		}
		run.revoke = d.ARN
	}
	var secrets []string
	for _, view := range views {
		secrets = append(secrets, view.Secrets()...)
		for _, record := range view.Tokens {
			if record.State == ledger.Issued || record.State == ledger.Retiring {
				run.recorded[record.Fingerprint] = true
			}
		}
	}
	slices.Sort(secrets)
	run.readHolders(ctx, slices.Compact(secrets))
	for _, user := range sortedUsers(views) {
		run.sweepUser(ctx, user, views[user])
	}
	run.deleteDue(ctx)
	return run.answer, nil
}

func sortedUsers(views map[ledger.User]ledger.View) []ledger.User {
	var users []ledger.User
	for user := range views {
		users = append(users, user)
	}
	slices.Sort(users)
	return users
}

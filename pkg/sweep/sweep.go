// Package sweep goes through all managed secrets on a schedule. It deletes tokens whose retention
// is over, goes on with what crashed rotations left, and reports what it cannot decide.
//
// # Which secrets
//
// The sweep knows its secrets from Secrets Manager (those that the stack's rotation function
// rotates), from the stack (the token secret that it made) and from the ledger. So the loss of the
// ledger does not hide a secret.
//
// # What happens
//
// All secrets are read first. Each Engage user is listed, several users concurrently, each with a
// time limit, so that one slow host does not keep the others waiting:
//
//	list         The user's tokens are listed, by a current token of the user or else by a login.
//	decide       Package decide decides about each record (R1 to R23) and each intent (W1 to W7).
//	write        Marks are written: a token that nothing holds any more is retiring.
//
// Then the sweep waits once for the consistency time, and goes on:
//
//	read again   The users' secrets are read again: whoever puts or swaps a token in from here on
//	             sees the mark, and who did so before is seen.
//	delete       Each decision is made again from the record and the secret as they are now. Only
//	             then is the token deleted. A later list confirms the deletion.
//
// One user's deletions are paced below the vendor's 120 calls a minute. What was not reached in
// time, or not taken by the vendor, is named in the answer and comes first in the next sweep.
//
// # What a crash leaves
//
// A mark without its deletion is due for the next sweep. A deletion without its record is made
// again; the token is gone by then, and its record is removed when a believable list lacks it.
//
// Two sweeps at once, or a sweep during a rotation, do no harm: a decision is made again from the
// record as it is right before the deletion.
//
// # What is never deleted
//
// The token of AWSCURRENT or AWSPENDING of any secret that can be read, whatever its record says. A
// token without a record. An unclaimed token, unless EXCLUSIVE_USER is true and every secret could
// be read, or an operator names its fingerprint. While the vendor refuses everything, or the list
// does not hold the token that it was asked for with, nothing is concluded from it.
package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/internal/changes"
	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/inventory"
	"engage-token-rotation/pkg/internal/orders"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/sharing"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/internal/unanswered"
	"engage-token-rotation/pkg/internal/users"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// Limits of a sweep.
const (
	// concurrency is how many users have their turn at a time. Most of a turn is waiting.
	concurrency = 32
	// userTime is how long the listing of one user, and the decisions about its records, may take.
	userTime = 60 * time.Second
	// answerTime is what is kept of the invocation's time for the answer.
	answerTime = 10 * time.Second
	// writeRate is how many entries of the ledger a sweep writes a second, after the first writeBurst:
	// SSM takes 3 PutParameter a second in an account and Region, and rotations need some of them.
	writeRate, writeBurst = 2.5, 10
)

// Config configures a Sweeper. Secrets and Parameters are required.
type Config struct {
	Secrets    holders.Store
	Parameters ledger.Parameters
	// Settings are those of the environment; the parameters override them.
	Settings settings.Settings
	// RotationFunction is the ARN of the stack's rotation function; empty means any function.
	RotationFunction string
	// TokenSecret is the ARN of the stack's token secret; it may be empty.
	TokenSecret string
	// Transport carries the calls to the vendor; nil means engage.NewTransport().
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Jitter is passed on to the vendor's client; nil means random.
	Jitter func() float64
	// Log gets detail; nil discards it.
	Log *slog.Logger
}

// Sweeper sweeps. It is safe for concurrent use.
type Sweeper struct {
	config   Config
	settings *settings.Loader
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
	loader := &settings.Loader{
		Environment: config.Settings, Parameters: config.Parameters, Now: config.Now, Log: config.Log,
	}
	return &Sweeper{config: config, settings: loader}
}

// run is one sweep at work.
type run struct {
	*Sweeper
	settings  settings.Settings
	ledger    *ledger.Ledger
	request   events.Sweep
	only      string // ARN of the one secret that is swept, or ""
	entries   ledger.All
	index     ledger.Index // of the entries
	secrets   *holders.Holders
	users     *users.Users
	creations *unanswered.Creations
	report    *report.Builder
	inventory *inventory.Inventory
	records   *changes.Writer // of the ledger, for all users together
	sharing   *sharing.Notes
	fault     func(error)  // reports what went wrong, if anything did
	isOver    func() bool  // the sweep's time is over
	late      atomic.Int64 // what failed since
}

// Run carries out a sweep. What fails for one user or secret is in Faults; the error is for
// what stops all, and for a request about something unknown.
func (s *Sweeper) Run(ctx context.Context, request events.Sweep) (report.Sweep, error) {
	r, err := s.begin(ctx, request)
	if err != nil {
		return report.Sweep{}, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	r.isOver = func() bool { return ctx.Err() != nil }
	r.secrets.Find(ctx, s.config.RotationFunction, r.known(), r.fault)
	r.secrets.NoteMissing(ctx, r.ledger, r.entries, r.known(), r.fault)
	r.inventory.Absent(r.known())
	orders := request.DeleteToken != "" || request.Forget != ""
	if !orders {
		r.creations.RecordHeld(ctx, r.only)
	}
	r.index = r.entries.Index()
	r.creations.Index(r.index)
	r.findUsers(ctx)
	if orders {
		deleted, err := r.obey(ctx)
		r.report.Deleted(deleted)
		return r.report.Sweep(), err
	}
	r.sweepUsers(ctx)
	r.inventory.Unlisted(r.users, r.only)
	done := r.report.Sweep()
	if late := r.late.Load(); late > 0 && done.Summary.NotReached+done.Summary.Left == 0 {
		r.isOver = func() bool { return false }
		r.fault(fmt.Errorf("the sweep's time was over: %d calls failed or were not made; the next sweep goes on", late))
		done = r.report.Sweep()
	}
	sum := done.Summary
	if request.RevokePrevious != "" && sum.Deleted+sum.Retiring+sum.DeleteFailed == 0 {
		err = r.inventory.NothingToRevoke(ctx, r.only)
	}
	return done, err
}

// begin reads the settings and the ledger.
func (s *Sweeper) begin(ctx context.Context, request events.Sweep) (*run, error) {
	set, err := s.settings.Load(ctx)
	if err != nil {
		return nil, err
	}
	parameters := s.config.Parameters
	writes := rate.NewLimiter(writeRate, writeBurst)
	if request.DryRun {
		parameters, writes = ledger.ReadOnly(parameters), rate.NewLimiter(rate.Inf, 0)
	}
	r := &run{
		Sweeper:  s,
		settings: set,
		ledger:   ledger.New(parameters, set.Prefix),
		request:  request,
		report:   report.NewBuilder(request.DryRun),
	}
	r.fault = r.faults(ctx)
	r.records = &changes.Writer{
		Ledger: r.ledger, Pace: writes, Reserve: answerTime, Now: s.config.Now, Fault: r.fault,
	}
	if r.entries, err = r.ledger.ReadAll(ctx); err != nil {
		return nil, err
	}
	r.secrets = holders.New(s.config.Secrets, r.entries.Missing, s.config.Now)
	r.report.Settings(set.Effective())
	r.report.Unreadable(r.entries.Unreadable)
	r.creations = unanswered.New(s.config.Secrets, r.secrets, r.ledger, r.entries, s.config.Now, r.fault)
	r.inventory = &inventory.Inventory{
		Store: s.config.Secrets, Secrets: r.secrets, Entries: r.entries, Creations: r.creations, Report: r.report,
		Now: s.config.Now,
	}
	r.sharing = &sharing.Notes{
		Secrets: r.secrets, Records: r.records, Retention: r.retention(), Now: s.config.Now,
	}
	if request.RevokePrevious != "" {
		d, err := s.config.Secrets.Describe(ctx, request.RevokePrevious)
		if err != nil {
			return nil, fmt.Errorf("find the secret that revokePrevious names: %w; check its name", err)
		}
		r.only = d.ARN
	}
	return r, nil
}

// known returns the secrets that the stack and the ledger name.
func (r *run) known() []string {
	arns := slices.Sorted(maps.Keys(r.entries.Secrets))
	if secret.IsARN(r.config.TokenSecret) {
		arns = append(arns, r.config.TokenSecret)
	}
	return arns
}

// findUsers finds out as which user each secret logs in.
func (r *run) findUsers(ctx context.Context) {
	finder := &users.Finder{
		Store: r.config.Secrets, Secrets: r.secrets, Settings: r.settings, Records: r.index.ByUser,
		Calls:      target.Calls{Transport: r.config.Transport, Now: r.config.Now, Jitter: r.config.Jitter},
		Parameters: r.config.Parameters, Report: r.report, Fault: r.fault,
	}
	r.users = finder.Find(ctx)
}

// sweepUsers gives each user its turn.
func (r *run) sweepUsers(ctx context.Context) {
	cursor, err := r.ledger.Cursor(ctx)
	r.fault(err)
	users := r.inTurn(cursor)
	parallel.Each(concurrency, users, func(u *user) { u.mark(ctx) })
	if err := r.readAgain(ctx, users); err != nil {
		r.fault(fmt.Errorf("read the secrets and the ledger again: %w; the next sweep deletes what is due", err))
		for _, u := range users {
			u.leave(u.deletions)
		}
	} else {
		parallel.Each(concurrency, users, func(u *user) { u.carryOut(ctx) })
	}
	next := ledger.User("")
	for _, u := range users {
		if !u.reached {
			r.report.NotReached(u.Name)
		}
		if u.left {
			r.report.Left(u.Name)
		}
		if next == "" && (!u.reached || u.left) {
			next = u.Name
		}
	}
	if next != cursor {
		r.fault(r.ledger.SetCursor(context.WithoutCancel(ctx), next))
	}
}

// inTurn returns the users, first the one that the cursor names: its turn did not come, or was not
// over, in the last sweep.
func (r *run) inTurn(cursor ledger.User) []*user {
	var all []*user
	for _, u := range r.users.All {
		all = append(all, &user{run: r, User: u, turns: rate.NewLimiter(rate.Every(pace), atOnce)})
	}
	n := max(0, slices.IndexFunc(all, func(u *user) bool { return u.Name >= cursor }))
	return slices.Concat(all[n:], all[:n])
}

// readAgain reads once more what deletions and open intents rest on. The marks are written by now:
// whoever puts or swaps a token in from here on sees them, and who did so before is seen when reads
// have caught up.
func (r *run) readAgain(ctx context.Context, users []*user) error {
	var arns []string
	appeared := false
	for _, u := range users {
		appeared = appeared || u.appeared
		if !r.request.DryRun {
			arns = append(arns, u.toReadAgain()...)
		}
	}
	if len(arns) == 0 && !appeared {
		return nil
	}
	if err := clock.Sleep(ctx, ledger.Consistency); err != nil { //safeguard:unclaimed-tokens-wait drop
		return err
	}
	r.secrets.Read(ctx, arns, r.fault)
	if !appeared {
		return nil
	}
	return r.creations.ReadAgain(ctx)
}

// obey does what an operator asks for by name.
func (r *run) obey(ctx context.Context) ([]engage.Fingerprint, error) {
	orders := &orders.Orders{
		Store: r.config.Secrets, Secrets: r.secrets, Ledger: r.ledger, Entries: r.entries, Users: r.users.All,
		DryRun: r.request.DryRun, Held: r.request.DeleteHeld, Now: r.config.Now, Fault: r.fault,
	}
	if r.request.Forget != "" {
		return orders.Forget(ctx, r.request.Forget)
	}
	return orders.DeleteToken(ctx, r.request.DeleteToken)
}

// faults returns a function that reports what went wrong, if anything did. What fails because the
// sweep's time is over is counted, and reported once, unless the report names whom the next sweep
// begins with.
func (r *run) faults(ctx context.Context) func(error) {
	return func(err error) {
		switch {
		case err == nil:
		case r.isOver():
			r.late.Add(1)
		default:
			r.config.Log.ErrorContext(ctx, "sweep fault", "error", err.Error())
			r.report.Fault(err)
		}
	}
}

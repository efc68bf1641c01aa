// Package decide decides what a rotation and a sweep do. It is pure: no context, no calls, no
// clock. The caller reads, passes what it read as facts, and carries out the decision.
//
// Each situation has a number: C for createSecret, S for setSecret, T for testSecret, F for
// finishSecret, R for what is done about a record, W for what a sweep does about an intent. The
// constants and their comments are the tables; the number is also in reports, log lines and the
// names of tests.
package decide

// Case is the number of a situation.
type Case string

// Action is what is to be done.
type Action string

// The actions. Each step and each record uses a few of them.
const (
	// Nothing is to be done; the step succeeds.
	Nothing Action = "nothing"
	// Refuse fails the step and leaves everything as it is. The service's next attempt may succeed.
	Refuse Action = "refuse"
	// Abandon takes AWSPENDING from the version and fails the step: the next rotation starts afresh.
	Abandon Action = "abandon"
	// Proceed goes on with the step.
	Proceed Action = "proceed"
	// Reissue puts the recorded token into the version.
	Reissue Action = "reissue"
	// Resume goes on after a swap that an earlier attempt made.
	Resume Action = "resume"
	// Preflight shows that a rotation would work, without making anything.
	Preflight Action = "preflight"
	// RecordAndAbandon records the version's token as issued for the version, and then abandons the
	// version.
	RecordAndAbandon Action = "record and abandon"

	// Keep leaves the record as it is.
	Keep Action = "keep"
	// Write stores Decision.Record.
	Write Action = "write"
	// Delete deletes the token at the vendor, after reading again that no version holds it, and then
	// records it as deleted.
	Delete Action = "delete"
	// Forget removes the record, or ends the intent.
	Forget Action = "forget"
	// Report records what appeared as unclaimed, and then ends the intent.
	Report Action = "report"
	// Watch records what appeared as unclaimed, and keeps the intent.
	Watch Action = "watch"
)

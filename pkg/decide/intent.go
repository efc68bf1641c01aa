package decide

import (
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// What a sweep does about an intent.
const (
	// W1: a record answers the intent. The intent ends.
	W1 Case = "W1"
	// W2: the creation may still be at work, or may not show yet, or its version holds a token that is
	// not recorded yet. The intent stays.
	W2 Case = "W2"
	// W3: no believable list of the user was read, or a cut one may hide a token yet. The intent
	// stays.
	W3 Case = "W3"
	// W4: nothing has appeared since the intent's list. The intent ends.
	W4 Case = "W4"
	// W5: tokens have appeared that no record names and no secret holds. They are recorded as
	// unclaimed, and the intent ends.
	W5 Case = "W5"
	// W6: the user had too many tokens to compare. The intent ends; the sweep names it, because
	// whether a token was created will never be known.
	W6 Case = "W6"
	// W7: as W5, but a cut list may hide another token yet. What appeared is recorded; the intent
	// stays.
	W7 Case = "W7"
)

// How long after its invocation has ended an intent is compared with lists. A list that is cut, or
// empty for once, hides what appeared: one list alone proves nothing. A list that lacks a token
// recorded as alive may be cut, or a person has deleted that token: such lists end an intent only
// much later.
const (
	WatchTime     = time.Hour
	LongWatchTime = UnclaimedLife
)

// Traces is what a sweep knows about an intent.
type Traces struct {
	Now time.Time
	// Answered reports that a record answers the intent.
	Answered bool
	// Held reports that the intent's version holds a token that no record names yet.
	Held bool
	// Listed is a list of the intent's user; nil when there is none.
	Listed []engage.Fingerprint
	// Believable reports that the list holds a token that is known to be alive.
	Believable bool
	// Complete reports that the list holds all tokens that are recorded as alive.
	Complete bool
	// Known are the tokens that records of any secret name, or that any secret holds.
	Known map[engage.Fingerprint]bool
}

// Intent decides what is done about an intent, and returns the tokens that appeared.
func Intent(i ledger.Intent, t Traces) (Case, Action, []engage.Fingerprint) {
	switch {
	case t.Answered:
		return W1, Forget, nil
	case t.Held || !i.Over(t.Now): //safeguard:intents-outlast-a-late-creation
		return W2, Keep, nil
	case t.Listed == nil:
		return W3, Keep, nil
	case !i.Baseline.Known():
		return W6, Forget, nil
	}
	var appeared []engage.Fingerprint
	for _, fingerprint := range t.Listed {
		if !t.Known[fingerprint] && !i.Baseline.Contains(fingerprint) {
			appeared = append(appeared, fingerprint)
		}
	}
	age := t.Now.Sub(i.Until)
	//safeguard:one-list-ends-no-intent on
	certain := t.Complete && age > WatchTime || t.Believable && age > LongWatchTime
	switch {
	case len(appeared) > 0 && certain:
		return W5, Report, appeared
	case len(appeared) > 0:
		return W7, Watch, appeared
	case !certain: //safeguard:intents-wait-for-a-believable-list
		return W3, Keep, nil
	}
	return W4, Forget, nil
}

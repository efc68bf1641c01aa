package simulation

import (
	"testing"
)

// safeguard is a line of the table: where a marked safeguard of the product is missed soonest.
type safeguard struct {
	name string
	in   string // the profile of histories that misses it soonest; empty: any
	few  bool   // it is one of those that TestMutations always removes
}

// safeguards are all that are marked in the product.
var safeguards = []safeguard{
	{name: "abandoned-tokens-have-a-retention", in: "hands"},
	{name: "all-secrets-are-read", in: "exclusive"},
	{name: "awaited-tokens-stay", in: "awaited"},
	{name: "cancelled-rotations-create-nothing", in: "late"},
	{name: "cancelled-versions-are-not-swapped-in", in: "late"},
	{name: "changed-records-are-not-overwritten", in: "crowd"},
	{name: "claimed-tokens-are-not-unclaimed", in: "exclusive"},
	{name: "created-tokens-are-recorded", in: "refused"},
	{name: "cut-lists-end-no-intent", in: "blind"},
	{name: "deletions-are-decided-again", in: "undone"},
	{name: "doubtful-lists-are-checked", in: "blind"},
	{name: "edited-fields-are-not-swapped", in: "people"},
	{name: "edited-secrets-are-not-swapped", in: "people", few: true},
	{name: "failed-swaps-are-looked-at", in: "duel"},
	{name: "five-logins-a-minute", few: true},
	{name: "forget-keeps-unanswered-intents", in: "gone"},
	{name: "forget-keeps-what-others-may-hold", in: "leaving"},
	{name: "given-up-tokens-are-not-swapped-in", in: "late"},
	{name: "held-tokens-stay"},
	{name: "held-unclaimed-tokens-stay", in: "exclusive"},
	{name: "intent-before-the-creation", few: true},
	{name: "intents-outlast-a-late-creation", in: "stranger"},
	{name: "intents-wait-for-a-believable-list", in: "blind"},
	{name: "invocation-may-be-at-work", in: "mild"},
	{name: "labels-are-checked-before-another-swap", in: "late"},
	{name: "late-finish-may-swap", in: "late"},
	{name: "late-logins-are-counted-again", in: "logins"},
	{name: "lists-are-of-the-right-user", in: "hands"},
	{name: "lost-creations-keep-their-intent"},
	{name: "missing-secrets-are-not-gone-yet", in: "gone"},
	{name: "old-labels-do-not-end-a-swap", in: "mild"},
	{name: "one-list-ends-no-intent", in: "blind"},
	{name: "outgoing-tokens-are-ours-by-a-swap", in: "people"},
	{name: "preflight-for-pending-versions-alone", in: "late"},
	{name: "reads-agree-on-current", in: "returns"},
	{name: "records-are-looked-for-again", in: "mild"},
	{name: "records-of-gone-secrets-are-swept", in: "leaving"},
	{name: "records-outlive-a-failed-deletion", in: "undeleted"},
	{name: "retention-is-kept", in: "returns"},
	{name: "returned-token-starts-a-new-retention", in: "returns"},
	{name: "scheduled-secrets-are-no-fault", in: "leaving"},
	{name: "shared-tokens-are-the-sweeps", in: "crowd"},
	{name: "swapped-tokens-are-recorded", in: "records"},
	{name: "the-new-token-stays", few: true},
	{name: "tokens-of-other-pending-versions-stay", in: "returns"},
	{name: "tokens-of-other-secrets-stay", in: "crowd"},
	{name: "tokens-of-other-versions-are-not-swapped-in", in: "tested"},
	{name: "unclaimed-tokens-of-shared-users-stay", in: "stranger"},
	{name: "unclaimed-tokens-have-a-delay", in: "exclusive"},
	{name: "unclaimed-tokens-wait", in: "exclusive"},
	{name: "unrecorded-versions-are-not-swapped-in", in: "tested"},
}

// guarded are the packages with safeguards, below pkg.
var guarded = []string{"decide", "engage", "internal/changes", "internal/holders", "internal/logins",
	"internal/orders", "internal/reading", "internal/unanswered", "internal/users", "internal/witness", "ledger",
	"rotation", "sweep"}

// TestSafeguards checks that each marker of the product has a line in the table, and each line a
// marker, and that each can be removed.
func TestSafeguards(t *testing.T) {
	marked := map[string]bool{}
	for _, m := range markers(t) {
		if marked[m.name] {
			t.Errorf("%s: safeguard %s is marked twice", m, m.name)
		}
		marked[m.name] = true
		if _, err := m.mutant(); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	listed := map[string]bool{}
	for _, s := range safeguards {
		if listed[s.name] {
			t.Errorf("safeguard %s has two lines in the table", s.name)
		}
		listed[s.name] = true
		if !marked[s.name] {
			t.Errorf(
				"safeguard %s is not marked in the product; remove its line, or mark it with //safeguard:%s",
				s.name,
				s.name,
			)
		}
		if !isProfile(s.in) {
			t.Errorf("safeguard %s is looked for in profile %q, which does not exist", s.name, s.in)
		}
	}
	for name := range marked {
		if !listed[name] {
			t.Errorf("safeguard %s is marked in the product; give it a line in the table", name)
		}
	}
}

func isProfile(name string) bool {
	for _, p := range profiles {
		if p.name == name {
			return true
		}
	}
	return false
}

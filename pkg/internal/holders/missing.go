package holders

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/ledger"
)

// GoneAfter is how long Secrets Manager must not have found a secret until it counts as deleted for
// good. Reads may lag, and a missing Region or permission is put right within a day.
const GoneAfter = 24 * time.Hour

var (
	errLeaving = errors.New("the secret is scheduled for deletion; restore it if it is needed")
	errMissing = errors.New("the secret is not found; it may be forgotten")
)

// State is why a secret holds nothing that can be read.
type State string

// The states.
const (
	// Present: the secret exists.
	Present State = ""
	// Leaving: it is scheduled for deletion and may be restored. It may hold any of its tokens.
	Leaving State = "scheduled for deletion"
	// Missing: it is not found. Until GoneAfter it may hold any of its tokens.
	Missing State = "missing"
	// Gone: it has been missing for GoneAfter, and holds nothing.
	Gone State = "gone"
)

// State returns the state of a secret, and since when it is missing.
func (h *Holders) State(arn string) (State, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since, missing := h.missing[arn]
	switch {
	case h.leaving[arn]:
		return Leaving, time.Time{}
	case missing && h.read[arn] != nil:
		return Gone, since
	case missing:
		return Missing, since
	}
	return Present, time.Time{}
}

// miss notes that a secret is not found, and returns it as holding nothing if it counts as gone. It
// does not while Secrets Manager does not list the stack's secrets.
func (h *Holders) miss(arn string) *Secret {
	h.mu.Lock()
	defer h.mu.Unlock()
	since, known := h.missing[arn]
	if !known {
		since = h.now()
		h.missing[arn] = since
	}
	if h.listed && h.now().Sub(since) >= GoneAfter { //safeguard:missing-secrets-are-not-gone-yet term 2
		return &Secret{ARN: arn}
	}
	return nil
}

// note notes what a read showed of a secret that is not missing.
func (h *Holders) note(arn string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaving[arn] = errors.Is(err, errLeaving)
	if err == nil || h.leaving[arn] {
		delete(h.missing, arn)
	}
}

// NoteMissing notes in the ledger since when a secret is missing, and removes that of one that is
// found again, or has no other entries any more. known are the secrets with entries. Each failure
// is passed to fault.
func (h *Holders) NoteMissing(ctx context.Context, l *ledger.Ledger, entries ledger.All, known []string,
	fault func(error)) {
	all := append(slices.Collect(maps.Keys(entries.Missing)), known...)
	slices.Sort(all)
	for _, arn := range slices.Compact(all) {
		var err error
		state, since := h.State(arn)
		switch _, noted := entries.Missing[arn]; {
		case state == Missing && !noted:
			err = l.SetMissing(ctx, arn, since)
		case noted && (state == Present || state == Leaving || !slices.Contains(known, arn)):
			err = l.EndMissing(ctx, arn)
		}
		if err != nil {
			fault(err)
		}
	}
}

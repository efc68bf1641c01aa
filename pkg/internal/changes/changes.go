// Package changes changes records of the ledger, unless they have changed since they were read. A
// sweep reads all records at its start, and rotations go on meanwhile.
package changes

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"engage-token-rotation/pkg/internal/clock"
	"engage-token-rotation/pkg/ledger"
)

// Writer changes records. It is safe for concurrent use. All fields are required.
type Writer struct {
	Ledger *ledger.Ledger
	// Pace is asked before each change.
	Pace *rate.Limiter
	// Reserve is the time that must be left for a removal, which a later sweep can make as well.
	Reserve time.Duration
	Now     func() time.Time
	// Fault is called with what went wrong.
	Fault func(error)
}

// Set writes a record over the one that was read, unless that has changed since, and reports
// whether nothing failed. When the time is over, a later sweep writes it.
func (w *Writer) Set(ctx context.Context, read, changed ledger.Record) bool {
	if w.Pace.Wait(ctx) != nil {
		return false
	}
	return w.unlessChanged(ctx, read, func() error { return w.Ledger.Set(ctx, changed) })
}

// Remove removes a record, unless it has changed since it was read. When the time is over, a later
// sweep removes it.
func (w *Writer) Remove(ctx context.Context, read ledger.Record) {
	if w.Pace.Wait(ctx) == nil && clock.Has(ctx, w.Now(), w.Reserve) {
		w.unlessChanged(ctx, read, func() error { return w.Ledger.Remove(ctx, read) })
	}
}

func (w *Writer) unlessChanged(ctx context.Context, read ledger.Record, change func() error) bool {
	standing, found, err := w.Ledger.Look(ctx, read)
	if err == nil && found && Same(read, standing) { //safeguard:changed-records-are-not-overwritten on
		err = change()
	}
	if err != nil {
		w.Fault(err)
	}
	return err == nil
}

// Same reports whether a record says the same of its token, and was written by the same creation: a
// late createSecret may have written one before the sweep could.
func Same(a, b ledger.Record) bool {
	return a.State == b.State && a.At.Equal(b.At) && a.SharedWith == b.SharedWith && a.Intent == b.Intent
}

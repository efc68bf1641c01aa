package ledger

import "context"

// ReadOnly returns the parameters without the right to change them: every change succeeds and does
// nothing. A dry run works with them.
func ReadOnly(parameters Parameters) Parameters { return readOnly{parameters} }

type readOnly struct{ Parameters }

// Create implements Parameters; it creates nothing.
func (readOnly) Create(context.Context, string, string) (bool, error) { return true, nil }

// Set implements Parameters; it stores nothing.
func (readOnly) Set(context.Context, string, string) error { return nil }

// Delete implements Parameters; it removes nothing.
func (readOnly) Delete(context.Context, string) error { return nil }

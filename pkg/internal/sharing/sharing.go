// Package sharing keeps in the ledger which tokens several secrets hold. A rotation looks at its
// own secret alone, and leaves such a token to the sweep.
package sharing

import (
	"context"
	"time"

	"engage-token-rotation/pkg/internal/changes"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/ledger"
)

// Notes writes to the ledger. It is safe for concurrent use. All fields are required.
type Notes struct {
	Secrets *holders.Holders
	Records *changes.Writer
	// Retention is how long a retiring token lives.
	Retention time.Duration
	Now       func() time.Time
}

// Current records the token of AWSCURRENT when no record of the view, the secret's, names it and
// another secret holds it too.
func (n *Notes) Current(ctx context.Context, m *holders.Secret, view ledger.View) error {
	f := m.Current.Fingerprint()
	holding := n.Secrets.Of(f, m.ARN)
	if _, found := view.Find(f); found || len(holding) == 0 {
		return nil
	}
	return n.Records.Ledger.Create(ctx, ledger.Record{
		Secret: m.ARN, Version: m.CurrentVersion, Fingerprint: f, State: ledger.Outgoing,
		CreatedAt: m.CreatedAt, SharedWith: holding[0],
	})
}

// Record returns the record with the fact that another secret holds its token, or does not any
// more, and writes that. When it does not any more, the retention starts anew, because readers of
// that secret may have the token cached. A secret that cannot be read, mayBeUnread, may hold it
// yet.
func (n *Notes) Record(ctx context.Context, record ledger.Record, mayBeUnread bool) ledger.Record {
	shared := record
	shared.SharedWith = ""
	if holding := n.Secrets.Of(record.Fingerprint, record.Secret); len(holding) > 0 {
		shared.SharedWith = holding[0]
	}
	if end := n.Now().Add(n.Retention); shared.SharedWith == "" && record.SharedWith != "" &&
		record.State == ledger.Retiring && end.After(record.At) {
		shared.At = end
	}
	if shared == record || shared.SharedWith == "" && mayBeUnread || record.State == ledger.Unclaimed {
		return record
	}
	n.Records.Set(ctx, record, shared) // if that fails, the next sweep writes it
	return shared
}

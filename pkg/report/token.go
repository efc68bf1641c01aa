package report

import (
	"engage-token-rotation/pkg/decide"
	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// Decided adds what was decided about a token of a secret, and the token if it waits.
func (b *Builder) Decided(arn string, d decide.Decision) {
	b.About(arn, func(s *Secret) {
		f := d.Record.Fingerprint
		s.Cases[f] = string(d.Case)
		switch {
		case d.Action == decide.Delete, d.Action == decide.Forget:
		case d.Record.State == ledger.Retiring:
			s.wait(d.Record)
		case d.Record.State == ledger.Unclaimed && d.Case != decide.R1:
			s.Unclaimed = append(s.Unclaimed, NewRemovable(f, d.Record.At))
		}
	})
}

// TokenUnreachable adds a token of a secret of which the vendor says nothing that can be believed.
func (b *Builder) TokenUnreachable(arn string, f engage.Fingerprint) {
	b.About(arn, func(s *Secret) { s.Unreachable = append(s.Unreachable, f) })
}

// TokenDeleted adds a token that was deleted.
func (b *Builder) TokenDeleted(r ledger.Record) {
	b.About(r.Secret, func(s *Secret) { s.Deleted = append(s.Deleted, r.Fingerprint) })
}

// TokenLeft adds a due token that is left to the next sweep.
func (b *Builder) TokenLeft(r ledger.Record) { b.About(r.Secret, func(s *Secret) { s.wait(r) }) }

// TokenFailed adds a due token that could not be deleted and waits for the next sweep.
func (b *Builder) TokenFailed(r ledger.Record) {
	b.About(r.Secret, func(s *Secret) {
		s.DeleteFailed = append(s.DeleteFailed, r.Fingerprint)
		s.wait(r)
	})
}

func (s *Secret) wait(r ledger.Record) {
	s.Retiring = append(s.Retiring, Waiting{Fingerprint: r.Fingerprint, NotBefore: r.At})
}

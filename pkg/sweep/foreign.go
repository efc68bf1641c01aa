package sweep

import (
	"context"
	"fmt"
	"maps"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/ledger"
)

// sweepForeign counts the tokens that belong to no secret, and, of a user declared exclusive, retires them: seen by one
// sweep, deleted by a later one.
func (u *userSweep) sweepForeign(ctx context.Context) {
	report := &UserReport{User: u.user, Unreadable: u.view.Unreadable}
	known, strays := map[engage.Fingerprint]bool{}, map[engage.Fingerprint]ledger.Token{}
	for _, record := range u.view.Tokens {
		if record.State == ledger.Stray {
			strays[record.Fingerprint] = record
			continue
		}
		if record.State != ledger.Unclaimed || !u.settings.Exclusive {
			known[record.Fingerprint] = true
		}
	}
	maps.Copy(known, u.recorded)
	// It may be a secret's that could not be read, or have come of a creation that is open.
	certain := u.whole && len(u.view.Unreadable) == 0 && len(u.view.Intents) == 0
	for _, token := range u.tokens {
		fingerprint := token.Fingerprint()
		stray, seen := strays[fingerprint]
		delete(strays, fingerprint)
		switch {
		case known[fingerprint] || u.heldByAny(fingerprint) || !u.settings.Exclusive:
			if seen {
				u.write(ctx, func() error { return u.ledger.Remove(ctx, u.user, stray) })
			}
			if !known[fingerprint] && !u.heldByAny(fingerprint) {
				report.Foreign++
			}
		case !certain:
			report.Foreign++
		case seen && stray.Due(u.config.Now()):
			report.Foreign++
			u.deleteStray(stray, token, report)
		default:
			report.Foreign++
			if !seen {
				now := u.config.Now()
				stray = ledger.Token{Fingerprint: fingerprint, State: ledger.Stray, CreatedAt: now, NotBefore: now.Add(grace)}
				u.write(ctx, func() error { return u.ledger.Set(ctx, u.user, stray) })
			}
			report.Strays = append(report.Strays, Waiting{fingerprint, stray.NotBefore})
		}
	}
	for _, gone := range strays {
		u.write(ctx, func() error { return u.ledger.Remove(ctx, u.user, gone) })
	}
	u.answer.Users = append(u.answer.Users, report)
}

func (u *userSweep) deleteStray(stray ledger.Token, token engage.Token, report *UserReport) {
	u.plan(deletion{record: stray, found: whereabouts{token: token, access: u.access}, told: func(deleted bool, err error) error {
		if err != nil {
			return fmt.Errorf("delete stray token %s: %w; the next sweep tries again", stray.Fingerprint, err)
		}
		if deleted {
			report.Foreign--
			report.Deleted = append(report.Deleted, stray.Fingerprint)
		}
		return nil
	}})
}

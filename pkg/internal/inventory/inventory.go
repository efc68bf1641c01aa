// Package inventory reports what a sweep finds of secrets, of their users' tokens and of creations.
// It decides and changes nothing.
package inventory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/internal/holders"
	"engage-token-rotation/pkg/internal/parallel"
	"engage-token-rotation/pkg/internal/unanswered"
	"engage-token-rotation/pkg/internal/users"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/report"
	"engage-token-rotation/pkg/secret"
)

// concurrency is how many secrets of a user are read at a time.
const concurrency = 32

// Inventory reports to Report. It is safe for concurrent use. All fields are required.
type Inventory struct {
	Store     secret.Getter
	Secrets   *holders.Holders
	Entries   ledger.All
	Creations *unanswered.Creations
	Report    *report.Builder
	Now       func() time.Time
}

// Absent reports the known secrets that cannot be found or are scheduled for deletion.
func (i *Inventory) Absent(known []string) {
	for _, arn := range append(slices.Sorted(maps.Keys(i.Entries.Missing)), known...) {
		if state, since := i.Secrets.State(arn); state != holders.Present {
			i.Report.About(arn, func(s *report.Secret) { s.State, s.MissingSince = string(state), since })
		}
	}
}

// Current reports the token of AWSCURRENT of one of the user's secrets.
func (i *Inventory) Current(ctx context.Context, u *users.User, m *holders.Secret) {
	var current report.Current
	if !m.Current.IsZero() {
		current.Fingerprint = m.Current.Fingerprint()
		created := m.CreatedAt
		if record, found := i.Entries.Secrets[m.ARN].Find(current.Fingerprint); found && created.IsZero() {
			created = record.CreatedAt
		}
		if !created.IsZero() {
			current.AgeSeconds = int64(i.Now().Sub(created).Seconds())
		}
		if _, alive := u.Listed[current.Fingerprint]; u.Listed != nil && !alive {
			dead, err := u.Client.Dead(ctx, m.Current, created, u.Auth)
			current.Dead = err == nil && dead
		}
	}
	i.Report.About(m.ARN, func(s *report.Secret) {
		s.Current, s.Unfinished = current, m.PendingVersion != ""
	})
}

// Foreign counts the listed tokens of a user that no record names and no secret holds, and names
// those of them that AWSPREVIOUS of a secret holds.
func (i *Inventory) Foreign(ctx context.Context, u *users.User) {
	foreign := map[engage.Fingerprint]bool{}
	for f := range u.Listed {
		if !i.Creations.Known(f) {
			foreign[f] = true
		}
	}
	i.Report.User(u.Name, len(foreign))
	if len(foreign) == 0 {
		return
	}
	parallel.Each(concurrency, u.Own, func(m *holders.Secret) {
		previous := i.previous(ctx, m)
		if foreign[previous] {
			i.Report.About(m.ARN, func(s *report.Secret) {
				s.Unrecorded = append(s.Unrecorded, report.NewRemovable(previous, time.Time{}))
			})
		}
	})
}

// previous returns the token that AWSPREVIOUS of the secret holds, or "".
func (i *Inventory) previous(ctx context.Context, m *holders.Secret) engage.Fingerprint {
	version := m.Labels.Holder(secret.LabelPrevious)
	if version == "" || version == m.CurrentVersion || version == m.PendingVersion {
		return ""
	}
	token, err := secret.TokenOf(ctx, i.Store, m.ARN, version, "")
	if err != nil {
		return ""
	}
	return token.Fingerprint()
}

// Unlisted reports the secrets whose user is not known, since their login fields cannot be read;
// only this secret, unless only is "".
func (i *Inventory) Unlisted(found *users.Users, only string) {
	for _, m := range i.Secrets.All() {
		if found.BySecret[m.ARN] != nil || only != "" && only != m.ARN {
			continue
		}
		i.Report.About(m.ARN, func(s *report.Secret) {
			s.Current.Fingerprint = m.Current.Fingerprint()
			for _, record := range i.Entries.Secrets[m.ARN].Records {
				s.Unreachable = append(s.Unreachable, record.Fingerprint)
			}
		})
	}
}

// Outcomes reports what became of intents.
func (i *Inventory) Outcomes(outcomes []unanswered.Outcome) {
	for _, o := range outcomes {
		i.Report.About(o.Intent.Secret, func(s *report.Secret) {
			if o.Open {
				s.OpenIntents = append(s.OpenIntents, report.OpenIntent{
					Version: o.Intent.Version, StartedAt: o.Intent.StartedAt,
				})
			}
			for _, f := range o.Appeared {
				s.Unclaimed = append(s.Unclaimed, report.NewRemovable(f, i.Now()))
			}
		})
	}
}

// NothingToRevoke returns the error of a revokePrevious for a secret of which the ledger knows no
// retiring token. It names the token of AWSPREVIOUS.
func (i *Inventory) NothingToRevoke(ctx context.Context, arn string) error {
	m := i.Secrets.Get(arn)
	if m == nil {
		return fmt.Errorf("revokePrevious: secret %s cannot be read; correct the faults named in the log", arn)
	}
	hint := "without a retention the rotation has deleted it; else check the name and the ledger's prefix"
	if f := i.previous(ctx, m); f != "" && !i.Creations.Known(f) {
		hint = fmt.Sprintf(`%s holds token %s, which the ledger does not name; if it is yours, send %s`,
			secret.LabelPrevious, f, report.NewRemovable(f, i.Now()).Remove)
	}
	return fmt.Errorf("revokePrevious: the ledger knows no retiring token of secret %s; %s", arn, hint)
}

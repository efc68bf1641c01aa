package report

import "slices"

// Summary is a sweep in a few numbers, the same few for one secret and for ten thousand.
type Summary struct {
	// Secrets counts the secrets that were read.
	Secrets int `json:"secrets"`
	// OldestTokenSeconds is the age of the oldest current token, and OldestSecret the ARN of the
	// secret that holds it.
	OldestTokenSeconds int64  `json:"oldestTokenSeconds"`
	OldestSecret       string `json:"oldestSecret,omitempty"`
	// Dead counts the secrets whose current token the vendor refuses.
	Dead int `json:"dead"`
	// Unfinished counts the secrets with AWSPENDING on a version other than AWSCURRENT: a rotation is
	// at work on them, or has failed.
	Unfinished int `json:"unfinished"`
	// Retiring, Unclaimed, Deleted and DeleteFailed count tokens.
	Retiring     int `json:"retiring"`
	Unclaimed    int `json:"unclaimed"`
	Deleted      int `json:"deleted"`
	DeleteFailed int `json:"deleteFailed"`
	// Foreign counts the tokens of the users that belong to no secret.
	Foreign int `json:"foreign"`
	// NotReached counts the users whose turn did not come, Left those with due tokens that are left to
	// the next sweep, and Faults what went wrong.
	NotReached int `json:"notReached"`
	Left       int `json:"left"`
	Faults     int `json:"faults"`
}

func (s Sweep) summary() Summary {
	sum := Summary{
		Secrets: len(s.Secrets), Deleted: len(s.Deleted), NotReached: len(s.NotReached), Left: len(s.Left),
		Faults: len(s.Faults),
	}
	for _, secret := range s.Secrets {
		sum.Retiring += len(secret.Retiring)
		sum.Unclaimed += len(secret.Unclaimed)
		sum.Deleted += len(secret.Deleted)
		sum.DeleteFailed += len(secret.DeleteFailed)
		if secret.Current.Dead {
			sum.Dead++
		}
		if secret.Unfinished {
			sum.Unfinished++
		}
		if age := secret.Current.AgeSeconds; age > sum.OldestTokenSeconds {
			sum.OldestTokenSeconds, sum.OldestSecret = age, secret.Secret
		}
	}
	for _, user := range s.Users {
		sum.Foreign += user.Foreign
	}
	return sum
}

// NeedsAttention reports whether the sweep did something about the secret, or somebody should: its
// token is dead, the secret is not there, or some token of it was deleted, could not be, is
// unclaimed or unrecorded, or a creation is open.
func (s *Secret) NeedsAttention() bool {
	return s.Current.Dead || s.State != "" || len(s.Deleted)+len(s.DeleteFailed)+len(s.Unclaimed)+len(s.Unrecorded)+
		len(s.Unreachable)+len(s.OpenIntents) > 0
}

// The limits of an answer, so that it stays below the 6 MB that Lambda returns. A secret takes some
// 400 bytes, most of it the ARN.
const (
	// MaxBrief is how many secrets, users, faults and names a brief answer holds of each.
	MaxBrief = 100
	// MaxFull is how many of each a full answer holds.
	MaxFull = 10_000
)

// Limit returns the report with at most limit entries in each list, first the secrets that need
// attention. The summary counts all, and Omitted what was left out.
func (s Sweep) Limit(limit int) Sweep {
	attention, quiet := []*Secret{}, []*Secret(nil)
	for _, secret := range s.Secrets {
		if secret.NeedsAttention() {
			attention = append(attention, secret)
		} else {
			quiet = append(quiet, secret)
		}
	}
	if len(s.Secrets) > limit {
		s.Secrets = append(attention, quiet...)
	}
	s.Secrets = cut(s.Secrets, limit, &s.Omitted)
	s.Users = cut(s.Users, limit, &s.Omitted)
	s.NotReached = cut(s.NotReached, limit, &s.Omitted)
	s.Left = cut(s.Left, limit, &s.Omitted)
	s.Settings = cut(s.Settings, limit, &s.Omitted)
	s.Unreadable = cut(s.Unreadable, limit, &s.Omitted)
	s.Faults = cut(s.Faults, limit, &s.Omitted)
	return s
}

// cut returns at most limit of the entries, and adds the rest to omitted.
func cut[T any](entries []T, limit int, omitted *int) []T {
	if len(entries) <= limit {
		return entries
	}
	*omitted += len(entries) - limit
	return slices.Clone(entries[:limit])
}

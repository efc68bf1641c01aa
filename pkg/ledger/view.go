package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"engage-token-rotation/pkg/engage"
)

// View holds what the ledger held of one secret at one moment.
type View struct {
	Intents []Intent // oldest first
	Records []Record // oldest first
	// Unreadable names parameters that hold neither, or one of another form. They are left alone and
	// reported; while there are any, no unclaimed token is deleted.
	Unreadable []string
}

// Find returns the record of a token.
func (v View) Find(fingerprint engage.Fingerprint) (Record, bool) {
	i := slices.IndexFunc(v.Records, func(r Record) bool { return r.Fingerprint == fingerprint })
	if i < 0 {
		return Record{}, false
	}
	return v.Records[i], true
}

// Answered reports whether a record answers the intent.
func (v View) Answered(intent Intent) bool {
	return slices.ContainsFunc(v.Records, func(r Record) bool { return r.Intent == intent.ID })
}

// add sorts a parameter into the view.
func (v *View) add(name, value string) {
	switch last := lastPart(name); {
	case last == missingName:
		return
	case strings.HasPrefix(last, recordKind):
		if record, err := decodeRecord(name, value); err == nil {
			v.Records = append(v.Records, record)
			return
		}
	default:
		if intent, err := decodeIntent(name, value); err == nil {
			v.Intents = append(v.Intents, intent)
			return
		}
	}
	v.Unreadable = append(v.Unreadable, name)
}

func (v *View) sort() {
	slices.SortFunc(v.Intents, func(a, b Intent) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(v.Records, func(a, b Record) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	slices.Sort(v.Unreadable)
}

// Index finds the entries of all secrets by what they name.
type Index struct {
	ByToken map[engage.Fingerprint][]Record
	ByUser  map[User][]Record
	// Intents are those of creations as a user, oldest first.
	Intents map[User][]Intent
}

// Index returns the index of the entries.
func (a All) Index() Index {
	index := Index{map[engage.Fingerprint][]Record{}, map[User][]Record{}, map[User][]Intent{}}
	for _, arn := range slices.Sorted(maps.Keys(a.Secrets)) {
		for _, record := range a.Secrets[arn].Records {
			index.ByToken[record.Fingerprint] = append(index.ByToken[record.Fingerprint], record)
			index.ByUser[record.User] = append(index.ByUser[record.User], record)
		}
		for _, intent := range a.Secrets[arn].Intents {
			index.Intents[intent.User] = append(index.Intents[intent.User], intent)
		}
	}
	for _, intents := range index.Intents {
		slices.SortStableFunc(intents, func(a, b Intent) int { return a.StartedAt.Compare(b.StartedAt) })
	}
	return index
}

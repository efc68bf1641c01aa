package simulation

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// parameterStore holds SSM parameters in the order of their names, and remembers what they were. It
// does what awstest.ParameterStore does with the calls of package ledger, which TestParameterStore
// checks, at a fraction of the cost: the simulation spends most of its calls here.
type parameterStore struct {
	all     []parameter // in the order of the names
	changes []parameterChange
}

type parameter struct {
	name, value string
	at          time.Time // when it was stored
}

// parameterChange is what a parameter was before a change.
type parameterChange struct {
	at     time.Time
	name   string
	value  string    // empty: there was none
	stored time.Time // when that value was stored
}

// pageSize is how many parameters GetParametersByPath returns at once.
const pageSize = 10

func find(all []parameter, name string) (int, bool) {
	return slices.BinarySearchFunc(all, name, func(p parameter, name string) int { return cmp.Compare(p.name, name) })
}

// get returns a parameter's value, or "".
func (s *parameterStore) get(name string) string {
	if i, found := find(s.all, name); found {
		return s.all[i].value
	}
	return ""
}

// put stores a parameter and returns what it was before, or "".
func (s *parameterStore) put(name, value string) (before string) {
	i, found := find(s.all, name)
	now, old := time.Now(), parameter{}
	if found {
		old, s.all[i] = s.all[i], parameter{name, value, now}
	} else {
		s.all = slices.Insert(s.all, i, parameter{name, value, now})
	}
	s.changes = append(s.changes, parameterChange{now, name, old.value, old.at})
	return old.value
}

// remove removes a parameter and returns what it was before, or "".
func (s *parameterStore) remove(name string) (before string) {
	i, found := find(s.all, name)
	if !found {
		return ""
	}
	old := s.all[i]
	s.all = slices.Delete(s.all, i, i+1)
	s.changes = append(s.changes, parameterChange{time.Now(), name, old.value, old.at})
	return old.value
}

// below returns the parameters below a path.
func (s *parameterStore) below(path string) []parameter {
	from, _ := find(s.all, path+"/")
	to, _ := find(s.all, path+"0") // the character after the slash
	return s.all[from:to]
}

// page returns the ten parameters after the name next, as they were some time ago, and where the
// next page begins.
func (s *parameterStore) page(path, next string, recursive bool, age time.Duration) (page []parameter, token string) {
	all := s.below(path)
	if age > 0 {
		all = s.rewind(all, path, age)
	}
	from := 0
	if next != "" {
		if at, found := find(all, next); found {
			from = at + 1
		} else {
			from = at
		}
	}
	for _, p := range all[from:] {
		if !recursive && strings.Contains(p.name[len(path)+1:], "/") {
			continue
		}
		if len(page) == pageSize {
			return page, page[pageSize-1].name
		}
		page = append(page, p)
	}
	return page, ""
}

// getAt returns a parameter's value as it was some time ago, or "".
func (s *parameterStore) getAt(name string, age time.Duration) string {
	value := s.get(name)
	for change := range s.since(age) {
		if change.name == name {
			value = change.value
		}
	}
	return value
}

// since yields the changes of the latest age, the newest first.
func (s *parameterStore) since(age time.Duration) func(yield func(parameterChange) bool) {
	from := time.Now().Add(-age)
	return func(yield func(parameterChange) bool) {
		for i := len(s.changes) - 1; i >= 0 && s.changes[i].at.After(from); i-- {
			if !yield(s.changes[i]) {
				return
			}
		}
	}
}

// rewind returns the parameters below a path without the changes of the latest age.
func (s *parameterStore) rewind(all []parameter, path string, age time.Duration) []parameter {
	all = slices.Clone(all)
	for change := range s.since(age) {
		if !strings.HasPrefix(change.name, path+"/") {
			continue
		}
		i, found := find(all, change.name)
		switch {
		case change.value == "" && found:
			all = slices.Delete(all, i, i+1)
		case change.value == "":
		case found:
			all[i] = parameter{change.name, change.value, change.stored}
		default:
			all = slices.Insert(all, i, parameter{change.name, change.value, change.stored})
		}
	}
	return all
}

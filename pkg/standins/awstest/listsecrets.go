package awstest

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Filter selects secrets in ListSecrets by an attribute: Key is name, description, tag-key,
// tag-value, all, or primary-region and owning-service, which no secret of the stand-in has. A
// secret is selected if one of Values fits; of several filters each must select it.
//
// For name, tag-key and tag-value a value fits what begins with it, letter by letter. For
// description and all it is split into words, as the attributes are, and fits if each of its words
// begins a word of an attribute, in any order and without regard to case. With a leading "!" it
// fits what it would not fit without.
type Filter struct {
	Key    string
	Values []string
}

// ListSecretsInput is the request of ListSecrets. SortOrder is asc, the default, or desc.
type ListSecretsInput struct {
	MaxResults             int
	NextToken              string
	Filters                []Filter
	IncludePlannedDeletion bool
	SortOrder              string
}

// ListSecretsOutput is the answer of ListSecrets.
type ListSecretsOutput struct {
	SecretList []*SecretDescription
	NextToken  string `json:",omitempty"`
}

// ListSecrets lists secrets in the order of their creation.
func (s *SecretsManager) ListSecrets(in *ListSecretsInput) (*ListSecretsOutput, error) {
	if err := s.throttle.take("ListSecrets"); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.unlock()
	var found []*secret
	for _, name := range slices.Clone(s.names) {
		sec := s.find(name)
		if sec == nil || !sec.deleteAt.IsZero() && !in.IncludePlannedDeletion || !sec.matches(in.Filters) {
			continue
		}
		found = append(found, sec)
	}
	slices.SortFunc(found, func(a, b *secret) int { return cmp.Compare(a.number, b.number) })
	if in.SortOrder == "desc" {
		slices.Reverse(found)
	}
	page, next, err := paginate(found, in.MaxResults, in.NextToken, 100, errNextToken)
	if err != nil {
		return nil, err
	}
	out := &ListSecretsOutput{SecretList: []*SecretDescription{}, NextToken: next}
	for _, sec := range page {
		entry := sec.describe()
		entry.SecretVersionsToStages, entry.VersionIdsToStages = entry.VersionIdsToStages, nil
		out.SecretList = append(out.SecretList, entry)
	}
	return out, nil
}

const (
	keyName        = "name"
	keyDescription = "description"
	keyTagKey      = "tag-key"
	keyTagValue    = "tag-value"
	keyAll         = "all"
)

var (
	filterKeys  = []string{keyAll, keyName, keyTagKey, keyDescription, keyTagValue, "primary-region", "owning-service"}
	filterValue = regexp.MustCompile(`^!?[a-zA-Z0-9 :_@/+=.!-]*$`)
)

func (in *ListSecretsInput) check() error {
	if !slices.Contains([]string{"", "asc", "desc"}, in.SortOrder) {
		return errConstraint(in.SortOrder, "sortOrder", "Member must satisfy enum value set: [asc, desc]")
	}
	if len(in.Filters) > 10 {
		return errConstraint("...", "filters", "Member must have length less than or equal to 10")
	}
	for i, filter := range in.Filters {
		at := "filters." + strconv.Itoa(i+1) + ".member."
		switch {
		case filter.Key == "":
			return failure(codeInvalidParameter, "Invalid filter key")
		case !slices.Contains(filterKeys, filter.Key):
			return errConstraint(filter.Key, at+"key",
				"Member must satisfy enum value set: ["+strings.Join(filterKeys, ", ")+"]")
		case len(filter.Values) == 0:
			return failure(codeInvalidParameter, "Invalid filter values for key: %s", filter.Key)
		case len(filter.Values) > 10:
			return errConstraint("...", at+"values", "Member must have length less than or equal to 10")
		}
		for _, value := range filter.Values {
			if len(value) > 512 || !filterValue.MatchString(value) {
				return errConstraint(value, at+"values", `Member must satisfy regular expression pattern: `+
					`^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$`)
			}
		}
	}
	return nil
}

func (sec *secret) matches(filters []Filter) bool {
	for _, filter := range filters {
		texts := sec.texts(filter.Key)
		fits := beginsWith
		if filter.Key == keyAll || filter.Key == keyDescription {
			fits = hasWords
		}
		if !slices.ContainsFunc(filter.Values, func(value string) bool {
			value, negated := strings.CutPrefix(value, "!")
			return negated != fits(texts, value)
		}) {
			return false
		}
	}
	return true
}

// texts returns the attributes that a filter's key means.
func (sec *secret) texts(key string) (texts []string) {
	if key == keyName || key == keyAll {
		texts = append(texts, sec.name)
	}
	if key == keyDescription || key == keyAll {
		texts = append(texts, sec.description)
	}
	for _, tag := range sec.tags {
		if key == keyTagKey || key == keyAll {
			texts = append(texts, tag.Key)
		}
		if key == keyTagValue || key == keyAll {
			texts = append(texts, tag.Value)
		}
	}
	return texts
}

func beginsWith(texts []string, value string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, value) })
}

func hasWords(texts []string, value string) bool {
	wanted := words(value)
	return len(wanted) > 0 && slices.ContainsFunc(texts, func(text string) bool {
		has := words(text)
		for _, word := range wanted {
			if !beginsWith(has, word) {
				return false
			}
		}
		return true
	})
}

// words splits a text into words, and returns them in lower case. A word ends at a character that
// is neither a letter nor a digit, and begins anew at a capital that a small letter precedes or
// follows: prod/AppBETAone is prod, app, bet, aone.
func words(text string) []string {
	var found []string
	word := []rune{}
	end := func() {
		if len(word) > 0 {
			found = append(found, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	runes := []rune(text)
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			continue
		}
		followed := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(r) && len(word) > 0 && (unicode.IsLower(word[len(word)-1]) || followed) {
			end()
		}
		word = append(word, r)
	}
	end()
	return found
}

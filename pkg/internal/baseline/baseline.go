// Package baseline keeps which tokens a listing held, in the space of a parameter.
package baseline

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"engage-token-rotation/pkg/engage"
)

// baselineSpace is how many characters of a parameter's 4,096 the baseline may take: the rest of an
// intent holds an ARN of up to some 600 characters, two version ids of up to 64, and times.
const baselineSpace = 2800

// digestWidths are the bytes kept of each token's digest, widest first. At 6 bytes, a fingerprint,
// some 350 tokens fit, at 4 some 520, at 3 some 700. With a shorter digest a new token is likelier
// to seem to be in the baseline, so that a sweep does not report it: at 700 tokens of 3 bytes, for
// one unanswered creation in 24,000.
var digestWidths = []int{6, 4, 3}

// Tokens are the tokens that a listing held, as shortened digests. The zero Tokens are of no
// listing and prove nothing.
type Tokens struct {
	width   int
	digests map[string]bool
}

// Of returns the tokens of a listing. For more than some 700 they are the zero Tokens: then a lost
// creation cannot be found again, only reported.
func Of(tokens []engage.Token) Tokens {
	for _, width := range digestWidths {
		if base64.RawStdEncoding.EncodedLen(width*len(tokens)) > baselineSpace {
			continue
		}
		b := Tokens{width: width, digests: make(map[string]bool, len(tokens))}
		for _, token := range tokens {
			b.digests[b.digest(token.Fingerprint())] = true
		}
		return b
	}
	return Tokens{}
}

// Known reports whether b are of a listing at all.
func (b Tokens) Known() bool { return b.width != 0 }

// Contains reports whether the token was in the listing.
func (b Tokens) Contains(fingerprint engage.Fingerprint) bool {
	return b.digests[b.digest(fingerprint)]
}

func (b Tokens) digest(fingerprint engage.Fingerprint) string {
	raw, err := hex.DecodeString(string(fingerprint))
	if err != nil || len(raw) < b.width {
		return ""
	}
	return string(raw[:b.width])
}

type baselineJSON struct {
	Width   int    `json:"width"`
	Digests string `json:"digests"`
}

// MarshalJSON implements [json.Marshaler].
func (b Tokens) MarshalJSON() ([]byte, error) {
	all := make([]byte, 0, b.width*len(b.digests))
	for _, digest := range sortedKeys(b.digests) {
		all = append(all, digest...)
	}
	return json.Marshal(baselineJSON{b.width, base64.RawStdEncoding.EncodeToString(all)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (b *Tokens) UnmarshalJSON(data []byte) error {
	var document baselineJSON
	if err := json.Unmarshal(data, &document); err != nil {
		return err
	}
	all, err := base64.RawStdEncoding.DecodeString(document.Digests)
	*b = Tokens{}
	if err == nil && document.Width == 0 && len(all) == 0 {
		return nil
	}
	if err != nil || !slices.Contains(digestWidths, document.Width) || len(all)%document.Width != 0 {
		return errors.New("not a baseline")
	}
	b.width = document.Width
	b.digests = make(map[string]bool, len(all)/b.width)
	for ; len(all) > 0; all = all[b.width:] {
		b.digests[string(all[:b.width])] = true
	}
	return nil
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

package simulation

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/standins/engagetest"
)

// lie is a way in which the vendor's answers mislead. A history has one kind of them: two at the
// same time, say a list without a token and a creation that answers with that very token, cannot be
// told from the truth by anybody.
type lie uint8

const (
	noLie         lie = iota
	refusesAll        // 401 or 403 to every call, logins included
	listsNothing      // an empty list
	listsNewest       // the newest tokens alone
	listsOldest       // the oldest tokens alone
	failsDeleting     // 200 with an error for a body; nothing is deleted
	feignDeleting     // the answer of a deletion; nothing is deleted
	repeatsToken      // a creation answers with a token that there is; nothing is created
	capsTokens        // no more tokens than so many for a user; the only one that goes on in the calm
	numberOfLies
)

var lieNames = [numberOfLies]string{
	"none", "everything refused", "empty list", "newest tokens listed", "oldest tokens listed",
	"error in a deletion's 200",
	"deletion without effect", "old token for a new one", "token cap",
}

// witness says how the vendor's answers mislead.
type witness struct {
	lie   lie
	every time.Duration // mean time between the spells in which it lies
	lasts time.Duration // mean time of a spell
	rate  float64       // how many of the calls it lies to in a spell
	most  int           // how many tokens a list shows, or a user may have

	lagging    float64       // how often a creation or deletion takes time to show
	longestLag time.Duration // and how long at the most
	lagsInCalm bool          // that goes on in the calm

	until, next time.Time // the end of the present spell, the start of the next
}

// lying reports whether the vendor lies in this way to the present call.
func (h *history) lying(l lie) bool {
	v := &h.nature.witness
	if v.lie != l || h.calm {
		return false
	}
	now := time.Now()
	if !now.Before(v.next) {
		v.until = now.Add(h.between(0, 2*v.lasts))
		// No invocation sees two spells.
		v.next = v.until.Add(h.nature.lifetime + h.between(0, 2*v.every))
	}
	return now.Before(v.until) && h.chance(v.rate)
}

// mislead answers a call in the vendor's place; nil: it does not.
func (h *history) mislead(r *http.Request, c *call, token string) *http.Response {
	h.asking = c
	switch {
	case h.lying(refusesAll):
		h.lied(refusesAll)
		return newPage(r, pick(h, http.StatusUnauthorized, http.StatusForbidden), "Service Unavailable")
	case c.op == opDelete && h.lying(failsDeleting):
		h.lied(failsDeleting)
		return newRefusal(r, http.StatusOK, `{"errorCode":"internal.error","generalMessage":"try again later"}`)
	case c.op == opDelete && h.lying(feignDeleting) && h.vendor.Alive(token):
		h.lied(feignDeleting)
		return newAnswer(r, http.StatusOK, "true")
	case c.op == opCreate && h.lying(repeatsToken):
		if old := h.oldToken(c.by); old != "" {
			h.lied(repeatsToken)
			h.logf("  answers with the old token %s", h.tokens[old])
			return newAnswer(r, http.StatusOK, old)
		}
	case c.op == opCreate && h.full(c.by):
		h.lied(capsTokens)
		return newAnswer(r, http.StatusBadRequest, `{"errorCode":"token.limit.exceeded"}`)
	}
	return nil
}

func (h *history) lied(l lie) {
	h.lies[l]++
	h.asking.by.faults++
	h.logf("  the vendor lies: %s", lieNames[l])
}

// oldToken returns a token of the invocation's user that its own listing has shown, or "".
func (h *history) oldToken(by *invocation) string {
	user := h.userOf(by)
	if user == nil || by.listedAt.IsZero() {
		return ""
	}
	texts := slices.DeleteFunc(h.vendor.Tokens(user.name), func(text string) bool {
		return !h.tokens[text].listed.Before(by.listedAt)
	})
	if len(texts) == 0 {
		return ""
	}
	return pick(h, texts...)
}

// full reports whether the invocation's user may have no more tokens.
func (h *history) full(by *invocation) bool {
	v := h.nature.witness
	user := h.userOf(by)
	return v.lie == capsTokens && user != nil && len(h.vendor.Tokens(user.name)) >= v.most
}

// userOf returns the user that the invocation has logged in as, or would.
func (h *history) userOf(by *invocation) *user {
	for _, u := range h.users {
		if by.loginUser == u.name || by.loginUser == u.clientID {
			return u
		}
	}
	if by.secret == nil {
		return nil
	}
	return by.secret.user
}

// editList makes a list lie, if it is to: the tokens as a server hands them to
// engagetest.Config.EditList.
func (h *history) editList(username string, texts []string) []string {
	by := h.asking.by
	delete(by.cut, username)
	shown := h.shorten(texts)
	if len(shown) < len(texts) {
		if by.cut == nil {
			by.cut, by.cuts = map[string][]string{}, map[string][][]string{}
		}
		by.cut[username] = shown
		by.cuts[username] = append(by.cuts[username], shown)
	}
	return shown
}

func (h *history) shorten(texts []string) []string {
	v := &h.nature.witness
	all := slices.Clone(texts)
	switch {
	case len(texts) > 0 && h.lying(listsNothing):
		h.lied(listsNothing)
		return nil
	case len(texts) > v.most && h.lying(listsNewest):
		h.lied(listsNewest)
		return h.cut(all, func(place int) bool { return place >= len(texts)-v.most })
	case len(texts) > v.most && h.lying(listsOldest):
		h.lied(listsOldest)
		return h.cut(all, func(place int) bool { return place < v.most })
	}
	return texts
}

// cut keeps the tokens whose places by age are to be kept, 0 being the oldest.
func (h *history) cut(texts []string, keep func(place int) bool) []string {
	byAge := slices.SortedFunc(slices.Values(texts), func(a, b string) int {
		return h.tokens[a].born.Compare(h.tokens[b].born)
	})
	return slices.DeleteFunc(texts, func(text string) bool { return !keep(slices.Index(byAge, text)) })
}

// fooled reports whether a list that the program was given of a user was cut, and held all tokens
// that the ledger called alive when the program read it: nothing that it knows contradicts such a
// list.
func (h *history) fooled(by *invocation, username string) bool {
	return slices.ContainsFunc(by.cuts[username], func(shown []string) bool {
		for name, r := range by.stack.records {
			t := h.byFingerprint[string(r.Fingerprint)]
			known := by.stack.since[name].Before(by.firstRead.Add(-consistency))
			alive := r.State != ledger.Deleted && r.State != ledger.Unclaimed
			if t != nil && t.alive() && known && alive && t.user == username && !slices.Contains(shown, t.text) {
				return false
			}
		}
		return true
	})
}

// lags draws how slowly the vendor's servers learn of one creation or deletion.
func (h *history) lags() engagetest.Propagation {
	v := &h.nature.witness
	h.unlisted = 0
	if v.lagging == 0 || h.calm && !v.lagsInCalm || !h.chance(v.lagging) {
		return engagetest.Propagation{}
	}
	lag := func() engagetest.Lag {
		if h.chance(0.5) {
			return engagetest.Lag{}
		}
		return engagetest.Lag{For: h.between(0, v.longestLag)}
	}
	unlisted := lag()
	h.unlisted = unlisted.For
	return engagetest.Propagation{
		NewUnlisted:     unlisted,
		NewRejected:     lag(),
		DeletedListed:   lag(),
		DeletedAccepted: lag(),
	}
}

// refusedHeader marks, for the observer, a 200 that refuses a deletion.
const refusedHeader = "X-Simulation-Refused"

func newRefusal(r *http.Request, status int, text string) *http.Response {
	response := newAnswer(r, status, text)
	response.Header.Set(refusedHeader, "yes")
	return response
}

func newPage(r *http.Request, status int, text string) *http.Response {
	response := newAnswer(r, status, text)
	response.Header.Set("Content-Type", "text/html")
	return response
}

func newAnswer(r *http.Request, status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text))}
}

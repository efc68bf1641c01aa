package simulation

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/awstest"
)

// What the observer sees, and notes. The checks are in the files of the guarantees.

// register notes a token that there is from now on; by is the program of ours that made it, or nil.
func (h *history) register(text, user string, by *invocation) *token {
	now := time.Now()
	t := &token{
		text:        text,
		fingerprint: hidden.Fingerprint(text),
		user:        user,
		by:          by,
		born:        now,
		listed:      now.Add(h.unlisted),
	}
	if by != nil {
		t.secret = by.secret
	}
	h.tokens[text], h.byFingerprint[t.fingerprint] = t, t
	return t
}

// observeCreated sees a token that a program has created.
func (h *history) observeCreated(by *invocation, text string) {
	t := h.register(text, h.ownerOf(text), by)
	h.logf("  made token %s", t)
	if by.sweeping() {
		h.violate(broken, "a sweep made token %s", t)
		return
	}
	by.created = append(by.created, t)
	if !h.options.yardstick {
		h.checkSecondToken(by, t)
		h.checkAnsweredToken(by, t)
	}
	h.duel(by.stack)
}

// ownerOf returns the user that a token is of.
func (h *history) ownerOf(text string) string {
	for _, u := range h.users {
		if slices.Contains(h.vendor.Tokens(u.name), text) {
			return u.name
		}
	}
	return ""
}

// observeAnswered sees that an answer of the vendor reaches a program. It runs on the program's
// goroutine.
func (h *history) observeAnswered(by *invocation, op, token string, response *http.Response) {
	if op == opDelete && (response.StatusCode < 300 || response.StatusCode == 404 || response.StatusCode == 410) {
		if by.accepted == nil {
			by.accepted = map[string]bool{}
		}
		by.accepted[token] = response.Header.Get(refusedHeader) == ""
		return
	}
	if response.StatusCode != http.StatusOK {
		return
	}
	switch op {
	case opLogin, opExchange:
		by.loggedIn++
	case opCreate:
		if n := len(by.created); n > 0 {
			by.created[n-1].answered = true
		}
	}
}

// observeListed sees a list that reaches a program; auth is the token that asked for it, or "".
func (h *history) observeListed(by *invocation, auth, body string) {
	by.listedAt = time.Now()
	if by.firstListed.IsZero() {
		by.firstListed = by.listedAt
	}
	h.noteListed(by, auth)
	if auth == "" || !strings.Contains(body, auth) {
		return
	}
	if by.verified == nil {
		by.verified = map[string]bool{}
	}
	by.verified[auth] = true
	if h.options.yardstick && by.run != nil { // which verifies in one step and swaps in another
		by.run.verified = by.verified
	}
}

// noteListed notes of which user the program is shown a list just now.
func (h *history) noteListed(by *invocation, auth string) {
	if by.listedOf == nil {
		by.listedOf = map[string]time.Time{}
	}
	if t := h.tokens[auth]; t != nil {
		by.listedOf[t.user] = by.listedAt
	} else if u := h.userOf(by); u != nil {
		by.listedOf[u.name] = by.listedAt
	}
}

// observeGet sees that a program reads a version.
func (h *history) observeGet(by *invocation, arn, version, label string, age time.Duration) {
	s := h.secretOf[arn]
	if label != labelCurrent || s == nil {
		return
	}
	by.look(s, age)
	by.see(s, version)
	if by.secret == s {
		by.base = version
	}
}

// observeDescribed sees that a program reads the labels of a secret.
func (h *history) observeDescribed(by *invocation, arn string, age time.Duration) {
	s := h.secretOf[arn]
	if s == nil {
		return
	}
	by.look(s, age)
	if by.labels == nil {
		by.labels = map[*managed]time.Time{}
	}
	by.labels[s] = time.Now().Add(-age)
	if by.secret == s {
		by.described, by.describedAt = by.labels[s], time.Now()
	}
}

// observePut sees a value that a program has put into a pending version, by a request that was sent
// some time ago.
func (h *history) observePut(by *invocation, arn, version, text string, sent time.Time) {
	s := h.secretOf[arn]
	h.checkCancelledPut(by, s, version)
	delete(s.cancelled, version) // by now it is pending again
	s.madeFrom(version, by.base)
	s.pendingSince = time.Now()
	h.observeCurrent(by, s)
	t := h.tokens[tokenIn(text)]
	if t == nil {
		h.violate(broken, "%s was given a token that nobody has made", s)
		return
	}
	h.checkPutOwner(by, s, t)
	h.checkPutState(by, s, t, sent)
	t.held = true
	by.put = t.text
}

// madeFrom notes that an attempt makes a version from another one.
func (s *managed) madeFrom(version, base string) {
	if s.bases == nil {
		s.bases = map[string][]string{}
	}
	s.bases[version] = append(s.bases[version], base)
}

// swap is a move of AWSCURRENT by a program.
type swap struct {
	by     *invocation
	secret *managed
	sent   time.Time
	before secretMemory // what the secret was
	t      *token       // that is AWSCURRENT's now
}

// observeMove sees a label that a program has moved by a request that was sent some time ago.
func (h *history) observeMove(by *invocation, arn, label string, sent time.Time) {
	s := h.secretOf[arn]
	before := s.secretMemory
	h.observeCurrent(by, s)
	if label != labelCurrent || s.currentVersion == before.currentVersion { // the same move once more
		return
	}
	if old := h.tokens[before.current]; old != nil {
		old.swapped, old.swappedAt = true, time.Now()
		if old.swappedBy == nil {
			old.swappedBy = map[*stack]bool{}
		}
		old.swappedBy[by.stack] = true
		by.replaced = old
	}
	move := swap{by: by, secret: s, sent: sent, before: before, t: h.tokens[s.current]}
	if move.t == nil {
		h.violate(dead, "AWSCURRENT of %s holds no token", s)
		return
	}
	h.checkVerified(move)
	h.checkSwap(move)
	h.checkEdits(move)
}

// observeCurrent looks where the labels of a secret are. by is who has changed something, nil for a
// person.
func (h *history) observeCurrent(by *invocation, s *managed) {
	out, err := h.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: s.arn})
	if err != nil {
		panic(err)
	}
	h.observePending(s)
	if out.VersionId == s.currentVersion {
		return
	}
	now := time.Now()
	if old := h.tokens[s.current]; old != nil {
		old.lastCurrent, old.lastOf, old.replacedByHand = now, s, by == nil
	}
	s.currentVersion, s.current, s.fields = out.VersionId, tokenIn(*out.SecretString), fieldsOf(*out.SecretString)
	s.since, s.byHand, s.excused = now, by == nil, ""
	if by == nil {
		s.handMoves = append(s.handMoves, now)
	}
	t := h.tokens[s.current]
	if t == nil {
		return
	}
	t.held = true
	t.putBack, t.currentSince, t.swept = by == nil && !t.lastCurrent.IsZero(), now, false
	h.checkAliveAtMove(by, s, t)
}

// observePending looks where AWSPENDING is, and what its version holds.
func (h *history) observePending(s *managed) {
	out, err := h.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: s.arn})
	if err != nil {
		panic(err)
	}
	before, held := s.pendingVersion, s.pending
	s.pending, s.pendingVersion = "", ""
	for version, labels := range out.VersionIdsToStages {
		if slices.Contains(labels, labelPending) {
			s.pendingVersion = version
		}
	}
	if s.pendingVersion != before {
		s.pendingBegan = time.Now()
	}
	if s.pendingVersion == "" {
		return
	}
	in := &awstest.GetSecretValueInput{SecretId: s.arn, VersionId: s.pendingVersion}
	if out, err := h.secretsManager.GetSecretValue(in); err == nil {
		s.pending = tokenIn(*out.SecretString)
	} else if s.isScheduled() { // and cannot be written
		s.pending = held
	}
}

// observeDeleted sees a token that a program has deleted by a request that was sent some time ago.
func (h *history) observeDeleted(by *invocation, text string, sent time.Time) {
	t := h.tokens[text]
	t.died, t.deletedAt, t.retired = time.Now(), time.Now(), by.request.Forget != ""
	h.logf("  deleted token %s", t)
	if by.request.DryRun {
		h.violate(broken, "a dry run deleted token %s", t)
	}
	h.checkHolders(by, t, sent)
	h.checkGone(by, t)
	h.checkRetention(by, t, sent)
	h.checkDeletedOwner(by, t)
	h.readers.after(t)
}

// observeStep sees the end of a step.
func (h *history) observeStep(i *invocation) {
	if i.loggedIn > 1 {
		h.violate(logins, "%s logged in %d times", i, i.loggedIn)
	}
	if !h.options.yardstick {
		h.checkLeftAlive(i)
	}
}

// observeSweep sees the end of a sweep.
func (h *history) observeSweep(i *invocation) {
	if i.dead || i.failed || i.disturbed > 0 || !whole(i.answer) || i.request != plainSweep {
		return
	}
	for _, s := range i.stack.secrets {
		t := h.tokens[s.current]
		shown := i.began.Add(-consistency)
		if !s.presentSince(shown) {
			continue
		}
		s.swept = i.began
		if t == nil || !t.currentSince.Before(shown) || !t.lastWriteBeside(i).Before(shown) {
			continue
		}
		t.swept = true
		both := t.copiedTo != nil && t.copiedFrom.presentSince(shown) && t.copiedTo.presentSince(shown)
		if both && t.copiedAt.Before(shown) && t.copySeenAt.IsZero() {
			t.copySeenAt, t.copyLost = time.Now(), false
		}
	}
}

// lastWriteBeside returns when another program than this one last wrote a record of the token.
func (t *token) lastWriteBeside(i *invocation) time.Time {
	if t.writtenBy == i {
		return t.writtenBefore
	}
	return t.written
}

// tokenIn returns the token in a document.
func tokenIn(text string) string {
	_, rest, found := strings.Cut(text, `"apiToken":"`)
	if !found {
		return ""
	}
	text, _, _ = strings.Cut(rest, `"`)
	return text
}

// fieldsOf returns a document without the token and its date.
func fieldsOf(text string) string {
	for _, field := range []string{"apiToken", "apiTokenCreatedAt"} {
		before, rest, found := strings.Cut(text, `,"`+field+`":"`)
		if !found {
			continue
		}
		_, after, _ := strings.Cut(rest, `"`)
		text = before + after
	}
	return text
}

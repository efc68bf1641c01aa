package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/standins/awstest"
)

func (w *world) violate(g guarantee, format string, args ...any) {
	v := violation{g, fmt.Sprintf(format, args...)}
	w.violations = append(w.violations, v)
	w.logf("!!! %s", v)
}

func (w *world) register(text, user string, by *invocation) *token {
	t := &token{text: text, fingerprint: hidden.Fingerprint(text), user: user, by: by, born: time.Now(), listed: time.Now()}
	if by != nil {
		t.secret = by.secret
	}
	w.tokens[text], w.byFingerprint[t.fingerprint] = t, t
	return t
}

func (w *world) observeCreated(by *invocation, text string) {
	t := w.register(text, "", by)
	t.listed = t.born.Add(w.unlisted)
	for _, u := range w.users {
		if slices.Contains(w.vendor.Tokens(u.name), text) {
			t.user = u.name
			w.ledgerUsers[u.name] = by.ledgerUser
		}
	}
	by.created = append(by.created, t)
	if !w.options.yardstick && !by.sweeping {
		w.observeSecond(by, t)
	}
	w.logf("  made token %s", t)
	if by.sweeping {
		w.violate(broken, "a sweep made token %s", t)
	}
	w.duel()
}

func (w *world) observeListed(by *invocation, auth string) {
	by.listedAt = time.Now()
	if auth == "" {
		return
	}
	if by.verified == nil {
		by.verified = map[string]bool{}
	}
	by.verified[auth] = true
	if w.options.yardstick && by.run != nil { // which verifies in one step and swaps in another
		by.run.verified = by.verified
	}
}

func (w *world) observeGet(by *invocation, arn, version, label string, age time.Duration) {
	if label == rotation.LabelCurrent && w.secretOf[arn] != nil {
		w.observeLook(by, arn, age)
		by.see(w.secretOf[arn], version)
		if by.secret == w.secretOf[arn] {
			by.base = version
		}
	}
}

// see notes which version the program sees as AWSCURRENT.
func (i *invocation) see(s *managed, version string) {
	if i.seen == nil {
		i.seen = map[*managed][2]string{}
	}
	first := i.seen[s][0]
	if first == "" {
		first = version
	}
	i.seen[s] = [2]string{first, version}
}

// sawMove reports whether the program saw AWSCURRENT move.
func (i *invocation) sawMove(s *managed) bool { return i.seen[s][0] != i.seen[s][1] }

// observeDescribed sees that a program looks where all labels of its secret stood some time ago.
func (w *world) observeDescribed(by *invocation, arn string, age time.Duration) {
	w.observeLook(by, arn, age)
	if by.secret == w.secretOf[arn] {
		by.described, by.describedAt = time.Now().Add(-age), time.Now()
	}
}

// observeLook sees that a program looks where the labels of a secret stood some time ago.
func (w *world) observeLook(by *invocation, arn string, age time.Duration) {
	if by.looked == nil {
		by.looked = map[*managed]time.Time{}
	}
	by.looked[w.secretOf[arn]] = time.Now().Add(-age)
}

// knewGivenUp reports whether the program had read in the ledger that the token was given up when it sent a request.
func (i *invocation) knewGivenUp(t *token, sent time.Time) bool {
	at, known := i.givenUp[t.fingerprint]
	return known && at.Before(sent)
}

// observePut sees a value that a program has put into a pending version, by a request that was sent some time ago.
func (w *world) observePut(by *invocation, arn, version, text string, sent time.Time) {
	s := w.secretOf[arn]
	if at, ok := s.cancelled[version]; ok && by.began.Sub(at) > 10*time.Second {
		w.violate(broken, "%s goes on with version %.8s of %s, which somebody cancelled", by, version, s)
	}
	delete(s.cancelled, version) // by now it is pending again
	s.madeFrom(version, by.base)
	t := w.tokens[tokenIn(text)]
	s.pendingSince = time.Now()
	w.observeCurrent(by, s)
	switch {
	case t == nil:
		w.violate(broken, "%s was given a token that nobody has made", s)
		return
	case by.request.DryRun || by.sweeping:
		w.violate(broken, "a sweep wrote to %s", s)
	case t.by != nil && t.secret != s && !t.by.coincidence && t.alive():
		w.violate(stolen, "%s was given token %s, which was made for %s", s, t, t.secret)
	case t.by == nil && !t.held && !t.coincidence:
		w.violate(stolen, "%s was given the foreign token %s", s, t)
	case !t.compensated.IsZero() && by.began.After(t.compensated):
		w.violate(broken, "%s was given token %s, which an attempt had deleted before as no version's", s, t)
	}
	for _, other := range w.secrets {
		if other != s && !t.coincidence && (other.current == t.text || other.pending == t.text) {
			w.violate(stolen, "%s was given token %s, which %s holds", s, t, other)
		}
	}
	if by.knewGivenUp(t, sent) {
		w.violate(broken, "%s was given token %s, which the ledger has given up", s, t)
	}
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

// observeMove sees a label that a program has moved by a request that was sent some time ago.
func (w *world) observeMove(by *invocation, arn, label string, sent time.Time) {
	s := w.secretOf[arn]
	if label != rotation.LabelCurrent {
		w.observeCurrent(by, s)
		return
	}
	before, fields, since, byHand, replaced := s.currentVersion, s.fields, s.since, s.byHand, s.current
	w.observeCurrent(by, s)
	if s.currentVersion == before {
		return // the same move once more
	}
	s.rotated = true
	if old := w.tokens[replaced]; old != nil {
		old.replaced = true
		by.replaced = old
	}
	t := w.tokens[s.current]
	switch {
	case by.sweeping:
		w.violate(broken, "a sweep moved AWSCURRENT of %s", s)
	case t == nil:
		w.violate(dead, "AWSCURRENT of %s holds no token", s)
		return
	case s.current == replaced:
		w.violate(broken, "the rotation of %s put the token %s in the place of itself", s, t)
	case !by.verified[t.text] && !by.run.verified[t.text]:
		w.violate(unchecked, "token %s of %s was not verified by the invocation that swapped it in", t, s)
	}
	if t != nil && by.knewGivenUp(t, sent) {
		w.violate(broken, "token %s, which the ledger has given up, became %s's", t, s)
	}
	if at, ok := s.cancelled[s.currentVersion]; ok && (by.began.Sub(at) > w.staleness || by.described.After(at) && sent.After(by.describedAt)) {
		w.violate(broken, "%s swaps version %.8s of %s in, which somebody cancelled", by, s.currentVersion, s)
	}
	if s.fields != fields {
		w.violate(lostEdit, "the swap of %s undid the edit of %v before", s, time.Since(since))
	}
	if bases := s.bases[s.currentVersion]; !slices.Contains(bases, before) && byHand {
		w.violate(lostEdit, "the swap of %s undid version %.8s, which somebody wrote or put back after versions %.8s were read", s, before, bases)
	}
}

// observeCurrent looks where the labels of a secret stand. by is who has changed something, nil for a person.
func (w *world) observeCurrent(by *invocation, s *managed) {
	out, err := w.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: s.arn})
	if err != nil {
		panic(err)
	}
	w.observePending(s)
	if out.VersionId == s.currentVersion {
		return
	}
	now := time.Now()
	if old := w.tokens[s.current]; old != nil {
		old.lastCurrent, old.lastOf, old.replacedByHand = now, s, by == nil
	}
	s.currentVersion, s.current, s.fields = out.VersionId, tokenIn(*out.SecretString), fieldsOf(*out.SecretString)
	s.since, s.byHand, s.excused, s.user = now, by == nil, "", w.userIn(*out.SecretString)
	t := w.tokens[s.current]
	if t == nil {
		return
	}
	t.held = true
	t.putBack, t.currentSince, t.swept = by == nil && !t.lastCurrent.IsZero(), now, false
	switch {
	case t.alive():
	case by == nil || t.removedByHand && by.verified[t.text]:
		s.excused = t.text
	default:
		w.violate(dead, "token %s of %s was dead when it became AWSCURRENT's", t, s)
		s.excused = t.text // told once
	}
}

func (w *world) observePending(s *managed) {
	out, err := w.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: s.arn})
	if err != nil {
		panic(err)
	}
	s.pending, s.pendingVersion = "", ""
	for version, labels := range out.VersionIdsToStages {
		for _, label := range labels {
			if label == rotation.LabelPending {
				s.pendingVersion = version
			}
		}
	}
	if s.pendingVersion == "" {
		return
	}
	if out, err := w.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: s.arn, VersionId: s.pendingVersion}); err == nil {
		s.pending = tokenIn(*out.SecretString)
	}
}

// observeDeleted sees a token that a program has deleted by a request that was sent some time ago.
func (w *world) observeDeleted(by *invocation, text string, sent time.Time) {
	t, now := w.tokens[text], time.Now()
	t.died = now
	w.logf("  deleted token %s", t)
	if by.request.DryRun {
		w.violate(broken, "a dry run deleted token %s", t)
	}
	if by.step == awstest.StepCreate {
		t.compensated = now
	}
	if by.step == awstest.StepCreate && t.secret == by.secret && slices.Contains(by.created, t) && !by.putRefused && by.secret.pendingVersion == by.version && by.secret.pending == "" {
		w.violate(tardy, "%s deleted token %s, which could have been put yet", by, t)
	}
	for _, s := range w.secrets {
		switch {
		case s.current == text && s.byHand && w.unseen(by, s, s.since, sent):
			w.coincidences++ // somebody put it back in the moment of its deletion
			s.excused = text
		case s.current == text && (t.coincidence || w.exclusive && !s.rotated && !by.named[s]):
			w.coincidences++ // made by hand in the window of a crash, or by a secret that no record names
			s.excused = text
		case s.current == text && t.sharedWith != nil && !w.tellsHolder(by, s, t):
			w.coincidences++ // the ledger of the token's user does not tell that the secret has it too
			s.excused = text
		case s.current == text:
			w.violate(dead, "token %s of %s was deleted while AWSCURRENT named it", t, s)
			s.excused = text
		case s.pending == text && by.put != text && s.pendingSince.After(by.looked[s].Add(-w.staleness)):
			// Put after the state that the holders were seen in; the mark for deletion was there before, so that it is not
			// swapped in.
		case s.pending == text:
			w.violate(dead, "token %s of %s was deleted while AWSPENDING named it", t, s)
		}
	}
	switch {
	case w.retention == 0 || t.coincidence || t.sharedWith != nil || t.lastOf == nil || t.lastOf.revoked:
		t.endedEarly = true
	case !t.lastCurrent.Add(w.retention).After(now):
	case t.putBack && (w.unseen(by, t.lastOf, t.currentSince, sent) || by.retiring[t.fingerprint].hid(t.renewed) && !by.sawMove(t.lastOf)):
		t.endedEarly = true
		w.coincidences++ // in the moment of its deletion, and perhaps rotated away again
	case t.by == nil && w.exclusive && t.replacedByHand, !t.swept && (t.replacedByHand || t.putBack && t.lastOf.moved):
		t.endedEarly = true
		w.coincidences++ // replaced by hand, before a rotation or a sweep has seen it as current
	default:
		t.endedEarly = true // told once
		w.violate(cutOff, "token %s of %s was deleted %v after it ceased to be AWSCURRENT's; the retention is %v", t, t.lastOf, now.Sub(t.lastCurrent), w.retention)
	}
	w.readers.everybody(nil)
	if t.by != nil || t.held {
		return
	}
	switch {
	case t.coincidence:
	case w.exclusive && !t.stray.IsZero() && now.Sub(t.stray) >= 15*time.Minute && by.began.After(t.stray):
	default:
		w.violate(stolen, "the foreign token %s was deleted", t)
	}
}

// unseen reports whether a program cannot have seen a change of a secret when it asked for a deletion.
func (w *world) unseen(by *invocation, s *managed, change, asked time.Time) bool {
	return change.After(asked) || change.After(by.looked[s]) && !w.lateLook(by, change, asked)
}

// lateLook reports whether a sweep has done much else between a change that its reads had to show and the deletion that it
// then asked for: it looks right before.
func (w *world) lateLook(by *invocation, change, asked time.Time) bool {
	n := 0
	for _, s := range by.sent {
		if s.at.After(change.Add(w.staleness)) && !s.at.After(asked) {
			n++
		}
	}
	return n > 6 // what is left of the look, the record, and the deletion itself, by either right
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

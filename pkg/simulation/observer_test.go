package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/awstest"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/ledger"
	"engage-token-rotation/pkg/rotation"
	"engage-token-rotation/pkg/sweep"
)

// guarantee is one of the promises that are checked.
type guarantee uint8

const (
	dead      guarantee = iota // G1: AWSCURRENT names a dead token, or the token of AWSCURRENT or AWSPENDING was deleted
	unchecked                  // G1: a token was swapped in that had not been verified
	stolen                     // G2: a token of somebody else's was deleted or adopted
	leaked                     // G3: a live token of ours that nobody owns and nothing tells of
	wedged                     // G3: a further rotation fails, although nothing is wrong any more
	logins                     // G4
	lostEdit                   // G6
	needless                   // a rotation fails, although nothing goes wrong
	cutOff                     // G7: a reader that caches for the retention has a failed call
	broken                     // something else that must not be
	numberOfGuarantees
)

var guaranteeNames = [numberOfGuarantees]string{
	"G1 dead current token", "G1 unverified token swapped in", "G2 foreign token deleted or adopted", "G3 leaked token", "G3 wedged secret",
	"G4 too many logins", "G6 lost edit", "needless failure", "G7 failed call of a reader", "other",
}

// violation is a guarantee that was not kept.
type violation struct {
	guarantee guarantee
	text      string
}

func (v violation) String() string { return guaranteeNames[v.guarantee] + ": " + v.text }

// observer knows who has made which token, who holds it, and what the programs have seen and done.
type observer struct {
	tokens        map[string]*token // by text
	byFingerprint map[string]*token
	intents       map[string]*intent
	secretOf      map[string]*managed
	loginTimes    map[string][]time.Time

	violations   []violation
	coincidences int // where a guard is documented to be imperfect
	unclaimed    int // tokens of ours that could not be proven ours, and are reported
	faults       faultCounts
	started      int // rotations
	succeeded    int
	sweeps       int
	duplicates   int
	deeds        int         // of people
	latest       *invocation // the latest of the final sweeps

	// Settings of the world's behaviour.
	lagging    float64
	impatience float64
	strangers  float64
	together   bool // all secrets are rotated at the same times
	smooth     bool // nothing is to go wrong in this history
	sweepRate  float64
	drag       float64
	idle0      []rotator
}

func (o *observer) init(*world) {
	o.tokens, o.byFingerprint, o.intents = map[string]*token{}, map[string]*token{}, map[string]*intent{}
	o.secretOf, o.loginTimes = map[string]*managed{}, map[string][]time.Time{}
}

// token is a permanent token and its true story.
type token struct {
	text, fingerprint string
	user              string
	by                *invocation // which made it; nil: a person, or another program
	secret            *managed    // that it was made for
	born, died        time.Time
	lastCurrent       time.Time // when it ceased to be AWSCURRENT's
	lastOf            *managed
	held              bool      // some version of a managed secret has held it
	replaced          bool      // a rotation has put another one in its place
	putBack           bool      // a person has made it AWSCURRENT's again
	stray             time.Time // when a sweep first recorded it
	coincidence       bool      // taken for ours by a documented coincidence
	removedByHand     bool
	replacedByHand    bool
}

func (t *token) alive() bool { return t.died.IsZero() }

func (t *token) String() string { return t.fingerprint }

// intent is an intent as it was truly written.
type intent struct {
	by     *invocation
	at     time.Time
	listed time.Time // when its baseline was
}

// memory is what the observer remembers of an invocation.
type memory struct {
	began     time.Time
	sweeping  bool
	request   sweep.Request
	answer    sweep.Answer
	report    rotation.Report
	failed    bool
	loginUser string
	loggedIn  int       // times that a login was answered
	looked    time.Time // when it last saw where AWSCURRENT stands
	base      string    // the version that it last saw as AWSCURRENT
	listedAt  time.Time
	verified  map[string]bool
	created   []*token
	// coincidence tells that somebody else's token was taken for the one that this invocation may have made.
	coincidence bool
}

// secretMemory is what the observer remembers of a secret.
type secretMemory struct {
	current, pending               string // tokens
	currentVersion, pendingVersion string
	fields                         string // AWSCURRENT's document without the token
	since                          time.Time
	byHand                         bool   // a person has made it AWSCURRENT
	excused                        string // a dead token that a person has put there
	revoked, moved                 bool
	cancelled                      map[string]time.Time // when a person took AWSPENDING from a version
	bases                          map[string]string    // version to the version that it was made from
}

func (w *world) violate(g guarantee, format string, args ...any) {
	v := violation{g, fmt.Sprintf(format, args...)}
	w.violations = append(w.violations, v)
	w.logf("!!! %s", v)
}

func (w *world) register(text, user string, by *invocation) *token {
	t := &token{text: text, fingerprint: hidden.Fingerprint(text), user: user, by: by, born: time.Now()}
	if by != nil {
		t.secret = by.secret
	}
	w.tokens[text], w.byFingerprint[t.fingerprint] = t, t
	return t
}

func (w *world) observeCreated(by *invocation, text string) {
	t := w.register(text, "", by)
	for _, u := range w.users {
		if slices.Contains(w.vendor.Tokens(u.name), text) {
			t.user = u.name
		}
	}
	by.created = append(by.created, t)
	w.logf("  made token %s", t)
	if by.sweeping {
		w.violate(broken, "a sweep made token %s", t)
	}
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

func (w *world) observeGet(by *invocation, arn, version, label string) {
	if label == rotation.LabelCurrent && w.secretOf[arn] != nil {
		by.looked = time.Now()
		if by.secret == w.secretOf[arn] {
			by.base = version
		}
	}
}

// observePut sees a value that a program has put into a pending version.
func (w *world) observePut(by *invocation, arn, version, text string) {
	s := w.secretOf[arn]
	if s.bases == nil {
		s.bases = map[string]string{}
	}
	if at, ok := s.cancelled[version]; ok && by.began.Sub(at) > 10*time.Second {
		w.violate(broken, "%s goes on with version %.8s of %s, which somebody cancelled", by, version, s)
	}
	s.bases[version] = by.base
	t := w.tokens[tokenIn(text)]
	w.observeCurrent(by, s)
	switch {
	case t == nil:
		w.violate(broken, "%s was given a token that nobody has made", s)
		return
	case by.request.DryRun || by.sweeping:
		w.violate(broken, "a sweep wrote to %s", s)
	case t.by != nil && t.secret != s:
		w.violate(stolen, "%s was given token %s, which was made for %s", s, t, t.secret)
	case t.by == nil && !t.held && !t.coincidence:
		w.violate(stolen, "%s was given the foreign token %s", s, t)
	}
	for _, other := range w.secrets {
		if other != s && !t.coincidence && (other.current == t.text || other.pending == t.text) {
			w.violate(stolen, "%s was given token %s, which %s holds", s, t, other)
		}
	}
	t.held = true
}

// observeMove sees a label that a program has moved.
func (w *world) observeMove(by *invocation, arn, label, to, from string) {
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
	if old := w.tokens[replaced]; old != nil {
		old.replaced = true
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
	if s.fields != fields {
		w.violate(lostEdit, "the swap of %s undid the edit of %v before", s, time.Since(since))
	}
	if base := s.bases[s.currentVersion]; base != before && byHand {
		w.violate(lostEdit, "the swap of %s undid version %.8s, which somebody wrote or put back after version %.8s was read", s, before, base)
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
	t.putBack = by == nil && !t.lastCurrent.IsZero()
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

// observeDeleted sees a token that a program has deleted.
func (w *world) observeDeleted(by *invocation, text string) {
	t, now := w.tokens[text], time.Now()
	t.died = now
	w.logf("  deleted token %s", t)
	if by.request.DryRun {
		w.violate(broken, "a dry run deleted token %s", t)
	}
	for _, s := range w.secrets {
		switch {
		case s.current == text && s.byHand && s.since.After(by.looked):
			w.coincidences++ // somebody put it back in the moment of its deletion
			s.excused = text
		case s.current == text && (t.coincidence || w.exclusive) && !w.inLedger(s):
			w.coincidences++ // nothing tells the function of the secret that holds it
			s.excused = text
		case s.current == text:
			w.violate(dead, "token %s of %s was deleted while AWSCURRENT named it", t, s)
			s.excused = text
		case s.pending == text:
			w.violate(dead, "token %s of %s was deleted while AWSPENDING named it", t, s)
		}
	}
	switch {
	case w.retention == 0 || t.lastOf == nil || t.lastOf.revoked || !t.lastCurrent.Add(w.retention).After(now):
	case t.by == nil && w.exclusive && t.replacedByHand, t.putBack && (t.replacedByHand || t.lastOf.moved):
		w.coincidences++ // put back by hand and replaced by hand: no rotation has seen it
	default:
		w.violate(cutOff, "token %s of %s was deleted %v after it ceased to be AWSCURRENT's; the retention is %v", t, t.lastOf, now.Sub(t.lastCurrent), w.retention)
	}
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

// observeParameter sees a record of the ledger.
func (w *world) observeParameter(by *invocation, name, value string) {
	if by.request.DryRun && !strings.Contains(name, "/logins/") {
		w.violate(broken, "a dry run wrote %s", name)
	}
	kind := name[strings.LastIndexByte(name, '/')+1:]
	if len(value) > 4096 {
		w.violate(broken, "the parameter %s has %d characters", name, len(value))
	}
	if id, ok := strings.CutPrefix(kind, "intent-"); ok {
		w.intents[id] = &intent{by: by, at: time.Now(), listed: by.listedAt}
		return
	}
	if strings.HasPrefix(kind, "token-") && by.sweeping {
		if t := w.byFingerprint[kind[len("token-"):][:12]]; t != nil && t.stray.IsZero() {
			t.stray = time.Now()
		}
	}
	if !strings.HasPrefix(kind, "token-") || !strings.Contains(value, `"adopted":true`) {
		return
	}
	var record ledger.Token
	if err := json.Unmarshal([]byte(value), &record); err != nil {
		w.violate(broken, "the record %s cannot be read: %v", name, err)
		return
	}
	t := w.byFingerprint[string(record.Fingerprint)]
	if i := w.intents[record.Intent]; t != nil && t.by == nil && !t.coincidence && w.isCoincidence(by, t, i) {
		t.coincidence, i.by.coincidence = true, true
		w.coincidences++
		w.logf("  a coincidence: the foreign token %s is the only one that appeared", t)
	}
}

// isCoincidence reports whether a foreign token is taken for ours as the documentation of pkg/rotation says that it may
// be: the creation after the intent had failed, and the token is the only one that has appeared since.
func (w *world) isCoincidence(by *invocation, t *token, i *intent) bool {
	if i == nil || len(i.by.created) > 0 || t.born.Before(i.listed) || time.Since(i.at) > ledger.ProofWindow {
		return false
	}
	for _, other := range w.tokens {
		if other != t && other.alive() && other.born.After(i.listed) && other.born.Before(by.listedAt) && !w.recorded(other) && !other.held && other.user == t.user {
			return false
		}
	}
	return true
}

// inLedger reports whether any record names the secret.
func (w *world) inLedger(s *managed) bool {
	for _, value := range w.records() {
		if strings.Contains(value, s.arn) {
			return true
		}
	}
	return false
}

// recorded reports whether the ledger has a record of the token.
func (w *world) recorded(t *token) bool {
	for name := range w.records() {
		if strings.Contains(name, "/token-"+t.fingerprint) {
			return true
		}
	}
	return false
}

// observeSent sees a call on its way.
func (w *world) observeSent(c *call) {
	if c.op != opLogin && c.op != opGrant && c.op != opExchange {
		return
	}
	if w.options.yardstick {
		return
	}
	key := c.op + " " + c.by.loginUser
	times := w.loginTimes[key]
	for len(times) > 0 && c.sent.Sub(times[0]) >= time.Minute {
		times = times[1:]
	}
	w.loginTimes[key] = append(times, c.sent)
	if len(times) >= 5 {
		w.violate(logins, "%d of %s within a minute", len(times)+1, key)
	}
	if s := c.by.step; s == awstest.StepSet || s == awstest.StepFinish {
		w.violate(logins, "%s logs in", c.by)
	}
}

// observeStep sees the end of a step.
func (w *world) observeStep(i *invocation) {
	if i.loggedIn > 1 {
		w.violate(logins, "%s logged in %d times", i, i.loggedIn)
	}
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

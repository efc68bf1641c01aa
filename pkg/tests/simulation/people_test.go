package simulation

import (
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/events"
	"engage-token-rotation/pkg/standins/awstest"
)

// manualChange is something that people do, and how often of a hundred times.
type manualChange struct {
	share int
	do    func(*history, *managed)
}

var manualChanges = []manualChange{
	{20, (*history).editNow},
	{10, (*history).editSlowly},
	{8, (*history).handMade},
	{8, (*history).moveBack},
	{10, (*history).cancel},
	{8, func(h *history, s *managed) { h.changePassword(s.user) }},
	{8, (*history).revokeByHand},
	{5, (*history).changeUser},
	{3, func(h *history, _ *managed) { h.stranger() }},
	{2, (*history).share},
	{6, (*history).revokePrevious},
	{6, (*history).dryRun},
	{6, (*history).sweepTwice},
}

// intervene lets a person do something.
func (h *history) intervene() {
	usable := h.usable()
	if len(usable) == 0 {
		return
	}
	s := pick(h, usable...)
	h.manual++
	if h.nature.habit != nil && h.chance(0.5) {
		h.nature.habit(s)
		return
	}
	n := h.random.IntN(100)
	for _, change := range manualChanges {
		if n -= change.share; n < 0 {
			change.do(h, s)
			return
		}
	}
}

// value reads a secret as a person does.
func (h *history) value(arn string) string {
	out, err := h.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: arn})
	if err != nil {
		panic(err)
	}
	return *out.SecretString
}

// write stores a value by hand, unless the secret is deleted.
func (h *history) write(arn, text string) {
	if s := h.secretOf[arn]; s != nil && !s.present() {
		h.logf("%s cannot be written", s)
		return
	}
	in := &awstest.UpdateSecretInput{SecretId: arn, ClientRequestToken: h.newID(), SecretString: &text}
	if _, err := h.secretsManager.UpdateSecret(in); err != nil {
		panic(err)
	}
	h.changed(arn)
	if s := h.secretOf[arn]; s != nil {
		h.observeCurrent(nil, s)
	}
}

// edit changes a field of the document that a person has read.
func (h *history) edit(s *managed, text string) {
	if !s.present() {
		return
	}
	s.edits++
	before, rest, _ := strings.Cut(text, `"note":"`)
	_, after, _ := strings.Cut(rest, `"`)
	h.logf("a person edits %s; its token is %s", s, h.tokens[tokenIn(text)])
	h.write(s.arn, before+`"note":"edit `+strconv.Itoa(s.edits)+`"`+after)
	s.user = h.userIn(h.value(s.arn))
}

// editNow changes a field, and rotates the secret when people do so.
func (h *history) editNow(s *managed) {
	h.edit(s, h.value(s.arn))
	h.rotateNow(s)
}

// editSlowly changes a field in an editor that is open for a while.
func (h *history) editSlowly(s *managed) {
	text := h.value(s.arn)
	h.unlessCalm(h.between(0, time.Minute), func() { h.edit(s, text) })
}

// mostTokens is how many tokens of one user people and other programs let pile up.
const mostTokens = 100

// handMade puts a token into the secret that a person has made.
func (h *history) handMade(s *managed) {
	t := h.newForeign(s.user)
	if t == nil {
		return
	}
	h.logf("a person makes token %s for %s", t, s)
	put := func() {
		h.logf("a person puts token %s into %s", t, s)
		h.write(s.arn, h.document(s, t.text))
		h.rotateNow(s)
	}
	if h.nature.atOnce {
		put()
		return
	}
	h.unlessCalm(h.between(0, max(time.Minute, h.nature.hesitation)), put)
}

// newForeign makes a token that is not a program's of ours, or nil when the user has enough.
func (h *history) newForeign(u *user) *token {
	count, v := len(h.vendor.Tokens(u.name)), h.nature.witness
	if count > mostTokens || v.lie == capsTokens && count >= v.most {
		return nil
	}
	h.unlisted = 0
	return h.register(h.vendor.CreateToken(u.name), u.name, nil)
}

// rotateNow rotates the secret right after a change, when people do so.
func (h *history) rotateNow(s *managed) {
	if h.nature.atOnce && s.run == nil && s.present() && h.started < h.options.rotations {
		h.begin(s, false, func(awstest.Outcome) {})
	}
}

// putBack puts the previous version back and rotates it away, beside a sweep.
func (h *history) putBack(s *managed) {
	if h.options.yardstick {
		return
	}
	h.unlessCalm(h.between(0, 10*time.Second), func() { h.sweep(s.stack, plainSweep) })
	h.unlessCalm(h.between(0, 6*time.Second), func() {
		h.moveBack(s)
		h.rotateNow(s)
	})
}

// either returns a habit of several.
func (h *history) either(habits ...func(*managed)) func(*managed) {
	return func(s *managed) { pick(h, habits...)(s) }
}

// share puts another secret's token into the secret.
func (h *history) share(s *managed) {
	other := pick(h, h.secrets...)
	t := h.tokens[other.current]
	if other == s || other.user != s.user || t == nil || !other.present() {
		return
	}
	h.logf("a person puts token %s of %s into %s", t, other, s)
	t.copiedFrom, t.copiedTo, t.copiedAt = other, s, time.Now()
	t.copySeenAt, t.copyLost = time.Time{}, false
	h.write(s.arn, h.document(s, t.text))
}

// moveBack puts the previous version back.
func (h *history) moveBack(s *managed) {
	if !s.present() {
		return
	}
	out, err := h.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: s.arn})
	if err != nil {
		panic(err)
	}
	for version, labels := range out.VersionIdsToStages {
		for _, label := range labels {
			if label == awstest.StagePrevious {
				h.logf("a person moves AWSCURRENT of %s back to %.8s", s, version)
				h.move(s, awstest.StageCurrent, version, s.currentVersion)
			}
		}
	}
	s.user = h.userIn(h.value(s.arn))
}

func (h *history) move(s *managed, label, to, from string) {
	_, err := h.secretsManager.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: s.arn, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from,
	})
	if err != nil {
		panic(err)
	}
	h.changed(s.arn)
	h.observeCurrent(nil, s)
}

// cancel cancels the rotation, and in most cases removes AWSPENDING as the documentation advises.
func (h *history) cancel(s *managed) {
	if h.chance(0.5) {
		h.halt(s)
	}
	if s.pendingVersion == "" || !h.chance(0.7) {
		return
	}
	if s.cancelled == nil {
		s.cancelled = map[string]time.Time{}
	}
	s.cancelled[s.pendingVersion] = time.Now()
	h.logf("a person removes AWSPENDING from %s", s)
	h.move(s, awstest.StagePending, "", s.pendingVersion)
	h.duel(s.stack)
}

// halt cancels the rotation and leaves AWSPENDING where it is.
func (h *history) halt(s *managed) {
	h.logf("a person cancels the rotation of %s", s)
	_, _ = h.secretsManager.CancelRotateSecret(&awstest.SecretIdInput{SecretId: s.arn})
}

// changePassword changes a password at the vendor, and some time later where it is stored.
func (h *history) changePassword(u *user) {
	u.password = "password " + strconv.Itoa(h.random.IntN(1000))
	h.vendor.ChangePassword(u.name, u.password)
	h.logf("the password of %s is changed", u.name)
	h.unlessCalm(h.between(0, 10*time.Minute), func() { h.storePassword(u) })
}

// storePassword puts the present password where it is wrong.
func (h *history) storePassword(u *user) {
	var where []string
	for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy} {
		if arn := u.admin[flow]; arn != "" {
			where = append(where, arn)
		}
	}
	for _, s := range h.secrets {
		if s.user == u && s.present() {
			where = append(where, s.arn)
		}
	}
	for _, arn := range where {
		text := h.value(arn)
		before, rest, found := strings.Cut(text, `"password":"`)
		old, after, _ := strings.Cut(rest, `"`)
		if found && old != u.password {
			h.logf("the password of %s is stored", u.name)
			h.write(arn, before+`"password":"`+u.password+`"`+after)
		}
	}
}

// userIn returns the user that a document holds the login fields of, or names.
func (h *history) userIn(text string) *user {
	for _, u := range h.users {
		if strings.Contains(text, `"`+u.name+`"`) || strings.Contains(text, `"`+u.clientID+`"`) {
			return u
		}
		for _, arn := range u.admin {
			if strings.Contains(text, `"`+arn+`"`) {
				return u
			}
		}
	}
	panic("a document without login fields")
}

// revokeByHand deletes a token of ours at the vendor's page.
func (h *history) revokeByHand(s *managed) {
	text := s.pending
	if text == "" || h.chance(0.3) {
		text = s.current
	}
	if t := h.tokens[text]; t != nil && t.alive() {
		h.logf("a person deletes token %s of %s", t, s)
		h.deleteByHand(t)
	}
}

// deleteByHand deletes a token at the vendor's page.
func (h *history) deleteByHand(t *token) {
	if !h.vendor.DeleteToken(t.text) {
		return
	}
	h.logf("token %s is deleted by hand", t)
	t.died, t.removedByHand = time.Now(), true
	for _, other := range h.secrets {
		if other.current == t.text {
			other.excused = t.text
		}
	}
}

// changeUser makes the secret another user's.
func (h *history) changeUser(s *managed) {
	u := pick(h, h.users...)
	if u == s.user {
		return
	}
	h.logf("a person makes %s a secret of %s", s, u.name)
	token := tokenIn(h.value(s.arn))
	s.user, s.moved = u, true
	h.write(s.arn, h.document(s, token))
}

// stranger is another program that makes tokens on the same user, and perhaps deletes them.
func (h *history) stranger() {
	t := h.newForeign(pick(h, h.users...))
	if t == nil {
		return
	}
	h.logf("another program makes token %s", t)
	if h.chance(0.3) {
		h.after(h.between(0, time.Hour), func() {
			if t.alive() && !h.isHeld(t.text) {
				h.deleteByHand(t)
			}
		})
	}
}

// revokePrevious ends the retention of a secret's previous token.
func (h *history) revokePrevious(s *managed) {
	if h.options.yardstick {
		return
	}
	s.revoked = true
	h.sweep(s.stack, events.Sweep{RevokePrevious: s.name})
}

// dryRun asks what a sweep would do.
func (h *history) dryRun(s *managed) {
	if !h.options.yardstick {
		h.sweep(s.stack, events.Sweep{DryRun: true})
	}
}

// sweepTwice starts two sweeps at the same time.
func (h *history) sweepTwice(s *managed) {
	if h.options.yardstick {
		return
	}
	h.sweep(s.stack, plainSweep)
	h.sweep(s.stack, plainSweep)
}

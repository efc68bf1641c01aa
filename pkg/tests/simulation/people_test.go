package simulation

import (
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/sweep"
)

// intervene lets a person do something.
func (w *world) intervene() {
	s := w.secrets[w.random.IntN(len(w.secrets))]
	w.deeds++
	if w.bent != nil && w.chance(0.5) {
		w.bent(s)
		return
	}
	switch n := w.random.IntN(100); {
	case n < 20:
		w.edit(s, w.value(s.arn))
	case n < 30: // an editor that is open for a while
		text := w.value(s.arn)
		w.after(w.between(0, time.Minute), func() {
			if !w.calm {
				w.edit(s, text)
			}
		})
	case n < 38:
		w.handMade(s)
	case n < 46:
		w.moveBack(s)
	case n < 56:
		w.cancel(s)
	case n < 64:
		w.changePassword(s.user)
	case n < 72:
		w.revokeByHand(s)
	case n < 77:
		w.changeUser(s)
	case n < 80:
		w.stranger()
	case n < 82:
		w.share(s)
	case w.options.yardstick:
	case n < 88:
		s.revoked = true
		w.sweep(sweep.Request{RevokePrevious: s.name})
	case n < 94:
		w.sweep(sweep.Request{DryRun: true})
	default:
		w.sweep(sweep.Request{})
		w.sweep(sweep.Request{})
	}
}

// value reads a secret as a person does.
func (w *world) value(arn string) string {
	out, err := w.secretsManager.GetSecretValue(&awstest.GetSecretValueInput{SecretId: arn})
	if err != nil {
		panic(err)
	}
	return *out.SecretString
}

// write stores a value by hand.
func (w *world) write(arn, text string) {
	if _, err := w.secretsManager.UpdateSecret(&awstest.UpdateSecretInput{SecretId: arn, ClientRequestToken: w.newID(), SecretString: &text}); err != nil {
		panic(err)
	}
	w.changed(arn)
	if s := w.secretOf[arn]; s != nil {
		w.observeCurrent(nil, s)
	}
}

// edit changes a field of the document that somebody has read.
func (w *world) edit(s *managed, text string) {
	s.edits++
	before, rest, _ := strings.Cut(text, `"note":"`)
	_, after, _ := strings.Cut(rest, `"`)
	w.logf("somebody edits %s; its token is %s", s, w.tokens[tokenIn(text)])
	w.write(s.arn, before+`"note":"edit `+strconv.Itoa(s.edits)+`"`+after)
}

// mostTokens is how many tokens of one user people and other programs let pile up.
const mostTokens = 100

// handMade puts a token into the secret that a person has made.
func (w *world) handMade(s *managed) {
	if len(w.vendor.Tokens(s.user.name)) > mostTokens {
		return
	}
	w.vendor.SetPropagation(w.lags())
	t := w.register(w.vendor.CreateToken(s.user.name), s.user.name, nil)
	t.listed = t.born.Add(w.unlisted)
	w.logf("somebody makes token %s for %s", t, s)
	put := func() {
		if !w.calm {
			w.logf("somebody puts token %s into %s", t, s)
			w.write(s.arn, w.document(s, t.text))
			w.rotateNow(s)
		}
	}
	if w.atOnce {
		put()
		return
	}
	w.after(w.between(0, time.Minute), put)
}

// rotateNow rotates the secret right after a change, where people do so.
func (w *world) rotateNow(s *managed) {
	if w.atOnce && s.run == nil && w.started < w.options.rotations {
		w.begin(s, false, func(awstest.Outcome) {})
	}
}

// putBack puts the previous version back and rotates it away, beside a sweep.
func (w *world) putBack(s *managed) {
	w.after(w.between(0, 10*time.Second), func() {
		if !w.calm && !w.options.yardstick {
			w.sweep(sweep.Request{})
		}
	})
	w.after(w.between(0, 6*time.Second), func() {
		if !w.calm {
			w.moveBack(s)
			w.rotateNow(s)
		}
	})
}

// editNow changes a field and rotates the secret.
func (w *world) editNow(s *managed) {
	w.edit(s, w.value(s.arn))
	w.rotateNow(s)
}

// either returns what does one of some things.
func (w *world) either(deeds ...func(*managed)) func(*managed) {
	return func(s *managed) { deeds[w.random.IntN(len(deeds))](s) }
}

// share puts another secret's token into the secret.
func (w *world) share(s *managed) {
	other := w.secrets[w.random.IntN(len(w.secrets))]
	t := w.tokens[other.current]
	if other == s || other.user != s.user || t == nil {
		return
	}
	w.logf("somebody puts token %s of %s into %s", t, other, s)
	t.sharedWith = s
	w.write(s.arn, w.document(s, t.text))
}

// moveBack puts the previous version back.
func (w *world) moveBack(s *managed) {
	out, err := w.secretsManager.DescribeSecret(&awstest.SecretIdInput{SecretId: s.arn})
	if err != nil {
		panic(err)
	}
	for version, labels := range out.VersionIdsToStages {
		for _, label := range labels {
			if label == awstest.StagePrevious {
				w.logf("somebody moves AWSCURRENT of %s back to %.8s", s, version)
				w.move(s, awstest.StageCurrent, version, s.currentVersion)
			}
		}
	}
}

func (w *world) move(s *managed, label, to, from string) {
	_, err := w.secretsManager.UpdateSecretVersionStage(&awstest.UpdateSecretVersionStageInput{
		SecretId: s.arn, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from,
	})
	if err != nil {
		panic(err)
	}
	w.changed(s.arn)
	w.observeCurrent(nil, s)
}

// cancel cancels the rotation, and in most cases removes AWSPENDING as the documentation advises.
func (w *world) cancel(s *managed) {
	if w.chance(0.5) {
		w.halt(s)
	}
	if s.pendingVersion != "" && w.chance(0.7) {
		if s.cancelled == nil {
			s.cancelled = map[string]time.Time{}
		}
		s.cancelled[s.pendingVersion] = time.Now()
		w.logf("somebody removes AWSPENDING from %s", s)
		w.move(s, awstest.StagePending, "", s.pendingVersion)
		w.duel()
	}
}

// halt cancels the rotation and leaves AWSPENDING where it is.
func (w *world) halt(s *managed) {
	w.logf("somebody cancels the rotation of %s", s)
	_, _ = w.secretsManager.CancelRotateSecret(&awstest.SecretIdInput{SecretId: s.arn})
}

// changePassword changes a password at the vendor, and some time later where it is stored.
func (w *world) changePassword(u *user) {
	if w.flow == engage.FlowRingCentral {
		return
	}
	u.password = "password " + strconv.Itoa(w.random.IntN(1000))
	w.vendor.ChangePassword(u.name, u.password)
	w.logf("the password of %s is changed", u.name)
	w.after(w.between(0, 10*time.Minute), func() {
		if !w.calm {
			w.storePassword(u)
		}
	})
}

// storePassword puts the present password where it is wrong.
func (w *world) storePassword(u *user) {
	where := []string{u.admin}
	if u.admin == "" {
		where = nil
		for _, s := range w.secrets {
			if s.user == u {
				where = append(where, s.arn)
			}
		}
	}
	for _, arn := range where {
		text := w.value(arn)
		before, rest, found := strings.Cut(text, `"password":"`)
		old, after, _ := strings.Cut(rest, `"`)
		if found && old != u.password {
			w.logf("the password of %s is stored", u.name)
			w.write(arn, before+`"password":"`+u.password+`"`+after)
		}
	}
}

// userIn returns whose login fields a document holds or names.
func (w *world) userIn(text string) *user {
	for _, u := range w.users {
		if strings.Contains(text, `"`+u.name+`"`) || strings.Contains(text, `"`+u.clientID+`"`) || u.admin != "" && strings.Contains(text, `"`+u.admin+`"`) {
			return u
		}
	}
	panic("a document without login fields")
}

// revokeByHand deletes a token of ours at the vendor's page.
func (w *world) revokeByHand(s *managed) {
	text := s.pending
	if text == "" || w.chance(0.3) {
		text = s.current
	}
	t := w.tokens[text]
	if t == nil || !w.vendor.DeleteToken(text) {
		return
	}
	w.logf("somebody deletes token %s of %s", t, s)
	t.died, t.removedByHand = time.Now(), true
	for _, other := range w.secrets {
		if other.current == text {
			other.excused = text
		}
	}
}

// changeUser makes the secret another user's.
func (w *world) changeUser(s *managed) {
	u := w.users[w.random.IntN(len(w.users))]
	if u == s.user {
		return
	}
	w.logf("somebody makes %s a secret of %s", s, u.name)
	token := tokenIn(w.value(s.arn))
	s.user, s.moved = u, true
	w.write(s.arn, w.document(s, token))
}

// stranger is another program that makes tokens on the same user, and perhaps deletes them.
func (w *world) stranger() {
	u := w.users[w.random.IntN(len(w.users))]
	if len(w.vendor.Tokens(u.name)) > mostTokens {
		return
	}
	t := w.register(w.vendor.CreateToken(u.name), u.name, nil)
	w.logf("another program makes token %s", t)
	if w.chance(0.3) {
		w.after(w.between(0, time.Hour), func() {
			if t.alive() && w.vendor.DeleteToken(t.text) {
				t.died, t.removedByHand = time.Now(), true
				w.logf("another program deletes token %s", t)
			}
		})
	}
}

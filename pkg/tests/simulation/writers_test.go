package simulation

import (
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/target"
)

// Somebody has one permission: to write below {prefix}/logins, or to write an admin secret.

// writers is the profile of such histories.
var writers = profile{"writers", 1, "others write beside the counts of logins, and admin secrets withhold consent",
	func(h *history, n *nature) {
		n.people, n.interval, n.together = 0.02, 20*time.Minute, true
		n.pauses = h.pausing(0, 20*time.Minute)
		n.habit = h.either(h.scribble, h.withhold)
	}}

// scribble writes parameters beside the counts of a user's logins.
func (h *history) scribble(s *managed) {
	fields := loginFields(s.user, s.flow)
	path := s.stack.prefix + "/logins/" + target.LoginKey(engage.Credentials{
		Flow: s.flow, Username: fields["username"], ClientID: fields["clientId"], JWT: hidden.New(fields["jwt"]),
	})
	number := pick(h, 0, 3, 7, 1<<31-1, 1<<31, 1<<52)
	name := path + "/" + pick(h, "", "", "-", "00", "x") + strconv.Itoa(number)
	at := time.Now().Add(h.between(-24*time.Hour, 24*time.Hour)).UTC().Format(time.RFC3339Nano)
	value := pick(h, at, at, "9999-12-31T23:59:59Z", "x")
	h.logf("somebody writes %s: %s", name, value)
	h.parameters.put(name, value)
}

// withhold takes the consent from the secret's admin secret for a while.
func (h *history) withhold(s *managed) {
	arn := s.user.admin[s.flow]
	if arn == "" || !strings.Contains(h.value(arn), consents) {
		return
	}
	h.logf("admin secret %s withholds its consent", arn)
	h.write(arn, strings.Replace(h.value(arn), consents, withholds, 1))
	h.after(h.between(0, calmBefore), func() { h.consent(arn) }) // in the calm too
}

const consents, withholds = `"tokenSecrets":["*"]`, `"tokenSecrets":["other"]`

// consent gives the consent of an admin secret back.
func (h *history) consent(arn string) {
	h.logf("admin secret %s consents", arn)
	h.write(arn, strings.Replace(h.value(arn), withholds, consents, 1))
}

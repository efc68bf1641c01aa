package simulation

import "engage-token-rotation/pkg/standins/awstest"

// G4: one login for each rotation; under any storm of retries not more than 5 logins a minute for
// one user. Each stack has a count of its own, and each flow: the vendor limits the exchange alone.

// observeSent sees a call on its way.
func (h *history) observeSent(c *call) {
	c.by.observeCall(c)
	h.checkTestCall(c)
	if h.options.yardstick || c.op != opLogin && c.op != opGrant && c.op != opExchange {
		return
	}
	key := c.by.stack.name + " " + c.way + " " + c.resource
	times := h.loginTimes[key]
	for len(times) > 0 && c.sent.Sub(times[0]) >= loginWindow {
		times = times[1:]
	}
	h.loginTimes[key] = append(times, c.sent)
	if len(times) >= maxLogins {
		h.violate(logins, "%d of %s within a minute", len(times)+1, key)
	}
	if s := c.by.step; s == awstest.StepSet || s == awstest.StepFinish {
		h.violate(logins, "%s logs in", c.by)
	}
}

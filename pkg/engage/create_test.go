package engage_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestACreationIsReadInEveryForm(t *testing.T) {
	forms := map[string]engagetest.CreateForm{
		"bare": engagetest.CreateBare, "quoted": engagetest.CreateQuoted,
		"bare in white space": engagetest.CreateBareSpaced, "quoted in white space": engagetest.CreateQuotedSpaced,
	}
	for name, form := range forms {
		for _, bare := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, platform %v", name, !bare), func(t *testing.T) {
				w := connect(
					t,
					engage.FlowEngage,
					engagetest.Config{Answers: engagetest.Answers{Create: form}, BareTokens: bare},
				)
				token := w.create(t, w.login(t))
				if !w.server.Alive(token.Reveal()) {
					t.Error("the token is not the one that was made")
				}
			})
		}
	}
}

// Some servers label bare text as text/html: the text decides, not its label.
func TestACreationLabelledAsHTMLIsReadAllTheSame(t *testing.T) {
	bubble(t, func(t *testing.T, w *vendorAndClient) {
		const text = "aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"
		session := w.login(t)
		w.answer(engagetest.OpCreate, func() *engagetest.Answer {
			answer := engagetest.Text(200, text)
			answer.Header.Set("Content-Type", "text/html; charset=utf-8")
			return answer
		})
		if token := w.create(t, session); token.Reveal() != text {
			t.Error("another token")
		}
	})
}

// lost are the faults after which it is unknown whether a token was made.
var lost = map[string]func() *engagetest.Fault{
	"reset":        engagetest.Drop,
	"500":          func() *engagetest.Fault { return engagetest.Status(500) },
	"502 web page": func() *engagetest.Fault { return engagetest.Respond(engagetest.HTML(502)) },
	"503":          func() *engagetest.Fault { return engagetest.Status(503) },
	"504":          func() *engagetest.Fault { return engagetest.Status(504) },
	"408":          func() *engagetest.Fault { return engagetest.Status(408) },
	"no answer":    func() *engagetest.Fault { return engagetest.Delay(time.Hour) },
	"redirect": func() *engagetest.Fault {
		return engagetest.Respond(engagetest.Redirect(307, "https://engage.ringcentral.com/voice/api/v1/admin/token"))
	},
	"200 web page": func() *engagetest.Fault { return engagetest.Respond(engagetest.HTML(200)) },
	"200 empty":    func() *engagetest.Fault { return engagetest.Respond(engagetest.Empty(200)) },
	"204":          func() *engagetest.Fault { return engagetest.Respond(engagetest.Empty(204)) },
	"endless":      func() *engagetest.Fault { return engagetest.Respond(engagetest.EndlessToken()) },
	"drip": func() *engagetest.Fault {
		return engagetest.Respond(engagetest.Drip("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9", time.Second))
	},
	"declared too long": func() *engagetest.Fault {
		return engagetest.Respond(engagetest.WrongLength("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9", 99))
	},
	"declared too short": func() *engagetest.Fault {
		return engagetest.Respond(engagetest.WrongLength("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9", 9))
	},
	"gzip bomb": func() *engagetest.Fault { return engagetest.Respond(engagetest.GzipBomb(8)) },
	"true":      answered("true"),
	"null":      answered("null"),
	"number":    answered("12345678901234567890"[:15]),
	"object":    answered(`{"token":"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"}`),
	"array":     answered(`["aws80:c2353445-bc74-af1a-2850-1d55a371c0a9"]`),
	"two tokens": answered(
		"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9\naws80:c2353445-bc74-af1a-2850-1d55a371c0aa",
	),
	"control character":   answered("aws80:c2353445\x00bc74-af1a-2850-1d55a371c0a9"),
	"newline inside":      answered(`"aws80:c2353445\nbc74-af1a-2850-1d55a371c0a9"`),
	"escape sequence":     answered("\x1b[31maws80:c2353445-bc74-af1a-2850-1d55a371c0a9"),
	"not ASCII":           answered("aws80:c2353445-bc74-af1a-2850-1d55a371c0aé"),
	"path segments":       answered("../../../voice/api/v1/admin/accounts"),
	"path segments later": answered("aws80/../../c2353445-bc74-af1a-2850-1d55a371c0a9"),
	"half a quotation":    answered(`"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9`),
	"quoted quotation":    answered(`"\"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9\""`),
	"too short":           answered("aws80:c23534"),
	"too long":            answered("aws80:" + strings.Repeat("c", 251)),
}

func answered(text string) func() *engagetest.Fault {
	return func() *engagetest.Fault { return engagetest.Respond(engagetest.Text(200, text)) }
}

// Whatever goes wrong with a creation, before or after its effect, a second one is never sent.
func TestACreationIsNeverBlindlyRepeated(t *testing.T) {
	for name, fault := range lost {
		for _, stage := range []engagetest.Stage{engagetest.Before, engagetest.After} {
			if name == "no answer" && stage == engagetest.Before {
				continue // a delay has its effect at the end; the same as after
			}
			t.Run(fmt.Sprintf("%s %s the effect", name, stage), func(t *testing.T) {
				bubble(t, func(t *testing.T, w *vendorAndClient) {
					session := w.login(t)
					w.server.SetFault(engagetest.Once(engagetest.OpCreate, 1, stage, fault()))
					token, err := w.client.Create(t.Context(), session, nil)
					if err == nil || !token.IsZero() {
						t.Fatalf("took %v for a token", token)
					}
					if !engage.OutcomeUnknown(err) {
						t.Errorf("the outcome counts as known: %v", err)
					}
					if got := w.server.Count(engagetest.OpCreate); got != 1 {
						t.Errorf("%d creations sent, want 1", got)
					}
					want := 0
					if stage == engagetest.After {
						want = 1
					}
					if got := len(w.server.Tokens(w.user.Username)); got != want {
						t.Errorf("%d tokens at the server, want %d", got, want)
					}
				})
			})
		}
	}
}

// What provably made nothing may be sent again.
func TestACreationThatMadeNothingIsRepeated(t *testing.T) {
	eachFlow(t, func(t *testing.T, w *vendorAndClient) {
		session := w.login(t)
		w.server.SetFault(
			engagetest.Once(engagetest.OpCreate, 1, engagetest.Before, engagetest.Respond(engagetest.TooManyRequests("2"))),
		)
		if waited := took(func() { w.create(t, session) }); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s", waited)
		}
		if got := len(w.server.Tokens(w.user.Username)); got != 1 {
			t.Errorf("%d tokens, want 1", got)
		}
	})
}

func TestARefusedCreationIsKnownToHaveMadeNothing(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 409, 422, 429} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *vendorAndClient) {
				session := w.login(t)
				w.answer(engagetest.OpCreate, func() *engagetest.Answer { return engagetest.Text(status, "no") })
				_, err := w.client.Create(t.Context(), session, nil)
				if err == nil || engage.OutcomeUnknown(err) {
					t.Errorf("error %v, outcome unknown %v", err, engage.OutcomeUnknown(err))
				}
				if got := len(w.server.Tokens(w.user.Username)); got != 0 {
					t.Errorf("%d tokens, want none", got)
				}
			})
		})
	}
}

func TestTokensAreEscapedInThePathOfADeletion(t *testing.T) {
	texts := []string{
		"aws80:c2353445-bc74-af1a-2850-1d55a371c0a9", "with/slash/and?query#fragment", "100%25-percent-and-%2F-escape",
		"semi;colon&amp=equals+plus@at!", "dots...but.no.segment....",
	}
	next := 0
	synctest.Test(t, func(t *testing.T) {
		w := connect(t, engage.FlowEngage, engagetest.Config{NewToken: func() string { next++; return texts[next-1] }})
		session := w.login(t)
		for range texts {
			token := w.create(t, session)
			if err := w.client.Delete(t.Context(), session, token); err != nil || w.server.Alive(token.Reveal()) {
				t.Errorf("%s: %v; alive %v", texts[next-1], err, w.server.Alive(token.Reveal()))
			}
		}
	})
}

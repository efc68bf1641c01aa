package engagetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"engage-token-rotation/pkg/engage"
)

// Texts of the gateway's 401. The first is the vendor's documented one.
const (
	textJWTExpired   = "Jwt is expired"
	textJWTMissing   = "Jwt is missing"
	textJWTForm      = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
	textJWTUnknown   = "Jwt verification fails"
	messageDenied    = "Access is denied"
	codeAccessDenied = "access.denied.exception"
	// codeTooManyTokens is made up: the vendor documents no cap on tokens.
	codeTooManyTokens = "token.limit.exception"
)

// tokenCall carries out the calls under v1/admin. s.mu is held.
func (s *Server) tokenCall(x *exchange) *Answer {
	u, refused := s.authenticate(x)
	if refused != nil {
		return refused
	}
	if slices.Contains(u.Forbidden, x.route.operation) {
		return s.problem(x, http.StatusForbidden, codeAccessDenied, messageDenied)
	}
	if refused := s.throttle(x, u, limitTokenCalls, s.config.Limits.TokenCalls); refused != nil {
		return refused
	}
	switch x.route.operation {
	case OpCreate:
		return s.create(x, u)
	case OpList:
		return s.list(u)
	case OpDelete:
		return s.delete(x, u)
	}
	return newJSON(http.StatusOK, u.Accounts)
}

// authenticate returns the user who calls by an access token, the session of a legacy login, or an
// API token; or else the refusal.
func (s *Server) authenticate(x *exchange) (*user, *Answer) {
	legacy := x.route.flow == engage.FlowLegacy
	switch {
	case x.sent.bearer != "" && !legacy:
		return s.byAccessToken(x.sent.bearer)
	case x.sent.authToken != "":
		return s.byAuthToken(x, legacy)
	case legacy:
		return nil, s.deadToken(x)
	}
	return nil, Text(http.StatusUnauthorized, textJWTMissing)
}

func (s *Server) byAccessToken(text string) (*user, *Answer) {
	if found := s.sessions.access.live(text, s.now()); found != nil {
		return found.user, nil
	}
	reason := textJWTUnknown
	switch {
	case strings.Count(text, ".") != 2:
		reason = textJWTForm
	case s.sessions.access.byText[text] != nil || jwtExpired(text, s.now()):
		reason = textJWTExpired
	}
	return nil, Text(http.StatusUnauthorized, reason)
}

// byAuthToken accepts an API token; under the legacy paths a legacy session, which is extended by
// each use; and under the current paths an access token, as the vendor's page on the list call has
// it.
func (s *Server) byAuthToken(x *exchange, legacy bool) (*user, *Answer) {
	text := x.sent.authToken
	if legacy {
		if found := s.sessions.legacy.live(text, s.now()); found != nil {
			found.expires = s.now().Add(legacyTokenLife)
			return found.user, nil
		}
	} else if x.route.operation == OpCreate {
		return nil, Text(http.StatusUnauthorized, textJWTMissing)
	} else if strings.Count(text, ".") == 2 {
		return s.byAccessToken(text)
	}
	if refuse := s.wrong.RefuseTokens; s.misbehaves(refuse != 0) {
		return nil, s.refusal(x, refuse)
	}
	if token := s.works(text); token != nil {
		return token.owner, nil
	}
	return nil, s.deadToken(x)
}

// deadToken refuses an API token that does not exist.
func (s *Server) deadToken(x *exchange) *Answer {
	return s.refusal(x, s.answers.DeadToken)
}

func (s *Server) create(x *exchange, u *user) *Answer {
	lie, old := s.wrong.Create, (*apiToken)(nil)
	if lie != CreateTruth {
		old = s.oldToken(u)
	}
	deceives := s.misbehaves(old != nil)
	if deceives && lie == CreateNothing {
		return s.created(old)
	}
	token := s.makeToken(u, s.lags)
	if token == nil {
		return s.problem(x, http.StatusBadRequest, codeTooManyTokens, "The user has the greatest number of tokens")
	}
	x.call.Fingerprint = token.fingerprint
	if deceives {
		return s.created(old)
	}
	return s.created(token)
}

// created answers a creation with a token. s.mu is held.
func (s *Server) created(token *apiToken) *Answer {
	switch s.answers.Create {
	case CreateQuoted:
		return JSON(http.StatusOK, quote(token.text))
	case CreateBareSpaced:
		return Text(http.StatusOK, " \r\n"+token.text+"\n\n")
	case CreateQuotedSpaced:
		return JSON(http.StatusOK, "\n  "+quote(token.text)+" \n")
	}
	return Text(http.StatusOK, token.text)
}

func (s *Server) list(u *user) *Answer {
	texts := s.listed(u)
	opening, before, between, after := "[", "", ",", "]"
	if s.answers.List == ListBraces {
		opening, before, between, after = "{\n", "  ", ",\n", "}"
	}
	length := len(opening) + len(after)
	for _, text := range texts {
		length += len(text) + len(`  "",`) + 1
	}
	var b strings.Builder
	b.Grow(length)
	b.WriteString(opening)
	for i, text := range texts {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(before)
		writeQuoted(&b, text)
	}
	if s.answers.List == ListBraces && len(texts) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(after)
	return JSON(http.StatusOK, b.String())
}

// writeQuoted writes a text as a JSON string.
func writeQuoted(b *strings.Builder, text string) {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			b.WriteString(quote(text))
			return
		}
	}
	b.WriteByte('"')
	b.WriteString(text)
	b.WriteByte('"')
}

// delete deletes a token of the caller. It refuses a token of another user, and answers for one
// that does not exist as chosen.
func (s *Server) delete(x *exchange, u *user) *Answer {
	if lie := s.wrong.Delete; s.misbehaves(lie != DeleteTruth) {
		return s.deceive(x, lie)
	}
	token := s.tokens[x.route.token]
	switch {
	case token != nil && token.owner != u:
		return s.problem(x, http.StatusForbidden, codeAccessDenied, messageDenied)
	case token == nil || token.deleted:
		switch s.answers.UnknownDelete {
		case http.StatusOK:
			return Text(http.StatusOK, "false")
		case http.StatusForbidden:
			return s.problem(x, http.StatusForbidden, codeAccessDenied, messageDenied)
		}
		return s.problem(x, s.answers.UnknownDelete, "not.found.exception", "Token not found")
	}
	s.dropToken(token, s.lags)
	return s.deleted()
}

// deleted answers a deletion that was done. s.mu is held.
func (s *Server) deleted() *Answer {
	switch s.answers.Delete {
	case DeleteNoContent:
		return &Answer{Status: http.StatusNoContent}
	case DeleteEmpty:
		return &Answer{Status: http.StatusOK}
	}
	return Text(http.StatusOK, "true")
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(quoted)
}

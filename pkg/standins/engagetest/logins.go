package engagetest

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"engage-token-rotation/pkg/engage"
)

// loginAnswer is the answer of the engage login, the exchange and the refresh.
type loginAnswer struct {
	RefreshToken  string         `json:"refreshToken,omitempty"`
	AccessToken   string         `json:"accessToken"`
	TokenType     string         `json:"tokenType"`
	PlatformID    string         `json:"platformId,omitempty"`
	MainAccountID string         `json:"mainAccountId"`
	AdminID       int            `json:"adminId"`
	AdminURL      string         `json:"adminUrl"`
	AgentURL      string         `json:"agentUrl"`
	SSOLogin      bool           `json:"ssoLogin"`
	AgentDetails  []agentDetails `json:"agentDetails"`
}

type agentDetails struct {
	AgentID     int     `json:"agentId"`
	FirstName   string  `json:"firstName"`
	Email       string  `json:"email"`
	AgentType   string  `json:"agentType"`
	AccountID   string  `json:"accountId"`
	AccountName string  `json:"accountName"`
	AgentGroup  *string `json:"agentGroupId"`
}

func (s *Server) newLogin(u *user, flow engage.Flow, withRefresh bool) *Answer {
	access, refresh := s.newPair(u, flow, withRefresh)
	account := u.Accounts[0]
	return newJSON(http.StatusOK, loginAnswer{
		RefreshToken: refresh, AccessToken: access, TokenType: "Bearer",
		PlatformID: u.PlatformID, MainAccountID: u.MainAccountID,
		AdminID: 1234, AdminURL: "/voice/admin/", AgentURL: "/agent/", SSOLogin: flow == engage.FlowRingCentral,
		AgentDetails: []agentDetails{{
			AgentID: 5678, FirstName: "API", Email: u.Username, AgentType: "AGENT",
			AccountID: account.AccountID, AccountName: account.AccountName,
		}},
	})
}

// loginEngage takes user name, password and platform id from the query. s.mu is held.
func (s *Server) loginEngage(x *exchange) *Answer {
	for _, name := range []string{"username", "password", "platformId"} {
		if !x.query.Has(name) {
			return s.missing(x, "Required parameter '"+name+"' is not present")
		}
	}
	u := s.find(func(u *user) bool { return u.Username == x.query.Get("username") })
	if refused := s.countLogin(x, u, limitLogins, s.config.Limits.Logins); refused != nil {
		return refused
	}
	if u == nil || !same(u.Password, x.query.Get("password")) || !same(u.PlatformID, x.query.Get("platformId")) {
		return s.badCredentials(x)
	}
	return s.newLogin(u, engage.FlowEngage, true)
}

// parameters returns those that the guide puts into the form. With Config.QueryParameters a call
// without a body has them in the query.
func (s *Server) parameters(x *exchange) url.Values {
	switch {
	case s.config.QueryParameters && x.body == "":
		return x.query
	case x.hasForm():
		return x.form
	}
	return nil
}

// loginLegacy takes user name and password. s.mu is held.
func (s *Server) loginLegacy(x *exchange) *Answer {
	sent := s.parameters(x)
	if !sent.Has("username") || !sent.Has("password") {
		return s.missing(x, "username and password are required")
	}
	u := s.find(func(u *user) bool { return u.Username == sent.Get("username") })
	if refused := s.countLogin(x, u, limitLogins, s.config.Limits.Logins); refused != nil {
		return refused
	}
	if u == nil || !same(u.Password, sent.Get("password")) {
		return s.badCredentials(x)
	}
	auth := s.uuid()
	s.sessions.legacy.add(auth, &session{u, engage.FlowLegacy, s.now().Add(legacyTokenLife)})
	return newJSON(http.StatusOK, map[string]any{
		"accounts": u.Accounts, "authToken": auth, "platformHost": "portal.vacd.biz",
		"user": map[string]string{"username": u.Username},
	})
}

const grantJWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// grant is the RingCentral platform's JWT grant; the errors are those of RFC 6749. s.mu is held.
func (s *Server) grant(x *exchange) *Answer {
	id, secret, ok := x.request.BasicAuth()
	client := s.find(func(u *user) bool { return u.ClientID == id && same(u.ClientSecret, secret) })
	if !ok || id == "" || client == nil {
		return oauthError(http.StatusUnauthorized, "invalid_client", "Invalid client")
	}
	if !x.hasForm() || x.form.Get("grant_type") != grantJWT {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type")
	}
	u := s.find(func(u *user) bool {
		return u.ClientID == id && same(u.ClientSecret, secret) && same(u.JWT, x.form.Get("assertion"))
	})
	if u == nil {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid or expired assertion")
	}
	text := s.randomText(72)
	s.sessions.platform.add(text, &session{u, engage.FlowRingCentral, s.now().Add(platformTokenLife)})
	return newJSON(http.StatusOK, map[string]any{
		"access_token": text, "token_type": "bearer", "expires_in": int(platformTokenLife.Seconds()),
		"scope": "ReadAccounts", "owner_id": "400123456789", "endpoint_id": s.randomText(16),
	})
}

func oauthError(status int, code, description string) *Answer {
	return newJSON(status, map[string]string{"error": code, "error_description": description})
}

// exchange answers an access token of the platform with an Engage session. s.mu is held.
func (s *Server) exchange(x *exchange) *Answer {
	sent := s.parameters(x)
	if !sent.Has("rcAccessToken") || sent.Get("rcTokenType") != "Bearer" {
		return s.missing(x, "rcAccessToken and rcTokenType are required")
	}
	platform := s.sessions.platform.live(sent.Get("rcAccessToken"), s.now())
	if platform == nil {
		return s.badCredentials(x)
	}
	if refused := s.countLogin(x, platform.user, limitExchanges, s.config.Limits.Exchanges); refused != nil {
		return refused
	}
	return s.newLogin(platform.user, engage.FlowRingCentral, x.query.Get("includeRefresh") == "true")
}

// refresh answers a refresh token with a new pair, and ends it. s.mu is held.
func (s *Server) refresh(x *exchange) *Answer {
	sent := s.parameters(x)
	if !sent.Has("refresh_token") {
		return s.missing(x, "refresh_token is required")
	}
	old := s.sessions.refresh.take(sent.Get("refresh_token"), s.now())
	if old == nil {
		return s.badCredentials(x)
	}
	return s.newLogin(old.user, old.flow, true)
}

// limitKind names a rate limit.
type limitKind int

const (
	limitLogins limitKind = iota
	limitExchanges
	limitTokenCalls
)

// countLogin counts a try to log in, and returns the refusal if it comes too soon.
func (s *Server) countLogin(x *exchange, u *user, kind limitKind, limit int) *Answer {
	if u == nil {
		return nil
	}
	u.noteLogin(s.now())
	return s.throttle(x, u, kind, limit)
}

// throttle counts a call against a limit of the sliding minute, and returns the 429 if it is one
// too many.
func (s *Server) throttle(x *exchange, u *user, kind limitKind, limit int) *Answer {
	if limit <= 0 {
		return nil
	}
	now := s.now()
	recent := u.recent[kind]
	for len(recent) > 0 && !now.Before(recent[0].Add(limitWindow)) {
		recent = recent[1:]
	}
	if len(recent) < limit {
		u.recent[kind] = append(recent, now)
		return nil
	}
	u.recent[kind] = recent
	answer := s.problem(x, http.StatusTooManyRequests, "too.many.requests.exception", "Too many requests")
	switch next := recent[0].Add(limitWindow); s.answers.RetryAfter {
	case RetryAfterSeconds:
		answer.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(next.Sub(now).Seconds()))))
	case RetryAfterDate:
		answer.Header.Set("Retry-After", next.Add(time.Second-1).UTC().Format(http.TimeFormat))
	}
	return answer
}

func (s *Server) missing(x *exchange, message string) *Answer {
	return s.problem(x, http.StatusBadRequest, "missing.parameter.exception", message)
}

func (s *Server) badCredentials(x *exchange) *Answer {
	return s.problem(x, http.StatusUnauthorized, "invalid.credentials.exception", "Bad credentials")
}

// problem answers with the vendor's error document. Its requestUri repeats the path of the call.
func (s *Server) problem(x *exchange, status int, code, message string) *Answer {
	uri := x.request.URL.EscapedPath()
	if decoded, err := url.PathUnescape(uri); err == nil {
		uri = decoded
	}
	if s.answers.EchoURL {
		uri = x.request.URL.RequestURI()
	}
	return newJSON(status, problem{code, message, uri, s.now().UnixMilli()})
}

type problem struct {
	ErrorCode      string `json:"errorCode"`
	GeneralMessage string `json:"generalMessage"`
	RequestURI     string `json:"requestUri"`
	Timestamp      int64  `json:"timestamp"`
}

// find returns the first user for whom fits is true, or nil.
func (s *Server) find(fits func(*user) bool) *user {
	for _, u := range s.users {
		if fits(u) {
			return u
		}
	}
	return nil
}

// same reports whether the text that was sent is the credential. A credential that the user does
// not have equals none.
func same(want, sent string) bool { return want != "" && want == sent }

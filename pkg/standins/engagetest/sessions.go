package engagetest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"engage-token-rotation/pkg/engage"
)

// maxSessions is how many sessions of each kind are kept; the oldest are forgotten first.
const maxSessions = 2_000

// session is a login of a user.
type session struct {
	user    *user
	flow    engage.Flow
	expires time.Time // zero: never
}

// sessions holds the sessions of each kind by their credential.
type sessions struct {
	access   *sessionStore // engage and ringcentral
	refresh  *sessionStore // engage and ringcentral
	legacy   *sessionStore
	platform *sessionStore // access tokens of the RingCentral platform
}

func newSessions() sessions {
	return sessions{newSessionStore(), newSessionStore(), newSessionStore(), newSessionStore()}
}

type sessionStore struct {
	byText map[string]*session
	order  []string // ring of the keys, oldest at next once full
	next   int
}

func newSessionStore() *sessionStore { return &sessionStore{byText: map[string]*session{}} }

func (s *sessionStore) add(text string, made *session) {
	if len(s.order) < maxSessions {
		s.order = append(s.order, text)
	} else {
		delete(s.byText, s.order[s.next])
		s.order[s.next] = text
		s.next = (s.next + 1) % maxSessions
	}
	s.byText[text] = made
}

// live returns the session unless it is unknown or has ended.
func (s *sessionStore) live(text string, now time.Time) *session {
	found := s.byText[text]
	if found == nil || !found.expires.IsZero() && !now.Before(found.expires) {
		return nil
	}
	return found
}

// take returns the live session and ends it.
func (s *sessionStore) take(text string, now time.Time) *session {
	found := s.live(text, now)
	delete(s.byText, text)
	return found
}

// ExpireSessions ends the access tokens and legacy sessions of a user now, as if their time were
// over. Refresh tokens stay.
func (s *Server) ExpireSessions(username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, now := s.user(username), s.now()
	for _, store := range []*sessionStore{s.sessions.access, s.sessions.legacy} {
		for _, found := range store.byText {
			if found.user == u && found.expires.After(now) {
				found.expires = now
			}
		}
	}
}

// newPair makes an access token and, if wanted, a refresh token. s.mu is held.
func (s *Server) newPair(u *user, flow engage.Flow, withRefresh bool) (access, refresh string) {
	now := s.now()
	access = s.jwt(u, now, now.Add(accessTokenLife))
	s.sessions.access.add(access, &session{u, flow, now.Add(accessTokenLife)})
	if withRefresh {
		refresh = s.randomText(48)
		s.sessions.refresh.add(refresh, &session{user: u, flow: flow})
	}
	return access, refresh
}

// jwtHeader is {"alg":"RS256"}, base64url.
const jwtHeader = "eyJhbGciOiJSUzI1NiJ9"

// jwt makes a text as long as the vendor's access tokens, in the form of a JWT; the signature is
// noise.
func (s *Server) jwt(u *user, issued, expires time.Time) string {
	claims := fmt.Sprintf(`{"iss":"https://engage.ringcentral.com","sub":%q,"aud":"engage","iat":%d,"exp":%d,"jti":%q,`+
		`"platformId":%q,"mainAccountId":%q,"scope":"voice:admin voice:agent digital:admin analytics:read",`+
		`"roles":["ROLE_ADMIN","ROLE_API"]}`,
		u.Username, issued.Unix(), expires.Unix(), s.uuid(), u.PlatformID, u.MainAccountID)
	return jwtHeader + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + s.randomText(256)
}

// jwtExpired reports whether a text that the server does not know is a JWT of its own that has
// ended.
func jwtExpired(text string, now time.Time) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != jwtHeader {
		return false
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	_, rest, found := strings.Cut(string(claims), `"exp":`)
	digits, _, _ := strings.Cut(rest, ",")
	seconds, err := strconv.ParseInt(digits, 10, 64)
	return found && err == nil && !now.Before(time.Unix(seconds, 0))
}

// randomText returns n random bytes as base64url text.
func (s *Server) randomText(n int) string {
	return base64.RawURLEncoding.EncodeToString(s.randomBytes(n))
}

func (s *Server) randomBytes(n int) []byte {
	bytes := make([]byte, (n+7)/8*8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(bytes[i:], s.random.Uint64())
	}
	return bytes[:n]
}

func (s *Server) uuid() string {
	b := s.randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

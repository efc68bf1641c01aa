package engagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/hidden"
)

// User can log in. Each credential names the login flows that use it.
type User struct {
	Username   string // names the user in this package's methods
	Password   string // engage, legacy; any text
	PlatformID string // engage

	ClientID     string // ringcentral
	ClientSecret string // ringcentral
	JWT          string // ringcentral

	// MainAccountID is part of the answer of a login; "": that of the first account.
	MainAccountID string
	// Accounts that the user reaches; none: the example of the vendor's pages.
	Accounts []Account
	// Forbidden operations answer 403 for lack of permission.
	Forbidden []Operation
}

// Account is an account that a user reaches.
type Account struct {
	AccountID     string `json:"accountId"`
	AccountName   string `json:"accountName"`
	MainAccountID string `json:"mainAccountId"`
}

// DefaultUser returns the user of a server without Config.Users. The password has the characters
// that careless escaping breaks.
func DefaultUser() User {
	return User{
		Username:     "api.user@example.com",
		Password:     `p&q/r?s#t+u%v"w ü€`,
		PlatformID:   "aws80",
		ClientID:     "exampleClientId",
		ClientSecret: "example/Client+Secret=",
		JWT:          "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl",
		Accounts:     defaultAccounts(),
	}
}

func defaultAccounts() []Account {
	return []Account{{AccountID: "99990001", AccountName: "Example Sub-Account", MainAccountID: "99990000"}}
}

// user is a User with their tokens and logins.
type user struct {
	User
	tokens     []*apiToken // oldest first, with the deleted ones that lists still show
	logins     ring[time.Time]
	loginCount int
	recent     map[limitKind][]time.Time
}

// apiToken is a permanent token.
type apiToken struct {
	text            string
	fingerprint     string
	owner           *user
	unlisted        lag
	rejected        lag
	deleted         bool
	deletedListed   lag
	deletedAccepted lag
}

// AddUser adds a user. It panics if there is one of this name.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.users, func(other *user) bool { return other.Username == u.Username }) {
		panic(fmt.Sprintf("engagetest: the user %q is there already", u.Username))
	}
	if len(u.Accounts) == 0 {
		u.Accounts = defaultAccounts()
	}
	if u.MainAccountID == "" {
		u.MainAccountID = u.Accounts[0].MainAccountID
	}
	s.users = append(s.users, &user{
		User:   u,
		logins: ring[time.Time]{limit: s.config.LogLength},
		recent: map[limitKind][]time.Time{},
	})
}

// user returns the user of a name. It panics if there is none, since that is a mistake of the test.
// s.mu is held.
func (s *Server) user(name string) *user {
	for _, u := range s.users {
		if u.Username == name {
			return u
		}
	}
	panic(fmt.Sprintf("engagetest: unknown user %q", name))
}

// ChangePassword changes the password of the engage and legacy logins. Sessions and API tokens stay
// valid.
func (s *Server) ChangePassword(username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(username).Password = password
}

// Forbid sets the operations that the user lacks the permission for.
func (s *Server) Forbid(username string, operations ...Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(username).Forbidden = operations
}

// CreateToken makes a token as another program of the same user would, without lag. It returns ""
// if a cap on tokens refuses it.
func (s *Server) CreateToken(username string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.makeToken(s.user(username), Propagation{})
	if token == nil {
		return ""
	}
	return token.text
}

// DeleteToken deletes a token as a person at the vendor's page would, without lag, and reports
// whether it was alive.
func (s *Server) DeleteToken(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.tokens[text]
	if token == nil || token.deleted {
		return false
	}
	s.dropToken(token, Propagation{})
	return true
}

// Tokens returns the user's live tokens, oldest first, without regard to lags.
func (s *Server) Tokens(username string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, token := range s.user(username).tokens {
		if !token.deleted {
			texts = append(texts, token.text)
		}
	}
	return texts
}

// Alive reports whether a token is alive, without regard to lags.
func (s *Server) Alive(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.tokens[text]
	return token != nil && !token.deleted
}

// Logins returns the times at which the user tried to log in, successfully or not, oldest first:
// the latest Config.LogLength. The steps of a ringcentral login count as one: its exchange.
func (s *Server) Logins(username string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user(username).logins.all()
}

// LoginCount returns how often the user tried to log in.
func (s *Server) LoginCount(username string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user(username).loginCount
}

// noteLogin counts an attempt to log in. s.mu is held.
func (u *user) noteLogin(now time.Time) {
	u.loginCount++
	u.logins.add(now)
}

// makeToken makes a token; nil: the cap on tokens refuses it. s.mu is held.
func (s *Server) makeToken(owner *user, lags Propagation) *apiToken {
	s.purge(owner)
	if limit := s.config.Limits; limit.Tokens > 0 {
		for owner.live() >= limit.Tokens {
			if !limit.RemoveOldest {
				return nil
			}
			s.dropToken(owner.oldest(), Propagation{})
		}
	}
	now := s.now()
	token := &apiToken{
		text:     s.newTokenText(),
		owner:    owner,
		unlisted: lags.NewUnlisted.begin(now),
		rejected: lags.NewRejected.begin(now),
	}
	token.fingerprint = hidden.Fingerprint(token.text)
	owner.tokens = append(owner.tokens, token)
	s.tokens[token.text] = token
	return token
}

// live returns how many live tokens the user has. s.mu is held.
func (u *user) live() int {
	n := 0
	for _, token := range u.tokens {
		if !token.deleted {
			n++
		}
	}
	return n
}

// oldest returns the user's oldest live token, or nil. s.mu is held.
func (u *user) oldest() *apiToken {
	for _, token := range u.tokens {
		if !token.deleted {
			return token
		}
	}
	return nil
}

func (s *Server) newTokenText() string {
	switch {
	case s.config.NewToken != nil:
		return s.config.NewToken()
	case s.config.BareTokens:
		return s.uuid()
	}
	return "aws80:" + s.uuid()
}

// dropToken deletes a token. s.mu is held.
func (s *Server) dropToken(token *apiToken, lags Propagation) {
	now := s.now()
	token.deleted = true
	token.deletedListed = lags.DeletedListed.begin(now)
	token.deletedAccepted = lags.DeletedAccepted.begin(now)
	s.purge(token.owner)
}

// purge removes the deleted tokens that no lag shows any more. s.mu is held.
func (s *Server) purge(owner *user) {
	now := s.now()
	owner.tokens = slices.DeleteFunc(owner.tokens, func(token *apiToken) bool {
		gone := token.deleted && token.deletedListed.over(now) && token.deletedAccepted.over(now)
		if gone {
			delete(s.tokens, token.text)
		}
		return gone
	})
}

// listed returns what a list call shows of the user's tokens. s.mu is held.
func (s *Server) listed(owner *user) []string {
	now := s.now()
	texts := make([]string, 0, len(owner.tokens))
	for _, token := range owner.tokens {
		if !token.deleted && !token.unlisted.lasts(now) || token.deleted && token.deletedListed.lasts(now) {
			texts = append(texts, token.text)
		}
	}
	texts = s.shown(texts)
	switch s.answers.Order {
	case OrderByText:
		slices.SortFunc(texts, strings.Compare)
	case OrderNewestFirst:
		slices.Reverse(texts)
	}
	if s.config.EditList != nil {
		texts = s.config.EditList(owner.Username, texts)
	}
	return texts
}

// works returns the token if calls with it are accepted now, else nil. s.mu is held.
func (s *Server) works(text string) *apiToken {
	now := s.now()
	token := s.tokens[text]
	switch {
	case token == nil,
		token.deleted && !token.deletedAccepted.lasts(now),
		!token.deleted && token.rejected.lasts(now):
		return nil
	}
	return token
}

// fingerprint returns how the log of calls names what a client sent as an API token. s.mu is held.
func (s *Server) fingerprint(text string) string {
	if token := s.tokens[text]; token != nil {
		return token.fingerprint
	}
	if text == "" {
		return ""
	}
	return hidden.Fingerprint(text)
}

package engagetest

import (
	"net/http"
)

// Misbehavior is what the vendor does wrong with every call until SetMisbehavior changes it. The
// zero Misbehavior means nothing. Fields may be combined. The server applies it after a [Fault] at
// stage [Before] and before one at stage [After], and authenticates and logs the call as any other.
type Misbehavior struct {
	// Refuse is the status, 401 or 403, that answers every call, logins included; 0: none.
	Refuse int
	// RefuseTokens is the status, 401 or 403, that answers every call by an API token, as if all of
	// them were dead; logins and sessions work. 0: none.
	RefuseTokens int
	// List is what lists leave out.
	List ListLie
	// Keep is how many tokens a list of ListNewest and ListOldest shows.
	Keep int
	// Create is how a creation deceives.
	Create CreateLie
	// Delete is how a deletion deceives.
	Delete DeleteLie
	// Calls is how many calls are answered wrong; then the server answers right again. 0: every call
	// until SetMisbehavior.
	Calls int
}

// ListLie is what a list leaves out of the user's tokens.
type ListLie int

// The lies of lists. "Newest" and "oldest" are by the time of creation, whatever the order of the
// list.
const (
	ListTruth  ListLie = iota
	ListEmpty          // []
	ListNewest         // only the newest Misbehavior.Keep tokens
	ListOldest         // only the oldest Misbehavior.Keep tokens
)

// CreateLie is how a creation deceives. The old token is any of the user's live ones; if there is
// none, the creation is an honest one.
type CreateLie int

// The lies of creations.
const (
	CreateTruth      CreateLie = iota
	CreateNothing              // makes no token and answers with an old one
	CreateAnswersOld           // makes a token and answers with an old one
)

// DeleteLie is how a deletion deceives. None of these has an effect.
type DeleteLie int

// The lies of deletions.
const (
	DeleteTruth        DeleteLie = iota
	DeleteIgnored                // answers as if the token were deleted
	DeleteErrorBody              // 200 with an error document
	DeleteFalse                  // 200 with the body false
	DeleteNotFoundPage           // 404 with a web page
)

// SetMisbehavior changes what the vendor does wrong from the next call on; the zero Misbehavior
// ends it.
func (s *Server) SetMisbehavior(m Misbehavior) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = m
}

// misbehaves reports whether this call is to be answered wrong, and counts it if so. part says
// whether the misbehavior has a field for this kind of call. s.mu is held.
func (s *Server) misbehaves(part bool) bool {
	if !part {
		return false
	}
	if s.wrong.Calls > 0 {
		s.wrong.Calls--
		if s.wrong.Calls == 0 {
			s.wrong = Misbehavior{}
		}
	}
	return true
}

// refusal answers a call that Refuse or RefuseTokens refuses. s.mu is held.
func (s *Server) refusal(x *exchange, status int) *Answer {
	if status == http.StatusForbidden {
		return s.problem(x, status, codeAccessDenied, messageDenied)
	}
	return s.problem(x, status, "invalid.token.exception", "Token is not valid")
}

// shown returns what a list shows of the tokens, which are in the order of their creation. s.mu is
// held.
func (s *Server) shown(texts []string) []string {
	lie, keep := s.wrong.List, max(s.wrong.Keep, 0)
	if !s.misbehaves(lie != ListTruth) {
		return texts
	}
	switch hidden := max(len(texts)-keep, 0); lie {
	case ListNewest:
		return texts[hidden:]
	case ListOldest:
		return texts[:len(texts)-hidden]
	}
	return texts[:0]
}

// oldToken returns a random live token of the user, or nil. s.mu is held.
func (s *Server) oldToken(u *user) *apiToken {
	var live []*apiToken
	for _, token := range u.tokens {
		if !token.deleted {
			live = append(live, token)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return live[s.random.IntN(len(live))]
}

// deceive answers a deletion that has no effect. s.mu is held.
func (s *Server) deceive(x *exchange, lie DeleteLie) *Answer {
	switch lie {
	case DeleteErrorBody:
		return s.problem(x, http.StatusOK, codeAccessDenied, messageDenied)
	case DeleteFalse:
		return JSON(http.StatusOK, "false")
	case DeleteNotFoundPage:
		return HTML(http.StatusNotFound)
	}
	return s.deleted()
}

package engage

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"engage-token-rotation/pkg/hidden"
)

// Auth authenticates a call: it is a [*Session] or a permanent [Token].
type Auth interface {
	header() (name, value string)
}

var (
	_ Auth = (*Session)(nil)
	_ Auth = Token{}
)

func (t Token) header() (string, string) { return "X-Auth-Token", t.Reveal() }

// Session is a login. It renews itself when its access token has ended: by the refresh token, which
// works once, or else by another login. It is safe for concurrent use, and prints as a placeholder.
type Session struct {
	flow        flow
	credentials Credentials

	renewing chan struct{} // full while a call renews the session
	mu       sync.Mutex
	grant    grant
}

func (s *Session) header() (string, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flow.header(s.grant.access)
}

// Format implements [fmt.Formatter]: every verb prints a placeholder.
func (s *Session) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "session "+hidden.Placeholder)
}

// LogValue implements [slog.LogValuer].
func (s *Session) LogValue() slog.Value { return slog.StringValue("session " + hidden.Placeholder) }

// MarshalJSON implements [json.Marshaler].
func (s *Session) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden.Placeholder + `"`), nil }

// worthRenewing reports whether a 401 can mean that the access token has ended: the vendor says so,
// or the token is not fresh. A session with a fresh token that is refused is not renewed: that
// would cost a login and be refused again.
func (s *Session) worthRenewing(c *Client, refused *Error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return refused.expired || c.config.Now().Sub(s.grant.obtained) > renewBefore
}

// access returns the access token in use.
func (s *Session) access() hidden.String {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant.access
}

// accessOf returns the access token that a session would send now, and none for other kinds of
// auth.
func accessOf(auth Auth) hidden.String {
	if session, ok := auth.(*Session); ok && session != nil {
		return session.access()
	}
	return hidden.String{}
}

// ensure renews the session if its access token is about to end.
func (s *Session) ensure(ctx context.Context, c *Client) error {
	s.mu.Lock()
	live, used := c.config.Now().Before(s.grant.expires.Add(-renewBefore)), s.grant.access
	s.mu.Unlock()
	if live {
		return nil
	}
	return s.renew(ctx, c, used)
}

// renew replaces the access token that was used: by the refresh token if there is one and it still
// works, by a login otherwise. Of concurrent calls that used the same access token, the first
// renews it for all.
func (s *Session) renew(ctx context.Context, c *Client, used hidden.String) error {
	select {
	case s.renewing <- struct{}{}:
		defer func() { <-s.renewing }()
	case <-ctx.Done():
		e := transportError(opRefresh, ctx.Err())
		e.OutcomeUnknown = false
		return e
	}
	s.mu.Lock()
	refresh, done := s.grant.refresh, s.grant.access != used
	s.grant.refresh = hidden.String{} // single use, whatever the answer
	if done {
		s.grant.refresh = refresh
	}
	s.mu.Unlock()
	if done {
		return nil
	}
	g, err := s.renewed(ctx, c, refresh)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grant = g
	return nil
}

func (s *Session) renewed(ctx context.Context, c *Client, refresh hidden.String) (grant, error) {
	if !refresh.IsZero() {
		g, err := c.grant(ctx, request{operation: opRefresh, url: c.url("/api/auth/token/refresh"), attempts: 1,
			form: url.Values{"refresh_token": {refresh.Reveal()}}})
		if err == nil || ctx.Err() != nil {
			return g, err
		}
	}
	return s.flow.login(ctx, c, s.credentials)
}

// Sessions keeps the sessions of a warm function, so that rotations of one user within the life of
// an access token share a login. The zero Sessions is ready for use, and safe for concurrent use.
type Sessions struct {
	mu       sync.Mutex
	sessions map[string]*Session
}

// Login returns the kept session for these credentials at the client's endpoint, renewed if
// necessary, or logs in.
func (k *Sessions) Login(ctx context.Context, c *Client, credentials Credentials) (*Session, error) {
	key := sessionKey(c.config.Endpoint, credentials)
	k.mu.Lock()
	k.forgetEnded(c.config.Now())
	session := k.sessions[key]
	k.mu.Unlock()
	if session != nil {
		err := session.ensure(ctx, c)
		if err == nil {
			return session, nil
		}
		k.forget(key)
		return nil, err
	}
	session, err := c.Login(ctx, credentials)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sessions == nil {
		k.sessions = map[string]*Session{}
	}
	k.sessions[key] = session
	return session, nil
}

func (k *Sessions) forget(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sessions, key)
}

// sessionKey returns a digest of all credentials, so that a changed password never finds an old
// session.
func sessionKey(endpoint Endpoint, c Credentials) string {
	parts := []string{string(endpoint.Flow), endpoint.BaseURL.String(), c.Username, c.Password.Reveal(), c.PlatformID,
		c.ClientID, c.ClientSecret.Reveal(), c.JWT.Reveal()}
	return hidden.Fingerprint(fmt.Sprintf("%q", parts))
}

// forgetEnded drops the sessions that ended so long ago that the vendor would probably refuse a
// refresh: a login is one call, a refused refresh and a login are two. k.mu is held.
func (k *Sessions) forgetEnded(now time.Time) {
	for key, session := range k.sessions {
		session.mu.Lock()
		ended := now.After(session.grant.expires.Add(accessTokenLife))
		session.mu.Unlock()
		if ended {
			delete(k.sessions, key)
		}
	}
}

package engage

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"engage-token-rotation/pkg/hidden"
)

// Lives of a login's credentials, as the vendor documents them.
const (
	accessTokenLife = 5 * time.Minute
	legacyTokenLife = time.Hour
	// renewBefore is how long before its end an access token counts as ended.
	renewBefore = 30 * time.Second
)

const (
	opLogin    = "login"
	opGrant    = "JWT grant"
	opExchange = "exchange"
	opRefresh  = "refresh"
)

// flow is one of the vendor's ways to log in, with its paths.
type flow interface {
	login(ctx context.Context, c *Client, credentials Credentials) (grant, error)
	// api returns the path in front of "/v1/admin/...".
	api() string
	// header returns the header that carries an access token.
	header(access hidden.String) (name, value string)
}

// grant is the answer of a login or a refresh.
type grant struct {
	access, refresh   hidden.String
	obtained, expires time.Time
}

func newGrant(access string, now time.Time, life time.Duration) grant {
	return grant{access: hidden.New(access), obtained: now, expires: now.Add(life)}
}

func flowOf(name Flow) flow {
	switch name {
	case FlowRingCentral:
		return ringCentralFlow{}
	case FlowLegacy:
		return legacyFlow{}
	}
	return engageFlow{}
}

// Login logs in and returns a session for the calls of this client. It asks Config.Permit before
// each try, so that the logins of a user stay below the limit.
func (c *Client) Login(ctx context.Context, credentials Credentials) (*Session, error) {
	g, err := c.flow.login(ctx, c, credentials)
	if err != nil {
		return nil, err
	}
	return &Session{credentials: credentials, flow: c.flow, renewing: make(chan struct{}, 1), grant: g}, nil
}

func (c *Client) permit(ctx context.Context) error {
	if c.config.Permit == nil {
		return nil
	}
	return c.config.Permit(ctx)
}

// oauth is the part that the two current flows share: bearer tokens under /voice/api.
type oauth struct{}

func (oauth) api() string { return "/voice/api" }

func (oauth) header(access hidden.String) (string, string) {
	return "Authorization", "Bearer " + access.Reveal()
}

type engageFlow struct{ oauth }

// login sends the password in the query, as the vendor defines it. The URL must not be printed.
func (engageFlow) login(ctx context.Context, c *Client, credentials Credentials) (grant, error) {
	query := url.Values{
		"username":   {credentials.Username},
		"password":   {credentials.Password.Reveal()},
		"platformId": {credentials.PlatformID},
	}
	return c.grant(ctx, request{operation: opLogin, permit: c.permit,
		remedy: "check username, password and platformId in the secret, and that the user is not locked",
		url:    c.url("/api/auth/login/admin") + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")})
}

type ringCentralFlow struct{ oauth }

func (ringCentralFlow) login(ctx context.Context, c *Client, credentials Credentials) (grant, error) {
	var asked time.Time
	permit := func(ctx context.Context) error {
		asked = c.config.Now()
		return c.permit(ctx)
	}
	a, err := c.do(ctx, request{
		operation: opGrant, permit: permit, attempts: c.config.LoginAttempts, method: http.MethodPost,
		url: strings.TrimSuffix(c.config.Endpoint.PlatformURL.String(), "/") + "/restapi/oauth/token", basic: &credentials,
		remedy: "check clientId, clientSecret and jwt in the secret, and that the JWT has not expired and is for this client",
		form: url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
			"assertion":  {credentials.JWT.Reveal()},
		}})
	if err != nil {
		return grant{}, err
	}
	var platform struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(a.body, &platform) != nil || !isCredential(platform.AccessToken) {
		return grant{}, unusable(opGrant, a, "the answer holds no access token")
	}
	return c.grant(ctx, request{operation: opExchange,
		remedy: "check that the RingCentral user of the JWT has access to RingCX (Engage Voice)",
		url:    c.url("/api/auth/login/rc/accesstoken") + "?includeRefresh=true",
		form:   url.Values{"rcAccessToken": {platform.AccessToken}, "rcTokenType": {"Bearer"}},
		// The first exchange needs no permit of its own if it follows the grant within PermitLife; a
		// late or repeated one does.
		permit: func(ctx context.Context) error {
			covered := c.config.Now().Sub(asked) <= PermitLife
			asked = time.Time{}
			if covered {
				return nil
			}
			return c.permit(ctx)
		}})
}

type legacyFlow struct{}

func (legacyFlow) api() string { return "/api" }

func (legacyFlow) header(access hidden.String) (string, string) {
	return "X-Auth-Token", access.Reveal()
}

func (legacyFlow) login(ctx context.Context, c *Client, credentials Credentials) (grant, error) {
	a, err := c.do(ctx, request{
		operation: opLogin, permit: c.permit, attempts: c.config.LoginAttempts, method: http.MethodPost,
		url:    c.url("/api/v1/auth/login"),
		remedy: "check username and password in the secret, and that the user is not locked",
		form:   url.Values{"username": {credentials.Username}, "password": {credentials.Password.Reveal()}}})
	if err != nil {
		return grant{}, err
	}
	var document struct {
		AuthToken string `json:"authToken"`
	}
	if json.Unmarshal(a.body, &document) != nil || !isCredential(document.AuthToken) {
		return grant{}, unusable(opLogin, a, "the answer holds no auth token")
	}
	return newGrant(document.AuthToken, c.config.Now(), legacyTokenLife), nil
}

// grant sends a login, an exchange or a refresh. Their answers have one form.
func (c *Client) grant(ctx context.Context, r request) (grant, error) {
	r.method = http.MethodPost
	if r.attempts == 0 {
		r.attempts = c.config.LoginAttempts
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return grant{}, err
	}
	var document struct {
		AccessToken  string `json:"accessToken"`
		RefreshToken string `json:"refreshToken"`
	}
	if json.Unmarshal(a.body, &document) != nil || !isCredential(document.AccessToken) {
		return grant{}, unusable(r.operation, a, "the answer holds no access token")
	}
	g := newGrant(document.AccessToken, c.config.Now(), accessTokenLife)
	if isCredential(document.RefreshToken) {
		g.refresh = hidden.New(document.RefreshToken)
	}
	return g, nil
}

// isCredential reports whether a header can hold the text: visible ASCII of at most 16 KiB.
func isCredential(text string) bool {
	if text == "" || len(text) > 16<<10 {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

func (c *Client) url(path string) string {
	return strings.TrimSuffix(c.config.Endpoint.BaseURL.String(), "/") + path
}

package engagetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/engagetest"
)

// client is a plain HTTP client in the process.
type client struct {
	t      *testing.T
	server *engagetest.Server
	user   engagetest.User
}

// answer is what the client read.
type answer struct {
	status int
	header http.Header
	body   string
}

func newClient(t *testing.T, config engagetest.Config) *client {
	t.Helper()
	return &client{t, engagetest.NewServer(config), engagetest.DefaultUser()}
}

// send sends a request with a User-Agent that the vendor accepts. The headers alternate between
// name and value.
func (c *client) send(method, path, body string, headers ...string) answer {
	c.t.Helper()
	req, err := http.NewRequest(method, "https://engage.example.com"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("User-Agent", "facts/1.0")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{
		Transport:     c.server.RoundTripper(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (c *client) form(path string, values url.Values, headers ...string) answer {
	c.t.Helper()
	return c.send("POST", path, values.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (a answer) field(t *testing.T, name string) string {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		t.Fatalf("status %d, %q is not a JSON document: %v", a.status, a.body, err)
	}
	value, _ := document[name].(string)
	return value
}

func (c *client) engageLogin(password string) answer {
	c.t.Helper()
	query := url.Values{"username": {c.user.Username}, "password": {password}, "platformId": {c.user.PlatformID}}
	return c.send("POST", "/api/auth/login/admin?"+query.Encode(), "")
}

func (c *client) legacyLogin() answer {
	c.t.Helper()
	return c.form("/api/v1/auth/login", url.Values{"username": {c.user.Username}, "password": {c.user.Password}})
}

// exchange logs in by the two calls of the ringcentral flow.
func (c *client) exchange() answer {
	c.t.Helper()
	granted := c.grant(c.user.ClientSecret, c.user.JWT)
	return c.form("/api/auth/login/rc/accesstoken?includeRefresh=true",
		url.Values{"rcAccessToken": {granted.field(c.t, "access_token")}, "rcTokenType": {"Bearer"}})
}

func (c *client) grant(secret, jwt string) answer {
	c.t.Helper()
	req := &http.Request{Header: http.Header{}}
	req.SetBasicAuth(c.user.ClientID, secret)
	return c.form("/restapi/oauth/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jwt},
	}, "Authorization", req.Header.Get("Authorization"))
}

func (c *client) bearer() string {
	c.t.Helper()
	return "Bearer " + c.engageLogin(c.user.Password).field(c.t, "accessToken")
}

// want fails unless an answer has the status and holds the text.
func want(t *testing.T, got answer, status int, text string) {
	t.Helper()
	if got.status != status || !strings.Contains(got.body, text) {
		t.Errorf("answer %d %q, want %d with %q", got.status, got.body, status, text)
	}
}

const (
	voice  = "/voice/api/v1/admin/"
	legacy = "/api/v1/admin/"
)

// TestFacts checks what the vendor's pages say, one fact in each case.
func TestFacts(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	facts := []struct {
		fact  string
		check func(t *testing.T, c *client, advance func(time.Duration))
	}{
		{
			"engage login: query, any password, accessToken, refreshToken, tokenType, mainAccountId",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				got := c.engageLogin(c.user.Password)
				want(t, got, 200, "")
				access, refresh := got.field(t, "accessToken"), got.field(t, "refreshToken")
				if len(access) < 500 || strings.Count(access, ".") != 2 {
					t.Errorf("accessToken of %d characters, want a very long JWT", len(access))
				}
				if refresh == "" || len(refresh) >= len(access) {
					t.Errorf(
						"refreshToken of %d characters, want a shorter text than the accessToken's %d",
						len(refresh),
						len(access),
					)
				}
				if got.field(t, "tokenType") != "Bearer" || got.field(t, "mainAccountId") != "99990000" {
					t.Errorf("tokenType or mainAccountId is wrong in %s", got.body)
				}
			},
		},
		{"engage login: bad password, unknown user", func(t *testing.T, c *client, _ func(time.Duration)) {
			want(t, c.engageLogin("wrong"), 401, "Bad credentials")
			c.user.Username = "nobody@example.com"
			want(t, c.engageLogin(c.user.Password), 401, "Bad credentials")
		}},
		{"engage login: the platform id has to fit", func(t *testing.T, c *client, _ func(time.Duration)) {
			c.user.PlatformID = "aws01"
			want(t, c.engageLogin(c.user.Password), 401, "")
		}},
		{"ringcentral login: JWT grant with Basic, then exchange", func(t *testing.T, c *client, _ func(time.Duration)) {
			granted := c.grant(c.user.ClientSecret, c.user.JWT)
			want(t, granted, 200, `"token_type":"bearer"`)
			got := c.exchange()
			want(t, got, 200, "")
			if got.field(t, "accessToken") == "" || got.field(t, "refreshToken") == "" {
				t.Errorf("tokens are missing in %s", got.body)
			}
		}},
		{
			"ringcentral login: bad client, bad JWT, bad platform token",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				want(t, c.grant("wrong", c.user.JWT), 401, "invalid_client")
				want(t, c.grant(c.user.ClientSecret, "wrong"), 400, "invalid_grant")
				want(t, c.form("/api/auth/login/rc/accesstoken?includeRefresh=true",
					url.Values{"rcAccessToken": {"wrong"}, "rcTokenType": {"Bearer"}}), 401, "")
			},
		},
		{
			"ringcentral login: refreshToken only with includeRefresh=true",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				platform := c.grant(c.user.ClientSecret, c.user.JWT).field(t, "access_token")
				got := c.form(
					"/api/auth/login/rc/accesstoken",
					url.Values{"rcAccessToken": {platform}, "rcTokenType": {"Bearer"}},
				)
				want(t, got, 200, "accessToken")
				if got.field(t, "refreshToken") != "" {
					t.Error("a refreshToken came unasked")
				}
			},
		},
		{"exchange limited to 5 requests a minute", func(t *testing.T, c *client, advance func(time.Duration)) {
			for range 5 {
				want(t, c.exchange(), 200, "")
				advance(time.Second)
			}
			got := c.exchange()
			want(t, got, 429, "")
			if after := got.header.Get("Retry-After"); after != "55" {
				t.Errorf("Retry-After %q, want 55", after)
			}
			advance(55 * time.Second)
			want(t, c.exchange(), 200, "")
		}},
		{
			"access token lives 5 minutes, then 401 Jwt is expired",
			func(t *testing.T, c *client, advance func(time.Duration)) {
				bearer := c.bearer()
				advance(5*time.Minute - 1)
				want(t, c.send("GET", voice+"token", "", "Authorization", bearer), 200, "[]")
				advance(1)
				want(t, c.send("GET", voice+"token", "", "Authorization", bearer), 401, "Jwt is expired")
			},
		},
		{
			"an access token can end at any time; the refresh token goes on",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				login := c.engageLogin(c.user.Password)
				auth := c.legacyLogin().field(t, "authToken")
				c.server.ExpireSessions(c.user.Username)
				want(
					t,
					c.send("GET", voice+"token", "", "Authorization", "Bearer "+login.field(t, "accessToken")),
					401,
					"Jwt is expired",
				)
				want(t, c.send("GET", legacy+"token", "", "X-Auth-Token", auth), 401, "")
				want(
					t,
					c.form("/api/auth/token/refresh", url.Values{"refresh_token": {login.field(t, "refreshToken")}}),
					200,
					"accessToken",
				)
			},
		},
		{
			"refresh: new access token and new refresh token, single use",
			func(t *testing.T, c *client, advance func(time.Duration)) {
				first := c.engageLogin(c.user.Password)
				advance(time.Hour)
				old := url.Values{"refresh_token": {first.field(t, "refreshToken")}}
				second := c.form("/api/auth/token/refresh", old)
				want(t, second, 200, "")
				want(
					t,
					c.send("POST", voice+"token", "", "Authorization", "Bearer "+second.field(t, "accessToken")),
					200,
					"aws80:",
				)
				want(t, c.form("/api/auth/token/refresh", old), 401, "")
				want(
					t,
					c.form("/api/auth/token/refresh", url.Values{"refresh_token": {second.field(t, "refreshToken")}}),
					200,
					"",
				)
			},
		},
		{
			"legacy login: form, authToken, X-Auth-Token, 1 hour extended by each use",
			func(t *testing.T, c *client, advance func(time.Duration)) {
				auth := c.legacyLogin().field(t, "authToken")
				for range 3 {
					advance(59 * time.Minute)
					want(t, c.send("GET", legacy+"token", "", "X-Auth-Token", auth), 200, "[]")
				}
				want(t, c.send("POST", legacy+"token", "", "X-Auth-Token", auth), 200, "aws80:")
				advance(time.Hour)
				want(t, c.send("GET", legacy+"token", "", "X-Auth-Token", auth), 401, "")
			},
		},
		{"legacy: an existing API token creates too", func(t *testing.T, c *client, _ func(time.Duration)) {
			token := c.server.CreateToken(c.user.Username)
			want(t, c.send("POST", legacy+"token", "", "X-Auth-Token", token), 200, "aws80:")
		}},
		{"create: Bearer only", func(t *testing.T, c *client, _ func(time.Duration)) {
			token := c.server.CreateToken(c.user.Username)
			want(t, c.send("POST", voice+"token", "", "X-Auth-Token", token), 401, "")
			want(t, c.send("POST", voice+"token", ""), 401, "")
		}},
		{
			"create: every call makes another token, bare text <platform>:<uuid>",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				bearer := c.bearer()
				first := c.send("POST", voice+"token", "", "Authorization", bearer).body
				second := c.send("POST", voice+"token", "", "Authorization", bearer).body
				if first == second || len(first) != len("aws80:c2353445-bc74-af1a-2850-1d55a371c0a9") {
					t.Errorf("tokens %q and %q", first, second)
				}
			},
		},
		{
			"list: full values; Bearer, an API token, or an access token as X-Auth-Token",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				bearer, token := c.bearer(), c.server.CreateToken(c.user.Username)
				list := `["` + token + `"]`
				want(t, c.send("GET", voice+"token", "", "Authorization", bearer), 200, list)
				want(t, c.send("GET", voice+"token", "", "X-Auth-Token", token), 200, list)
				want(t, c.send("GET", voice+"token", "", "X-Auth-Token", strings.TrimPrefix(bearer, "Bearer ")), 200, list)
			},
		},
		{"list: only the user's own tokens", func(t *testing.T, c *client, _ func(time.Duration)) {
			other := engagetest.User{Username: "other@example.com", Password: "x", PlatformID: "aws80"}
			c.server.AddUser(other)
			token := c.server.CreateToken(other.Username)
			if got := c.send("GET", voice+"token", "", "Authorization", c.bearer()).body; strings.Contains(got, token) {
				t.Errorf("the list %s holds another user's token", got)
			}
			want(t, c.send("DELETE", voice+"token/"+token, "", "Authorization", c.bearer()), 403, "access.denied.exception")
		}},
		{
			"delete: by Bearer, by another token, by the deleted token itself; escaped or not",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				a, b, d := c.server.CreateToken(
					c.user.Username,
				), c.server.CreateToken(
					c.user.Username,
				), c.server.CreateToken(
					c.user.Username,
				)
				want(
					t,
					c.send("DELETE", voice+"token/"+strings.Replace(a, ":", "%3A", 1), "", "Authorization", c.bearer()),
					200,
					"true",
				)
				want(t, c.send("DELETE", voice+"token/"+b, "", "X-Auth-Token", d), 200, "true")
				want(t, c.send("DELETE", voice+"token/"+d, "", "X-Auth-Token", d), 200, "true")
				if left := c.server.Tokens(c.user.Username); len(left) != 0 {
					t.Errorf("%d tokens are left", len(left))
				}
			},
		},
		{"delete: a dead token authenticates nothing", func(t *testing.T, c *client, _ func(time.Duration)) {
			dead, alive := c.server.CreateToken(c.user.Username), c.server.CreateToken(c.user.Username)
			c.server.DeleteToken(dead)
			want(t, c.send("DELETE", voice+"token/"+alive, "", "X-Auth-Token", dead), 401, "")
			want(t, c.send("GET", voice+"token", "", "X-Auth-Token", dead), 401, "")
		}},
		{"accounts", func(t *testing.T, c *client, _ func(time.Duration)) {
			want(t, c.send("GET", voice+"accounts", "", "Authorization", c.bearer()), 200,
				`[{"accountId":"99990001","accountName":"Example Sub-Account","mainAccountId":"99990000"}]`)
		}},
		{
			"no permission: 403 with the path, which on DELETE is the token",
			func(t *testing.T, c *client, _ func(time.Duration)) {
				token := c.server.CreateToken(c.user.Username)
				c.server.Forbid(c.user.Username, engagetest.OpDelete)
				got := c.send("DELETE", voice+"token/"+token, "", "Authorization", c.bearer())
				want(t, got, 403, `"errorCode":"access.denied.exception"`)
				if uri := got.field(t, "requestUri"); !strings.HasSuffix(uri, token) {
					t.Errorf("requestUri %q does not hold the token", uri)
				}
			},
		},
		{"sessions and tokens outlive a change of the password", func(t *testing.T, c *client, _ func(time.Duration)) {
			bearer := c.bearer()
			c.server.ChangePassword(c.user.Username, "new")
			want(t, c.engageLogin(c.user.Password), 401, "")
			want(t, c.engageLogin("new"), 200, "")
			want(t, c.send("GET", voice+"token", "", "Authorization", bearer), 200, "[]")
		}},
	}
	for _, fact := range facts {
		t.Run(fact.fact, func(t *testing.T) {
			at := now
			c := newClient(t, engagetest.Config{Now: func() time.Time { return at }})
			fact.check(t, c, func(d time.Duration) { at = at.Add(d) })
		})
	}
}

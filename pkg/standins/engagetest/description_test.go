package engagetest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/engagetest"
)

// The vendor's guide puts the parameters of three calls into a form, its OpenAPI description into
// the query, the exchange with a bearer. The form is accepted always, the query by option.
func TestParametersInTheQuery(t *testing.T) {
	calls := []struct {
		name, path string
		parameters func(*client) url.Values
		headers    func(*client) []string
		want       string
	}{
		{"exchange", "/api/auth/login/rc/accesstoken", func(c *client) url.Values {
			return url.Values{"rcAccessToken": {c.grant(c.user.ClientSecret, c.user.JWT).field(c.t, "access_token")},
				"rcTokenType": {"Bearer"}, "includeRefresh": {"true"}}
		}, func(c *client) []string {
			granted := c.grant(c.user.ClientSecret, c.user.JWT)
			return []string{"Authorization", "Bearer " + granted.field(c.t, "access_token")}
		}, "accessToken"},
		{"refresh", "/api/auth/token/refresh", func(c *client) url.Values {
			return url.Values{"refresh_token": {c.engageLogin(c.user.Password).field(c.t, "refreshToken")}}
		}, nil, "refreshToken"},
		{"legacy login", "/api/v1/auth/login", func(c *client) url.Values {
			return url.Values{"username": {c.user.Username}, "password": {c.user.Password}}
		}, nil, "authToken"},
	}
	for _, test := range calls {
		t.Run(test.name, func(t *testing.T) {
			send := func(c *client, headers func(*client) []string) answer {
				var sent []string
				if headers != nil {
					sent = headers(c)
				}
				return c.send("POST", test.path+"?"+test.parameters(c).Encode(), "", sent...)
			}
			c := newClient(t, engagetest.Config{QueryParameters: true})
			want(t, send(c, nil), http.StatusOK, test.want)
			want(t, send(c, test.headers), http.StatusOK, test.want)
			form := test.parameters(c)
			path := test.path
			if form.Has("includeRefresh") {
				form.Del("includeRefresh")
				path += "?includeRefresh=true"
			}
			want(t, c.form(path, form), http.StatusOK, test.want)
			if broken := c.server.Violations(); len(broken) > 0 {
				t.Errorf("with the option: %v", broken)
			}
			c = newClient(t, engagetest.Config{AllowViolations: true})
			want(t, send(c, nil), http.StatusBadRequest, "missing.parameter.exception")
			if broken := c.server.Violations(); len(broken) == 0 {
				t.Error("without the option: no violation")
			}
		})
	}
}

// The OpenAPI description gives the content types of the answers.
func TestContentTypesOfAnswers(t *testing.T) {
	c := newClient(t, engagetest.Config{})
	bearer := c.bearer()
	token := c.server.CreateToken(c.user.Username)
	for _, test := range []struct{ method, path, want string }{
		{"POST", "token", "text/plain"},
		{"GET", "token", "application/json"},
		{"GET", "accounts", "application/json"},
		{"DELETE", "token/" + token, "text/plain"},
	} {
		got := c.send(test.method, voice+test.path, "", "Authorization", bearer)
		if kind := got.header.Get("Content-Type"); got.status != http.StatusOK || !strings.HasPrefix(kind, test.want) {
			t.Errorf("%s %s: status %d, %s", test.method, strings.SplitN(test.path, "/", 2)[0], got.status, kind)
		}
	}
}

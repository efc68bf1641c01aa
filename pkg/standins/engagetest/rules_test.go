package engagetest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"engage-token-rotation/pkg/standins/engagetest"
)

func TestViolations(t *testing.T) {
	u := engagetest.DefaultUser()
	login := "/api/auth/login/admin?" + url.Values{
		"username":   {u.Username},
		"password":   {u.Password},
		"platformId": {u.PlatformID},
	}.Encode()
	const form = "application/x-www-form-urlencoded"
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(u.ClientID+":"+u.ClientSecret))
	legacyForm := url.Values{"username": {u.Username}, "password": {u.Password}}.Encode()
	tests := []struct {
		name   string
		method string
		path   string // TOKEN stands for a live token
		body   string
		header []string
		rule   engagetest.Rule // "": none
	}{
		{"a good login", "POST", login, "", []string{"User-Agent", "a/1"}, ""},
		{"a good list", "GET", voice + "token", "", []string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"}, ""},
		{
			"a good deletion",
			"DELETE",
			voice + "token/TOKEN",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			"",
		},
		{
			"a good grant",
			"POST",
			"/restapi/oauth/token",
			"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + u.JWT,
			[]string{"User-Agent", "a/1", "Authorization", basic, "Content-Type", form},
			"",
		},
		{"no User-Agent", "GET", voice + "token", "", []string{"X-Auth-Token", "TOKEN"}, engagetest.RuleUserAgent},
		{
			"Go's User-Agent",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "Go-http-client/2.0", "X-Auth-Token", "TOKEN"},
			engagetest.RuleUserAgent,
		},
		{
			"a User-Agent without a version",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "curl", "X-Auth-Token", "TOKEN"},
			engagetest.RuleUserAgent,
		},
		{"the password in the form of an engage login", "POST", "/api/auth/login/admin", legacyForm,
			[]string{"User-Agent", "a/1", "Content-Type", form}, engagetest.RulePasswordPlace},
		{"the password in the query of a legacy login", "POST", "/api/v1/auth/login?" + legacyForm, legacyForm,
			[]string{"User-Agent", "a/1", "Content-Type", form}, engagetest.RulePasswordPlace},
		{"the refresh token in the query", "POST", "/api/auth/token/refresh?refresh_token=x", "refresh_token=x",
			[]string{"User-Agent", "a/1", "Content-Type", form}, engagetest.RulePasswordPlace},
		{"the client secret in the form", "POST", "/restapi/oauth/token", "grant_type=x&assertion=y&client_secret=z",
			[]string{"User-Agent", "a/1", "Authorization", basic, "Content-Type", form}, engagetest.RulePasswordPlace},
		{
			"an API token as Bearer",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "Authorization", "Bearer TOKEN"},
			engagetest.RulePasswordPlace,
		},
		{
			"an API token creates",
			"POST",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RulePasswordPlace,
		},
		{
			"two credentials",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN", "Authorization", "Bearer x"},
			engagetest.RuleTwice,
		},
		{
			"one credential twice",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN", "X-Auth-Token", "TOKEN"},
			engagetest.RuleTwice,
		},
		{"the user name twice", "POST", login + "&username=x", "", []string{"User-Agent", "a/1"}, engagetest.RuleTwice},
		{
			"a login with a token",
			"POST",
			login,
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RuleNeedless,
		},
		{
			"Basic on a token call",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "Authorization", basic},
			engagetest.RuleNeedless,
		},
		{
			"a form that does not say so",
			"POST",
			"/api/v1/auth/login",
			legacyForm,
			[]string{"User-Agent", "a/1"},
			engagetest.RuleContentType,
		},
		{"JSON instead of a form", "POST", "/api/v1/auth/login", `{"username":"x"}`,
			[]string{"User-Agent", "a/1", "Content-Type", "application/json"}, engagetest.RuleContentType},
		{
			"a body on a token call",
			"POST",
			legacy + "token",
			"{}",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RuleContentType,
		},
		{
			"a token in the query",
			"GET",
			voice + "token?token=TOKEN",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RuleQuery,
		},
		{
			"dots in the path",
			"DELETE",
			voice + "token/../accounts",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RulePath,
		},
		{
			"a doubled slash",
			"GET",
			"/" + voice + "token",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RulePath,
		},
		{
			"an unescaped slash in the token",
			"DELETE",
			voice + "token/a/b",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RulePath,
		},
		{
			"a method that the API lacks",
			"PUT",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN"},
			engagetest.RulePath,
		},
		{
			"a Referer",
			"GET",
			voice + "token",
			"",
			[]string{"User-Agent", "a/1", "X-Auth-Token", "TOKEN", "Referer", "x"},
			engagetest.RuleReferer,
		},
		{"no refresh token asked for", "POST", "/api/auth/login/rc/accesstoken", "rcAccessToken=x&rcTokenType=Bearer",
			[]string{"User-Agent", "a/1", "Content-Type", form}, engagetest.RuleRefreshWanted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := engagetest.NewServer(engagetest.Config{})
			token := s.CreateToken(u.Username)
			fill := func(text string) string { return strings.ReplaceAll(text, "TOKEN", token) }
			req, err := http.NewRequest(
				test.method,
				"https://engage.example.com"+fill(test.path),
				strings.NewReader(test.body),
			)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(test.header); i += 2 {
				req.Header.Add(test.header[i], fill(test.header[i+1]))
			}
			resp, err := s.RoundTripper().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			found := s.Violations()
			if test.rule == "" {
				if len(found) > 0 {
					t.Errorf("violations %v, want none", found)
				}
				return
			}
			matched := false
			for _, v := range found {
				matched = matched || v.Rule == test.rule
			}
			if !matched {
				t.Errorf("violations %v, want one of %q", found, test.rule)
			}
			for _, secret := range []string{token, u.Password, u.ClientSecret, u.JWT} {
				if strings.Contains(fmt.Sprintf("%+v %+v", found, s.Calls()), secret) {
					t.Error("the records hold a secret")
				}
			}
		})
	}
}

// reporter is a TB that keeps the errors.
type reporter struct {
	errors   []string
	cleanups []func()
}

func (*reporter) Helper()                     {}
func (r *reporter) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *reporter) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

func TestNewFailsTheTestForAViolation(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		r := &reporter{}
		s := engagetest.New(r, &engagetest.Config{AllowViolations: allowed, TLS: true})
		resp, err := s.Client().Get(s.URL + "/voice/api/v1/admin/token")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		for _, cleanup := range r.cleanups {
			cleanup()
		}
		if failed := len(r.errors) > 0; failed == allowed {
			t.Errorf("allowed %v: errors %q", allowed, r.errors)
		}
	}
}

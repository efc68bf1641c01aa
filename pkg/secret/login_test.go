package secret_test

import (
	"errors"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/secret"
)

func TestTheLoginFieldsOfEachFlow(t *testing.T) {
	cases := map[string]struct{ token, admin string }{
		"engage by default":    {`{"username":"u","password":"p","platformId":"aws80"}`, ""},
		"engage":               {`{"loginFlow":"engage","username":"u","password":"p","platformId":"aws80"}`, ""},
		"engage, admin secret": {`{"adminSecretArn":"a"}`, `{"username":"u","password":"p","platformId":"aws80"}`},
		"engage, both": {`{"adminSecretArn":"a","platformId":"aws80"}`,
			`{"username":"u","password":"p","platformId":"other"}`},
		"ringcentral": {`{"loginFlow":"ringcentral","clientId":"c","clientSecret":"s","jwt":"j"}`, ""},
		"ringcentral, admin": {`{"adminSecretArn":"a"}`,
			`{"loginFlow":"ringcentral","clientId":"c","clientSecret":"s","jwt":"j"}`},
		"legacy": {`{"loginFlow":"legacy","username":"u","password":"p"}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var admin *secret.Document
			if c.admin != "" {
				admin = parse(t, c.admin)
			}
			login, err := secret.NewLogin(parse(t, c.token), admin)
			if err != nil {
				t.Fatal(err)
			}
			got := login.Credentials
			switch got.Flow {
			case engage.FlowRingCentral:
				if got.ClientID != "c" || got.ClientSecret.Reveal() != "s" || got.JWT.Reveal() != "j" {
					t.Errorf("credentials %+v", got)
				}
			case engage.FlowLegacy:
				if got.Username != "u" || got.Password.Reveal() != "p" || got.PlatformID != "" {
					t.Errorf("credentials %+v", got)
				}
			case engage.FlowEngage:
				if got.Username != "u" || got.Password.Reveal() != "p" || got.PlatformID != "aws80" {
					t.Errorf("credentials %+v", got)
				}
			default:
				t.Errorf("flow %q", got.Flow)
			}
		})
	}
}

func TestMissingLoginFieldsAreNamedWithTheRemedy(t *testing.T) {
	cases := map[string]struct{ token, admin, want string }{
		"user name": {`{"password":"p","platformId":"x"}`, "",
			`secret: field "username" is missing or empty, and login flow engage needs it; put it in the secret; or name a ` +
				`separate admin secret in adminSecretArn`},
		"password": {`{"username":"u","password":"","platformId":"x"}`, "",
			`secret: field "password" is missing or empty, and login flow engage needs it; put it in the secret; or name a ` +
				`separate admin secret in adminSecretArn`},
		"platform": {`{"username":"u","password":"p","platformId":null}`, "",
			`secret: field "platformId" is missing or empty, and login flow engage needs it; put it in the secret; or name a ` +
				`separate admin secret in adminSecretArn`},
		"JWT": {`{"adminSecretArn":"a"}`, `{"loginFlow":"ringcentral","clientId":"c","clientSecret":"s"}`,
			`secret: field "jwt" is missing or empty, and login flow ringcentral needs it; put it in the admin secret that ` +
				`adminSecretArn names`},
		"client": {`{"loginFlow":"ringcentral"}`, "",
			`secret: field "clientId" is missing or empty, and login flow ringcentral needs it; put it in the secret; or ` +
				`name a separate admin secret in adminSecretArn`},
		"legacy": {`{"loginFlow":"legacy","username":"u"}`, "",
			`secret: field "password" is missing or empty, and login flow legacy needs it; put it in the secret; or name a ` +
				`separate admin secret in adminSecretArn`},
		"flow": {`{"loginFlow":"hunter2"}`, "",
			`secret: field "loginFlow" is not a login flow; use engage, ringcentral or legacy`},
		"flow case": {`{"loginFlow":"Engage"}`, "",
			`secret: field "loginFlow" is not a login flow; use engage, ringcentral or legacy`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var admin *secret.Document
			if c.admin != "" {
				admin = parse(t, c.admin)
			}
			_, err := secret.NewLogin(parse(t, c.token), admin)
			if err == nil || err.Error() != c.want || !errors.Is(err, secret.ErrFormat) {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

// The password is sent as it is, whatever characters it has.
func TestAPasswordIsNotChanged(t *testing.T) {
	login, err := secret.NewLogin(parse(t, `{"loginFlow":"legacy","username":"u","password":" &/?#+%\" \u00fc€\n "}`), nil)
	if err != nil || login.Credentials.Password.Reveal() != " &/?#+%\" ü€\n " {
		t.Errorf("%q, %v", login.Credentials.Password.Reveal(), err)
	}
}

func TestTheBaseURLIsTakenFromEitherDocument(t *testing.T) {
	for want, documents := range map[string][2]string{
		"":                  {`{}`, `{}`},
		"https://a.example": {`{"baseUrl":"https://a.example"}`, `{"baseUrl":"https://b.example"}`},
		"https://b.example": {`{}`, `{"baseUrl":"https://b.example"}`},
	} {
		if got := secret.NewBaseURL(parse(t, documents[0]), parse(t, documents[1])); got != want {
			t.Errorf("%v: %q", documents, got)
		}
	}
	if got := secret.NewBaseURL(parse(t, `{}`), nil); strings.TrimSpace(got) != "" {
		t.Errorf("%q", got)
	}
}

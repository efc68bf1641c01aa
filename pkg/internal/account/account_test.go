package account_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/account"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

// vault answers with the values of secrets by name.
type vault map[string]string

var errDenied = errors.New("AccessDeniedException")

func (v vault) read(_ context.Context, name string) (hidden.String, error) {
	value, ok := v[name]
	if !ok {
		return hidden.String{}, errDenied
	}
	return hidden.New(value), nil
}

func read(t *testing.T, v vault, text string) (account.Account, error) {
	t.Helper()
	document, err := secret.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.FromEnvironment(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return account.Read(t.Context(), v.read, s, document)
}

const admin = `{"username":"u","password":"hunter2","platformId":"aws80"}`

func TestAnAccountIsPutTogetherFromBothSecrets(t *testing.T) {
	one, err := read(t, nil, admin)
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/admin-AbCdEf"
	two, err := read(t, vault{arn: admin}, `{"adminSecretArn":"`+arn+`"}`)
	if err != nil {
		t.Fatal(err)
	}
	if one.User != two.User || one.Credentials != two.Credentials || one.Endpoint.BaseURL.String() != two.Endpoint.BaseURL.String() {
		t.Errorf("%v and %v", one, two)
	}
	if one.Endpoint.BaseURL.Host != "engage.ringcentral.com" || one.Endpoint.Flow != engage.FlowEngage || one.User == "" {
		t.Errorf("%v", one)
	}
}

func TestUsersAreToldApartByHostAndName(t *testing.T) {
	base, _ := read(t, nil, admin)
	for name, text := range map[string]string{
		"user": `{"username":"v","password":"hunter2","platformId":"aws80"}`,
		"host": `{"username":"u","password":"hunter2","platformId":"aws80","baseUrl":"https://ringcx.ringcentral.com"}`,
	} {
		other, err := read(t, nil, text)
		if err != nil || other.User == base.User {
			t.Errorf("another %s is the same user: %v", name, err)
		}
	}
	if same, _ := read(t, nil, `{"username":"U ","password":"other","platformId":"aws80"}`); same.User != base.User {
		t.Error("another password makes another user")
	}
	if strings.Contains(string(base.User), "u") && len(base.User) < 16 {
		t.Errorf("the user's name stands open: %q", base.User)
	}
}

func TestFaultsOfTheAdminSecretAreTold(t *testing.T) {
	cases := map[string]struct {
		vault vault
		text  string
		want  string
	}{
		"cannot be read": {nil, `{"adminSecretArn":"engage/admin"}`, "read the admin secret engage/admin: AccessDeniedException; store the login fields there, and let the function read it (secretsmanager:GetSecretValue)"},
		"no name":        {nil, `{"adminSecretArn":"a b\nhunter2"}`, `secret: field "adminSecretArn" is not the ARN or name of a secret`},
		"not JSON":       {vault{"a": "hunter2"}, `{"adminSecretArn":"a"}`, `admin secret: the value is not a JSON object; store one such as {"adminSecretArn":"..."}`},
		"field missing":  {vault{"a": `{"username":"u"}`}, `{"adminSecretArn":"a"}`, `secret: field "password" is missing or empty, and login flow engage needs it; put it in the admin secret that adminSecretArn names`},
		"host":           {vault{"a": admin}, `{"adminSecretArn":"a","baseUrl":"https://hunter2.example"}`, `setting secret field "baseUrl" names a host that is not on the allow-list; add it to ENGAGE_ALLOWED_HOSTS if it is the vendor's`},
		"admin's host":   {vault{"a": `{"username":"u","password":"p","platformId":"x","baseUrl":"https://hunter2.example"}`}, `{"adminSecretArn":"a"}`, `setting secret field "baseUrl" names a host that is not on the allow-list; add it to ENGAGE_ALLOWED_HOSTS if it is the vendor's`},
	}
	for name, c := range cases {
		_, err := read(t, c.vault, c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
	if _, err := read(t, nil, `{"adminSecretArn":"engage/admin"}`); !errors.Is(err, errDenied) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestTheLoginKeyIsTheAdminSecretsOrTheUsers(t *testing.T) {
	with, _ := secret.Parse(`{"adminSecretArn":"a"}`)
	without, _ := secret.Parse(`{}`)
	if account.LoginKey(with, "") != account.LoginKey(with, "user") || account.LoginKey(without, "user") == account.LoginKey(without, "other") ||
		account.LoginKey(with, "") == account.LoginKey(without, "a-user") {
		t.Error("the keys do not tell who logs in")
	}
}

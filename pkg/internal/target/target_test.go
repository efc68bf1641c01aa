package target_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/internal/target"
	"engage-token-rotation/pkg/secret"
	"engage-token-rotation/pkg/settings"
)

const (
	tokenARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token-AbCdEf"
	adminARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/admin-AbCdEf"
	admin    = `{"username":"u","password":"hunter2","platformId":"aws80"}`
	serving  = `{"tokenSecrets":["*"],"username":"u","password":"hunter2","platformId":"aws80"}`
)

// vault holds the values of secrets by name.
type vault map[string]string

var errDenied = errors.New("AccessDeniedException")

func (v vault) Get(_ context.Context, id, _, _ string) (secret.Version, error) {
	value, ok := v[id]
	if !ok {
		return secret.Version{}, errDenied
	}
	if !secret.IsARN(id) {
		id = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + id + "-AbCdEf"
	}
	return secret.Version{ARN: id, ID: "v", Value: hidden.New(value)}, nil
}

func read(t *testing.T, v vault, env map[string]string, text string) (target.Target, error) {
	t.Helper()
	document, err := secret.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.FromEnvironment(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return target.Read(t.Context(), v, s, tokenARN, document)
}

func TestATargetIsReadFromBothSecrets(t *testing.T) {
	one, err := read(t, nil, nil, admin)
	if err != nil {
		t.Fatal(err)
	}
	two, err := read(t, vault{adminARN: serving}, nil, `{"adminSecretArn":"`+adminARN+`"}`)
	if err != nil {
		t.Fatal(err)
	}
	three, err := read(t, vault{adminARN: serving}, map[string]string{settings.EnvAdminSecret: adminARN}, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []target.Target{two, three} {
		if one.User != other.User || one.Credentials != other.Credentials ||
			one.Endpoint.BaseURL.String() != other.Endpoint.BaseURL.String() {
			t.Errorf("%v and %v", one, other)
		}
		if other.Holder != adminARN {
			t.Errorf("the login fields are in %q", other.Holder)
		}
	}
	if one.Endpoint.BaseURL.Host != "engage.ringcentral.com" || one.Endpoint.Flow != engage.FlowEngage || one.User == "" ||
		one.Holder != tokenARN {
		t.Errorf("%v", one)
	}
}

// An admin secret without the field tokenSecrets serves the pair that the stack was deployed with.
func TestOnlyTheStacksOwnPairNeedsNoField(t *testing.T) {
	v := vault{adminARN: admin, "engage/admin": admin, "engage/other": admin}
	const other, otherToken = "engage/other", "arn:aws:secretsmanager:us-east-1:123456789012:secret:engage/token2-AbCdEf"
	for name, c := range map[string]struct {
		admin, token, document string // of the environment, and of the token secret
		want                   bool
	}{
		"both by ARN":               {adminARN, tokenARN, `{}`, true},
		"both by name":              {"engage/admin", "engage/token", `{}`, true},
		"named by the secret":       {adminARN, tokenARN, `{"adminSecretArn":"` + adminARN + `"}`, true},
		"another admin secret":      {adminARN, tokenARN, `{"adminSecretArn":"engage/other"}`, false},
		"another token secret":      {adminARN, otherToken, `{}`, false},
		"no token secret":           {adminARN, "", `{}`, true},
		"no admin secret":           {"", tokenARN, `{"adminSecretArn":"` + adminARN + `"}`, false},
		"the environment is empty":  {"", "", `{"adminSecretArn":"` + adminARN + `"}`, true},
		"a name that begins so":     {adminARN, "engage/tok", `{}`, false},
		"the other secret's by env": {other, tokenARN, `{"adminSecretArn":"` + adminARN + `"}`, false},
	} {
		env := map[string]string{settings.EnvAdminSecret: c.admin, settings.EnvTokenSecret: c.token}
		if _, err := read(t, v, env, c.document); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFieldThatOverridesASettingIsNamed(t *testing.T) {
	one, err := read(t, nil, nil,
		`{"username":"u","password":"p","platformId":"x","baseUrl":"https://ringcx.ringcentral.com/"}`)
	want := []settings.Effective{{
		Setting: "baseUrl", Value: "https://ringcx.ringcentral.com", Source: settings.SourceSecret, Secret: tokenARN,
	}}
	if err != nil || !slices.Equal(one.Overrides, want) {
		t.Errorf("%v, %v", one.Overrides, err)
	}
	if two, err := read(t, nil, nil, admin); err != nil || len(two.Overrides) > 0 {
		t.Errorf("without the field: %v, %v", two.Overrides, err)
	}
}

func TestATargetDoesNotPrintItsLoginFields(t *testing.T) {
	one, err := read(t, nil, nil, admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, one); strings.Contains(text, "hunter2") {
			t.Errorf("%s prints the password", format)
		}
	}
}

func TestUsersDifferByHostAndName(t *testing.T) {
	base, _ := read(t, nil, nil, admin)
	for name, text := range map[string]string{
		"user": `{"username":"v","password":"hunter2","platformId":"aws80"}`,
		"host": `{"username":"u","password":"hunter2","platformId":"aws80","baseUrl":"https://ringcx.ringcentral.com"}`,
	} {
		other, err := read(t, nil, nil, text)
		if err != nil || other.User == base.User {
			t.Errorf("another %s is the same user: %v", name, err)
		}
	}
	if same, _ := read(t, nil, nil, `{"username":"U ","password":"other","platformId":"aws80"}`); same.User != base.User {
		t.Error("another password makes another user")
	}
	if len(base.User) != 16 {
		t.Errorf("the user's name is readable: %q", base.User)
	}
}

func TestFaultsOfTheAdminSecretAreNamed(t *testing.T) {
	document := `{"adminSecretArn":"engage/admin"}`
	at := func(text string) vault { return vault{"engage/admin": text} }
	for name, c := range map[string]struct {
		vault vault
		text  string
		want  []string
	}{
		"cannot be read": {nil, document, []string{"engage/admin", "AccessDeniedException"}},
		"not a name":     {nil, `{"adminSecretArn":"a b\nhunter2"}`, []string{secret.FieldAdminSecretARN}},
		"not JSON":       {at("hunter2"), document, []string{"engage/admin"}},
		"field missing":  {at(`{"username":"u","tokenSecrets":["*"]}`), document, []string{secret.FieldPassword}},
		"no consent": {
			at(`{"username":"u","password":"hunter2","platformId":"x","tokenSecrets":["engage/other"]}`), document,
			[]string{"engage/admin", secret.FieldTokenSecrets},
		},
		"host": {
			at(serving), `{"adminSecretArn":"engage/admin","baseUrl":"https://hunter2.example"}`,
			[]string{secret.FieldBaseURL, settings.EnvAllowedHosts},
		},
		"host of the admin secret": {
			at(`{"username":"u","password":"p","platformId":"x","baseUrl":"https://hunter2.example","tokenSecrets":["*"]}`),
			document,
			[]string{secret.FieldBaseURL, settings.EnvAllowedHosts},
		},
	} {
		_, err := read(t, c.vault, nil, c.text)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not name %s", name, err, want)
			}
		}
	}
	if _, err := read(t, nil, nil, document); !errors.Is(err, errDenied) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// One user counts once, by whatever host, flow or admin secret its logins go.
func TestTheLoginKeyIsTheUsers(t *testing.T) {
	key := func(c engage.Credentials) string { return target.LoginKey(c) }
	user := engage.Credentials{Flow: engage.FlowEngage, Username: "api.user@example.com", PlatformID: "aws80"}
	again := engage.Credentials{Flow: engage.FlowLegacy, Username: " API.User@example.com"}
	other := engage.Credentials{Flow: engage.FlowEngage, Username: "other@example.com", PlatformID: "aws80"}
	if key(user) != key(again) || key(user) == key(other) {
		t.Errorf("keys %s, %s and %s", key(user), key(again), key(other))
	}
}

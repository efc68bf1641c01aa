package blackbox_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestInvalidEventsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, options{})
	value := document(d.user.LoginFields(""))
	d.store(tokenSecret, value)
	const version = "11111111-1111-4111-8111-111111111111"
	event := func(change map[string]any) string {
		fields := map[string]any{"Step": "createSecret", "SecretId": tokenSecret, "ClientRequestToken": version}
		maps.Copy(fields, change)
		text, _ := json.Marshal(fields)
		return string(text)
	}
	for name, test := range map[string]struct{ payload, want string }{
		"nothing":                {``, "not a JSON object"},
		"not JSON":               {`{"Step":`, "not a JSON object"},
		"a text":                 {`"createSecret"`, "not a JSON object"},
		"a list":                 {`[{"Step":"createSecret"}]`, "not a JSON object"},
		"null":                   {`null`, "Step is missing"},
		"an empty object":        {`{}`, "Step is missing"},
		"another service's":      {`{"detail-type":"Scheduled Event","source":"aws.events"}`, "Step is missing"},
		"unknown step":           {event(map[string]any{"Step": "deleteSecret"}), "Step names no step"},
		"step in other case":     {event(map[string]any{"Step": "CREATESECRET"}), "Step names no step"},
		"step as a number":       {event(map[string]any{"Step": 1}), "not a JSON object"},
		"no secret":              {event(map[string]any{"SecretId": ""}), "SecretId is missing"},
		"secret of another kind": {event(map[string]any{"SecretId": "arn:aws:s3:::bucket"}), "SecretId is not the ARN"},
		"secret with a new line": {event(map[string]any{"SecretId": "a\nb"}), "SecretId is not the ARN"},
		"no version":             {event(map[string]any{"ClientRequestToken": nil}), "ClientRequestToken is missing"},
		"short version": {event(map[string]any{"ClientRequestToken": "short"}),
			"ClientRequestToken is not a version id"},
		"unknown secret":         {event(map[string]any{"SecretId": "engage/other"}), "can't find the specified secret"},
		"version of no rotation": {event(nil), "does not carry AWSPENDING"},
		"a value in the event":   {event(map[string]any{"Step": "no-" + d.user.Password}), "Step names no step"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := d.function.Invoke(t.Context(), []byte(test.payload))
			if err != nil {
				t.Fatal(err)
			}
			if result.FunctionError == "" || !strings.Contains(result.ErrorMessage, test.want) ||
				strings.Contains(result.ErrorMessage, d.user.Password) {
				t.Errorf("answer %q, error %q, want %q", result.Payload, result.ErrorMessage, test.want)
			}
			d.checkUntouched(value)
		})
	}
	if n := d.vendor.Count(engagetest.OpLogin); n > 0 {
		t.Errorf("%d logins", n)
	}
}

func TestInvalidSecretsAreRefusedBeforeAnythingIsMade(t *testing.T) {
	user := engagetest.DefaultUser()
	with := func(change map[string]any) string {
		fields := map[string]any{"username": user.Username, "password": user.Password, "platformId": user.PlatformID}
		for name, value := range change {
			if fields[name] = value; value == nil {
				delete(fields, name)
			}
		}
		text, _ := json.Marshal(fields)
		return string(text)
	}
	for name, test := range map[string]struct{ value, admin, want string }{
		"white space":          {" \n", "", "the value is empty"},
		"not JSON":             {"user:password-in-plain-text", "", "not a JSON object"},
		"a list":               {`["a"]`, "", "not a JSON object"},
		"a text":               {`"text"`, "", "not a JSON object"},
		"cut off":              {`{"username":"a","password":`, "", "not valid JSON near byte"},
		"followed by text":     {with(nil) + "x", "", "text follows"},
		"no user name":         {with(map[string]any{"username": nil}), "", `"username" is missing`},
		"empty password":       {with(map[string]any{"password": ""}), "", `"password" is missing or empty`},
		"no platform id":       {with(map[string]any{"platformId": nil}), "", `"platformId" is missing`},
		"password as a number": {with(map[string]any{"password": 98765432}), "", `"password" is not a string`},
		"user name as an object": {with(map[string]any{"username": map[string]string{"a": "b"}}), "",
			`"username" is not a string`},
		"password twice": {`{"password":"first-one",` + with(nil)[1:], "", `"password" occurs twice`},
		"unknown flow": {with(map[string]any{"loginFlow": "oauth"}), "",
			`"loginFlow" is not a login flow`},
		"ringcentral without JWT": {document(map[string]string{"loginFlow": "ringcentral", "clientId": "a",
			"clientSecret": "bcdefgh"}), "", `"jwt" is missing`},
		"invalid token": {with(map[string]any{"apiToken": "<html>not-a-token</html>"}), "",
			`"apiToken" is`},
		"host that is not on the allow-list": {with(map[string]any{"baseUrl": "https://evil.example.com"}), "",
			"not on the allow-list"},
		"host that looks alike": {with(map[string]any{
			"baseUrl": "https://engage.ringcentral.com.evil.example.com"}), "", "not on the allow-list"},
		"host behind a user": {with(map[string]any{
			"baseUrl": "https://engage.ringcentral.com@evil.example.com"}), "", `"baseUrl"`},
		"host without TLS": {with(map[string]any{"baseUrl": "http://engage.ringcentral.com"}),
			"", `"baseUrl"`},
		"invalid base URL":                {with(map[string]any{"baseUrl": "engage"}), "", `"baseUrl"`},
		"base URL as a number":            {with(map[string]any{"baseUrl": 1}), "", `"baseUrl" is not a string`},
		"admin secret missing":            {`{"adminSecretArn":"engage/none"}`, "", "read the admin secret engage/none"},
		"admin secret that is not a name": {`{"adminSecretArn":"not a name"}`, "", `"adminSecretArn" is not the ARN`},
		"admin secret not JSON": {`{"adminSecretArn":"engage/admin"}`, "a-password-in-plain-text",
			": secret: the value is not a JSON object"},
		"admin secret lacks": {`{"adminSecretArn":"engage/admin"}`, `{"username":"a","tokenSecrets":["*"]}`,
			`"password" is missing`},
		"no login at all": {`{}`, "", "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployment(t, options{})
			d.store(tokenSecret, test.value)
			if test.admin != "" {
				d.store(adminSecret, test.admin)
			}
			_, failure := d.rotate()
			if !strings.Contains(failure, test.want) ||
				!strings.Contains(failure, "createSecret of secret "+d.aws.Secrets.ARN(tokenSecret)) {
				t.Errorf("error %q, want %q", failure, test.want)
			}
			for _, piece := range []string{"plain-text", "first-one", "98765432", "bcdefgh", "not-a-token"} {
				if strings.Contains(failure+d.output.String(), piece) {
					t.Errorf("the error holds %q of the value: %s", piece, failure)
				}
			}
			d.checkUntouched(test.value)
			if n := d.vendor.Count(engagetest.OpLogin); n > 0 {
				t.Errorf("%d logins", n)
			}
		})
	}
}

func TestSecretWithoutAValueIsRefused(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, options{})
	if _, err := d.aws.Secrets.CreateSecret(&awstest.CreateSecretInput{Name: tokenSecret}); err != nil {
		t.Fatal(err)
	}
	if _, failure := d.rotate(); !strings.Contains(failure, "read AWSCURRENT") ||
		!strings.Contains(failure, "store the login fields") {
		t.Errorf("error %q", failure)
	}
	d.checkUntouched("")
}

func TestInvalidSettingsAreNamedBeforeAnythingIsMade(t *testing.T) {
	for name, test := range map[string]struct{ setting, value string }{
		"base URL":      {"ENGAGE_BASE_URL", "ftp://example.com"},
		"platform URL":  {"RINGCENTRAL_BASE_URL", "http://example.com"},
		"allow-list":    {"ENGAGE_ALLOWED_HOSTS", "https://exa mple"},
		"retention":     {"PREVIOUS_TOKEN_RETENTION", "soon"},
		"exclusiveness": {"EXCLUSIVE_USER", "perhaps"},
		"prefix":        {"PARAMETER_PREFIX", "no path"},
		"log level":     {"LOG_LEVEL", "LOUD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployment(t, options{env: map[string]string{test.setting: test.value}})
			value := document(d.user.LoginFields(""))
			d.store(tokenSecret, value)
			if _, failure := d.rotate(); !strings.Contains(failure, test.setting) {
				t.Errorf("error %q does not name %s", failure, test.setting)
			}
			d.checkUntouched(value)
		})
	}
}

func TestInvalidAnswersOfTheVendorFailClearlyAndMakeNothing(t *testing.T) {
	var visits atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(elsewhere.Close)
	t.Cleanup(func() {
		if n := visits.Load(); n > 0 {
			t.Errorf("%d requests followed a redirect", n)
		}
	})
	answers := map[string]struct {
		answer func() *engagetest.Answer
		want   string
	}{
		"web page":   {func() *engagetest.Answer { return engagetest.HTML(200) }, "web page"},
		"error page": {func() *engagetest.Answer { return engagetest.HTML(502) }, "502"},
		"nothing":    {func() *engagetest.Answer { return engagetest.Empty(200) }, "answer"},
		"redirect": {func() *engagetest.Answer { return engagetest.Redirect(302, elsewhere.URL+"/moved") },
			"302"},
		"lasting redirect": {func() *engagetest.Answer { return engagetest.Redirect(308, elsewhere.URL+"/moved") },
			"308"},
		"an object": {func() *engagetest.Answer { return engagetest.JSON(200, `{"ok":true}`) }, "answer"},
		"true":      {func() *engagetest.Answer { return engagetest.JSON(200, `true`) }, "answer"},
		"too much": {func() *engagetest.Answer { return engagetest.Endless("aws80:0987654329abcdef ") },
			"answer"},
		"forbidden": {func() *engagetest.Answer {
			return engagetest.JSON(403,
				`{"errorCode":"access.denied.exception"}`)
		}, "403"},
		"bad request, not JSON": {func() *engagetest.Answer { return engagetest.Text(400, "Bad Request") }, "400"},
	}
	for _, operation := range []engagetest.Operation{engagetest.OpLogin, engagetest.OpList, engagetest.OpCreate} {
		for name, test := range answers {
			t.Run(string(operation)+" answered with "+name, func(t *testing.T) {
				t.Parallel()
				d := newDeployment(t, options{vendor: engagetest.Config{Fault: func(c engagetest.Call) *engagetest.Fault {
					if c.Operation != operation || c.Stage != engagetest.Before {
						return nil
					}
					return engagetest.Respond(test.answer())
				}}})
				value := document(d.user.LoginFields(""))
				d.store(tokenSecret, value)
				_, failure := d.rotate()
				if !strings.Contains(failure, test.want) || !strings.Contains(failure, "createSecret of secret ") {
					t.Errorf("error %q, want %q", failure, test.want)
				}
				d.checkUntouched(value)
				d.vendor.SetFault(nil)
				version, failure := d.retry()
				if failure != "" {
					t.Errorf("the service's next attempt fails: %s", failure)
				}
				d.checkEnd(version)
			})
		}
	}
}

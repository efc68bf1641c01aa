package blackbox_test

import (
	"fmt"
	"strings"
	"testing"

	"engage-token-rotation/pkg/engage"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

func TestRotatesWithEveryFormOfTheVendorsAnswers(t *testing.T) {
	for name, answers := range map[string]engagetest.Answers{
		"bare token, JSON list":             {},
		"quoted token, list in braces":      {Create: engagetest.CreateQuoted, List: engagetest.ListBraces},
		"bare token in white space, newest": {Create: engagetest.CreateBareSpaced, Order: engagetest.OrderNewestFirst},
		"quoted token in white space, oldest": {Create: engagetest.CreateQuotedSpaced, List: engagetest.ListBraces,
			Order: engagetest.OrderOldestFirst},
		"deletion answered 204":            {Delete: engagetest.DeleteNoContent},
		"deletion answered without a body": {Delete: engagetest.DeleteEmpty, DeadToken: 403},
	} {
		for _, bare := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, uuid alone %v", name, bare), func(t *testing.T) {
				t.Parallel()
				d := newDeployment(t, options{vendor: engagetest.Config{Answers: answers, BareTokens: bare}})
				d.store(tokenSecret, document(d.user.LoginFields("")))
				d.rotateTwice()
			})
		}
	}
}

// rotateTwice runs a first rotation and one that has a token to retire.
func (d *deployment) rotateTwice() {
	d.t.Helper()
	first := ""
	for range 2 {
		version, failure := d.rotate()
		if failure != "" {
			d.t.Fatalf("rotation failed: %s", failure)
		}
		d.checkAfter(version)
		if token := d.currentToken(); token == first {
			d.t.Error("the token is the same as before")
		} else {
			first = token
		}
	}
}

func TestRotatesUnderEachLoginAndEitherPlaceOfTheLoginFields(t *testing.T) {
	for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowRingCentral, engage.FlowLegacy} {
		for _, place := range []string{"same secret", "admin secret by ARN", "admin secret by name",
			"admin secret, flow in the token secret"} {
			t.Run(string(flow)+", "+place, func(t *testing.T) {
				t.Parallel()
				d := newDeployment(t, options{flow: flow, vendor: engagetest.Config{Flows: []engage.Flow{flow}}})
				fields := d.user.LoginFields(flow)
				own := map[string]string{"adminSecretArn": adminSecret}
				switch place {
				case "same secret":
					d.store(tokenSecret, document(fields))
					d.rotateTwice()
					return
				case "admin secret, flow in the token secret":
					own["loginFlow"] = string(flow)
					delete(fields, "loginFlow")
				}
				d.store(adminSecret, admin(fields))
				if place == "admin secret by ARN" {
					own["adminSecretArn"] = d.aws.Secrets.ARN(adminSecret)
				}
				d.store(tokenSecret, document(own))
				d.rotateTwice()
			})
		}
	}
}

func TestRotatesWithAnyPassword(t *testing.T) {
	for _, password := range []string{
		`&/?#+%"`, `a b+c%20d`, `=;:@!$'()*,[]\`, `pässwörd€𝄞`, "\u0085\u2028\u2029", `%00%zz%`, `<script>{{.}}</script>`,
		strings.Repeat("long", 500), "-",
		"tab\there", "trailing space ", `"quoted"`, `{"json":"like"}`,
	} {
		for _, flow := range []engage.Flow{engage.FlowEngage, engage.FlowLegacy} {
			t.Run(fmt.Sprintf("%s %.10q", flow, password), func(t *testing.T) {
				t.Parallel()
				user := engagetest.DefaultUser()
				user.Password, user.Username = password, "api+user@exämple.com"
				d := newDeployment(t, options{flow: flow, user: user})
				if len(password) < 5 {
					d.user.Password = "" // too short to look for in the output
				}
				d.store(tokenSecret, document(user.LoginFields(flow)))
				d.rotateTwice()
			})
		}
	}
}

func TestOtherFieldsStayByteForByte(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, options{})
	const before = "{\n  \"zeta\" : 12345678901234567890.10e+5 ,\n\t\"nested\": {\"apiToken\": \"not ours\", \"a\": " +
		"[1, 2,3]},\n  \"html\": \"<&>\\u003c\\/\",\n"
	const after = `  "note": "ünï", "empty": {} , "null": null}` + "\n"
	fields := document(d.user.LoginFields(""))
	d.store(tokenSecret, before+strings.Trim(fields, "{}")+",\n"+after)
	d.rotateTwice()
	_, value := d.read(awstest.StageCurrent)
	if !strings.Contains(value, before[2:len(before)-2]) || !strings.Contains(value, strings.TrimSuffix(after, "}\n")) {
		t.Errorf("fields changed")
	}
}

func TestPreflightReportsWhatItReachesAndChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, options{})
	value := document(d.user.LoginFields(""))
	d.store(tokenSecret, value)
	no := false
	if _, err := d.aws.Secrets.RotateSecret(&awstest.RotateSecretInput{SecretId: tokenSecret,
		RotationLambdaARN: d.function.ARN(), RotateImmediately: &no}); err != nil {
		t.Fatal(err)
	}
	if err := d.aws.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.checkUntouched(value)
	for _, want := range []string{`"preflight"`, `"accounts":1`, `"tokens":2`, `"flow":"engage"`} {
		if !strings.Contains(d.output.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"engage-token-rotation/pkg/internal/awsstore"
	"engage-token-rotation/pkg/internal/older"
	"engage-token-rotation/pkg/settings"
	"engage-token-rotation/pkg/standins/awstest"
)

// parameterRetention is the SSM parameter of the retention.
const parameterRetention = settings.DefaultPrefix + "/settings/previous-token-retention"

// Done is the answer of an action of the page.
type Done struct {
	// Did says what was done.
	Did string `json:"did"`
	// Answer is that of the function, if one was invoked.
	Answer json.RawMessage `json:"answer,omitempty"`
}

// action returns a handler that answers with what was done, or with 400 and the reason.
func (s *Sandbox) action(do func(r *http.Request) (Done, error)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		done, err := do(r)
		if err != nil {
			refuse(rw, http.StatusBadRequest, err)
			return
		}
		answer(rw, done)
	}
}

// rotateAll starts a rotation of each function that rotates, as `aws secretsmanager rotate-secret`
// does.
func (s *Sandbox) rotateAll(r *http.Request) (Done, error) {
	did := "A rotation has begun"
	for _, function := range s.services.Load().rotating() {
		err := s.rotateSecret(r.Context(), function)
		var refused smithy.APIError
		switch {
		case errors.As(err, &refused) && strings.Contains(refused.ErrorMessage(), "reattempted"):
			did = refused.ErrorMessage() // the service runs it again
		case err != nil:
			return Done{}, err
		}
	}
	return Done{Did: did}, nil
}

func (s *Sandbox) rotateSecret(ctx context.Context, function string) error {
	if function == FunctionRotate {
		_, err := s.Rotate(ctx, "")
		return err
	}
	_, err := s.client().RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: aws.String(YardstickSecret), RotationLambdaARN: aws.String(yardstickARN),
	})
	return err
}

// sweepNow invokes the sweep. With later the ledger is made older before, so that the sweep does
// what it will do by then.
func (s *Sandbox) sweepNow(r *http.Request) (Done, error) {
	query := r.URL.Query()
	did, event := "Swept", map[string]any{}
	if query.Get("dryRun") == "true" {
		did, event["dryRun"] = "Swept without deleting (dry run)", true
	}
	if token := query.Get("deleteToken"); token != "" {
		did, event["deleteToken"] = "Deleted token "+token, token
	}
	if text := query.Get("later"); text != "" {
		by, err := time.ParseDuration(text)
		if err != nil {
			return Done{}, fmt.Errorf("sandbox: later=%s is not a duration such as 2h", text)
		}
		parameters := awsstore.NewParameters(s.services.Load().aws.SDKConfig(callerUser))
		if err := older.Ledger(r.Context(), parameters, settings.DefaultPrefix, by); err != nil {
			return Done{}, err
		}
		did += ", with the ledger " + text + " older"
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return Done{}, err
	}
	found, err := s.Invoke(r.Context(), FunctionSweep, payload)
	return Done{Did: did, Answer: found}, err
}

// setRetention writes the parameter. A warm function keeps the settings for a minute, so that the
// processes end, when no rotation needs them.
func (s *Sandbox) setRetention(r *http.Request) (Done, error) {
	text := r.URL.Query().Get("value")
	if d, err := time.ParseDuration(text); err != nil || d < 0 {
		return Done{}, fmt.Errorf("sandbox: the retention %q is not a duration such as 20s", text)
	}
	sv := s.services.Load()
	_, err := sv.aws.Parameters.PutParameter(&awstest.PutParameterInput{
		Name: parameterRetention, Value: text, Type: "String", Overwrite: true,
	})
	if err != nil {
		return Done{}, err
	}
	if err := s.Wait(r.Context()); err != nil {
		return Done{}, err
	}
	for _, f := range s.functions {
		f.Kill()
	}
	return Done{Did: "Previous tokens live for " + text + " from now on"}, nil
}

// strikeNext arms a strike, or disarms it if the request names no fault.
func (s *Sandbox) strikeNext(r *http.Request) (Done, error) {
	query := r.URL.Query()
	if query.Get("fault") == "" {
		s.strikes.set(Strike{})
		return Done{Did: "No call will be struck"}, nil
	}
	nth, err := strconv.Atoi(query.Get("nth"))
	if err != nil {
		nth = 1
	}
	strike := Strike{Step: query.Get("step"), Service: query.Get("service"), Operation: query.Get("operation"), Nth: nth,
		Fault: StrikeFault(query.Get("fault"))}
	if err := strike.check(); err != nil {
		return Done{}, err
	}
	s.strikes.set(strike, s.services.Load().rotating()...)
	return Done{Did: fmt.Sprintf("The next rotation is struck in %s", strike.Step)}, nil
}

// switchYardstick switches the yardstick on or off.
func (s *Sandbox) switchYardstick(r *http.Request) (Done, error) {
	on := r.URL.Query().Get("on") == "true"
	if err := s.setYardstick(r.Context(), on); err != nil {
		return Done{}, err
	}
	if strike, waits := s.strikes.armed(); len(waits) > 0 {
		s.strikes.set(strike, s.services.Load().rotating()...)
	}
	if on {
		return Done{Did: "AWS's published order rotates " + YardstickSecret + " beside it"}, nil
	}
	return Done{Did: "AWS's published order is switched off"}, nil
}

// editAll edits the secret of each function that rotates.
func (s *Sandbox) editAll(*http.Request) (Done, error) {
	for _, function := range s.services.Load().rotating() {
		s.edit(secretOf(function))
	}
	return Done{Did: "The secret was edited by hand"}, nil
}

var edits = regexp.MustCompile(`"edits": (\d+)`)

// edit writes the current value of a secret with another field, as a person does at the console.
func (s *Sandbox) edit(name string) {
	secrets := s.services.Load().aws.Secrets
	value, err := secrets.GetSecretValue(&awstest.GetSecretValueInput{SecretId: name})
	if err != nil || value.SecretString == nil {
		return
	}
	text := *value.SecretString
	if found := edits.FindStringSubmatch(text); found != nil {
		n, _ := strconv.Atoi(found[1])
		text = edits.ReplaceAllString(text, `"edits": `+strconv.Itoa(n+1))
	} else if end := strings.LastIndexByte(text, '}'); end >= 0 {
		text = text[:end] + `, "edits": 1}`
	}
	// A token of its own, as the SDKs make: the secret gets a new version.
	token := rand.Text() + rand.Text()
	_, _ = secrets.PutSecretValue(&awstest.PutSecretValueInput{SecretId: name, ClientRequestToken: token,
		SecretString: &text, Caller: callerUser})
}

// deleteCurrent deletes the current token at the vendor, as a person at the vendor's page does.
func (s *Sandbox) deleteCurrent(*http.Request) (Done, error) {
	sv := s.services.Load()
	did := ""
	for _, function := range sv.rotating() {
		if text := sv.tokenIn(secretOf(function), awstest.StageCurrent); sv.engage.DeleteToken(text) {
			did += " " + fingerprint(text)
		}
	}
	if did == "" {
		return Done{}, errors.New("sandbox: the secret holds no token that is alive")
	}
	return Done{Did: "Deleted at the vendor:" + did}, nil
}

// foreignToken makes a token as another program of the same user does.
func (s *Sandbox) foreignToken(*http.Request) (Done, error) {
	sv := s.services.Load()
	did := s.makeForeign(sv, sv.user.Username)
	if sv.hasYardstick() {
		did += " and " + s.makeForeign(sv, yardstickUser().Username)
	}
	return Done{Did: "Another program made token " + did}, nil
}

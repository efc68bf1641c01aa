package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"engage-token-rotation/pkg/hidden"
	"engage-token-rotation/pkg/standins/awstest"
	"engage-token-rotation/pkg/standins/engagetest"
)

// callerUser is the access key id of callers that are not functions: the sandbox itself, and users
// of the printed exports.
const callerUser = "AKIASANDBOXUSER"

// callerOf returns the access key id of a function, which identifies its calls.
func callerOf(function string) string { return "AKIASANDBOX" + function }

// services are the stand-ins with their state; a reset makes a new one.
type services struct {
	aws    *awstest.Server
	engage *engagetest.Server
	user   engagetest.User

	mu      sync.Mutex
	foreign []string // the tokens of other programs of the same user
	events  []awstest.Event
	begun   map[string]awstest.Run // rotations that a caller drives, by version
}

// foreignTokens is how many tokens other programs have.
const foreignTokens = 2

// extraFields are a user's own fields, which the product does not know. A rotation does not change
// them.
const extraFields = `"note": "this and all unknown fields stay as they are <&>", "serial": ` +
	`123456789012345678901234567890`

// newServices makes the stand-ins, and the tokens of the user's other programs.
func (s *Sandbox) newServices() *services {
	sv := &services{user: engagetest.DefaultUser(), begun: map[string]awstest.Run{}}
	sv.engage = engagetest.NewServer(engagetest.Config{
		Users: []engagetest.User{sv.user, yardstickUser()}, Fault: s.engageFault,
	})
	for range foreignTokens {
		s.makeForeign(sv, sv.user.Username)
	}
	sv.aws = awstest.NewServer(awstest.Config{
		Secrets: awstest.SecretsConfig{
			Region: Region, Account: Account,
			NewID:  newIDs(),
			Invoke: s.invokeARN,
			MayInvoke: func(arn string) bool {
				return arn == yardstickARN || s.api.Function(arn) != nil
			},
			MinimumInterval: time.Second,
			Events: func(event awstest.Event) {
				sv.tell(event)
				s.changes.fire()
			},
		},
		Fault: s.awsFault,
	})
	sv.aws.URL = s.AWSURL
	s.witness.see("a password", sv.user.Password)
	s.witness.see("a client secret", sv.user.ClientSecret)
	s.witness.see("a JWT", sv.user.JWT)
	return sv
}

// makeForeign makes a token as another program of a user does.
func (s *Sandbox) makeForeign(sv *services, username string) (fingerprint string) {
	text := sv.engage.CreateToken(username)
	s.witness.see("a foreign API token", text)
	sv.mu.Lock()
	defer sv.mu.Unlock()
	sv.foreign = append(sv.foreign, text)
	return hidden.Fingerprint(text)
}

// others returns the tokens that other programs made.
func (sv *services) others() []string {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	return append([]string(nil), sv.foreign...)
}

// newIDs returns a source of ids that are the same in every sandbox, so that ARNs are the same
// after each start.
func newIDs() func() string {
	random := rand.New(rand.NewPCG(1, 0x9e3779b97f4a7c15))
	return func() string {
		a, b := random.Uint64(), random.Uint64()
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff)
	}
}

// tell stores an event of the service.
func (sv *services) tell(event awstest.Event) {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	sv.events = append(sv.events, event)
	if len(sv.events) > 2*maxLines {
		sv.events = append([]awstest.Event(nil), sv.events[maxLines:]...)
	}
}

func (sv *services) told() []awstest.Event {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	return append([]awstest.Event(nil), sv.events...)
}

// seed creates the secrets over HTTP, as a user does, without a token.
func (s *Sandbox) seed(ctx context.Context, sv *services) error {
	client := secretsmanager.NewFromConfig(sv.aws.SDKConfig(callerUser))
	login, err := json.Marshal(sv.user.LoginFields(s.config.Flow))
	if err != nil {
		return err
	}
	document := fmt.Sprintf("{%s,\n %s}", login[1:len(login)-1], extraFields)
	if !s.config.OneSecret {
		if _, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: aws.String(AdminSecret), SecretString: aws.String(string(login)),
			Description: aws.String("Engage login, read only by the rotation"),
		}); err != nil {
			return fmt.Errorf("create the admin secret: %w", err)
		}
		document = fmt.Sprintf("{\"adminSecretArn\": %q,\n %s}", AdminSecret, extraFields)
	}
	_, err = client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String(TokenSecret), SecretString: aws.String(document),
		Description: aws.String("Engage API token, rotated"),
	})
	if err != nil {
		return fmt.Errorf("create the token secret: %w", err)
	}
	return nil
}
